//! The device with what was asked for around it: one type for all combinations.

use std::error::Error;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use smoltcp::phy::{
    self, Device, DeviceCapabilities, FaultInjector, PacketMeta, PcapMode, PcapWriter,
};
use smoltcp::time::Instant;

use super::capture::Capture;
use super::device::{Port, Tap, Trouble};
use super::fault::{Damage, Faults};

/// A TAP device, perhaps with faults, perhaps with a capture of what the stack sees: without the
/// received frames that were lost, with the sent ones that will be.
pub struct Wire {
    port: Rc<Port>,
    capture: Capture,
    device: Layers,
}

enum Layers {
    Good(PcapWriter<Tap, Capture>),
    Bad(Box<PcapWriter<FaultInjector<Damage<Tap>>, Capture>>),
}

impl Wire {
    /// Put it together.
    ///
    /// # Errors
    ///
    /// If there are to be faults with offload.
    pub fn new(
        tap: Tap,
        faults: Option<&Faults>,
        capture: Option<Capture>,
    ) -> Result<Self, OffloadError> {
        let (port, capture) = (tap.port(), capture.unwrap_or_else(Capture::none));
        let device = match faults.filter(|faults| faults.any()) {
            Some(_) if tap.offload() => return Err(OffloadError),
            Some(faults) => {
                let device = faults.inject(tap);
                Layers::Bad(Box::new(PcapWriter::new(device, capture.clone(), PcapMode::Both)))
            }
            None => Layers::Good(PcapWriter::new(tap, capture.clone(), PcapMode::Both)),
        };
        Ok(Self { port, capture, device })
    }

    /// What has gone wrong since the last time; ask until there is nothing more.
    pub fn trouble(&mut self) -> Option<Trouble> {
        self.port.trouble().or_else(|| self.capture.error().map(Trouble::Capture))
    }

    /// To be called before waiting: the file of the capture is brought up to date.
    pub fn rest(&mut self) {
        self.capture.flush();
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.port.as_fd()
    }
}

impl Device for Wire {
    type RxToken<'a> = Token<GoodRx<'a>, BadRx<'a>>;
    type TxToken<'a> = Token<GoodTx<'a>, BadTx<'a>>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        match &mut self.device {
            Layers::Good(device) => {
                device.receive(now).map(|(frame, room)| (Token::Good(frame), Token::Good(room)))
            }
            Layers::Bad(device) => {
                device.receive(now).map(|(frame, room)| (Token::bad(frame), Token::bad(room)))
            }
        }
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        match &mut self.device {
            Layers::Good(device) => device.transmit(now).map(Token::Good),
            Layers::Bad(device) => device.transmit(now).map(Token::bad),
        }
    }

    fn capabilities(&self) -> DeviceCapabilities {
        match &self.device {
            Layers::Good(device) => device.capabilities(),
            Layers::Bad(device) => device.capabilities(),
        }
    }
}

type Good = PcapWriter<Tap, Capture>;
type Bad = PcapWriter<FaultInjector<Damage<Tap>>, Capture>;
type GoodRx<'a> = <Good as Device>::RxToken<'a>;
type GoodTx<'a> = <Good as Device>::TxToken<'a>;
type BadRx<'a> = <Bad as Device>::RxToken<'a>;
type BadTx<'a> = <Bad as Device>::TxToken<'a>;

/// A frame, or room for one, of the device that is there.
pub enum Token<G, B> {
    /// Without faults.
    Good(G),
    /// With faults. The injector's is 1.5 KiB long, which to move with every frame would cost
    /// those without faults a tenth of the throughput.
    Bad(Box<B>),
}

impl<G, B> Token<G, B> {
    fn bad(token: B) -> Self {
        Self::Bad(Box::new(token))
    }
}

impl<G: phy::RxToken, B: phy::RxToken> phy::RxToken for Token<G, B> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        match self {
            Self::Good(token) => token.consume(f),
            Self::Bad(token) => token.consume(f),
        }
    }

    fn meta(&self) -> PacketMeta {
        match self {
            Self::Good(token) => token.meta(),
            Self::Bad(token) => token.meta(),
        }
    }
}

impl<G: phy::TxToken, B: phy::TxToken> phy::TxToken for Token<G, B> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        match self {
            Self::Good(token) => token.consume(len, f),
            Self::Bad(token) => token.consume(len, f),
        }
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        match self {
            Self::Good(token) => token.set_meta(meta),
            Self::Bad(token) => token.set_meta(meta),
        }
    }
}

/// Faults were to be injected into a device with offload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffloadError;

impl fmt::Display for OffloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "faults cannot be injected with --offload: its frames are longer than the injector \
             knows, and carry no checksum that would show the damage. Leave one of them away",
        )
    }
}

impl Error for OffloadError {}
