//! The face of a client's machine that the drivers see.

use super::{Action, Client, ClientError, NotNow};
use crate::buffer::Buffer;
use crate::command::Command;
use crate::path::Path;
use crate::reply::Refusal;

/// A client's machine, whichever dialect it speaks. The methods are those of [`Client`] with the
/// same names; what is said there holds for every machine.
///
/// What [`coracle::Machine`](crate::Machine) is on the server's side. The two share nothing but
/// the moving of bytes, since a server asks its medium for files and a client its user, and
/// nobody drives both at once: the module says which one is meant, as it does for the drivers.
pub trait Machine {
    /// Give a request; its number comes back.
    ///
    /// # Errors
    ///
    /// [`NotNow`] says why it is not taken.
    fn request(&mut self, command: Command<Path<'_>>) -> Result<u64, NotNow>;

    /// Whether [`request`](Self::request) has a chance.
    fn takes_request(&self) -> bool;

    /// What must happen next; the same again until it is reported.
    fn poll(&mut self) -> Action<'_>;

    /// So many bytes from the server are in the slice; 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// [`ClientError`] by its culprit.
    fn received(&mut self, count: usize) -> Result<(), ClientError>;

    /// So many bytes of the slice to transmit have left.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`].
    fn transmitted(&mut self, count: usize) -> Result<(), ClientError>;

    /// So many file bytes are in the buffer; 0 is the end of the file.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`].
    fn supplied(&mut self, count: usize) -> Result<(), ClientError>;

    /// The medium has no bytes yet: they are asked for again.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`].
    fn stalled(&mut self) -> Result<(), ClientError>;

    /// All bytes of the slice to store are stored.
    ///
    /// # Errors
    ///
    /// [`ClientError`] by its culprit.
    fn stored(&mut self) -> Result<(), ClientError>;

    /// A file cannot be read or written.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`].
    fn failed(&mut self, reason: Refusal) -> Result<(), ClientError>;

    /// The event was seen.
    ///
    /// # Errors
    ///
    /// [`ClientError`] by its culprit.
    fn seen(&mut self) -> Result<(), ClientError>;

    /// Have what was gathered of a download stored at once.
    fn settle(&mut self);
}

impl<C: Buffer, const LINE: usize, const DEPTH: usize> Machine for Client<C, LINE, DEPTH> {
    fn request(&mut self, command: Command<Path<'_>>) -> Result<u64, NotNow> {
        self.request(command)
    }

    fn takes_request(&self) -> bool {
        self.takes_request()
    }

    fn poll(&mut self) -> Action<'_> {
        self.poll()
    }

    fn received(&mut self, count: usize) -> Result<(), ClientError> {
        self.received(count)
    }

    fn transmitted(&mut self, count: usize) -> Result<(), ClientError> {
        self.transmitted(count)
    }

    fn supplied(&mut self, count: usize) -> Result<(), ClientError> {
        self.supplied(count)
    }

    fn stalled(&mut self) -> Result<(), ClientError> {
        self.stalled()
    }

    fn stored(&mut self) -> Result<(), ClientError> {
        self.stored()
    }

    fn failed(&mut self, reason: Refusal) -> Result<(), ClientError> {
        self.failed(reason)
    }

    fn seen(&mut self) -> Result<(), ClientError> {
        self.seen()
    }

    fn settle(&mut self) {
        self.settle();
    }
}
