//! A block device, an SD card for instance, as memory under a littlefs.

use super::flash::Flash;
use crate::block::{BLOCK_LEN, BlockDevice, ErrorKind};
use crate::chip::Error;
use crate::partition::partitions;

/// The kind of partition that a new littlefs is best put into: data that no PC takes for a file
/// system of its own and offers to format.
pub const PARTITION: u8 = 0xda;

/// A [`BlockDevice`], or one partition of it, as memory for a [`LittleFs`](super::LittleFs).
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Card<D> {
    device: D,
    /// The kind of the partition; none for all of the device.
    kind: Option<u8>,
    first: u32,
    count: u32,
}

impl<D: BlockDevice> Card<D> {
    /// All of this device.
    pub const fn new(device: D) -> Self {
        Self { device, kind: None, first: 0, count: 0 }
    }

    /// The first partition of this kind, [`PARTITION`] for instance. The partition table is read
    /// at each mount, for the card may be another one.
    pub const fn partition(device: D, kind: u8) -> Self {
        Self { device, kind: Some(kind), first: 0, count: 0 }
    }

    /// The device back.
    pub fn into_device(self) -> D {
        self.device
    }

    /// Find the blocks that are ours.
    fn locate(&mut self) -> Result<(), Error> {
        let count = self.device.count().map_err(cause::<D>)?;
        (self.first, self.count) = (0, count);
        let Some(kind) = self.kind else { return Ok(()) };
        let mut block = [[0; BLOCK_LEN]];
        self.device.read(0, &mut block).map_err(cause::<D>)?;
        let [block] = block;
        let mut all = partitions(&block, count);
        let ours = all.find(|partition| partition.kind == kind).ok_or(Error::Unknown)?;
        (self.first, self.count) = (ours.first, ours.count);
        Ok(())
    }

    /// The number of the block at an address, if there are so many bytes.
    fn number(&self, at: u64, len: usize) -> Result<u32, Error> {
        let number = u32::try_from(at / BLOCK_LEN as u64).map_err(|_| Error::Failed)?;
        let end = number.checked_add((len / BLOCK_LEN) as u32).ok_or(Error::Failed)?;
        if end > self.count {
            return Err(Error::Failed);
        }
        self.first.checked_add(number).ok_or(Error::Failed)
    }
}

/// Most blocks of a new file system, as far as their length allows: to find free ones, littlefs
/// walks through every file and reads a piece of every other block, 2048 pieces for so many.
const BLOCKS_BEST: u64 = 4096;

/// Shortest and longest blocks of a new file system, in bytes. Of shorter ones more pointers are
/// read than bytes; of longer ones small files and folders, which take two, waste too much.
const SHORTEST: u32 = 8192;
const LONGEST: u32 = 32768;

impl<D: BlockDevice> Flash for Card<D> {
    const READ: usize = BLOCK_LEN;
    const WRITE: usize = BLOCK_LEN;
    const REWRITES: bool = true;

    fn probe(&mut self) -> Result<(), Error> {
        self.device.count().map(drop).map_err(cause::<D>)
    }

    fn capacity(&mut self) -> Result<u64, Error> {
        self.locate()?;
        Ok(u64::from(self.count) * BLOCK_LEN as u64)
    }

    fn block_len(&mut self) -> Result<u32, Error> {
        let best = self.capacity()? / BLOCKS_BEST;
        let best = u32::try_from(best).unwrap_or(LONGEST).clamp(SHORTEST, LONGEST);
        Ok(best.next_power_of_two())
    }

    fn block_step(&self) -> u32 {
        BLOCK_LEN as u32
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let first = self.number(at, bytes.len())?;
        let (blocks, rest) = bytes.as_chunks_mut();
        if !rest.is_empty() {
            return Err(Error::Failed);
        }
        self.device.read(first, blocks).map_err(cause::<D>)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Error> {
        let first = self.number(at, bytes.len())?;
        let (blocks, rest) = bytes.as_chunks();
        if !rest.is_empty() {
            return Err(Error::Failed);
        }
        self.device.write(first, blocks).map_err(cause::<D>)
    }

    /// A card needs no erase before a write.
    fn erase(&mut self, _at: u64, _len: u32) -> Result<(), Error> {
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.device.flush().map_err(cause::<D>)
    }
}

fn cause<D: BlockDevice>(error: D::Error) -> Error {
    match D::kind(&error) {
        ErrorKind::Absent => Error::Absent,
        ErrorKind::ReadOnly => Error::ReadOnly,
        ErrorKind::Failed => Error::Failed,
    }
}
