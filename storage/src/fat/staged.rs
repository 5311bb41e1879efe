//! Staged files: how they grow, and are cut.

use super::Fat;
use super::cursor::Cursor;
use super::folder::Id;
use super::geometry::NO_CLUSTER;
use super::record::Record;
use super::slot;
use super::table::END;
use crate::block::BlockDevice;
use crate::chip::Error;

/// Bytes that a long file gets ahead of what it needs, so that the FAT is written seldom. What
/// is left over is given back when the file is whole.
const AHEAD: u32 = 256 << 10;

/// A staged file that is being written.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Staged {
    pub(super) id: Id,
    /// Where it was last read or written.
    pub(super) cursor: Cursor,
    /// Its clusters, and the last one.
    clusters: u32,
    last: u32,
    /// Bytes.
    pub(super) length: u32,
    /// Bytes as its entry has it.
    pub(super) synced: u32,
}

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Fat<D, CACHE, GATHER> {
    /// Take up a staged file.
    pub(super) fn take_up(&mut self, id: Id) -> Result<Staged, Error> {
        let slot = self.entry(id)?;
        let (first, size) = (slot::cluster(slot), slot::size(slot));
        let needed = self.geometry.clusters_for(size);
        let (_, count) = self.chain_end(first, needed)?;
        let most = u64::from(count) << self.geometry.byte_shift();
        let length = u64::from(size).min(most) as u32;
        self.add_open(id)?;
        if let Err(error) = self.cut(id, length) {
            self.drop_open(id);
            return Err(error);
        }
        self.staged(id, length)
    }

    /// A staged file that has as many clusters as it needs.
    fn staged(&mut self, id: Id, length: u32) -> Result<Staged, Error> {
        let first = slot::cluster(self.entry(id)?);
        let needed = self.geometry.clusters_for(length);
        let (last, clusters) = self.chain_end(first, needed)?;
        Ok(Staged { id, cursor: Cursor::new(first), clusters, last, length, synced: length })
    }

    /// Write bytes, or as many as there is room for.
    pub(super) fn write_staged(
        &mut self,
        staged: &mut Staged,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, Error> {
        let offset = u32::try_from(offset).map_err(|_| Error::TooLarge)?.min(staged.length);
        let end = offset.saturating_add(u32::try_from(data.len()).unwrap_or(u32::MAX));
        if data.is_empty() {
            return Ok(0);
        }
        if end == offset {
            return Err(Error::TooLarge);
        }
        let room = self.reserve(staged, end)?.min(end.into()).saturating_sub(offset.into());
        let data = data.get(..room as usize).unwrap_or(data);
        if data.is_empty() {
            return Err(Error::NoSpace);
        }
        let written = self.gather(staged, offset, data)?;
        staged.length = staged.length.max(offset.saturating_add(written as u32));
        Ok(written)
    }

    /// See that there are clusters for so many bytes, and return for how many there are.
    fn reserve(&mut self, staged: &mut Staged, bytes: u32) -> Result<u64, Error> {
        let needed = self.geometry.clusters_for(bytes);
        while staged.clusters < needed {
            match self.grow(staged, needed - staged.clusters) {
                Ok(()) => {}
                Err(Error::NoSpace) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(u64::from(staged.clusters) << self.geometry.byte_shift())
    }

    /// Add clusters that follow each other: as many as are missing and, where the file is long,
    /// some ahead.
    fn grow(&mut self, staged: &mut Staged, missing: u32) -> Result<(), Error> {
        let ahead = (AHEAD >> self.geometry.byte_shift()).min(staged.clusters);
        let run = self.find_run(1, missing.max(ahead))?;
        let mut record = Record { run, ..Record::default() };
        if staged.clusters == 0 {
            let mut slot = *self.entry(staged.id)?;
            slot::set_cluster(&mut slot, run.first);
            record.put(staged.id, &slot);
        } else {
            record.link = staged.last;
            record.link_to = run.first;
        }
        let is_one_write = staged.clusters > 0 && self.is_one_block(staged.last, run.first);
        // The journal must name the file before it has more clusters than bytes.
        if is_one_write && !self.journal.is_behind {
            self.begin_plain()?;
        } else {
            self.begin(&record)?;
        }
        self.apply(&record)?;
        if staged.clusters == 0 {
            staged.cursor = Cursor::new(run.first);
        }
        staged.clusters = staged.clusters.saturating_add(run.count);
        staged.last = run.first.saturating_add(run.count).saturating_sub(1);
        Ok(())
    }

    /// Store what was written for good, then how much it is.
    pub(super) fn sync_staged(&mut self, staged: &mut Staged) -> Result<(), Error> {
        self.flush_gathered_of(staged.id)?;
        self.disk.barrier()?;
        if staged.length == staged.synced {
            return Ok(());
        }
        self.begin_plain()?;
        slot::set_size(self.entry_mut(staged.id)?, staged.length);
        self.disk.barrier()?;
        staged.synced = staged.length;
        Ok(())
    }

    pub(super) fn read_staged_at(
        &mut self,
        staged: &mut Staged,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Error> {
        self.flush_gathered_of(staged.id)?;
        self.read_chain(&mut staged.cursor, staged.length, offset, buffer)
    }

    pub(super) fn truncate_staged(
        &mut self,
        staged: &mut Staged,
        length: u64,
    ) -> Result<(), Error> {
        let Some(length) = u32::try_from(length).ok().filter(|it| *it < staged.length) else {
            return Ok(());
        };
        self.sync_staged(staged)?;
        self.gather.forget(staged.id);
        self.cut(staged.id, length)?;
        *staged = self.staged(staged.id, length)?;
        Ok(())
    }

    /// Cut a staged file to so many bytes, and its chain to as many clusters as they need.
    pub(super) fn cut(&mut self, id: Id, size: u32) -> Result<(), Error> {
        let old = *self.entry(id)?;
        let mut slot = old;
        slot::set_size(&mut slot, size);
        let chain = slot::cluster(&old);
        let (mut last, mut rest) = (NO_CLUSTER, chain);
        match self.geometry.clusters_for(size).checked_sub(1) {
            None => slot::set_cluster(&mut slot, NO_CLUSTER),
            Some(nth) => {
                last = self.seek(&mut Cursor::new(chain), nth)?;
                rest = self.next_cluster(last)?.unwrap_or(NO_CLUSTER);
            }
        }
        if rest == NO_CLUSTER && slot == old {
            return Ok(());
        }
        let mut record = Record::default();
        self.free_chain(&mut record, rest)?;
        record.link = if rest == NO_CLUSTER { NO_CLUSTER } else { last };
        record.link_to = END;
        record.put(id, &slot);
        self.perform(&record)
    }

    /// Give back the clusters that a file did not need.
    pub(super) fn trim(&mut self, staged: &mut Staged) -> Result<(), Error> {
        if staged.clusters > self.geometry.clusters_for(staged.synced) {
            self.cut(staged.id, staged.synced)?;
            staged.clusters = self.geometry.clusters_for(staged.synced);
            let mut cursor = staged.cursor;
            if let Some(nth) = staged.clusters.checked_sub(1) {
                staged.last = self.seek(&mut cursor, nth)?;
            }
        }
        Ok(())
    }

    pub(super) fn add_open(&mut self, id: Id) -> Result<(), Error> {
        let place = self.open.iter_mut().find(|place| place.is_none());
        *place.ok_or(Error::TooManyOpen)? = Some(id);
        self.journal.is_behind = true;
        Ok(())
    }

    pub(super) fn drop_open(&mut self, id: Id) {
        self.gather.forget(id);
        for place in &mut self.open {
            place.take_if(|open| *open == id);
        }
    }

    /// A new staged file.
    pub(super) fn stage_at(&mut self, id: Id) -> Result<Staged, Error> {
        self.add_open(id)?;
        let cursor = Cursor::new(NO_CLUSTER);
        Ok(Staged { id, cursor, clusters: 0, last: NO_CLUSTER, length: 0, synced: 0 })
    }
}
