//! Folders: walking along their slots, and the entries in them.

use super::Fat;
use super::geometry::NO_CLUSTER;
use super::long::{LongName, Mark};
use super::making::is_journal;
use super::slot::{self, SLOT_LEN, SLOTS_SHIFT, Slot};
use crate::block::BlockDevice;
use crate::chip::Error;

/// Most slots of a folder: PCs allow no more, and a chain that loops ends here.
pub(super) const SLOTS_MAX: u32 = 1 << 16;

/// The root, by whatever number it begins.
pub(super) const ROOT: u32 = 0;

/// Where an entry is: what it is called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Id {
    /// The first cluster of its folder.
    pub(super) folder: u32,
    /// Its first slot.
    pub(super) first: u16,
    /// Its slots; the last one has the short name.
    pub(super) count: u8,
}

impl Id {
    /// The slot with the short name.
    pub(super) fn last(self) -> u32 {
        (u32::from(self.first) + u32::from(self.count)).saturating_sub(1)
    }
}

/// A place in a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    pub(super) folder: u32,
    /// The slot, counted from 0.
    pub(super) index: u32,
    /// The cluster it is in; none behind the last one, and in a root that has its own place.
    cluster: u32,
}

/// Where a slot is on the medium: its block, and the byte in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotPlace(u32, usize);

/// An entry.
#[derive(Clone, Copy)]
pub(super) struct Set {
    pub(super) id: Id,
    /// Where its short name is.
    pub(super) place: SlotPlace,
    pub(super) nature: Nature,
    /// Whether it has a long name.
    pub(super) has_long: bool,
}

/// Who an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// Everyone.
    Visible,
    /// The writer of a staged file.
    Staged(Mark),
    /// This file system itself.
    Own,
}

/// Room for a new entry: the first slots in a row that are free.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// How many are needed.
    pub(super) need: u32,
    /// The first of those seen last.
    pub(super) first: u32,
    pub(super) count: u32,
    /// Whether nothing of the folder was in use from there on.
    pub(super) is_at_end: bool,
}

impl Room {
    pub(super) const fn is_enough(&self) -> bool {
        self.count >= self.need
    }

    fn see(&mut self, index: u32, is_free: bool, is_at_end: bool) {
        if self.is_enough() {
            return;
        }
        if !is_free {
            self.count = 0;
            return;
        }
        if self.count == 0 {
            self.first = index;
        }
        self.count += 1;
        self.is_at_end = is_at_end;
    }
}

/// The entries of a folder, one after another.
pub(super) struct Sets {
    pub(super) walk: Walk,
    /// The name of the last one.
    pub(super) name: LongName,
    pub(super) room: Room,
    /// Whether the slot was passed behind which all are free.
    is_at_end: bool,
}

