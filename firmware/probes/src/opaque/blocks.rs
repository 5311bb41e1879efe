//! A device of blocks that may hold anything.

use coracle_storage::block::{Block, BlockDevice, ErrorKind};

use super::{any, filled, taken};

/// A device of blocks.
#[derive(Debug)]
pub struct Blocks;

impl BlockDevice for Blocks {
    type Error = ();

    #[inline(never)]
    fn kind(_error: &()) -> ErrorKind {
        any(ErrorKind::Absent)
    }

    #[inline(never)]
    fn count(&mut self) -> Result<u32, ()> {
        any(Ok(1))
    }

    #[inline(never)]
    fn read(&mut self, first: u32, blocks: &mut [Block]) -> Result<(), ()> {
        any(first);
        filled(blocks.as_flattened_mut());
        any(Ok(()))
    }

    #[inline(never)]
    fn write(&mut self, first: u32, blocks: &[Block]) -> Result<(), ()> {
        any(first);
        taken(blocks.as_flattened());
        any(Ok(()))
    }

    #[inline(never)]
    fn flush(&mut self) -> Result<(), ()> {
        any(Ok(()))
    }
}
