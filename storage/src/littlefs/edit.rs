//! Changing a metadata pair in one step: behind its log, or into its other block, from which what
//! has no room goes into a pair of its own.

use core::ops::Range;

use super::LittleFs;
use super::chain::Chain;
use super::commit::{Commit, END_LEN, LogShape};
use super::entry::{TARGET, TIME, attribute};
use super::flash::Flash;
use super::log::{Blocks, Pair, Tail, Walk, bytes};
use super::state::{STATE_LEN, State};
use super::store::RUN_LEN;
use super::tag::{NO_ENTRY, Tag, class, kind};
use crate::chip::Error;

/// Most entries of a pair, for their numbers are 10 bits wide; no more than in the original.
const ENTRIES_MAX: u16 = 254;

/// One change. Entries have the numbers from before it.
#[derive(Clone, Copy, Default)]
pub(super) struct Edit<'e> {
    pub(super) put: Option<Put<'e>>,
    pub(super) removed: Option<u16>,
    /// A file that has other bytes now.
    pub(super) written: Option<(u16, Chain)>,
    pub(super) tail: Option<Option<Tail>>,
}

/// An entry to be made.
#[derive(Clone, Copy)]
pub(super) struct Put<'e> {
    pub(super) entry: u16,
    /// Whether it takes the place of the entry of this number, or is put before it.
    pub(super) replaces: bool,
    pub(super) kind: u32,
    pub(super) name: &'e [u8],
    pub(super) content: NewContent<'e>,
}

