//! The seam below: memory that is read, erased and written.

use crate::chip::Error;

/// Memory under a littlefs: an SD card ([`Card`](super::Card)) or NOR flash
/// ([`Nor`](super::Nor)).
///
/// A write that is cut short by a loss of power may leave any bytes in the pieces that were being
/// written, and an erase in the piece that was being erased; nothing else changes. What was
/// written since the last [`sync`](Self::sync) may be stored in any order, or not at all.
pub trait Flash {
    /// Bytes of which reads are a multiple, at a multiple of; divides `WRITE`.
    const READ: usize;
    /// Bytes of which writes are a multiple, at a multiple of; divides 512.
    const WRITE: usize;
    /// Whether a piece can be written again without an erase, and then holds the old bytes or
    /// the new ones whatever happens.
    const REWRITES: bool;

    /// See that the medium is there still; asked at every turn, for what was read before would
    /// answer as well.
    ///
    /// # Errors
    ///
    /// If it is absent.
    fn probe(&mut self) -> Result<(), Error>;

    /// Bytes in all.
    ///
    /// # Errors
    ///
    /// If the medium is absent or fails.
    fn capacity(&mut self) -> Result<u64, Error>;

    /// The best length of a littlefs block in bytes, for a new file system.
    ///
    /// # Errors
    ///
    /// As [`capacity`](Self::capacity).
    fn block_len(&mut self) -> Result<u32, Error>;

    /// Bytes of which a littlefs block is a multiple.
    fn block_step(&self) -> u32;

    /// Read bytes at this address.
    ///
    /// # Errors
    ///
    /// If the medium is absent or fails, or has no such address.
    fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Error>;

    /// Write bytes at this address, which was erased before unless the memory
    /// [rewrites](Self::REWRITES).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and if it is write-protected.
    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Error>;

    /// Make all bytes from here on 0xff. Called only where the memory does not
    /// [rewrite](Self::REWRITES).
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    fn erase(&mut self, at: u64, len: u32) -> Result<(), Error>;

    /// Wait until everything written is stored for good.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); then nobody knows what is stored.
    fn sync(&mut self) -> Result<(), Error>;
}
