//! Formatting, mounting, and finding out what is on the medium.

use coracle::Crc32;

use super::LittleFs;
use super::edit::{Edit, NewContent, Put};
use super::entry::Content;
use super::flash::Flash;
use super::free::Free;
use super::log::{Blocks, Pair};
use super::names::ticket_of;
use super::state::State;
use super::store::RUN_LEN;
use super::tag::kind;
use crate::chip::Error;

const MAGIC: &[u8; 8] = b"littlefs";

/// Version 2.1, which knows the CRC of the bytes behind a commit.
const VERSION: u32 = 0x0002_0001;

/// Longest name in bytes; other implementations are built for no more.
const NAME_MAX: u32 = 255;

/// Largest file and largest attribute in bytes, as in the original.
const FILE_MAX: u32 = i32::MAX as u32;
const ATTRIBUTE_MAX: u32 = 1022;

/// Bytes of the fields of a superblock.
const FIELDS_LEN: usize = 24;

/// Bytes of a superblock from the beginning of its block to the length of a block, and the
/// magic in it: both lie at fixed places.
const HEAD_LEN: usize = 28;

/// Lengths of blocks that a second superblock is looked for behind, as powers of two in bytes.
const BLOCK_LENS: core::ops::RangeInclusive<u32> = 7..=20;

/// What the superblock says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) blocks: u32,
    pub(super) name_max: u32,
    pub(super) file_max: u32,
    /// Whether commits have a CRC of the bytes behind them; before 2.1 they had none.
    pub(super) has_forward: bool,
}

