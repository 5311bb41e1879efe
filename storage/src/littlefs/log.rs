//! Metadata logs: finding the newest whole state in a pair of blocks, and reading it backwards.

use coracle::Crc32;

use super::LittleFs;
use super::flash::Flash;
use super::store::{RUN_LEN, Store};
use super::tag::{NO_ENTRY, Tag, class, kind};
use crate::chip::Error;

/// The two blocks that hold a log in turn, in no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Blocks {
    low: u32,
    high: u32,
}

impl Blocks {
    /// No pair.
    pub(super) const NONE: Self = Self { low: 0, high: 0 };

    /// The pair with the superblock. The root begins with it: where it was moved away from there,
    /// the pairs in between belong to it.
    pub(super) const FIRST: Self = Self { low: 0, high: 1 };

    pub(super) const fn new([a, b]: [u32; 2]) -> Self {
        if a < b { Self { low: a, high: b } } else { Self { low: b, high: a } }
    }

    pub(super) const fn both(self) -> [u32; 2] {
        [self.low, self.high]
    }

    pub(super) fn shares_block(self, other: Self) -> bool {
        other.both().iter().any(|block| self.both().contains(block))
    }

    pub(super) fn from_bytes(bytes: [u8; 8]) -> Self {
        let [low, high] = words(bytes);
        Self::new([low, high])
    }

    pub(super) fn to_bytes(self) -> [u8; 8] {
        bytes(self.both())
    }
}

/// Two little-endian words.
pub(super) fn words(bytes: [u8; 8]) -> [u32; 2] {
    let both = u64::from_le_bytes(bytes);
    [both as u32, (both >> 32) as u32]
}

pub(super) fn bytes([low, high]: [u32; 2]) -> [u8; 8] {
    (u64::from(low) | u64::from(high) << 32).to_le_bytes()
}

/// The pair that follows in the list of all pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) next: Blocks,
    /// Whether it belongs to the same folder.
    pub(super) hard: bool,
}

/// A metadata pair as it was last found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    /// The block with the newest state, and the other one.
    pub(super) current: u32,
    pub(super) other: u32,
    pub(super) revision: u32,
    /// Where the log ends, in bytes.
    pub(super) end: u32,
    pub(super) last: Tag,
    /// Entries.
    pub(super) count: u16,
    pub(super) tail: Option<Tail>,
    /// Whether the log can be continued: nothing was written behind its end.
    pub(super) erased: bool,
}

impl Pair {
    /// No pair. All of it is zeros, so that an unused file system takes no flash.
    pub(super) const NONE: Self = Self {
        current: 0,
        other: 0,
        revision: 0,
        end: 0,
        last: Tag(0),
        count: 0,
        tail: Some(Tail { next: Blocks::NONE, hard: false }),
        erased: false,
    };

    pub(super) const fn blocks(&self) -> Blocks {
        Blocks::new([self.current, self.other])
    }

    /// The next pair of the same folder.
    pub(super) fn next(&self) -> Option<Blocks> {
        self.tail.and_then(|tail| tail.hard.then_some(tail.next))
    }
}

/// What the bytes behind a commit held when it was made.
#[derive(Clone, Copy)]
struct Forward {
    len: u32,
    crc: u32,
}

/// A log being read from its beginning.
struct Scan {
    block: u32,
    offset: u32,
    last: Tag,
    crc: Crc32,
    count: u16,
    tail: Option<Tail>,
    forward: Option<Forward>,
}

/// All pairs, one after the other.
pub(super) struct All {
    next: Option<Blocks>,
    left: u32,
}

