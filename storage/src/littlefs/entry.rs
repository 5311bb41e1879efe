//! Entries of a folder: what the log says of one, and finding one by its name.

use core::cmp::Ordering;

use super::LittleFs;
use super::chain::Chain;
use super::flash::Flash;
use super::log::{Blocks, Pair, Walk, words};
use super::store::RUN_LEN;
use super::tag::{Tag, class, kind};
use crate::chip::Error;

/// Bytes of a log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) block: u32,
    pub(super) offset: u32,
    pub(super) len: u32,
}

impl Piece {
    const fn new(pair: &Pair, tag: Tag, offset: u32) -> Self {
        Self { block: pair.current, offset, len: tag.len() }
    }
}

/// What an entry is, and where it has its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    Superblock(Piece),
    Folder(Blocks),
    /// A small file, which lies in the log itself.
    Inline(Piece),
    Chain(Chain),
}

/// One entry as the log says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) name: Piece,
    pub(super) content: Content,
    pub(super) modified: Option<u64>,
    /// The name that a staged file is to get.
    pub(super) target: Option<Piece>,
}

/// The attribute with the time of the last modification, in seconds since 1970: 4 or 8 bytes,
/// little-endian, as the littlefs of ESP-IDF has it.
pub(super) const TIME: u8 = b't';

/// The attribute with the name that a staged file is to get.
pub(super) const TARGET: u8 = 0xc0;

impl Found {
    /// Whether it is a staged file of which no byte is stored.
    pub(super) const fn is_useless(&self) -> bool {
        self.target.is_some() && matches!(self.content, Content::Inline(Piece { len: 0, .. }))
    }
}

/// A place among the entries of a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) pair: Pair,
    pub(super) entry: u16,
    /// Whether the entry there is the one that was looked for.
    pub(super) found: bool,
}

