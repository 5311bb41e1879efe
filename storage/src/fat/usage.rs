//! What the volume says of its use: whether it was put away in order, and how much is free.

use super::Fat;
use super::bytes::{put, u32_at};
use crate::block::BlockDevice;
use crate::chip::Error;

/// Places in the block with the number of free clusters (FSInfo), and what marks it.
const FREE: usize = 488;
const NEXT: usize = 492;
const MARKS: [(usize, u32); 3] = [(0, 0x4161_5252), (484, 0x6141_7272), (508, 0xaa55_0000)];

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Fat<D, CACHE, GATHER> {
    /// Say in the boot block whether the volume is in use. PCs know that mark too: one that finds
    /// it offers to check the volume, and takes it away when it has done so. So the journal of a
    /// volume without it is none of ours any more.
    pub(super) fn set_in_use(&mut self, is_in_use: bool) -> Result<(), Error> {
        if self.is_in_use == is_in_use {
            return Ok(());
        }
        self.disk.barrier()?;
        let geometry = self.geometry;
        geometry.set_in_use(self.disk.edit(geometry.boot)?, is_in_use);
        self.disk.barrier()?;
        self.is_in_use = is_in_use;
        Ok(())
    }

    /// A change is over: unless a staged file is being written, the volume is put away.
    pub(super) fn finish<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        let over = self.end_change();
        result.and_then(|value| over.map(|()| value))
    }

    fn end_change(&mut self) -> Result<(), Error> {
        if !self.disk.is_good() || !self.is_in_use {
            return Ok(());
        }
        if self.open.iter().any(Option::is_some) {
            return self.settle();
        }
        self.write_info()?;
        // A PC sets the mark too: what is left of it by one that was not put away in order must
        // not have the last change done again.
        self.settle()?;
        self.set_in_use(false)
    }

    fn write_info(&mut self) -> Result<(), Error> {
        let Some(info) = self.geometry.info else { return Ok(()) };
        let (free, next) = (self.free, self.hint);
        let block = self.disk.edit(info)?;
        if is_info(block) {
            put(block, FREE, &free.to_le_bytes());
            put(block, NEXT, &next.to_le_bytes());
        }
        Ok(())
    }

    /// Free clusters as the last user of the volume counted them, and where to look for some.
    pub(super) fn read_info(&mut self) -> Result<Option<(u32, u32)>, Error> {
        let Some(info) = self.geometry.info else { return Ok(None) };
        let most = self.geometry.last.saturating_sub(1);
        let block = self.disk.block(info)?;
        let (free, next) = (u32_at(block, FREE), u32_at(block, NEXT));
        Ok((is_info(block) && free <= most).then_some((free, next)))
    }
}

fn is_info(block: &[u8]) -> bool {
    MARKS.iter().all(|&(at, mark)| u32_at(block, at) == mark)
}