/// One step of a scan.
enum Step {
    Piece,
    /// The end of a commit, which is whole.
    Commit,
    /// What follows was never written.
    End,
    /// What follows is no whole commit.
    Torn,
}

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    /// The newest whole state of a pair.
    pub(super) fn fetch(&mut self, blocks: Blocks) -> Result<Pair, Error> {
        if self.known.blocks() == blocks {
            return Ok(self.known);
        }
        let [a, b] = blocks.both();
        if b >= self.shape.blocks || a == b {
            return Err(Error::Damaged);
        }
        let first = self.store.read_u32(a, 0, 0)?;
        let second = self.store.read_u32(b, 0, 0)?;
        // Revisions are serial numbers.
        let ahead = second.wrapping_sub(first);
        let (newer, older) = ((a, b, first), (b, a, second));
        let (newer, older) =
            if (1..1 << 31).contains(&ahead) { (older, newer) } else { (newer, older) };
        for (current, other, revision) in [newer, older] {
            if let Some(pair) = self.newest((current, other), revision)? {
                return Ok(pair);
            }
        }
        Err(Error::Damaged)
    }

    /// All pairs from this one on.
    pub(super) const fn all(&self, first: Blocks) -> All {
        All { next: Some(first), left: self.shape.blocks }
    }

    /// The next one of all pairs.
    pub(super) fn next_pair(&mut self, all: &mut All) -> Result<Option<Pair>, Error> {
        let Some(blocks) = all.next else { return Ok(None) };
        // A list that is longer than the medium goes round in circles.
        all.left = all.left.checked_sub(1).ok_or(Error::Damaged)?;
        let pair = self.fetch(blocks)?;
        all.next = pair.tail.map(|tail| tail.next);
        Ok(Some(pair))
    }

    /// See what a block has that was just written, and whether that took.
    pub(super) fn verify(
        &mut self,
        blocks: (u32, u32),
        revision: u32,
        end: u32,
    ) -> Result<bool, Error> {
        Ok(self.newest(blocks, revision)?.is_some_and(|pair| pair.end == end))
    }

    /// The last whole commit of one block, which is remembered: mostly the same folder is asked
    /// about again.
    fn newest(&mut self, (block, other): (u32, u32), revision: u32) -> Result<Option<Pair>, Error> {
        let mut scan = Scan::new(block, revision);
        let mut newest = None;
        let mut forward = None;
        let whole = loop {
            match scan.step(&mut self.store)? {
                Step::Piece => {}
                Step::Commit => {
                    newest = Some(scan.pair(other, revision));
                    forward = scan.forward.take();
                }
                Step::End => break true,
                Step::Torn => break false,
            }
        };
        if let (Some(pair), Some(forward), true) = (&mut newest, forward, whole) {
            pair.erased = pair.end.checked_rem(self.unit()) == Some(0)
                && self.matches(block, pair.end, forward)?;
        }
        self.known = newest.unwrap_or(Pair::NONE);
        Ok(newest)
    }

    fn matches(&mut self, block: u32, end: u32, forward: Forward) -> Result<bool, Error> {
        if forward.len < self.unit() || forward.len > self.store.block_len().saturating_sub(end) {
            return Ok(false);
        }
        let mut crc = Crc32::new();
        self.store.checksum(block, end, forward.len, &mut crc)?;
        Ok(!crc.value() == forward.crc)
    }
}

impl Scan {
    fn new(block: u32, revision: u32) -> Self {
        let mut crc = Crc32::new();
        crc.update(&revision.to_le_bytes());
        let last = Tag::FIRST;
        Self { block, offset: 0, last, crc, count: 0, tail: None, forward: None }
    }

    fn pair(&self, other: u32, revision: u32) -> Pair {
        Pair {
            current: self.block,
            other,
            revision,
            end: self.offset.saturating_add(self.last.size()),
            last: self.last,
            count: self.count,
            tail: self.tail,
            erased: false,
        }
    }

    fn step<F: Flash>(&mut self, store: &mut Store<F>) -> Result<Step, Error> {
        let room = store.block_len();
        self.offset = self.offset.saturating_add(self.last.size());
        if self.offset.saturating_add(4) > room {
            return Ok(Step::Torn);
        }
        let mut raw = [0; 4];
        store.read(self.block, self.offset, &mut raw, RUN_LEN)?;
        let tag = Tag(u32::from_be_bytes(raw) ^ self.last.0);
        if !tag.is_written() {
            return Ok(if self.last.is_crc() { Step::End } else { Step::Torn });
        }
        if self.offset.saturating_add(tag.size()) > room {
            return Ok(Step::Torn);
        }
        self.crc.update(&raw);
        self.last = tag;
        if tag.is_crc() {
            return self.commit(tag, store);
        }
        store.checksum(self.block, self.payload(), tag.len(), &mut self.crc)?;
        self.take(tag, store)
    }

