//! Mounting: find the volume, finish what a power cut interrupted, count what is free.

use super::Fat;
use super::geometry::{FIRST_CLUSTER, Geometry};
use super::journal::Journal;
use super::long::{Unmarked, unmark};
use super::record::OPEN_MAX;
use super::slot;
use crate::block::BlockDevice;
use crate::chip::Error;
use crate::partition::{Partition, partitions};

/// Kinds of partitions that hold a FAT, in a partition table.
const KINDS: [u8; 6] = [0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e];

/// The kind of exFAT and NTFS.
const KIND_OTHER: u8 = 0x07;

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Fat<D, CACHE, GATHER> {
    /// Mount what is in the device now. What cannot be repaired or written is mounted for reading.
    pub(super) fn mount(&mut self) -> Result<(), Error> {
        match self.mount_to(Ok(())) {
            Err(reason @ (Error::ReadOnly | Error::Failed)) => self.mount_to(Err(reason)),
            result => result,
        }
    }

    fn mount_to(&mut self, write: Result<(), Error>) -> Result<(), Error> {
        let count = self.disk.start()?;
        self.gather.clear();
        self.open = [None; OPEN_MAX];
        self.journal = Journal::NONE;
        self.journal.place = Err(Error::NoJournal);
        self.is_in_use = false;
        self.free = 0;
        self.geometry = self.find_volume(count)?;
        self.disk.mirror = self.geometry.mirror();
        let geometry = self.geometry;
        let was_in_use = geometry.was_in_use(self.disk.block(geometry.boot)?);
        let found = self.find_journal()?;
        if let Err(reason) = write.and(geometry.check_writable()) {
            self.journal.place = Err(reason);
            return self.count_free(false);
        }
        self.is_in_use = was_in_use;
        self.recover(was_in_use)?;
        self.know_free(was_in_use)?;
        if self.journal.place.is_err()
            && let Err(reason) = self.make_journal(found)
        {
            // A full card is served all the same; one that fails to be written, once more.
            if !self.disk.is_good() {
                return Err(reason);
            }
        }
        self.finish(Ok(()))
    }

    fn find_volume(&mut self, count: u32) -> Result<Geometry, Error> {
        let whole = Partition { kind: 0, first: 0, count };
        let block = self.disk.block(0)?;
        let reason = match Geometry::parse(block, whole) {
            Err(reason) => reason,
            found => return found,
        };
        let fat = partitions(block, count).find(|partition| KINDS.contains(&partition.kind));
        let is_other = partitions(block, count).any(|partition| partition.kind == KIND_OTHER);
        match fat {
            Some(partition) => Geometry::parse(self.disk.block(partition.first)?, partition),
            None => Err(if is_other { Error::Exfat } else { reason }),
        }
    }

    /// Do again what was being done, and cut the staged files that had clusters to spare.
    fn recover(&mut self, was_in_use: bool) -> Result<(), Error> {
        let record = self.read_journal()?;
        if !was_in_use || self.journal.place.is_err() {
            self.open = [None; OPEN_MAX];
            return Ok(());
        }
        self.redo(&record)?;
        for at in 0..OPEN_MAX {
            match self.trim_leftover(at) {
                // What makes no sense is left for a PC to check.
                Ok(()) | Err(Error::Damaged) => {}
                Err(error) => return Err(error),
            }
        }
        self.open = [None; OPEN_MAX];
        Ok(())
    }

    fn trim_leftover(&mut self, at: usize) -> Result<(), Error> {
        let Some(id) = self.open.get(at).copied().flatten() else { return Ok(()) };
        let slot = self.entry(id)?;
        let is_hidden = slot::is_hidden_system(slot) && !slot::is_folder(slot);
        let size = slot::size(slot);
        let walk = self.walk(id.folder, id.first.into())?;
        let mut first = *self.slot(&walk)?;
        let is_staged =
            is_hidden && slot::is_long(&first) && unmark(&mut first) != Unmarked::Nothing;
        match size {
            _ if !is_staged => Ok(()),
            0 => self.remove_entry(id),
            size => self.cut(id, size),
        }
    }

    /// The number of free clusters: as the volume says, where that can be believed.
    fn know_free(&mut self, was_in_use: bool) -> Result<(), Error> {
        match self.read_info()? {
            Some((free, hint)) if !was_in_use => {
                self.free = free;
                self.is_free_believed = true;
                self.hint = hint;
                Ok(())
            }
            _ => self.count_free(was_in_use),
        }
    }

    /// Count the free clusters. When power was cut, the copies of the FAT may differ: the first
    /// one is right, for it is written first.
    pub(super) fn count_free(&mut self, mend: bool) -> Result<(), Error> {
        self.free = 0;
        self.is_free_believed = false;
        let mut cluster = FIRST_CLUSTER;
        for at in 0..self.geometry.table_blocks {
            // The entries of this block, of FAT12 also one that begins before it.
            while self.geometry.is_cluster(cluster) && self.table_block(cluster) <= at {
                self.free += u32::from(self.link(cluster)? == 0);
                cluster += 1;
            }
            if mend {
                self.mend_copies(at)?;
            }
        }
        self.disk.barrier()
    }

    /// Make a block of the other copies of the FAT like that of the first.
    fn mend_copies(&mut self, at: u32) -> Result<(), Error> {
        let mut number = self.geometry.table.saturating_add(at);
        let block = *self.disk.block(number)?;
        for _ in 1..self.geometry.copies {
            number = number.saturating_add(self.geometry.table_blocks);
            if *self.disk.block(number)? != block {
                *self.disk.edit(number)? = block;
            }
        }
        Ok(())
    }
}
