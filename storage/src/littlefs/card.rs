//! A block device, an SD card for instance, as memory under a littlefs.

use super::flash::Flash;
use crate::block::{BLOCK_LEN, BlockDevice, ErrorKind};
use crate::chip::Error;

/// All blocks of a [`BlockDevice`], of a partition for instance, as memory for a
/// [`LittleFs`](super::LittleFs).
#[derive(Debug)]
pub struct Card<D>(D);

impl<D: BlockDevice> Card<D> {
    /// The memory of this device.
    pub const fn new(device: D) -> Self {
        Self(device)
    }

    /// The device.
    pub const fn device_mut(&mut self) -> &mut D {
        &mut self.0
    }
}

/// Most blocks of a new file system, as far as their length allows: to find free ones, littlefs
/// walks through every file block by block, so a few thousand are found in a second or two.
const BLOCKS_BEST: u64 = 8192;

/// Shortest and longest blocks of a new file system, in bytes. Each folder takes two.
const SHORTEST: u32 = 4096;
const LONGEST: u32 = 32768;

impl<D: BlockDevice> Flash for Card<D> {
    const READ: usize = BLOCK_LEN;
    const WRITE: usize = BLOCK_LEN;
    const REWRITES: bool = true;

    fn capacity(&mut self) -> Result<u64, Error> {
        Ok(u64::from(self.0.count().map_err(cause::<D>)?) * BLOCK_LEN as u64)
    }

    fn block_len(&mut self) -> Result<u32, Error> {
        let best = self.capacity()? / BLOCKS_BEST;
        let best = u32::try_from(best).unwrap_or(LONGEST).min(LONGEST);
        Ok(best.next_power_of_two().clamp(SHORTEST, LONGEST))
    }

    fn block_step(&self) -> u32 {
        BLOCK_LEN as u32
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let first = number(at)?;
        let (blocks, rest) = bytes.as_chunks_mut();
        if !rest.is_empty() {
            return Err(Error::Failed);
        }
        self.0.read(first, blocks).map_err(cause::<D>)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Error> {
        let first = number(at)?;
        let (blocks, rest) = bytes.as_chunks();
        if !rest.is_empty() {
            return Err(Error::Failed);
        }
        self.0.write(first, blocks).map_err(cause::<D>)
    }

    /// A card needs no erase before a write.
    fn erase(&mut self, _at: u64, _len: u32) -> Result<(), Error> {
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.0.flush().map_err(cause::<D>)
    }
}

fn number(at: u64) -> Result<u32, Error> {
    u32::try_from(at / BLOCK_LEN as u64).map_err(|_| Error::Failed)
}

fn cause<D: BlockDevice>(error: D::Error) -> Error {
    match D::kind(&error) {
        ErrorKind::Absent => Error::Absent,
        ErrorKind::ReadOnly => Error::ReadOnly,
        ErrorKind::Failed => Error::Failed,
    }
}