    fn payload(&self) -> u32 {
        self.offset.saturating_add(4)
    }

    fn commit<F: Flash>(&mut self, tag: Tag, store: &mut Store<F>) -> Result<Step, Error> {
        let stored = store.read_u32(self.block, self.payload(), RUN_LEN)?;
        // The CRC of littlefs is not inverted at its end.
        if tag.len() < 4 || stored != !self.crc.value() {
            return Ok(Step::Torn);
        }
        // The lowest bit of the kind says what an unwritten tag looks like here.
        self.last.0 ^= (tag.kind() & 1) << 31;
        self.crc = Crc32::new();
        Ok(Step::Commit)
    }

    /// What a piece means for the state as a whole.
    fn take<F: Flash>(&mut self, tag: Tag, store: &mut Store<F>) -> Result<Step, Error> {
        match tag.class() {
            class::NAME => self.count = self.count.max(tag.entry().saturating_add(1)),
            class::SPLICE if tag.kind() == kind::CREATE => {
                self.count = self.count.saturating_add(1);
            }
            class::SPLICE if tag.kind() == kind::DELETE => {
                self.count = self.count.saturating_sub(1);
            }
            class::TAIL => {
                let pair = self.two_words(store)?;
                let tail = Tail { next: Blocks::new(pair), hard: tag.kind() == kind::HARD_TAIL };
                self.tail = (!pair.contains(&u32::MAX)).then_some(tail);
            }
            _ if tag.kind() == kind::FORWARD_CRC => {
                let [len, crc] = self.two_words(store)?;
                self.forward = Some(Forward { len, crc });
            }
            _ => {}
        }
        Ok(Step::Piece)
    }

    fn two_words<F: Flash>(&self, store: &mut Store<F>) -> Result<[u32; 2], Error> {
        let mut both = [0; 8];
        store.read(self.block, self.payload(), &mut both, RUN_LEN)?;
        Ok(words(both))
    }
}

/// The pieces of a log from the newest to the oldest.
pub(super) struct Backwards {
    block: u32,
    offset: u32,
    tag: Tag,
}

impl Backwards {
    pub(super) const fn new(pair: &Pair) -> Self {
        Self { block: pair.current, offset: pair.end, tag: Tag(pair.last.0 & (u32::MAX >> 1)) }
    }

    /// The next older piece, and where what follows its tag lies.
    pub(super) fn next<F: Flash>(
        &mut self,
        store: &mut Store<F>,
    ) -> Result<Option<(Tag, u32)>, Error> {
        let Some(offset) = self.offset.checked_sub(self.tag.size()).filter(|offset| *offset >= 4)
        else {
            return Ok(None);
        };
        let tag = self.tag;
        let mut raw = [0; 4];
        store.read(self.block, offset, &mut raw, RUN_LEN)?;
        self.offset = offset;
        self.tag = Tag((u32::from_be_bytes(raw) ^ tag.0) & (u32::MAX >> 1));
        Ok(Some((tag, offset.saturating_add(4))))
    }
}

/// The pieces of one entry from the newest to the oldest.
pub(super) struct Walk {
    log: Backwards,
    entry: u16,
}

impl Walk {
    pub(super) const fn new(pair: &Pair, entry: u16) -> Self {
        Self { log: Backwards::new(pair), entry }
    }

    pub(super) fn next<F: Flash>(
        &mut self,
        store: &mut Store<F>,
    ) -> Result<Option<(Tag, u32)>, Error> {
        while let Some((tag, at)) = self.log.next(store)? {
            match tag.kind() {
                kind::CREATE if tag.entry() == self.entry => return Ok(None),
                // Before it, this entry had another number.
                kind::CREATE if tag.entry() < self.entry => self.entry -= 1,
                kind::DELETE if tag.entry() <= self.entry => {
                    self.entry = self.entry.saturating_add(1).min(NO_ENTRY);
                }
                _ if tag.entry() == self.entry && tag.class() < class::SPLICE => {
                    return Ok(Some((tag, at)));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}
