//! Changes of names: each is one record of the journal, or a single write.

use super::Fat;
use super::bytes::put;
use super::folder::{Id, ROOT, SLOTS_MAX};
use super::geometry::NO_CLUSTER;
use super::names::Place;
use super::record::Record;
use super::slot::{self, ARCHIVE, DOT, DOTDOT, FOLDER, SLOT_LEN, Slot, UNUSED};
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
        let modified = modified.or_else(|| self.clock());
        let version = self.version();
        let mut slot = *self.entry(id)?;
        slot::set_attributes(&mut slot, ARCHIVE);
        slot::set_modified(&mut slot, modified);
        slot::set_version(&mut slot, version);
        match old {
            Some(old) => self.replace(id, &slot, old),
            None => self.unmark_entry(id, &slot),
        }
    }

    /// Make a staged file visible under the name it has.
    fn unmark_entry(&mut self, id: Id, slot: &Slot) -> Result<Id, Error> {
        let mut record = Record { is_unmarked: true, ..Record::default() };
        record.put(id, slot);
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
    fn visible_id(&mut self, mut id: Id) -> Result<Id, Error> {
        let walk = self.walk(id.folder, id.first.into())?;
        if slot::is_deleted(self.slot(&walk)?) {
            id.first = id.first.saturating_add(1);
            id.count = id.count.saturating_sub(1);
        }
        Ok(id)
    }

    /// Give the entry `old` the file of the entry `id`, which goes, with what `slot` says of it.
    fn replace(&mut self, id: Id, slot: &Slot, old: Id) -> Result<Id, Error> {
        let chain = slot::cluster(self.entry(old)?);
        let mut record = Record::default();
        self.free_chain(&mut record, chain)?;
        record.put(old, slot);
        record.erase = Some(id);
        self.perform(&record)?;
        Ok(old)
    }

    /// Remove an entry and its clusters.
    pub(super) fn remove_entry(&mut self, id: Id) -> Result<(), Error> {
        let chain = slot::cluster(self.entry(id)?);
        let mut record = Record::default();
        self.free_chain(&mut record, chain)?;
        record.erase = Some(id);
        self.perform(&record)
    }

    /// Remove a staged file.
    pub(super) fn remove_staged(&mut self, id: Id) -> Result<(), Error> {
        let removed = self.remove_entry(id);
        self.drop_open(id);
        self.finish(removed)
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
        let (now, version) = (self.clock(), self.version());
        let mut slot = UNUSED;
        slot::set_new(&mut slot, &DOT, FOLDER);
        slot::set_modified(&mut slot, now);
        slot::set_cluster(&mut slot, run.first);
        let block = self.disk.fresh(self.geometry.block_of(run.first))?;
        put(block, 0, &slot);
        // The root is called 0 here, by whatever cluster it begins.
        slot::set_cluster(&mut slot, id.folder);
        put(block, SLOT_LEN, &slot);
        put(block, SLOT_LEN, &DOTDOT);
        slot::set_cluster(&mut slot, run.first);
        slot::set_version(&mut slot, version);
        let mut record = Record { run, is_unmarked: true, ..Record::default() };
        record.put(id, &slot);
        self.perform(&record)
    }

    pub(super) fn rename_entry(
        &mut self,
        id: Id,
        to: Place<'_>,
        old: Option<Id>,
    ) -> Result<Id, Error> {
        let slot = *self.entry(id)?;
        if let Some(old) = old {
            return self.replace(id, &slot, old);
        }
        let folder = if slot::is_folder(&slot) { self.folder_at(id)? } else { NO_CLUSTER };
        if folder != NO_CLUSTER {
            self.check_outside(to.folder, folder)?;
        }
        let new = self.make_staged(to)?;
        let mut record = Record {
            is_unmarked: true,
            erase: Some(id),
            moved: folder,
            parent: to.folder,
            ..Record::default()
        };
        record.put(new, &slot);
        self.perform(&record)?;
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
            let slot = self.slot(&walk)?;
            if !slot::has_short(slot, &DOTDOT) {
                break;
            }
            folder = slot::cluster(slot);
            if folder == self.geometry.root_cluster {
                folder = ROOT;
            }
        }
        Err(Error::Damaged)
    }
}