/// What is looked for among names.
#[derive(Clone, Copy)]
pub(super) enum Key<'k> {
    Name(&'k [u8]),
    Beginning(&'k [u8]),
}

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    pub(super) fn entry(&mut self, pair: &Pair, entry: u16) -> Result<Found, Error> {
        let mut walk = Walk::new(pair, entry);
        let (mut content, mut modified, mut target) = (None, None, None);
        while let Some((tag, at)) = walk.next(&mut self.store)? {
            match tag.class() {
                // A name comes before all else that is known of an entry.
                class::NAME => {
                    let content = self.content(pair, tag.kind(), content)?;
                    let name = Piece::new(pair, tag, at);
                    let target = target.flatten();
                    return Ok(Found { name, content, modified: modified.flatten(), target });
                }
                class::STRUCT if content.is_none() => content = Some((tag, at)),
                class::ATTRIBUTE if tag.kind() == attribute(TIME) && modified.is_none() => {
                    modified = Some(self.time(pair, tag, at)?);
                }
                class::ATTRIBUTE if tag.kind() == attribute(TARGET) && target.is_none() => {
                    target = Some((!tag.is_removal()).then_some(Piece::new(pair, tag, at)));
                }
                _ => {}
            }
        }
        Err(Error::Damaged)
    }

    fn content(
        &mut self,
        pair: &Pair,
        kind: u32,
        content: Option<(Tag, u32)>,
    ) -> Result<Content, Error> {
        let (tag, at) = content.ok_or(Error::Damaged)?;
        let mut both = [0; 8];
        if matches!(tag.kind(), kind::FOLDER_STRUCT | kind::CHAIN_STRUCT) {
            self.store.read(pair.current, at, &mut both, RUN_LEN)?;
        }
        match (kind, tag.kind()) {
            (kind::SUPERBLOCK, kind::INLINE_STRUCT) => {
                Ok(Content::Superblock(Piece::new(pair, tag, at)))
            }
            (kind::FOLDER, kind::FOLDER_STRUCT) => Ok(Content::Folder(Blocks::from_bytes(both))),
            (kind::FILE, kind::INLINE_STRUCT) => Ok(Content::Inline(Piece::new(pair, tag, at))),
            (kind::FILE, kind::CHAIN_STRUCT) => {
                let [head, size] = words(both);
                Ok(Content::Chain(Chain { head, size }))
            }
            _ => Err(Error::Damaged),
        }
    }

    fn time(&mut self, pair: &Pair, tag: Tag, at: u32) -> Result<Option<u64>, Error> {
        let mut all = [0; 8];
        let Some(bytes) = all.get_mut(..tag.len() as usize).filter(|bytes| bytes.len() >= 4) else {
            return Ok(None);
        };
        self.store.read(pair.current, at, bytes, RUN_LEN)?;
        Ok(Some(u64::from_le_bytes(all)))
    }

    /// The first place in a folder whose entry is not before `key`.
    pub(super) fn seek(&mut self, folder: Blocks, key: Key<'_>) -> Result<Spot, Error> {
        let mut pair = self.fetch(folder)?;
        for _ in 0..self.shape.blocks {
            match pair.next() {
                Some(next) if self.ends_before(&pair, key)? => pair = self.fetch(next)?,
                _ => return self.seek_in(pair, key),
            }
        }
        Err(Error::Damaged)
    }

    fn ends_before(&mut self, pair: &Pair, key: Key<'_>) -> Result<bool, Error> {
        match pair.count.checked_sub(1) {
            Some(last) => Ok(self.order(pair, last, key)?.is_lt()),
            None => Ok(true),
        }
    }

    fn seek_in(&mut self, pair: Pair, key: Key<'_>) -> Result<Spot, Error> {
        let (mut low, mut high) = (0, pair.count);
        let mut found = false;
        while low < high {
            let middle = low + (high - low) / 2;
            let order = self.order(&pair, middle, key)?;
            if order.is_lt() {
                low = middle + 1;
            } else {
                (high, found) = (middle, order.is_eq());
            }
        }
        Ok(Spot { pair, entry: low, found })
    }

    /// Where the name of an entry lies from `key`.
    fn order(&mut self, pair: &Pair, entry: u16, key: Key<'_>) -> Result<Ordering, Error> {
        let mut walk = Walk::new(pair, entry);
        while let Some((tag, at)) = walk.next(&mut self.store)? {
            if tag.kind() == kind::SUPERBLOCK {
                return Ok(Ordering::Less);
            }
            if tag.class() == class::NAME {
                return self.compare(Piece::new(pair, tag, at), key);
            }
        }
        Err(Error::Damaged)
    }

    /// The order of littlefs: by bytes, and of two names of which one is the beginning of the
    /// other the longer one first.
    pub(super) fn compare(&mut self, name: Piece, key: Key<'_>) -> Result<Ordering, Error> {
        let (Key::Name(wanted) | Key::Beginning(wanted)) = key;
        let mut at = name.offset;
        let common = wanted.get(..name.len as usize).unwrap_or(wanted);
        let mut piece = [0; 32];
        for wanted in common.chunks(piece.len()) {
            let piece = piece.get_mut(..wanted.len()).unwrap_or_default();
            self.store.read(name.block, at, piece, RUN_LEN)?;
            match (*piece).cmp(wanted) {
                Ordering::Equal => at = at.saturating_add(wanted.len() as u32),
                order => return Ok(order),
            }
        }
        Ok(match (name.len as usize).cmp(&wanted.len()) {
            Ordering::Greater if matches!(key, Key::Beginning(_)) => Ordering::Equal,
            order => order.reverse(),
        })
    }

    /// Whether a piece holds these bytes.
    pub(super) fn holds(&mut self, piece: Piece, bytes: &[u8]) -> Result<bool, Error> {
        Ok(self.compare(piece, Key::Name(bytes))?.is_eq())
    }

    /// Read a piece as far as there is room.
    pub(super) fn piece<'m>(
        &mut self,
        piece: Piece,
        memory: &'m mut [u8],
    ) -> Result<&'m [u8], Error> {
        let bytes = memory.get_mut(..piece.len as usize).ok_or(Error::Damaged)?;
        self.store.read(piece.block, piece.offset, bytes, RUN_LEN)?;
        Ok(bytes)
    }

    /// The entry at a place or behind it, if the folder has more of them. Its number in its pair
    /// is returned with it, and the place is behind it then.
    pub(super) fn next_entry(&mut self, spot: &mut Spot) -> Result<Option<(u16, Found)>, Error> {
        for _ in 0..self.shape.blocks {
            let number = spot.entry;
            if number < spot.pair.count {
                spot.entry = number + 1;
                return Ok(Some((number, self.entry(&spot.pair, number)?)));
            }
            let Some(next) = spot.pair.next() else { return Ok(None) };
            (spot.pair, spot.entry) = (self.fetch(next)?, 0);
        }
        Err(Error::Damaged)
    }
}

/// The kind of the piece with an attribute.
pub(super) const fn attribute(which: u8) -> u32 {
    kind::ATTRIBUTE | which as u32
}