impl Sets {
    /// The entries from a slot on; with room for a new entry of so many slots.
    pub(super) const fn new(walk: Walk, need: u32) -> Self {
        let room = Room { need, first: 0, count: 0, is_at_end: false };
        Self { walk, name: LongName::EMPTY, room, is_at_end: false }
    }
}

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Fat<D, CACHE, GATHER> {
    /// The next entry. At the end, room was found as far as the folder has it.
    pub(super) fn next_set(&mut self, sets: &mut Sets) -> Result<Option<Set>, Error> {
        sets.name.reset();
        let mut first = sets.walk.index;
        while let Some(place) = self.place_of_slot(&sets.walk) {
            let slot = self.slot_at(place)?;
            let index = sets.walk.index;
            sets.is_at_end |= slot::is_last(slot);
            let is_free = sets.is_at_end || slot::is_deleted(slot);
            sets.room.see(index, is_free, sets.is_at_end);
            if sets.is_at_end && sets.room.is_enough() {
                break;
            }
            if !is_free && slot::is_long(slot) {
                if sets.name.take(slot) {
                    first = index;
                }
            } else if is_free || slot::is_label(slot) || slot::is_dots(slot) {
                sets.name.reset();
            } else {
                let set = set(sets, slot, first, place);
                self.advance(&mut sets.walk)?;
                return Ok(Some(set));
            }
            self.advance(&mut sets.walk)?;
        }
        Ok(None)
    }

    /// A place in a folder.
    pub(super) fn walk(&mut self, folder: u32, index: u32) -> Result<Walk, Error> {
        let start = match folder {
            ROOT => self.geometry.root_cluster,
            cluster => cluster,
        };
        let mut walk = Walk { folder, index, cluster: start };
        for _ in 0..index >> (self.geometry.cluster_shift + SLOTS_SHIFT) {
            if walk.cluster == NO_CLUSTER {
                break;
            }
            walk.cluster = self.next_cluster(walk.cluster)?.unwrap_or(NO_CLUSTER);
        }
        Ok(walk)
    }

    /// To the next slot.
    pub(super) fn advance(&mut self, walk: &mut Walk) -> Result<(), Error> {
        walk.index = walk.index.saturating_add(1);
        let in_cluster = walk.index & ((1 << (self.geometry.cluster_shift + SLOTS_SHIFT)) - 1);
        if in_cluster == 0 && walk.cluster != NO_CLUSTER {
            walk.cluster = self.next_cluster(walk.cluster)?.unwrap_or(NO_CLUSTER);
        }
        Ok(())
    }

    /// Where a slot is. `None` behind the last one.
    pub(super) fn place_of_slot(&self, walk: &Walk) -> Option<SlotPlace> {
        let block = walk.index >> SLOTS_SHIFT;
        let byte = (walk.index & ((1 << SLOTS_SHIFT) - 1)) as usize * SLOT_LEN;
        if walk.index >= SLOTS_MAX {
            return None;
        }
        if walk.cluster != NO_CLUSTER {
            let of_cluster = self.geometry.block_of(walk.cluster);
            let in_cluster = block & (self.geometry.cluster_blocks() - 1);
            return Some(SlotPlace(of_cluster.saturating_add(in_cluster), byte));
        }
        let is_fixed_root = walk.folder == ROOT && walk.index < self.geometry.root_slots;
        is_fixed_root.then(|| SlotPlace(self.geometry.root.saturating_add(block), byte))
    }

    /// A slot.
    pub(super) fn slot_at(&mut self, SlotPlace(block, at): SlotPlace) -> Result<&Slot, Error> {
        self.disk.block(block)?.get(at..).and_then(<[u8]>::first_chunk).ok_or(Error::Damaged)
    }

    /// A slot of a folder, to be read.
    pub(super) fn slot(&mut self, walk: &Walk) -> Result<&Slot, Error> {
        let place = self.place_of_slot(walk).ok_or(Error::Damaged)?;
        self.slot_at(place)
    }

    /// A slot of a folder, to be changed.
    pub(super) fn slot_mut(&mut self, walk: &Walk) -> Result<&mut Slot, Error> {
        let SlotPlace(block, at) = self.place_of_slot(walk).ok_or(Error::Damaged)?;
        let bytes = self.disk.edit(block)?.get_mut(at..);
        bytes.and_then(<[u8]>::first_chunk_mut).ok_or(Error::Damaged)
    }

    /// The slot of an entry that has its short name.
    pub(super) fn entry(&mut self, id: Id) -> Result<&Slot, Error> {
        let walk = self.walk(id.folder, id.last())?;
        self.slot(&walk)
    }

    /// The same, to be changed.
    pub(super) fn entry_mut(&mut self, id: Id) -> Result<&mut Slot, Error> {
        let walk = self.walk(id.folder, id.last())?;
        self.slot_mut(&walk)
    }

    /// Whether all slots of an entry lie in one block, so that changing it is a single write.
    pub(super) fn is_in_one_block(&self, id: Id) -> bool {
        u32::from(id.first) >> SLOTS_SHIFT == id.last() >> SLOTS_SHIFT
    }

    /// Free the slots of an entry.
    pub(super) fn erase(&mut self, id: Id) -> Result<(), Error> {
        let mut walk = self.walk(id.folder, id.first.into())?;
        for _ in 0..id.count {
            slot::delete(self.slot_mut(&walk)?);
            self.advance(&mut walk)?;
        }
        Ok(())
    }

    /// The folder that an entry is.
    pub(super) fn folder_of(&mut self, place: SlotPlace) -> Result<u32, Error> {
        let slot = self.slot_at(place)?;
        let (is_folder, cluster) = (slot::is_folder(slot), slot::cluster(slot));
        if !is_folder {
            return Err(Error::NotDirectory);
        }
        // An entry that leads back to the root would be a loop.
        let is_root = cluster == self.geometry.root_cluster;
        if self.geometry.is_cluster(cluster) && !is_root {
            Ok(cluster)
        } else {
            Err(Error::Damaged)
        }
    }

    /// The same of an entry by its identity.
    pub(super) fn folder_at(&mut self, id: Id) -> Result<u32, Error> {
        let walk = self.walk(id.folder, id.last())?;
        let place = self.place_of_slot(&walk).ok_or(Error::Damaged)?;
        self.folder_of(place)
    }
}

fn set(sets: &mut Sets, slot: &Slot, first: u32, place: SlotPlace) -> Set {
    let has_long = sets.name.belongs_to(slot);
    if !has_long {
        sets.name.set_short(slot);
    }
    let Walk { folder, index, .. } = sets.walk;
    let first = if has_long { first } else { index };
    let mark = sets.name.mark().filter(|_| has_long && slot::is_hidden_system(slot));
    let nature = match mark {
        Some(mark) => Nature::Staged(mark),
        None if folder == ROOT && is_journal(slot) => Nature::Own,
        None => Nature::Visible,
    };
    let count = index.saturating_sub(first).saturating_add(1);
    Set { id: Id { folder, first: first as u16, count: count as u8 }, place, nature, has_long }
}
