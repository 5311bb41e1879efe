//! What a board does for the main loop.

use smoltcp::phy::Device;

/// The time in milliseconds since any fixed moment. It never goes back, and it does not wrap
/// around within the life of a device: 64 bits.
pub type Clock = fn() -> u64;

/// A board, as the main loop sees it.
pub trait Board {
    /// Its network device.
    type Device: Device;

    /// The network device.
    fn device(&mut self) -> &mut Self::Device;

    /// A number that is hard to guess, and another one after each start: the sequence numbers of
    /// connections are made of it, and whoever can guess those can break into a connection
    /// without being on the way.
    fn seed(&mut self) -> u64;

    /// The loop goes round: feed the watchdog, if there is one.
    fn alive(&mut self);

    /// Sleep until a frame may have come or, at the latest, until the clock shows `until`. It may
    /// return earlier. A frame that comes between the look at the device and the sleep must not
    /// be slept over.
    fn sleep(&mut self, until: u64);
}
