//! A TAP device of Linux as a network device of smoltcp: what a TAP interface sends comes here as
//! Ethernet frames, what is sent here it receives.
//!
//! The kernel hands over one frame a call, and takes one: there is no call for several (the
//! socket behind the device takes batches only from within the kernel, `vhost-net`). The call
//! alone costs 0.3 µs of the 1.4 µs that a frame of 1500 bytes takes in all, the kernel's TCP
//! included. Larger frames are the way to be faster: a larger MTU, or offload, with which a frame
//! is up to 64 KiB of one TCP stream whatever the MTU is.

mod headers;
mod virtio;

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::io;
use std::num::{NonZeroU16, NonZeroUsize};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use smoltcp::phy::{
    self, Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, PacketMeta,
    SegmentationCapabilities,
};
use smoltcp::time::Instant;
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use self::virtio::Header;
use super::setup::OpenError;

/// Ethernet's addresses and type, which the MTU of the interface does not count.
const ETHERNET_LEN: usize = 14;

/// The longest packet that IP can tell the length of.
const PACKET_MAX: usize = 65_535;

/// The longest frame that can come: a whole packet, with the tag of a VLAN.
const FRAME_MAX: usize = ETHERNET_LEN + 4 + PACKET_MAX;

/// Headers of IPv4 and TCP that a segment repeats.
const HEADERS_LEN: usize = 40;

/// A TAP device. What it makes is gone when it is dropped, unless it was there before.
pub struct Tap {
    port: Rc<Port>,
    mtu: usize,
    incoming: Buffer,
    outgoing: Buffer,
}

impl Tap {
    /// Attach to the TAP device `name`, or make one: which needs rights, is without addresses
    /// and down, and goes when this is dropped. With `offload`, the kernel and this program leave
    /// TCP checksums and the cutting into segments to each other.
    ///
    /// # Errors
    ///
    /// If the device cannot be had; the error says why.
    pub fn open(name: &str, offload: bool) -> Result<Self, OpenError> {
        let device = DeviceBuilder::new()
            .name(name)
            .layer(Layer::L2)
            .offload(offload)
            // To set it up takes rights that the owner of a device has not.
            .inherit_enable_state()
            .build_sync()
            .map_err(|error| OpenError::from_device(name, error))?;
        Self::new(device, offload).map_err(|error| OpenError::System("ask", name.into(), error))
    }

    fn new(device: SyncDevice, offload: bool) -> io::Result<Self> {
        device.set_nonblocking(true)?;
        let name = device.name()?;
        let (trouble, told) = (Cell::default(), Cell::default());
        let port = Rc::new(Port { device, name, offload, trouble, told });
        let (incoming, outgoing) = (Buffer::new(), Buffer::new());
        let mut tap = Self { port, mtu: 0, incoming, outgoing };
        tap.ask()?;
        Ok(tap)
    }

    /// Ask the interface for what it is like now.
    pub(super) fn ask(&mut self) -> io::Result<()> {
        self.mtu = usize::from(self.port.device.mtu()?);
        self.port.ask()
    }

    /// The name of the interface.
    pub fn name(&self) -> &str {
        &self.port.name
    }

    /// The longest packet of IP that the interface takes, as `ip link` shows it.
    pub fn mtu(&self) -> usize {
        self.mtu
    }

    /// What has gone wrong since the last time.
    pub fn trouble(&self) -> Option<Trouble> {
        self.port.trouble.take()
    }

    /// Whether checksums and cutting are left to the other side.
    pub(super) fn offload(&self) -> bool {
        self.port.offload
    }

    /// The device, to set it up.
    pub(super) fn device(&self) -> &SyncDevice {
        &self.port.device
    }

    /// The device with its troubles, which can be reached where this is wrapped.
    pub(super) fn port(&self) -> Rc<Port> {
        Rc::clone(&self.port)
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.port.as_fd()
    }
}

impl Device for Tap {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let frame = self.port.receive(&mut self.incoming)?;
        Some((RxToken(frame), TxToken::new(&self.port, &mut self.outgoing)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        // A full queue is found out when the frame is written: it is lost then, as on a link.
        Some(TxToken::new(&self.port, &mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = ETHERNET_LEN + self.mtu;
        if self.port.offload {
            // Verified in `Header::settle` where that is needed at all. Without offload all
            // frames come with whole checksums, and the stack verifies them.
            let mut checksum = ChecksumCapabilities::default();
            checksum.tcp = Checksum::None;
            capabilities.checksum = checksum;
            let mut segmentation = SegmentationCapabilities::default();
            // Not of IPv6: smoltcp 0.14 makes such frames but drops them as longer than the MTU.
            segmentation.tcpv4 = longest(self.mtu);
            capabilities.segmentation = segmentation;
        }
        capabilities
    }
}

/// The longest frame to be cut: as many whole segments as IP can tell the length of, since a last
/// one of a few bytes would cost as much as a whole one.
fn longest(mtu: usize) -> Option<NonZeroUsize> {
    let segment = mtu.checked_sub(HEADERS_LEN).filter(|segment| *segment > 0)?;
    let segments = (PACKET_MAX - HEADERS_LEN) / segment;
    NonZeroUsize::new(ETHERNET_LEN + HEADERS_LEN + segments * segment)
}

/// What can go wrong while a device is used. Each is told once.
#[derive(Debug)]
pub enum Trouble {
    /// The interface is down: frames are lost until it is up again, as with a cable unplugged.
    Down(String),
    /// The kernel did not take a frame, which is lost.
    Refused(io::Error),
    /// The device is gone or broken: nothing will ever come from it.
    Gone(io::Error),
    /// The file of a capture cannot be written: the capture has ended.
    Capture(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down(name) => write!(f, "{name} is down (sudo ip link set {name} up)"),
            Self::Refused(error) => write!(f, "the TAP device refused a frame: {error}"),
            Self::Gone(error) => write!(f, "the TAP device is gone: {error}"),
            Self::Capture(error) => write!(f, "cannot write the capture, which ends here: {error}"),
        }
    }
}

impl Error for Trouble {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Down(_) => None,
            Self::Refused(error) | Self::Gone(error) | Self::Capture(error) => Some(error),
        }
    }
}

