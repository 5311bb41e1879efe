//! Finding the journal, and making it on a volume that has none.

use super::Fat;
use super::folder::{Nature, ROOT, Set, Sets};
use super::geometry::NO_CLUSTER;
use super::journal::BLOCKS;
use super::record::{OPEN_MAX, Record};
use super::slot::{self, HIDDEN_SYSTEM, SHORT_LEN, Slot};
use super::table::{END, Run};
use crate::block::{BLOCK_LEN, BlockDevice};
use crate::chip::Error;

/// The name of the file, in the root.
pub(super) const NAME: [u8; SHORT_LEN] = *b"CORACLE JNL";

const LEN: u32 = BLOCKS * BLOCK_LEN as u32;

/// Whether this slot of the root is the entry of the journal.
pub(super) fn is_journal(slot: &Slot) -> bool {
    slot::has_short(slot, &NAME) && slot::is_hidden_system(slot) && !slot::is_folder(slot)
}

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Fat<D, CACHE, GATHER> {
    /// Find the entry of the journal, and with it the journal if that was made to the end.
    pub(super) fn find_journal(&mut self) -> Result<Option<Set>, Error> {
        let mut sets = Sets::new(self.walk(ROOT, 0)?, 0);
        while let Some(set) = self.next_set(&mut sets)? {
            if set.nature == Nature::Own {
                let slot = self.slot_at(set.place)?;
                let (size, cluster) = (slot::size(slot), slot::cluster(slot));
                let run = self.journal_run(cluster);
                if size == LEN && self.is_chain(run, false)? {
                    self.journal.place = Ok(self.geometry.block_of(run.first));
                }
                return Ok(Some(set));
            }
        }
        Ok(None)
    }

    /// Make the journal, or go on with that where it was interrupted: its entry is written first,
    /// with nothing in it, and names the clusters that are taken then, so that none is lost.
    pub(super) fn make_journal(&mut self, found: Option<Set>) -> Result<(), Error> {
        self.set_in_use(true)?;
        let begun = match found {
            Some(set) => slot::note(self.slot_at(set.place)?),
            None => NO_CLUSTER,
        };
        let begun = self.journal_run(begun);
        let run = if self.is_chain(begun, true)? {
            begun
        } else {
            let count = self.geometry.clusters_for(LEN);
            self.find_run(count, count)?
        };
        let index = match found {
            Some(set) => set.id.last(),
            None => self.make_room(ROOT, 1)?.first,
        };
        let place = self.geometry.block_of(run.first);
        Record::default().emit(self.disk.fresh(place)?, 0, &[None; OPEN_MAX]);
        self.disk.fresh(place + 1)?;
        let walk = self.walk(ROOT, index)?;
        let slot = self.slot_mut(&walk)?;
        slot::set_new(slot, &NAME, HIDDEN_SYSTEM);
        slot::set_note(slot, run.first);
        self.disk.barrier()?;
        self.apply(&Record { run, ..Record::default() })?;
        self.disk.barrier()?;
        let slot = self.slot_mut(&walk)?;
        slot::set_note(slot, 0);
        slot::set_cluster(slot, run.first);
        slot::set_size(slot, LEN);
        self.disk.barrier()?;
        self.journal.place = Ok(place);
        Ok(())
    }

    fn journal_run(&self, first: u32) -> Run {
        Run { first, count: self.geometry.clusters_for(LEN) }
    }

    /// Whether these clusters are a chain, in their order; or may become one, being free.
    fn is_chain(&mut self, run: Run, or_free: bool) -> Result<bool, Error> {
        for cluster in (run.first..).take(run.count as usize) {
            if !self.geometry.is_cluster(cluster) {
                return Ok(false);
            }
            let is_last = cluster + 1 == run.first + run.count;
            let due = if is_last { END } else { cluster + 1 };
            let link = self.link(cluster)?;
            if link != due && !(or_free && link == NO_CLUSTER) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
