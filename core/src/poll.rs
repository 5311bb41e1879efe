//! The driver that never waits: for userspace TCP/IP stacks, super-loops and readiness loops.

/// A byte stream that never waits.
pub trait Stream {
    /// Why the link failed.
    type Error: core::fmt::Debug;

    /// Read what is there: `None` if nothing is there yet, `Some(0)` at the end of the stream.
    ///
    /// # Errors
    ///
    /// If the link failed.
    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Self::Error>;

    /// Write what the link takes now: `None` if it takes nothing yet; never `Some(0)`.
    ///
    /// # Errors
    ///
    /// If the link failed.
    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Self::Error>;
}