impl Shape {
    pub(super) const NONE: Self = Self { blocks: 0, name_max: 0, file_max: 0, has_forward: false };
}

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    /// Make a new, empty file system, whatever was there before. Everything else on the medium
    /// is lost.
    ///
    /// # Errors
    ///
    /// [`Error::NoSpace`] for a medium of less than four blocks; or it is absent, protected, or
    /// fails.
    pub fn format(&mut self) -> Result<(), Error> {
        self.unmount();
        self.store.restart()?;
        let block_len = self.store.flash.block_len()?;
        self.store.set_block_len(block_len);
        let blocks = self.blocks_in_all(block_len);
        self.shape = Shape { blocks, has_forward: true, ..Shape::NONE };
        if blocks < 4 {
            return Err(Error::NoSpace);
        }
        let mut fields = [0; FIELDS_LEN];
        let words = [VERSION, block_len, blocks, NAME_MAX, FILE_MAX, ATTRIBUTE_MAX];
        for (field, word) in fields.as_chunks_mut().0.iter_mut().zip(words) {
            *field = word.to_le_bytes();
        }
        let put = Put {
            entry: 0,
            replaces: false,
            kind: kind::SUPERBLOCK,
            name: MAGIC,
            content: NewContent::Superblock(&fields),
        };
        let edit = Edit { put: Some(put), ..Edit::default() };
        // Both blocks are written, so that neither has an older superblock.
        for (blocks, revision) in [((0, 1), 1), ((1, 0), 2)] {
            self.rewrite(blocks, revision, &Pair::NONE, &edit, 0..1, None, State::NONE)?;
        }
        Ok(())
    }

    /// Blocks of this length, which is a multiple of 512 bytes. The last numbers stand for none.
    fn blocks_in_all(&self, block_len: u32) -> u32 {
        let pieces = self.store.capacity() / 512;
        // Larger than 2 TiB is no card.
        let pieces = u32::try_from(pieces).unwrap_or(u32::MAX);
        pieces.checked_div(block_len / 512).unwrap_or(0)
    }

    /// Find the file system, and end what a loss of power left half done.
    pub(super) fn mount(&mut self) -> Result<(), Error> {
        self.store.restart()?;
        self.shape = Shape::NONE;
        let block_len = self.find_block_len()?;
        self.store.set_block_len(block_len);
        self.read_superblock(block_len)?;
        self.open.clear();
        if self.survey()? || !self.disk.is_zero() {
            match self.mend() {
                // What is half done can be read as well as the rest.
                Err(Error::ReadOnly) => self.state = self.disk,
                mended => mended?,
            }
            self.survey()?;
        }
        self.is_mounted = true;
        Ok(())
    }

    /// The length of a block: the first superblock says it, or the second one, wherever it lies.
    fn find_block_len(&mut self) -> Result<u32, Error> {
        // Until it is known, bytes are counted from the beginning of the medium.
        self.store.set_block_len(0);
        if let Some(len) = self.block_len_at(0)? {
            return Ok(len);
        }
        for power in BLOCK_LENS {
            let len = 1 << power;
            if u64::from(len) + HEAD_LEN as u64 <= self.store.capacity()
                && self.block_len_at(len)? == Some(len)
            {
                return Ok(len);
            }
        }
        Err(Error::Unknown)
    }

    fn block_len_at(&mut self, offset: u32) -> Result<Option<u32>, Error> {
        let mut head = [0; HEAD_LEN];
        self.store.read(0, offset, &mut head, 0)?;
        let (words, _) = head.as_chunks();
        let [_, _, magic @ .., _, _, len] = words else { return Ok(None) };
        let len = u32::from_le_bytes(*len);
        let fits = len >= 128
            && len.checked_rem(self.store.flash.block_step()) == Some(0)
            && u64::from(len).saturating_mul(2) <= self.store.capacity();
        Ok((magic.as_flattened() == MAGIC && fits).then_some(len))
    }

    fn read_superblock(&mut self, block_len: u32) -> Result<(), Error> {
        self.shape.blocks = 2;
        let pair = self.fetch(Blocks::FIRST)?;
        if pair.count == 0 {
            return Err(Error::Unknown);
        }
        let Content::Superblock(piece) = self.entry(&pair, 0)?.content else {
            return Err(Error::Unknown);
        };
        let mut fields = [0; FIELDS_LEN];
        if piece.len < FIELDS_LEN as u32 {
            return Err(Error::Unknown);
        }
        self.store.read(piece.block, piece.offset, &mut fields, RUN_LEN)?;
        let mut words = [0; FIELDS_LEN / 4];
        for (word, field) in words.iter_mut().zip(fields.as_chunks().0) {
            *word = u32::from_le_bytes(*field);
        }
        let [version, len, blocks, name_max, file_max, attribute_max] = words;
        if version >> 16 != VERSION >> 16 || version > VERSION || len != block_len {
            return Err(Error::Unknown);
        }
        if name_max > NAME_MAX || file_max > FILE_MAX || attribute_max > ATTRIBUTE_MAX {
            return Err(Error::Unknown);
        }
        if u64::from(blocks).saturating_mul(u64::from(len)) > self.store.capacity() || blocks < 2 {
            return Err(Error::Damaged);
        }
        // The target of a staged file is an attribute.
        let name_max = name_max.min(attribute_max);
        self.shape = Shape { blocks, name_max, file_max, has_forward: version == VERSION };
        Ok(())
    }

    /// Walk through all pairs: how many blocks are in use, which change was going on, and which
    /// ticket was the last. Whether there are useless staged files is returned.
    fn survey(&mut self) -> Result<bool, Error> {
        (self.used, self.disk) = (0, State::NONE);
        self.last_ticket = 0;
        let mut is_useless = false;
        let mut seed = Crc32::new();
        let mut all = self.all(Blocks::FIRST);
        while let Some(pair) = self.next_pair(&mut all)? {
            seed.update(&pair.revision.wrapping_add(pair.end).to_le_bytes());
            self.disk = self.disk.sum(self.share(&pair)?);
            self.used = self.used.saturating_add(2);
            for entry in 0..pair.count {
                is_useless |= self.survey_entry(&pair, entry)?;
            }
        }
        (self.state, self.dropped) = (self.disk, State::NONE);
        // Blocks are worn evenly if each mount begins elsewhere.
        let start = seed.value().checked_rem(self.shape.blocks).unwrap_or(0);
        self.free = Free::starting_at(start);
        Ok(is_useless)
    }

    fn survey_entry(&mut self, pair: &Pair, entry: u16) -> Result<bool, Error> {
        let found = self.entry(pair, entry)?;
        match found.content {
            Content::Chain(chain) => {
                self.used = self.used.saturating_add(self.blocks_for(chain.size)?);
            }
            Content::Superblock(_) | Content::Folder(_) | Content::Inline(_) => {}
        }
        let mut memory = [0; NAME_MAX as usize];
        if found.target.is_some()
            && found.name.len <= NAME_MAX
            && let Some(ticket) = ticket_of(self.piece(found.name, &mut memory)?)
        {
            self.last_ticket = self.last_ticket.max(ticket);
        }
        Ok(found.is_useless())
    }
}
