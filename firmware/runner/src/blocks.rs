//! The image of a card as a device of blocks.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use coracle_storage::block::{BLOCK_LEN, Block, BlockDevice, ErrorKind};

/// A file of blocks.
pub(crate) struct Blocks(pub(crate) File);

impl Blocks {
    fn go_to(&mut self, block: u32) -> io::Result<u64> {
        self.0.seek(SeekFrom::Start(u64::from(block) * BLOCK_LEN as u64))
    }
}

impl BlockDevice for Blocks {
    type Error = io::Error;

    fn kind(_error: &io::Error) -> ErrorKind {
        ErrorKind::Failed
    }

    fn count(&mut self) -> io::Result<u32> {
        u32::try_from(self.0.metadata()?.len() / BLOCK_LEN as u64).map_err(io::Error::other)
    }

    fn read(&mut self, first: u32, blocks: &mut [Block]) -> io::Result<()> {
        self.go_to(first)?;
        self.0.read_exact(blocks.as_flattened_mut())
    }

    fn write(&mut self, first: u32, blocks: &[Block]) -> io::Result<()> {
        self.go_to(first)?;
        self.0.write_all(blocks.as_flattened())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
