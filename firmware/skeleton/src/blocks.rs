//! The medium: a device of blocks.

use coracle_storage::block::{BLOCK_LEN, Block, BlockDevice, ErrorKind};

/// Blocks in RAM, in the place of a card or a flash.
#[derive(Debug)]
pub struct RamBlocks<const COUNT: usize>([Block; COUNT]);

/// There are fewer blocks than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchBlock;

impl<const COUNT: usize> RamBlocks<COUNT> {
    /// Blocks of zeros, which hold no volume yet.
    pub const fn new() -> Self {
        Self([[0; BLOCK_LEN]; COUNT])
    }

    fn range(&mut self, first: u32, count: usize) -> Result<&mut [Block], NoSuchBlock> {
        let rest = self.0.get_mut(first as usize..).ok_or(NoSuchBlock)?;
        rest.get_mut(..count).ok_or(NoSuchBlock)
    }
}

impl<const COUNT: usize> Default for RamBlocks<COUNT> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const COUNT: usize> BlockDevice for RamBlocks<COUNT> {
    type Error = NoSuchBlock;

    /// Of a card that can be taken out, [`ErrorKind::Absent`] says that it was.
    fn kind(_error: &NoSuchBlock) -> ErrorKind {
        ErrorKind::Failed
    }

    fn count(&mut self) -> Result<u32, NoSuchBlock> {
        u32::try_from(COUNT).map_err(|_| NoSuchBlock)
    }

    fn read(&mut self, first: u32, blocks: &mut [Block]) -> Result<(), NoSuchBlock> {
        let stored = self.range(first, blocks.len())?;
        for (to, from) in blocks.iter_mut().zip(stored) {
            *to = *from;
        }
        Ok(())
    }

    fn write(&mut self, first: u32, blocks: &[Block]) -> Result<(), NoSuchBlock> {
        let stored = self.range(first, blocks.len())?;
        for (to, from) in stored.iter_mut().zip(blocks) {
            *to = *from;
        }
        Ok(())
    }

    /// Nothing waits here. A card is to be waited for.
    fn flush(&mut self) -> Result<(), NoSuchBlock> {
        Ok(())
    }
}
