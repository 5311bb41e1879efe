//! Finding free blocks: a window of the medium, of which a map of bits says what is in use.

use super::LittleFs;
use super::entry::Content;
use super::flash::Flash;
use super::log::Blocks;
use crate::chip::Error;

/// Bytes of the map: a window of 2048 blocks, with which all of a medium of 64 MiB is looked
/// through at once (see [`Flash::block_len`]).
const MAP_LEN: usize = 256;

/// Blocks of the window.
const WINDOW: u32 = MAP_LEN as u32 * 8;

/// Where free blocks are looked for.
#[derive(Debug)]
pub(super) struct Free {
    start: u32,
    len: u32,
    /// The next block of the window to look at.
    next: u32,
    /// Blocks that may be looked at before something is committed: one that was given out and is
    /// not part of anything yet is not given out again.
    left: u32,
    map: [u8; MAP_LEN],
}

impl Free {
    pub(super) const NONE: Self = Self { start: 0, len: 0, next: 0, left: 0, map: [0; MAP_LEN] };

    /// Begin to look at this block.
    pub(super) const fn starting_at(start: u32) -> Self {
        Self { start, ..Self::NONE }
    }

    pub(super) fn mark(&mut self, block: u32) {
        let Some(bit) = block.checked_sub(self.start).filter(|bit| *bit < self.len) else { return };
        if let Some(byte) = self.map.get_mut(bit as usize / 8) {
            *byte |= 1 << (bit % 8);
        }
    }

    fn is_used(&self, bit: u32) -> bool {
        self.map.get(bit as usize / 8).is_none_or(|byte| byte & (1 << (bit % 8)) != 0)
    }

    fn take(&mut self) -> Option<u32> {
        while self.next < self.len && self.left > 0 {
            let bit = self.next;
            self.next += 1;
            self.left -= 1;
            if !self.is_used(bit) {
                return self.start.checked_add(bit);
            }
        }
        None
    }

    /// Go on to the next window, of which nothing is known yet.
    fn advance(&mut self, blocks: u32) {
        let start = self.start.saturating_add(self.len);
        self.start = if start < blocks { start } else { 0 };
        self.len = blocks.saturating_sub(self.start).min(WINDOW);
        self.next = 0;
        self.map.fill(0);
    }
}

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    /// Everything that was given out is part of something.
    pub(super) const fn settle(&mut self) {
        self.free.left = self.shape.blocks;
    }

    /// A block that nothing uses.
    pub(super) fn allocate(&mut self) -> Result<u32, Error> {
        while self.free.left > 0 {
            if let Some(block) = self.free.take() {
                return Ok(block);
            }
            if self.free.left > 0 {
                self.look_ahead()?;
            }
        }
        Err(Error::NoSpace)
    }

    /// The blocks of a new pair.
    pub(super) fn allocate_pair(&mut self) -> Result<Blocks, Error> {
        let first = self.allocate()?;
        let second = self.allocate()?;
        self.used = self.used.saturating_add(2);
        Ok(Blocks::new([first, second]))
    }

    /// Blocks are in use no longer.
    pub(super) const fn give_back(&mut self, blocks: u32) {
        self.used = self.used.saturating_sub(blocks);
    }

    /// Look which blocks of the next window are in use.
    fn look_ahead(&mut self) -> Result<(), Error> {
        self.free.advance(self.shape.blocks);
        let mut all = self.all(Blocks::FIRST);
        while let Some(pair) = self.next_pair(&mut all)? {
            self.free.mark(pair.current);
            self.free.mark(pair.other);
            for entry in 0..pair.count {
                match self.entry(&pair, entry)?.content {
                    Content::Chain(chain) => self.mark_chain(chain)?,
                    // While the list of all pairs is mended, it may lack this one.
                    Content::Folder(first) => {
                        first.both().iter().for_each(|block| self.free.mark(*block));
                    }
                    Content::Inline(_) | Content::Superblock(_) => {}
                }
            }
        }
        for slot in 0..OPEN {
            if let Some(chain) = self.open.written(slot) {
                self.mark_chain(chain)?;
            }
        }
        Ok(())
    }
}
