//! The network: a controller that takes whole frames, as a device of smoltcp.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

/// Bytes of the longest frame, without the checksum at its end.
pub const FRAME_MAX: usize = 1514;

/// An Ethernet controller, and what else only the chip knows.
pub trait Mac {
    /// The hardware address.
    fn hardware(&self) -> [u8; 6];

    /// Whether a frame has come.
    fn has_frame(&mut self) -> bool;

    /// Take a frame that has come, whole and without its checksum: its length. A broken or
    /// longer one is dropped, which is `None` too.
    fn receive(&mut self, frame: &mut [u8; FRAME_MAX]) -> Option<usize>;

    /// Whether a frame can be sent now.
    fn is_free(&mut self) -> bool;

    /// Send a frame; the controller adds padding and checksum.
    fn send(&mut self, frame: &[u8]);

    /// A number that nobody can guess, another one each time. Sequence numbers of connections
    /// are made of it: see [`Board::seed`](coracle_node::Board::seed).
    fn random(&mut self) -> u64;

    /// Sleep until the next interrupt: of the controller or of the clock. One that pends already
    /// ends it at once, so that none is slept over: on a Cortex-M, `wfi` with interrupts masked.
    fn wait(&mut self);

    /// Feed the watchdog.
    fn feed(&mut self);
}

/// The controller with memory for a frame each way.
pub struct Network<M> {
    pub(crate) mac: M,
    received: [u8; FRAME_MAX],
    sent: [u8; FRAME_MAX],
}

impl<M: Mac> Network<M> {
    /// The network behind this controller.
    pub const fn new(mac: M) -> Self {
        Self { mac, received: [0; FRAME_MAX], sent: [0; FRAME_MAX] }
    }
}

impl<M: Mac> Device for Network<M> {
    type RxToken<'a>
        = Received<'a>
    where
        M: 'a;
    type TxToken<'a>
        = Sending<'a, M>
    where
        M: 'a;

    /// A frame is taken only if its answer could be sent.
    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sending<'_, M>)> {
        if !self.mac.is_free() || !self.mac.has_frame() {
            return None;
        }
        let length = self.mac.receive(&mut self.received)?;
        let frame = self.received.get(..length)?;
        Some((Received(frame), Sending { mac: &mut self.mac, memory: &mut self.sent }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sending<'_, M>> {
        let is_free = self.mac.is_free();
        is_free.then_some(Sending { mac: &mut self.mac, memory: &mut self.sent })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_MAX;
        capabilities.max_burst_size = Some(1);
        capabilities
    }
}

/// A frame that has come.
pub struct Received<'a>(&'a [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// The place of a frame that is to be sent.
pub struct Sending<'a, M> {
    mac: &'a mut M,
    memory: &'a mut [u8; FRAME_MAX],
}

impl<M: Mac> TxToken for Sending<'_, M> {
    /// The length is at most [`FRAME_MAX`]; a longer frame is not sent.
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let Some(frame) = self.memory.get_mut(..length) else { return f(&mut []) };
        let result = f(frame);
        self.mac.send(frame);
        result
    }
}
