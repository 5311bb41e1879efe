//! Gathering what is written, so that the device gets several blocks at a time.

use super::Fat;
use super::cursor::{Cursor, copy};
use super::folder::Id;
use super::staged::Staged;
use crate::block::{BLOCK_LEN, Block, BlockDevice};
use crate::chip::Error;

/// Bytes of one file, on their way to it.
pub(super) struct Gather<const GATHER: usize> {
    blocks: [Block; GATHER],
    /// The staged file they belong to.
    owner: Option<Id>,
    cursor: Cursor,
    /// Where in the file they begin, a multiple of a block.
    start: u32,
    /// How many there are.
    len: usize,
    /// Where the file ended when this began: bytes before that may lie behind these.
    old_end: u32,
    is_dirty: bool,
}

impl<const GATHER: usize> Gather<GATHER> {
    pub(super) const fn new() -> Self {
        const { assert!(GATHER >= 1, "one block at least") };
        Self {
            blocks: [[0; BLOCK_LEN]; GATHER],
            owner: None,
            cursor: Cursor::new(0),
            start: 0,
            len: 0,
            old_end: 0,
            is_dirty: false,
        }
    }

    pub(super) fn clear(&mut self) {
        self.owner = None;
        self.len = 0;
        self.is_dirty = false;
    }

    /// Forget what is on its way to this file.
    pub(super) fn forget(&mut self, id: Id) {
        if self.owner == Some(id) {
            self.clear();
        }
    }

    fn end(&self) -> u64 {
        u64::from(self.start).saturating_add(self.len as u64)
    }

    fn fill(&mut self, data: &[u8]) -> usize {
        let room = self.blocks.as_flattened_mut().get_mut(self.len..).unwrap_or_default();
        let taken = copy(room, data);
        self.len += taken;
        self.is_dirty |= taken > 0;
        taken
    }

    /// Keep the block that is not full, to go on with; the others are written.
    fn keep_rest(&mut self) {
        let (whole, rest) = (self.len / BLOCK_LEN, self.len % BLOCK_LEN);
        if rest > 0
            && let Some((first, others)) = self.blocks.split_first_mut()
            && let Some(last) = whole.checked_sub(1).and_then(|at| others.get(at))
        {
            *first = *last;
        }
        self.start = self.start.saturating_add((whole * BLOCK_LEN) as u32);
        self.len = rest;
        self.is_dirty = false;
    }
}

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Fat<D, CACHE, GATHER> {
    /// Take in bytes of a staged file, whose clusters are there already.
    pub(super) fn gather(
        &mut self,
        staged: &Staged,
        offset: u32,
        data: &[u8],
    ) -> Result<usize, Error> {
        let goes_on =
            self.gather.owner == Some(staged.id) && self.gather.end() == u64::from(offset);
        if !goes_on {
            self.turn_to(staged, offset)?;
        }
        let (blocks, _) = data.as_chunks();
        if self.gather.len == 0 && blocks.len() >= GATHER {
            let start = self.gather.start;
            self.write_blocks(start, blocks)?;
            let written = blocks.len() * BLOCK_LEN;
            self.gather.start = start.saturating_add(written as u32);
            return Ok(written);
        }
        let taken = self.gather.fill(data);
        if self.gather.len == GATHER * BLOCK_LEN {
            self.flush_gathered()?;
        }
        Ok(taken)
    }

    /// Begin to gather bytes of this file, from there on.
    fn turn_to(&mut self, staged: &Staged, offset: u32) -> Result<(), Error> {
        self.flush_gathered()?;
        let skipped = offset as usize % BLOCK_LEN;
        let start = offset - skipped as u32;
        let mut cursor = staged.cursor;
        self.gather.clear();
        if skipped > 0 {
            let (block, _) = self.blocks_at(&mut cursor, start, 1)?;
            let bytes = self.disk.block(block)?;
            if let Some(first) = self.gather.blocks.first_mut() {
                *first = *bytes;
            }
        }
        self.gather.owner = Some(staged.id);
        self.gather.cursor = cursor;
        self.gather.start = start;
        self.gather.len = skipped;
        self.gather.old_end = staged.length;
        Ok(())
    }

    /// Write what is gathered of this file.
    pub(super) fn flush_gathered_of(&mut self, id: Id) -> Result<(), Error> {
        if self.gather.owner == Some(id) { self.flush_gathered() } else { Ok(()) }
    }

    /// Write what is gathered. A block that is not full is written as it is, and again when it
    /// is full.
    fn flush_gathered(&mut self) -> Result<(), Error> {
        if !self.gather.is_dirty {
            return Ok(());
        }
        self.fill_up()?;
        let (start, count) = (self.gather.start, self.gather.len.div_ceil(BLOCK_LEN));
        let mut done = 0;
        while done < count {
            let at = start.saturating_add((done * BLOCK_LEN) as u32);
            let mut cursor = self.gather.cursor;
            let (first, fits) = self.blocks_at(&mut cursor, at, count - done)?;
            self.gather.cursor = cursor;
            let blocks = self.gather.blocks.get(done..done + fits).unwrap_or_default();
            self.disk.write(first, blocks)?;
            done += fits;
        }
        self.gather.keep_rest();
        Ok(())
    }

    /// Where the last block is not full and the file goes on behind it, its old bytes stay.
    fn fill_up(&mut self) -> Result<(), Error> {
        let (end, len) = (self.gather.end(), self.gather.len);
        if len.is_multiple_of(BLOCK_LEN) || end >= u64::from(self.gather.old_end) {
            return Ok(());
        }
        let mut cursor = self.gather.cursor;
        let (block, _) = self.blocks_at(&mut cursor, end as u32, 1)?;
        let old = self.disk.block(block)?.get(len % BLOCK_LEN..).unwrap_or_default();
        let rest = self.gather.blocks.as_flattened_mut().get_mut(len..).unwrap_or_default();
        copy(rest, old);
        Ok(())
    }

    fn write_blocks(&mut self, start: u32, blocks: &[Block]) -> Result<(), Error> {
        let mut left = blocks;
        let mut at = start;
        while !left.is_empty() {
            let mut cursor = self.gather.cursor;
            let (first, fits) = self.blocks_at(&mut cursor, at, left.len())?;
            self.gather.cursor = cursor;
            let (now, later) = left.split_at_checked(fits).unwrap_or_default();
            self.disk.write(first, now)?;
            at = at.saturating_add((fits * BLOCK_LEN) as u32);
            left = later;
        }
        Ok(())
    }
}
