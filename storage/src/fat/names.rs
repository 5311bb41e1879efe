//! Names: finding entries by them, and making new entries.

use super::Fat;
use super::alias::{CANDIDATES, candidate, exact};
use super::folder::{Id, Nature, ROOT, Room, SLOTS_MAX, Set, Sets};
use super::geometry::NO_CLUSTER;
use super::long::{LongName, Mark};
use super::making;
use super::record::Record;
use super::slot::{self, ARCHIVE, HIDDEN_SYSTEM, SHORT_LEN, UNUSED};
use super::table::Run;
use crate::block::{BLOCK_LEN, BlockDevice};
use crate::chip::{Error, Leftover};

/// A name in a folder.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Place<'p> {
    pub(super) folder: u32,
    pub(super) name: &'p [u8],
}

/// Where an entry is to be made.
struct Plan {
    room: Room,
    alias: [u8; SHORT_LEN],
    /// The newest generation of staged files of that name.
    newest: Option<u32>,
}

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Fat<D, CACHE, GATHER> {
    /// Find the visible entry of a name, by its long name or by its alias, as PCs do.
    pub(super) fn find(
        &mut self,
        place: Place<'_>,
        each: &mut dyn FnMut(Leftover<Id>),
    ) -> Result<Option<Set>, Error> {
        let mut wanted = LongName::EMPTY;
        if !wanted.set_text(place.name) {
            return Ok(None);
        }
        let alias = exact(place.name);
        let mut sets = Sets::new(self.walk(place.folder, 0)?, 0);
        let mut found = None;
        while let Some(set) = self.next_set(&mut sets)? {
            match set.nature {
                Nature::Visible if found.is_some() => {}
                Nature::Visible => {
                    let slot = self.slot_at(set.place)?;
                    let is_alias = alias.is_some_and(|alias| slot::has_short(slot, &alias));
                    if is_alias && set.has_long || sets.name.is(&wanted) {
                        found = Some(set);
                    }
                }
                Nature::Staged(mark) => {
                    if is_staged_of(&mut sets, mark, &wanted) {
                        // Serial numbers are compared in 32 bits, generations have five.
                        let order = mark.generation() << 27;
                        let length = slot::size(self.slot_at(set.place)?).into();
                        each(Leftover { id: set.id, order, length });
                    }
                }
                Nature::Own => {}
            }
        }
        Ok(found)
    }

    /// Make a staged file without a byte.
    pub(super) fn make_staged(&mut self, place: Place<'_>) -> Result<Id, Error> {
        self.journal.place?;
        let mut name = LongName::EMPTY;
        if !name.set_text(place.name) || !name.is_allowed() {
            return Err(Error::BadName);
        }
        let is_journal = place.folder == ROOT && exact(place.name) == Some(making::NAME);
        if name.mark().is_some() || is_journal {
            return Err(Error::Reserved);
        }
        let need = name.parts_marked() as u32 + 1;
        let plan = self.plan(place, &name, need)?;
        name.add_mark(plan.newest.map_or(0, |newest| newest + 1));
        let room =
            if plan.room.is_enough() { plan.room } else { self.make_room(place.folder, need)? };
        let count = name.parts() as u8 + 1;
        let id = Id { folder: place.folder, first: room.first as u16, count };
        // No part of it must stay: until it is used, a power cut takes all of it.
        self.begin(&Record { erase: Some(id), ..Record::default() })?;
        self.write_set(id, &name, &plan.alias, room.is_at_end)?;
        Ok(id)
    }

    fn write_set(
        &mut self,
        id: Id,
        name: &LongName,
        alias: &[u8; SHORT_LEN],
        is_at_end: bool,
    ) -> Result<(), Error> {
        let mut short = UNUSED;
        slot::set_new(&mut short, alias, ARCHIVE | HIDDEN_SYSTEM);
        let checksum = slot::checksum(&short);
        let mut walk = self.walk(id.folder, id.first.into())?;
        for number in (1..=name.parts()).rev() {
            name.emit_part(number, checksum, self.slot_mut(&walk)?);
            self.advance(&mut walk)?;
        }
        *self.slot_mut(&walk)? = short;
        self.advance(&mut walk)?;
        // What lies behind the last entry was never looked at: it must stay unseen.
        if is_at_end && self.place_of_slot(&walk).is_some() {
            *self.slot_mut(&walk)? = UNUSED;
        }
        Ok(())
    }

    /// Look through a folder for room, for an alias that is not taken, and for staged files of
    /// that name.
    fn plan(&mut self, place: Place<'_>, name: &LongName, need: u32) -> Result<Plan, Error> {
        for tries in (0..64).step_by(CANDIDATES) {
            let candidates: [_; CANDIDATES] =
                core::array::from_fn(|at| candidate(place.name, tries + at as u32));
            let mut taken = [false; CANDIDATES];
            let mut newest: Option<u32> = None;
            let mut sets = Sets::new(self.walk(place.folder, 0)?, need);
            while let Some(set) = self.next_set(&mut sets)? {
                let slot = self.slot_at(set.place)?;
                for (taken, candidate) in taken.iter_mut().zip(&candidates) {
                    *taken |= slot::has_short(slot, candidate);
                }
                if let Nature::Staged(mark) = set.nature
                    && is_staged_of(&mut sets, mark, name)
                {
                    newest = Some(newer(newest, mark.generation()));
                }
            }
            let free = taken.iter().position(|taken| !taken);
            if let Some(alias) = free.and_then(|at| candidates.get(at)) {
                return Ok(Plan { room: sets.room, alias: *alias, newest });
            }
        }
        Err(Error::FolderFull)
    }

    /// Make a folder longer until it has room.
    pub(super) fn make_room(&mut self, folder: u32, need: u32) -> Result<Room, Error> {
        loop {
            let mut sets = Sets::new(self.walk(folder, 0)?, need);
            while self.next_set(&mut sets)?.is_some() {}
            if sets.room.is_enough() {
                return Ok(sets.room);
            }
            let walk = sets.walk;
            let root = self.geometry.root_cluster;
            if walk.index >= SLOTS_MAX || folder == ROOT && root == NO_CLUSTER {
                return Err(Error::FolderFull);
            }
            let first = if folder == ROOT { root } else { folder };
            let (last, _) = self.chain_end(first, SLOTS_MAX)?;
            let run = self.find_run(1, 1)?;
            self.clear_cluster(run.first)?;
            let record = Record { run, link: last, link_to: run.first, ..Record::default() };
            if self.journal.place.is_ok() {
                self.perform(&record)?;
            } else {
                // Only for the journal itself: as good as it can be done without one.
                self.disk.barrier()?;
                self.apply(&record)?;
                self.disk.barrier()?;
            }
        }
    }

    /// Fill a cluster that nobody has with zeros.
    pub(super) fn clear_cluster(&mut self, cluster: u32) -> Result<(), Error> {
        let first = self.geometry.block_of(cluster);
        for block in (first..).take(self.geometry.cluster_blocks() as usize) {
            self.disk.write(block, &[[0; BLOCK_LEN]])?;
        }
        Ok(())
    }

    /// The text of a staged file's target, in `memory`.
    pub(super) fn target_of<'m>(
        &mut self,
        id: Id,
        memory: &'m mut [u8],
    ) -> Result<Place<'m>, Error> {
        let mut sets = Sets::new(self.walk(id.folder, id.first.into())?, 0);
        let set = self.next_set(&mut sets)?.filter(|set| set.id == id);
        let Some(Set { nature: Nature::Staged(mark), .. }) = set else {
            return Err(Error::Damaged);
        };
        sets.name.remove_mark(mark);
        let len = sets.name.write(memory).ok_or(Error::Damaged)?;
        Ok(Place { folder: id.folder, name: memory.get(..len).unwrap_or_default() })
    }

    /// One new cluster for a folder.
    pub(super) fn new_folder_run(&mut self) -> Result<Run, Error> {
        let run = self.find_run(1, 1)?;
        self.clear_cluster(run.first)?;
        Ok(run)
    }
}

fn is_staged_of(sets: &mut Sets, mark: Mark, name: &LongName) -> bool {
    sets.name.remove_mark(mark);
    sets.name.is(name)
}

/// The newer of two generations, which are numbered in a circle.
fn newer(newest: Option<u32>, generation: u32) -> u32 {
    match newest {
        Some(newest) if (generation << 27).wrapping_sub(newest << 27) >= 1 << 31 => newest,
        _ => generation,
    }
}