#[derive(Clone, Copy)]
pub(super) enum NewContent<'e> {
    Superblock(&'e [u8]),
    Folder(Blocks),
    File {
        chain: Chain,
        modified: Option<u64>,
        target: Option<&'e [u8]>,
    },
    /// All that another entry has but its name.
    Of(&'e Pair, u16),
}

impl Edit<'_> {
    fn count(&self, before: u16) -> u16 {
        let more = u16::from(self.put.is_some_and(|put| !put.replaces));
        let fewer = u16::from(self.removed.is_some());
        before.saturating_add(more).saturating_sub(fewer)
    }
}

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    /// Bytes to which a commit is padded.
    #[expect(clippy::unused_self, reason = "one name for what both kinds of memory say")]
    pub(super) const fn unit(&self) -> u32 {
        // Logs of other implementations are padded to 16 bytes or more as well.
        if F::WRITE > 16 && !F::REWRITES { F::WRITE as u32 } else { 16 }
    }

    /// Bytes of a block that a log may take.
    pub(super) fn region(&self) -> u32 {
        let block_len = self.store.block_len();
        // Where nothing is erased, a log is cleared with one write.
        if F::REWRITES { block_len.min(RUN_LEN as u32) } else { block_len }
    }

    fn log_shape(&self, region: u32) -> LogShape {
        LogShape { region, unit: self.unit(), has_forward: self.shape.has_forward }
    }

    /// Make a change that is there wholly or not at all, and stored when this returns.
    pub(super) fn apply(&mut self, pair: &Pair, edit: &Edit<'_>) -> Result<(), Error> {
        // The bytes of a file are stored before the entry that says so.
        self.store.sync()?;
        self.known = Pair::NONE;
        if !(pair.erased && self.append(pair, edit)?) {
            self.compact(pair, edit)?;
        }
        (self.disk, self.dropped) = (self.state, State::NONE);
        Ok(())
    }

    /// Put a change behind the log, if there is room.
    fn append(&mut self, pair: &Pair, edit: &Edit<'_>) -> Result<bool, Error> {
        if edit.count(pair.count) > ENTRIES_MAX {
            return Ok(false);
        }
        let mut size = Commit::measure(pair.end);
        self.put_changes(&mut size, pair, edit)?;
        if size.offset.saturating_add(END_LEN) > self.region() {
            return Ok(false);
        }
        let mut commit = Commit::append(pair);
        self.put_changes(&mut commit, pair, edit)?;
        let shape = self.log_shape(self.region());
        let end = commit.finish(&mut self.store, shape)?;
        // Some bytes may not have taken: whoever finds out must be us, while the rest is there.
        if !self.verify((pair.current, pair.other), pair.revision, end)? {
            return Ok(false);
        }
        self.shift(pair, edit);
        Ok(true)
    }

    fn shift(&mut self, pair: &Pair, edit: &Edit<'_>) {
        let put = edit.put.filter(|put| !put.replaces).map(|put| put.entry);
        self.open.shift(pair.blocks(), put, edit.removed);
    }

    /// What a log that goes on says of a change.
    fn put_changes(
        &mut self,
        commit: &mut Commit,
        pair: &Pair,
        edit: &Edit<'_>,
    ) -> Result<(), Error> {
        let mut removed = edit.removed;
        if let Some(put) = edit.put {
            if put.replaces {
                commit.put(&mut self.store, (kind::DELETE, put.entry), &[])?;
            } else {
                removed = removed.map(|entry| entry + u16::from(put.entry <= entry));
            }
            commit.put(&mut self.store, (kind::CREATE, put.entry), &[])?;
            self.put_new(commit, put, put.entry)?;
        }
        if let Some(entry) = removed {
            commit.put(&mut self.store, (kind::DELETE, entry), &[])?;
        }
        if let Some((entry, chain)) = edit.written {
            self.put_chain(commit, entry, chain)?;
        }
        if let Some(tail) = edit.tail {
            self.put_tail(commit, tail)?;
        }
        let changed = self.disk.sum(self.state).sum(self.dropped);
        if !changed.is_zero() {
            let share = self.share(pair)?.sum(changed).to_bytes();
            commit.put(&mut self.store, (kind::MOVE_STATE, NO_ENTRY), &share)?;
        }
        Ok(())
    }

    fn put_tail(&mut self, commit: &mut Commit, tail: Option<Tail>) -> Result<(), Error> {
        let kind =
            if tail.is_some_and(|tail| tail.hard) { kind::HARD_TAIL } else { kind::SOFT_TAIL };
        let next = tail.map_or([0xff; 8], |tail| tail.next.to_bytes());
        commit.put(&mut self.store, (kind, NO_ENTRY), &next)
    }

    fn put_chain(&mut self, commit: &mut Commit, entry: u16, chain: Chain) -> Result<(), Error> {
        if chain.size == 0 {
            return commit.put(&mut self.store, (kind::INLINE_STRUCT, entry), &[]);
        }
        let both = bytes([chain.head, chain.size]);
        commit.put(&mut self.store, (kind::CHAIN_STRUCT, entry), &both)
    }

    fn put_new(&mut self, commit: &mut Commit, put: Put<'_>, entry: u16) -> Result<(), Error> {
        commit.put(&mut self.store, (put.kind, entry), put.name)?;
        match put.content {
            NewContent::Superblock(fields) => {
                commit.put(&mut self.store, (kind::INLINE_STRUCT, entry), fields)
            }
            NewContent::Folder(blocks) => {
                commit.put(&mut self.store, (kind::FOLDER_STRUCT, entry), &blocks.to_bytes())
            }
            NewContent::File { chain, modified, target } => {
                self.put_chain(commit, entry, chain)?;
                if let Some(time) = modified {
                    let kind = attribute(TIME);
                    commit.put(&mut self.store, (kind, entry), &time.to_le_bytes())?;
                }
                match target {
                    Some(name) => commit.put(&mut self.store, (attribute(TARGET), entry), name),
                    None => Ok(()),
                }
            }
            NewContent::Of(pair, old) => self.copy_content(commit, (pair, old), entry, None),
        }
    }

    /// An entry of a pair as it is, under another number.
    fn copy_entry(
        &mut self,
        commit: &mut Commit,
        (pair, old): (&Pair, u16),
        entry: u16,
        written: Option<(u16, Chain)>,
    ) -> Result<(), Error> {
        let mut walk = Walk::new(pair, old);
        while let Some((tag, at)) = walk.next(&mut self.store)? {
            if tag.class() == class::NAME {
                let tag = tag.with_entry(entry);
                commit.copy(&mut self.store, tag, (pair.current, at))?;
                let written = written.filter(|(entry, _)| *entry == old).map(|(_, chain)| chain);
                return self.copy_content(commit, (pair, old), entry, written);
            }
        }
        Err(Error::Damaged)
    }

    /// The newest of each piece of an entry but its name.
    fn copy_content(
        &mut self,
        commit: &mut Commit,
        (pair, old): (&Pair, u16),
        entry: u16,
        written: Option<Chain>,
    ) -> Result<(), Error> {
        let mut seen = Seen::default();
        if let Some(chain) = written {
            self.put_chain(commit, entry, chain)?;
            seen.is_new(Tag::new(kind::CHAIN_STRUCT, entry, 0));
        }
        let mut walk = Walk::new(pair, old);
        while let Some((tag, at)) = walk.next(&mut self.store)? {
            if tag.class() == class::NAME {
                break;
            }
            if seen.is_new(tag) && !tag.is_removal() {
                let tag = tag.with_entry(entry);
                commit.copy(&mut self.store, tag, (pair.current, at))?;
            }
        }
        Ok(())
    }

    /// Write what a pair has after a change into its other block.
    fn compact(&mut self, pair: &Pair, edit: &Edit<'_>) -> Result<(), Error> {
        let mut end = edit.count(pair.count);
        let mut tail = edit.tail.unwrap_or(pair.tail);
        let mut splits: [Option<(u16, Blocks)>; 4] = [None; 4];
        for split in &mut splits {
            let Some((first, blocks)) = self.split(pair, edit, end, tail)? else { break };
            *split = Some((first, blocks));
            (end, tail) = (first, Some(Tail { next: blocks, hard: true }));
        }
        let share = self.share(pair)?.sum(self.disk).sum(self.state).sum(self.dropped);
        let revision = pair.revision.wrapping_add(1);
        self.rewrite((pair.other, pair.current), revision, pair, edit, 0..end, tail, share)?;
        self.shift(pair, edit);
        for (first, to) in splits.into_iter().flatten() {
            self.open.split(pair.blocks(), first, to);
        }
        Ok(())
    }

    /// Put the last of these entries into a pair of their own, if they are too many.
    fn split(
        &mut self,
        pair: &Pair,
        edit: &Edit<'_>,
        end: u16,
        tail: Option<Tail>,
    ) -> Result<Option<(u16, Blocks)>, Error> {
        let Some(first) = self.split_at(pair, edit, end)? else { return Ok(None) };
        let blocks = match self.allocate_pair() {
            // Then logs have to be longer than is good for them.
            Err(Error::NoSpace) if self.fits(pair, edit, 0..end)? => return Ok(None),
            blocks => blocks?,
        };
        self.write_pair(blocks, pair, edit, first..end, tail)?;
        Ok(Some((first, blocks)))
    }

    /// Bytes that a rewritten log has beside its entries: revision, tail, state, the removal that
    /// ends a move, CRC.
    const FRAME: u32 = 4 + 12 + (4 + STATE_LEN as u32) + 4 + END_LEN;

    fn fits(&mut self, pair: &Pair, edit: &Edit<'_>, entries: Range<u16>) -> Result<bool, Error> {
        let size = self.size(pair, edit, entries.clone())?;
        let is_counted = entries.end.saturating_sub(entries.start) < NO_ENTRY;
        Ok(is_counted && size.saturating_add(Self::FRAME) <= self.store.block_len())
    }

    /// The first entry that has to go elsewhere: a log that is more than half full would soon be
    /// rewritten again (the same rule as in the original).
    fn split_at(&mut self, pair: &Pair, edit: &Edit<'_>, end: u16) -> Result<Option<u16>, Error> {
        let most = (self.region() / 2).min(self.region().saturating_sub(Self::FRAME));
        let mut first = 0;
        while end.saturating_sub(first) > 1
            && (end - first > ENTRIES_MAX || self.size(pair, edit, first..end)? > most)
        {
            first += (end - first) / 2;
        }
        if first > 0 {
            return Ok(Some(first));
        }
        if self.fits(pair, edit, 0..end)? { Ok(None) } else { Err(Error::BadName) }
    }

    fn size(&mut self, pair: &Pair, edit: &Edit<'_>, entries: Range<u16>) -> Result<u32, Error> {
        let mut size = Commit::measure(0);
        self.put_entries(&mut size, pair, edit, entries)?;
        Ok(size.offset)
    }

    /// Write the first log of a pair.
    fn write_pair(
        &mut self,
        blocks: Blocks,
        pair: &Pair,
        edit: &Edit<'_>,
        entries: Range<u16>,
        tail: Option<Tail>,
    ) -> Result<(), Error> {
        let [other, block] = blocks.both();
        // What the other block had before may look like a log, of which this one is newer.
        let revision = self.store.read_u32(other, 0, 0)?.wrapping_add(1);
        self.rewrite((block, other), revision, pair, edit, entries, tail, State::NONE)
    }

    /// Write a log from its beginning into the first one of these blocks.
    #[expect(clippy::too_many_arguments, reason = "all that a log has")]
    pub(super) fn rewrite(
        &mut self,
        (block, other): (u32, u32),
        revision: u32,
        pair: &Pair,
        edit: &Edit<'_>,
        entries: Range<u16>,
        tail: Option<Tail>,
        share: State,
    ) -> Result<(), Error> {
        self.store.open(block, self.region() as usize)?;
        let mut commit = Commit::first(block);
        commit.raw(&mut self.store, &revision.to_le_bytes())?;
        self.put_entries(&mut commit, pair, edit, entries)?;
        if tail.is_some() {
            self.put_tail(&mut commit, tail)?;
        }
        if !share.is_zero() {
            commit.put(&mut self.store, (kind::MOVE_STATE, NO_ENTRY), &share.to_bytes())?;
        }
        let region = self.region().max(commit.offset.saturating_add(END_LEN));
        let shape = self.log_shape(region);
        let end = commit.finish(&mut self.store, shape)?;
        if self.verify((block, other), revision, end)? { Ok(()) } else { Err(Error::Failed) }
    }

    /// These of the entries that there are after the change.
    fn put_entries(
        &mut self,
        commit: &mut Commit,
        pair: &Pair,
        edit: &Edit<'_>,
        entries: Range<u16>,
    ) -> Result<(), Error> {
        let mut after = 0;
        for old in 0..=pair.count {
            let new = edit.put.filter(|put| put.entry == old);
            if let Some(put) = new {
                if entries.contains(&after) {
                    self.put_new(commit, put, after - entries.start)?;
                }
                after += 1;
            }
            if old == pair.count || edit.removed == Some(old) || new.is_some_and(|put| put.replaces)
            {
                continue;
            }
            if entries.contains(&after) {
                self.copy_entry(commit, (pair, old), after - entries.start, edit.written)?;
            }
            after += 1;
        }
        Ok(())
    }

    /// A pair of its own for a folder without entries.
    pub(super) fn new_pair(&mut self, tail: Option<Tail>) -> Result<Blocks, Error> {
        let blocks = self.allocate_pair()?;
        self.write_pair(blocks, &Pair::NONE, &Edit::default(), 0..0, tail)?;
        Ok(blocks)
    }
}

/// Which pieces of an entry were met: one of all structures, and one of each attribute.
#[derive(Default)]
struct Seen {
    structure: bool,
    attributes: [u32; 8],
}

impl Seen {
    fn is_new(&mut self, tag: Tag) -> bool {
        if tag.class() == class::STRUCT {
            return !core::mem::replace(&mut self.structure, true);
        }
        let which = tag.kind() & 0xff;
        let Some(word) = self.attributes.get_mut(which as usize / 32) else { return false };
        let bit = 1 << (which % 32);
        let is_new = tag.class() == class::ATTRIBUTE && *word & bit == 0;
        *word |= bit;
        is_new
    }
}
