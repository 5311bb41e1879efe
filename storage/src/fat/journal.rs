//! The journal: what is being done is written down before it is done, so that it can be done
//! again after a power cut.

use super::Fat;
use super::bytes::put;
use super::folder::Id;
use super::geometry::NO_CLUSTER;
use super::long::{Unmarked, set_first, unmark};
use super::record::Record;
use super::slot::{self, DOTDOT, SHORT_LEN};
use super::table::{END, Run};
use crate::block::BlockDevice;
use crate::chip::Error;

/// Blocks of the journal: they are written in turn, so that one of them is always whole.
pub(super) const BLOCKS: u32 = 2;

/// Where the journal is, and what is in it.
#[derive(Clone, Copy)]
pub(super) struct Journal {
    /// Its first block, or why nothing can be written.
    pub(super) place: Result<u32, Error>,
    /// The number of the block written last.
    sequence: u32,
    /// Whether that has something to be done: before anything else is changed it must go.
    is_live: bool,
    /// Whether a staged file is being written that it does not name.
    pub(super) is_behind: bool,
}

impl Journal {
    /// Of a volume that is not mounted: nothing is done with it.
    pub(super) const NONE: Self =
        Self { place: Ok(0), sequence: 0, is_live: false, is_behind: false };
}

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Fat<D, CACHE, GATHER> {
    /// Begin a change of several blocks: it is written down for good before this returns.
    pub(super) fn begin(&mut self, record: &Record) -> Result<(), Error> {
        self.write_record(record)?;
        self.set_in_use(true)
    }

    /// Begin a change that is a single write.
    pub(super) fn begin_plain(&mut self) -> Result<(), Error> {
        self.journal.place?;
        self.settle()?;
        self.set_in_use(true)
    }

    /// See that what was written down is done, and say so. Between two calls nothing is left to
    /// be done again: the card may be taken out and changed by a PC.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        if self.journal.is_live { self.write_record(&Record::default()) } else { Ok(()) }
    }

    /// Begin it, do it, and see that it is stored for good.
    pub(super) fn perform(&mut self, record: &Record) -> Result<(), Error> {
        self.begin(record)?;
        self.redo(record)
    }

    /// Do what is written down.
    pub(super) fn redo(&mut self, record: &Record) -> Result<(), Error> {
        self.apply(record)?;
        if record.free != NO_CLUSTER {
            self.free_in_block(record.free)?;
        }
        self.disk.barrier()?;
        let mut rest = record.rest;
        while rest != NO_CLUSTER {
            let mut step = Record::default();
            self.free_chain(&mut step, rest)?;
            self.write_record(&step)?;
            self.free_in_block(step.free)?;
            self.disk.barrier()?;
            rest = step.rest;
        }
        Ok(())
    }

    /// All of it but the freeing, without seeing that it is stored.
    pub(super) fn apply(&mut self, record: &Record) -> Result<(), Error> {
        let Run { first, count } = record.run;
        for at in 0..count {
            let cluster = first.saturating_add(at);
            let is_last = at + 1 == count;
            self.set_link(cluster, if is_last { END } else { cluster.saturating_add(1) })?;
        }
        if record.link != NO_CLUSTER {
            self.set_link(record.link, record.link_to)?;
        }
        record.put.map_or(Ok(()), |id| self.put_entry(id, record))?;
        record.erase.map_or(Ok(()), |id| self.erase(id))?;
        if record.moved != NO_CLUSTER {
            self.set_parent(record.moved, record.parent)?;
        }
        Ok(())
    }

    /// Let a record free a chain, if there is one.
    pub(super) fn free_chain(&mut self, record: &mut Record, chain: u32) -> Result<(), Error> {
        if self.geometry.is_cluster(chain) {
            record.free = chain;
            record.rest = self.leaves_block(chain)?.unwrap_or(NO_CLUSTER);
        }
        Ok(())
    }

    fn put_entry(&mut self, id: Id, record: &Record) -> Result<(), Error> {
        put(self.entry_mut(id)?, SHORT_LEN, &record.tail);
        if !record.is_unmarked {
            return Ok(());
        }
        let mut walk = self.walk(id.folder, id.first.into())?;
        let slot = self.slot_mut(&walk)?;
        if slot::is_deleted(slot) || unmark(slot) == Unmarked::Freed {
            slot::delete(slot);
            self.advance(&mut walk)?;
            set_first(self.slot_mut(&walk)?);
        }
        Ok(())
    }

    /// Say in a folder where it is now. One without `..` is damaged, and no worse for being moved.
    fn set_parent(&mut self, folder: u32, parent: u32) -> Result<(), Error> {
        let walk = self.walk(folder, 1)?;
        let slot = self.slot_mut(&walk)?;
        if slot::has_short(slot, &DOTDOT) {
            slot::set_cluster(slot, parent);
        }
        Ok(())
    }

    /// Write the next block of the journal, for good, after everything that was done before.
    fn write_record(&mut self, record: &Record) -> Result<(), Error> {
        let first = self.journal.place?;
        self.disk.barrier()?;
        let sequence = self.journal.sequence.wrapping_add(1);
        let block = self.disk.fresh(first.saturating_add(sequence % BLOCKS))?;
        record.emit(block, sequence, &self.open);
        self.disk.barrier()?;
        self.journal.sequence = sequence;
        self.journal.is_live = !record.is_nothing();
        self.journal.is_behind = false;
        Ok(())
    }

    /// What was being done when the volume was last in use.
    pub(super) fn read_journal(&mut self) -> Result<Record, Error> {
        let Ok(first) = self.journal.place else { return Ok(Record::default()) };
        let one = Record::sequence_of(self.disk.block(first)?);
        let other = Record::sequence_of(self.disk.block(first.saturating_add(1))?);
        let sequence = match (one, other) {
            (None, None) => return Ok(Record::default()),
            (Some(one), Some(other)) if other.wrapping_sub(one) == 1 => other,
            (Some(sequence), _) | (None, Some(sequence)) => sequence,
        };
        let block = self.disk.block(first.saturating_add(sequence % BLOCKS))?;
        let record = Record::parse(block, &mut self.open);
        self.journal.sequence = sequence;
        self.journal.is_live = !record.is_nothing();
        Ok(record)
    }

    /// A number that differs from change to change.
    pub(super) const fn version(&self) -> u32 {
        self.journal.sequence
    }
}
