//! The seam below the media of chips: a device of blocks, an SD card for instance.

use core::fmt::Debug;

/// Bytes of a block: what every SD card reads and writes in one piece.
pub const BLOCK_LEN: usize = 512;

/// The bytes of one block.
pub type Block = [u8; BLOCK_LEN];

/// A device of numbered blocks.
///
/// Writing one block is taken to be atomic: after a power cut it holds the old bytes or the new
/// ones. Blocks that were written since the last [`flush`](Self::flush) may be stored in any
/// order, or not at all.
///
/// After an error of the kind [`Absent`](ErrorKind::Absent) nothing that is known of the medium
/// holds any more, for it may be another one: the next call starts it anew.
pub trait BlockDevice {
    /// Why something failed.
    type Error: Debug;

    /// What that means for the caller.
    fn kind(error: &Self::Error) -> ErrorKind;

    /// How many blocks there are. Asked at every turn, to see that the medium is there still.
    ///
    /// # Errors
    ///
    /// If the medium is absent or fails.
    fn count(&mut self) -> Result<u32, Self::Error>;

    /// Read as many blocks as the slice holds, from `first` on.
    ///
    /// # Errors
    ///
    /// If the medium is absent, fails, or has no such blocks.
    fn read(&mut self, first: u32, blocks: &mut [Block]) -> Result<(), Self::Error>;

    /// Write these blocks, from `first` on. A device may go on with it after this call.
    ///
    /// # Errors
    ///
    /// If the medium is absent or protected, fails, or has no such blocks. Errors of earlier
    /// calls may show here.
    fn write(&mut self, first: u32, blocks: &[Block]) -> Result<(), Self::Error>;

    /// Wait until everything written is stored for good.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); then nobody knows which of the blocks are stored.
    fn flush(&mut self) -> Result<(), Self::Error>;
}

/// What an error of a [`BlockDevice`] means for its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no medium, or it was changed: start anew.
    Absent,
    /// The medium cannot be written.
    ReadOnly,
    /// It is there and failed.
    Failed,
}
