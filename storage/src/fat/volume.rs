//! A FAT volume for the shared layer.

use coracle::limits::PATH_MAX;
use coracle::{Facts, Metadata, Path, Space};

use super::Fat;
use super::cursor::Cursor;
use super::folder::{Id, Nature, ROOT, Sets};
use super::names::Place;
use super::slot::{self, Slot};
use super::staged::Staged;
use crate::block::BlockDevice;
use crate::chip::{Entry, Error, Leftover, Volume};

/// A file open for reading.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct File {
    cursor: Cursor,
    size: u32,
}

/// A folder being listed.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Listing {
    folder: u32,
    next: u32,
}

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Volume for Fat<D, CACHE, GATHER> {
    type Id = Id;
    type Place<'p> = Place<'p>;
    type File = File;
    type Listing = Listing;
    type Staged = Staged;

    const FOLLOWS: bool = true;

    fn ready(&mut self) -> Result<u32, Error> {
        if !self.disk.is_good() || !self.is_mounted {
            self.is_mounted = false;
            self.mounts = self.mounts.wrapping_add(1);
            self.mount()?;
            self.is_mounted = true;
        } else {
            self.disk.probe()?;
        }
        Ok(self.mounts)
    }

    fn facts(&mut self) -> Result<Facts, Error> {
        Ok(Facts {
            case_sensitive: false,
            atomic_replace: true,
            free: Some(self.space()?.free),
            largest: Some(u32::MAX.into()),
        })
    }

    fn space(&mut self) -> Result<Space, Error> {
        let shift = self.geometry.byte_shift();
        let total = u64::from(self.geometry.last.saturating_sub(1)) << shift;
        Ok(Space { free: (u64::from(self.free) << shift).min(total), total })
    }

    fn place<'p>(&mut self, path: Path<'p>) -> Result<Option<Place<'p>>, Error> {
        let mut folder = ROOT;
        let mut components = path.components();
        let Some(name) = components.next_back() else { return Ok(None) };
        for above in components {
            let place = Place { folder, name: above };
            let found = self.find(place, &mut |_| {})?.ok_or(Error::NotFound)?;
            folder = self.folder_of(found.place)?;
        }
        Ok(Some(Place { folder, name }))
    }

    fn look(
        &mut self,
        place: Place<'_>,
        each: &mut dyn FnMut(Leftover<Id>),
    ) -> Result<Option<Entry<Id>>, Error> {
        let Some(set) = self.find(place, each)? else { return Ok(None) };
        let metadata = slot::metadata(self.slot_at(set.place)?);
        Ok(Some(Entry { id: set.id, metadata }))
    }

    fn open(&mut self, _place: Place<'_>, id: Id) -> Result<(File, Metadata), Error> {
        let slot = self.entry(id)?;
        let file = File { cursor: Cursor::new(slot::cluster(slot)), size: slot::size(slot) };
        Ok((file, slot::metadata(slot)))
    }

    fn read(&mut self, file: &mut File, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        self.read_chain(&mut file.cursor, file.size, offset, buffer)
    }

    fn close(&mut self, _file: File) {}

    fn list(&mut self, folder: Option<(Place<'_>, Id)>) -> Result<Listing, Error> {
        let folder = match folder {
            None => ROOT,
            Some((_, id)) => self.folder_at(id)?,
        };
        Ok(Listing { folder, next: 0 })
    }

    fn next(
        &mut self,
        listing: &mut Listing,
        name: &mut [u8],
    ) -> Result<Option<(Metadata, usize)>, Error> {
        let mut sets = Sets::new(self.walk(listing.folder, listing.next)?, 0);
        while let Some(set) = self.next_set(&mut sets)? {
            listing.next = sets.walk.index;
            if set.nature == Nature::Visible {
                let slot = self.slot_at(set.place)?;
                let len = write_name(&mut sets, slot, name)?;
                return Ok(Some((slot::metadata(slot), len)));
            }
        }
        Ok(None)
    }

    fn close_listing(&mut self, _listing: Listing) {}

    fn stage(&mut self, place: Place<'_>, _newest: Option<u32>) -> Result<(Id, Staged), Error> {
        let made = self.make_staged(place).and_then(|id| Ok((id, self.stage_at(id)?)));
        self.finish(made)
    }

    fn resume(&mut self, _place: Place<'_>, id: Id) -> Result<(Staged, u64), Error> {
        self.begin_plain()?;
        let taken = self.take_up(id);
        let staged = self.finish(taken)?;
        let length = staged.length.into();
        Ok((staged, length))
    }

    fn length(&self, staged: &Staged) -> u64 {
        staged.length.into()
    }

    fn read_staged(
        &mut self,
        staged: &mut Staged,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Error> {
        self.read_staged_at(staged, offset, buffer)
    }

    fn write(&mut self, staged: &mut Staged, offset: u64, data: &[u8]) -> Result<usize, Error> {
        let written = self.write_staged(staged, offset, data);
        self.finish(written)
    }

    fn truncate(&mut self, staged: &mut Staged, length: u64) -> Result<(), Error> {
        let cut = self.truncate_staged(staged, length);
        self.finish(cut)
    }

    fn sync(&mut self, staged: &mut Staged) -> Result<(), Error> {
        self.sync_staged(staged)
    }

    fn target<'m>(
        &mut self,
        staged: &Staged,
        memory: &'m mut [u8; PATH_MAX],
    ) -> Result<Place<'m>, Error> {
        self.target_of(staged.id, memory)
    }

    fn publish(
        &mut self,
        staged: &mut Staged,
        _place: Place<'_>,
        old: Option<Id>,
        modified: Option<u64>,
    ) -> Result<Id, Error> {
        self.trim(staged)?;
        let id = self.publish_at(staged.id, old, modified)?;
        self.drop_open(staged.id);
        self.finish(Ok(id))
    }

    fn release(&mut self, mut staged: Staged) {
        self.gather.forget(staged.id);
        // What cannot be given back now is found at the next mount, by the journal.
        let trimmed = self.trim(&mut staged);
        // Nor is one left behind of which no byte is stored: it is to be discarded next.
        if staged.synced > 0 {
            self.drop_open(staged.id);
        }
        let _ = self.finish(trimmed);
    }

    fn discard(&mut self, _place: Place<'_>, id: Id) -> Result<(), Error> {
        self.remove_staged(id)
    }

    fn survey(
        &mut self,
        _folder: Place<'_>,
        id: Id,
        each: &mut dyn FnMut(Id),
    ) -> Result<bool, Error> {
        let folder = self.folder_at(id)?;
        let mut sets = Sets::new(self.walk(folder, 0)?, 0);
        let mut has_entries = false;
        while let Some(set) = self.next_set(&mut sets)? {
            match set.nature {
                Nature::Staged(_) => each(set.id),
                Nature::Visible | Nature::Own => has_entries = true,
            }
        }
        Ok(has_entries)
    }

    fn clear(&mut self, _folder: Place<'_>, _id: Id, leftover: Id) -> Result<(), Error> {
        self.remove_staged(leftover)
    }

    fn remove(&mut self, _place: Place<'_>, entry: &Entry<Id>) -> Result<(), Error> {
        let removed = self.remove_entry(entry.id);
        self.finish(removed)
    }

    fn make_folder(&mut self, place: Place<'_>) -> Result<(), Error> {
        let made = self.make_folder_at(place);
        self.finish(made)
    }

    fn rename(
        &mut self,
        _from: Place<'_>,
        entry: &Entry<Id>,
        to: Place<'_>,
        old: Option<Id>,
    ) -> Result<Id, Error> {
        let renamed = self.rename_entry(entry.id, to, old);
        self.finish(renamed)
    }
}

/// The name of an entry as UTF-8: its alias, where the long one is none or does not fit.
fn write_name(sets: &mut Sets, slot: &Slot, name: &mut [u8]) -> Result<usize, Error> {
    if let Some(len) = sets.name.write(name) {
        return Ok(len);
    }
    sets.name.set_short(slot);
    sets.name.write(name).ok_or(Error::Damaged)
}