/// The open device, and what went wrong with it.
pub(super) struct Port {
    device: SyncDevice,
    name: String,
    offload: bool,
    trouble: Cell<Option<Trouble>>,
    /// The error told last, which is not told again until a frame has gone.
    told: Cell<Option<Errno>>,
}

impl Port {
    /// What has gone wrong since the last time.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Whether the interface is up: if not, frames would be refused, and the device is not ready
    /// for one.
    fn ask(&self) -> io::Result<()> {
        let mut ready = [PollFd::new(&self.device, PollFlags::OUT)];
        rustix::event::poll(&mut ready, Some(&Timespec::default()))?;
        if ready[0].revents().contains(PollFlags::OUT) {
            self.told.take();
            self.trouble.take();
        } else {
            self.failed(Errno::IO);
        }
        Ok(())
    }

    /// The next frame that is intact.
    fn receive<'a>(&self, buffer: &'a mut Buffer) -> Option<&'a [u8]> {
        loop {
            let len = self.read(buffer.with_header(self.offload))?;
            let len = len.checked_sub(if self.offload { virtio::HEADER_LEN } else { 0 });
            let Some(len) = len.filter(|len| *len >= ETHERNET_LEN) else { continue };
            if !self.offload || buffer.settle(len) {
                return Some(buffer.frame(len));
            }
        }
    }

    fn read(&self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            match rustix::io::read(&self.device, &mut *buffer) {
                Ok(len) => return Some(len),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return None,
                Err(error) => {
                    self.failed(error);
                    return None;
                }
            }
        }
    }

    fn write(&self, bytes: &[u8]) {
        loop {
            match rustix::io::write(&self.device, bytes) {
                Ok(_) => return self.told.set(None),
                Err(Errno::INTR) => {}
                // No room: the frame is lost, and TCP sends it again.
                Err(Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM) => return,
                Err(error) => return self.failed(error),
            }
        }
    }

    fn failed(&self, error: Errno) {
        if self.told.replace(Some(error)) != Some(error) {
            self.trouble.set(Some(match error {
                Errno::IO => Trouble::Down(self.name.clone()),
                Errno::INVAL => Trouble::Refused(error.into()),
                _ => Trouble::Gone(error.into()),
            }));
        }
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

/// Memory for one frame, used again for each, with room for a header of virtio before it. Where in
/// a page the frame lies was measured not to matter, other than for files.
struct Buffer(Box<[u8]>);

/// Where the frame begins.
const FRAME: usize = 16;

impl Buffer {
    fn new() -> Self {
        Self(vec![0; FRAME + FRAME_MAX].into())
    }

    /// From where the kernel writes and reads.
    fn with_header(&mut self, offload: bool) -> &mut [u8] {
        let header = if offload { virtio::HEADER_LEN } else { 0 };
        &mut self.0[FRAME - header..]
    }

    fn settle(&mut self, len: usize) -> bool {
        let bytes = self.with_header(true);
        let Some((header, frame)) = bytes.split_first_chunk_mut() else { return false };
        Header::parse(header).settle(&mut frame[..len])
    }

    fn frame(&self, len: usize) -> &[u8] {
        &self.0[FRAME..][..len]
    }

    fn frame_mut(&mut self, len: usize) -> &mut [u8] {
        &mut self.0[FRAME..][..len]
    }
}

/// A frame that has come.
pub struct RxToken<'a>(&'a [u8]);

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for a frame to send.
pub struct TxToken<'a> {
    port: &'a Port,
    buffer: &'a mut Buffer,
    segment: Option<NonZeroU16>,
}

impl<'a> TxToken<'a> {
    fn new(port: &'a Port, buffer: &'a mut Buffer) -> Self {
        Self { port, buffer, segment: None }
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let result = f(self.buffer.frame_mut(len));
        if self.port.offload {
            let header = Header::for_sending(self.buffer.frame_mut(len), self.segment);
            let bytes = &mut self.buffer.with_header(true)[..virtio::HEADER_LEN + len];
            bytes[..virtio::HEADER_LEN].copy_from_slice(&header.emit());
            self.port.write(bytes);
        } else {
            self.port.write(self.buffer.frame(len));
        }
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.segment = meta.segmentation_offload_size;
    }
}
