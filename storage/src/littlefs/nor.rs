//! NOR flash, inside a chip or beside it, as memory under a littlefs.

use embedded_storage::nor_flash::NorFlash;

use super::flash::Flash;
use crate::chip::Error;

/// All of a [`NorFlash`] as memory for a [`LittleFs`](super::LittleFs). Its pieces of writing
/// must divide 512 bytes, and be a multiple of its pieces of reading; this is checked when it is
/// compiled. A part of a flash is one of the partition types that drivers have.
pub struct Nor<F>(F);

impl<F: NorFlash> Nor<F> {
    /// The memory of this flash.
    pub const fn new(flash: F) -> Self {
        Self(flash)
    }

    /// The flash back.
    pub fn into_flash(self) -> F {
        self.0
    }
}

/// Shortest blocks of a new file system in bytes, where the flash erases less at a time: a block
/// holds the log of a folder, which has no room for long names in less.
const SHORTEST: u32 = 2048;

impl<F: NorFlash> Flash for Nor<F> {
    const READ: usize = F::READ_SIZE;
    const WRITE: usize = F::WRITE_SIZE;
    const REWRITES: bool = false;

    fn probe(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn capacity(&mut self) -> Result<u64, Error> {
        Ok(self.0.capacity() as u64)
    }

    fn block_len(&mut self) -> Result<u32, Error> {
        Ok(SHORTEST.next_multiple_of(self.block_step()))
    }

    fn block_step(&self) -> u32 {
        const { F::ERASE_SIZE as u32 }
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.read(address(at)?, bytes).map_err(|_| Error::Failed)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Error> {
        self.0.write(address(at)?, bytes).map_err(|_| Error::Failed)
    }

    fn erase(&mut self, at: u64, len: u32) -> Result<(), Error> {
        let from = address(at)?;
        let to = from.checked_add(len).ok_or(Error::Failed)?;
        self.0.erase(from, to).map_err(|_| Error::Failed)
    }

    /// A write has reached the flash when it returns.
    fn sync(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

fn address(at: u64) -> Result<u32, Error> {
    u32::try_from(at).map_err(|_| Error::Failed)
}
