//! Folders: walking along their slots, and the entries in them.

use super::Fat;
use super::bytes::put;
use super::geometry::NO_CLUSTER;
use super::long::{LongName, Mark};
use super::making::is_journal;
use super::slot::{SLOT_LEN, SLOTS_SHIFT, Slot};
use crate::block::BlockDevice;
use crate::chip::Error;

/// Most slots of a folder: PCs allow no more, and a chain that loops ends here.
pub(super) const SLOTS_MAX: u32 = 1 << 16;

/// The root, by whatever number it begins.
pub(super) const ROOT: u32 = 0;

/// Where an entry is: what it is called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// An entry.
pub(super) struct Set {
    pub(super) id: Id,
    pub(super) slot: Slot,
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
        while let Some(slot) = self.slot(&sets.walk)? {
            let index = sets.walk.index;
            sets.is_at_end |= slot.is_last();
            let is_free = sets.is_at_end || slot.is_deleted();
            sets.room.see(index, is_free, sets.is_at_end);
            if sets.is_at_end && sets.room.is_enough() {
                break;
            }
            self.advance(&mut sets.walk)?;
            if is_free {
                sets.name.reset();
            } else if slot.is_long() {
                if sets.name.take(&slot) {
                    first = index;
                }
            } else if slot.is_label() || slot.is_dots() {
                sets.name.reset();
            } else {
                return Ok(Some(self.set(sets, slot, first, index)));
            }
        }
        Ok(None)
    }

    fn set(&self, sets: &mut Sets, slot: Slot, first: u32, index: u32) -> Set {
        let has_long = sets.name.belongs_to(&slot);
        if !has_long {
            sets.name.set_short(&slot);
        }
        let first = if has_long { first } else { index };
        let mark = sets.name.mark().filter(|_| has_long && slot.is_hidden_system());
        let folder = sets.walk.folder;
        let nature = match mark {
            Some(mark) => Nature::Staged(mark),
            None if folder == ROOT && is_journal(&slot) => Nature::Own,
            None => Nature::Visible,
        };
        let count = index.saturating_sub(first).saturating_add(1);
        Set { id: Id { folder, first: first as u16, count: count as u8 }, slot, nature, has_long }
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

    /// Where a slot is: its block, and the byte in it. `None` behind the last one.
    pub(super) fn place_of_slot(&self, walk: &Walk) -> Option<(u32, usize)> {
        let block = walk.index >> SLOTS_SHIFT;
        let byte = (walk.index & ((1 << SLOTS_SHIFT) - 1)) as usize * SLOT_LEN;
        if walk.index >= SLOTS_MAX {
            return None;
        }
        if walk.cluster != NO_CLUSTER {
            let of_cluster = self.geometry.block_of(walk.cluster);
            let in_cluster = block & (self.geometry.cluster_blocks() - 1);
            return Some((of_cluster.saturating_add(in_cluster), byte));
        }
        let is_fixed_root = walk.folder == ROOT && walk.index < self.geometry.root_slots;
        is_fixed_root.then(|| (self.geometry.root.saturating_add(block), byte))
    }

    /// A slot; `None` behind the last one.
    pub(super) fn slot(&mut self, walk: &Walk) -> Result<Option<Slot>, Error> {
        let Some((block, at)) = self.place_of_slot(walk) else { return Ok(None) };
        let bytes = self.disk.block(block)?.get(at..).and_then(|bytes| bytes.first_chunk());
        Ok(bytes.map(|bytes| Slot(*bytes)))
    }

    /// Change a slot.
    pub(super) fn put_slot(&mut self, walk: &Walk, slot: &Slot) -> Result<(), Error> {
        let (block, at) = self.place_of_slot(walk).ok_or(Error::Damaged)?;
        put(self.disk.edit(block)?, at, &slot.0);
        Ok(())
    }

    /// The slot of an entry that has its short name, and where it is.
    pub(super) fn entry_slot(&mut self, id: Id) -> Result<(Walk, Slot), Error> {
        let walk = self.walk(id.folder, id.last())?;
        let slot = self.slot(&walk)?.ok_or(Error::Damaged)?;
        Ok((walk, slot))
    }

    /// Whether all slots of an entry lie in one block, so that changing it is a single write.
    pub(super) fn is_in_one_block(&self, id: Id) -> bool {
        u32::from(id.first) >> SLOTS_SHIFT == id.last() >> SLOTS_SHIFT
    }

    /// Free the slots of an entry.
    pub(super) fn erase(&mut self, id: Id) -> Result<(), Error> {
        let mut walk = self.walk(id.folder, id.first.into())?;
        for _ in 0..id.count {
            let mut slot = self.slot(&walk)?.ok_or(Error::Damaged)?;
            slot.delete();
            self.put_slot(&walk, &slot)?;
            self.advance(&mut walk)?;
        }
        Ok(())
    }

    /// The folder that an entry is.
    pub(super) fn folder_of(&self, slot: &Slot) -> Result<u32, Error> {
        let cluster = slot.cluster();
        if !slot.is_folder() {
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
}
