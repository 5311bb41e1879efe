//! Changes of names: each is one record of the journal, or a single write.

use super::Fat;
use super::bytes::put;
use super::folder::{Id, ROOT, SLOTS_MAX};
use super::geometry::NO_CLUSTER;
use super::names::Place;
use super::record::{Put, Record};
use super::slot::{ARCHIVE, DOT, DOTDOT, FOLDER, SLOT_LEN, Slot};
use crate::block::BlockDevice;
use crate::chip::Error;

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Fat<D, CACHE, GATHER> {
    /// Put a staged file that is stored whole into its place.
    pub(super) fn publish_at(
        &mut self,
        id: Id,
        old: Option<Id>,
        modified: Option<u64>,
    ) -> Result<Id, Error> {
        let (_, mut slot) = self.entry_slot(id)?;
        slot.set_attributes(ARCHIVE);
        slot.set_modified(modified.or_else(|| self.clock()));
        slot.set_version(self.version());
        match old {
            Some(old) => self.replace(id, &slot, old),
            None => self.unmark_entry(id, &slot),
        }
    }

    /// Make a staged file visible under the name it has.
    fn unmark_entry(&mut self, id: Id, slot: &Slot) -> Result<Id, Error> {
        let change = Put { id, tail: slot.tail(), is_unmarked: true };
        let record = Record { put: Some(change), ..Record::default() };
        if self.is_in_one_block(id) {
            self.begin_plain()?;
            self.redo(&record)?;
        } else {
            self.perform(&record)?;
        }
        self.visible_id(id)
    }

    /// What a staged file is called by when it has become visible: its mark may have had a slot
    /// of its own.
    fn visible_id(&mut self, id: Id) -> Result<Id, Error> {
        let (_, first) = self.first_slot(id)?;
        let is_shorter = first.is_deleted();
        let first = id.first.saturating_add(is_shorter.into());
        Ok(Id { first, count: id.count.saturating_sub(is_shorter.into()), ..id })
    }

    /// Give the entry `old` the file of the entry `id`, which goes, with what `slot` says of it.
    fn replace(&mut self, id: Id, slot: &Slot, old: Id) -> Result<Id, Error> {
        let (_, replaced) = self.entry_slot(old)?;
        let freeing = self.freeing(replaced.cluster())?;
        let change = Put { id: old, tail: slot.tail(), is_unmarked: false };
        self.perform(&Record { put: Some(change), erase: Some(id), ..freeing })?;
        Ok(old)
    }

    /// Remove an entry and its clusters.
    pub(super) fn remove_entry(&mut self, id: Id) -> Result<(), Error> {
        let (_, slot) = self.entry_slot(id)?;
        let freeing = self.freeing(slot.cluster())?;
        self.perform(&Record { erase: Some(id), ..freeing })
    }

    pub(super) fn make_folder_at(&mut self, place: Place<'_>) -> Result<(), Error> {
        let id = self.make_staged(place)?;
        let made = self.fill_folder(id);
        if made == Err(Error::NoSpace) {
            self.remove_entry(id)?;
        }
        made
    }

    /// Make a folder of a staged file.
    fn fill_folder(&mut self, id: Id) -> Result<(), Error> {
        let run = self.new_folder_run()?;
        let now = self.clock();
        let mut slot = Slot::new(DOT, FOLDER);
        slot.set_modified(now);
        slot.set_cluster(run.first);
        let tail = slot.tail();
        let block = self.disk.fresh(self.geometry.block_of(run.first))?;
        put(block, 0, &slot.0);
        slot = Slot::new(DOTDOT, FOLDER);
        slot.set_modified(now);
        // The root is called 0 here, by whatever cluster it begins.
        slot.set_cluster(id.folder);
        put(block, SLOT_LEN, &slot.0);
        let change = Put { id, tail, is_unmarked: true };
        self.perform(&Record { run, put: Some(change), ..Record::default() })
    }

    pub(super) fn rename_entry(
        &mut self,
        id: Id,
        to: Place<'_>,
        old: Option<Id>,
    ) -> Result<Id, Error> {
        let (_, slot) = self.entry_slot(id)?;
        if let Some(old) = old {
            return self.replace(id, &slot, old);
        }
        let folder = if slot.is_folder() { self.folder_of(&slot)? } else { NO_CLUSTER };
        if folder != NO_CLUSTER {
            self.check_outside(to.folder, folder)?;
        }
        let new = self.make_staged(to)?;
        let change = Put { id: new, tail: slot.tail(), is_unmarked: true };
        self.perform(&Record {
            put: Some(change),
            erase: Some(id),
            moved: folder,
            parent: to.folder,
            ..Record::default()
        })?;
        self.visible_id(new)
    }

    /// Refuse to move a folder to somewhere below itself, by following `..` to the root.
    fn check_outside(&mut self, mut folder: u32, moved: u32) -> Result<(), Error> {
        for _ in 0..SLOTS_MAX {
            match folder {
                ROOT => return Ok(()),
                _ if folder == moved => return Err(Error::IntoItself),
                _ => {}
            }
            let walk = self.walk(folder, 1)?;
            let parent = self.slot(&walk)?.filter(|slot| slot.short() == DOTDOT);
            folder = parent.ok_or(Error::Damaged)?.cluster();
            if folder == self.geometry.root_cluster {
                folder = ROOT;
            }
        }
        Err(Error::Damaged)
    }
}
