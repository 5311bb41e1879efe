//! A shared medium as one session sees it.

use core::cell::{RefCell, RefMut};

use coracle::{Durability, Facts, Metadata, Path, Receipt, Space, Storage};
use heapless::Deque;

use super::Chip;
use super::error::Error;
use super::volume::Volume;

/// Files in one commit. Each is flushed by itself, so more would only take memory.
const GROUP_MAX: usize = 2;

/// The [`Storage`] of one session on a shared [`Chip`]. When it is dropped, what it has open is
/// closed, and what it was writing is kept.
pub struct ChipSession<'a, V: Volume, const FILES: usize> {
    chip: &'a RefCell<Chip<V, FILES>>,
    number: u32,
    group: Deque<Finished, GROUP_MAX>,
    results: Deque<(Receipt, Result<Durability, Error>), GROUP_MAX>,
}

/// A file of a [`Chip`] that is open for reading.
pub struct ChipFile<V: Volume> {
    pub(super) number: u32,
    pub(super) mount: u32,
    pub(super) file: V::File,
    /// As it was opened: nothing changes below an open handle.
    pub(super) metadata: Metadata,
}

/// A folder of a [`Chip`] that is being listed.
pub struct ChipFolder<V: Volume> {
    /// None for the root, which nobody removes.
    pub(super) number: Option<u32>,
    pub(super) mount: u32,
    pub(super) listing: V::Listing,
}

/// A staged file of a [`Chip`].
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ChipStaged {
    pub(super) ticket: u32,
    pub(super) mount: u32,
}

impl<V: Volume> ChipFile<V> {
    /// Which of the medium's open files this is, for logs.
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }
}

impl<V: Volume> ChipFolder<V> {
    /// Likewise.
    pub(crate) const fn number(&self) -> Option<u32> {
        self.number
    }
}

struct Finished {
    staged: ChipStaged,
    receipt: Receipt,
    modified: Option<u64>,
}

impl<'a, V: Volume, const FILES: usize> ChipSession<'a, V, FILES> {
    /// One more session on this medium.
    pub fn new(chip: &'a RefCell<Chip<V, FILES>>) -> Self {
        let number = chip.try_borrow_mut().map_or(0, |mut chip| chip.number());
        Self { chip, number, group: Deque::new(), results: Deque::new() }
    }

    /// Which of the medium's sessions this is, for logs.
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    /// The medium, for the duration of one call.
    fn chip(&self) -> Result<RefMut<'a, Chip<V, FILES>>, Error> {
        self.chip.try_borrow_mut().map_err(|_| Error::Busy)
    }
}

impl<V: Volume, const FILES: usize> Drop for ChipSession<'_, V, FILES> {
    fn drop(&mut self) {
        if let Ok(mut chip) = self.chip() {
            chip.end_session(self.number);
        }
    }
}

impl<V: Volume, const FILES: usize> Storage for ChipSession<'_, V, FILES> {
    type File = ChipFile<V>;
    type Folder = ChipFolder<V>;
    type Staged = ChipStaged;
    type Error = Error;

    fn facts(&mut self) -> Result<Facts, Error> {
        let mut chip = self.chip()?;
        chip.ready()?;
        chip.volume.facts()
    }

    fn space(&mut self) -> Result<Space, Error> {
        let mut chip = self.chip()?;
        chip.ready()?;
        chip.volume.space()
    }

    fn stat(&mut self, path: Path<'_>) -> Result<Metadata, Error> {
        self.chip()?.stat(path)
    }

    fn open(&mut self, path: Path<'_>) -> Result<(ChipFile<V>, Metadata), Error> {
        self.chip()?.open(path, self.number)
    }

    fn open_partial(&mut self, path: Path<'_>) -> Result<(ChipFile<V>, Metadata), Error> {
        self.chip()?.open_partial(path, self.number)
    }

    fn read_at(
        &mut self,
        file: &mut ChipFile<V>,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Error> {
        let mut chip = self.chip()?;
        chip.check(file.mount)?;
        chip.readers.check(file.number)?;
        chip.volume.read(&mut file.file, offset, buffer)
    }

    fn metadata(&mut self, file: &mut ChipFile<V>) -> Result<Metadata, Error> {
        let mut chip = self.chip()?;
        chip.check(file.mount)?;
        chip.readers.check(file.number)?;
        Ok(file.metadata)
    }

    fn close(&mut self, file: ChipFile<V>) {
        let Ok(mut chip) = self.chip() else { return };
        if file.mount == chip.mount {
            chip.readers.close(file.number);
            chip.volume.close(file.file);
        }
    }

    fn open_folder(&mut self, path: Path<'_>) -> Result<ChipFolder<V>, Error> {
        self.chip()?.open_folder(path, self.number)
    }

    fn next_entry(
        &mut self,
        folder: &mut ChipFolder<V>,
        name: &mut [u8],
    ) -> Result<Option<(Metadata, usize)>, Error> {
        let mut chip = self.chip()?;
        chip.check(folder.mount)?;
        chip.volume.next(&mut folder.listing, name)
    }

    fn close_folder(&mut self, folder: ChipFolder<V>) {
        let Ok(mut chip) = self.chip() else { return };
        if folder.mount == chip.mount {
            if let Some(number) = folder.number {
                chip.readers.close(number);
            }
            chip.volume.close_listing(folder.listing);
        }
    }

    fn stage(&mut self, path: Path<'_>, size: Option<u64>) -> Result<ChipStaged, Error> {
        self.chip()?.stage(path, size, self.number)
    }

    fn resume(&mut self, path: Path<'_>, size: Option<u64>) -> Result<(ChipStaged, u64), Error> {
        self.chip()?.resume(path, size, self.number)
    }

    fn read_staged(
        &mut self,
        staged: &mut ChipStaged,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Error> {
        self.chip()?.read_staged(staged, offset, buffer)
    }

    fn truncate(&mut self, staged: &mut ChipStaged, length: u64) -> Result<(), Error> {
        self.chip()?.truncate(staged, length)
    }

    fn write_at(
        &mut self,
        staged: &mut ChipStaged,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, Error> {
        self.chip()?.write(staged, offset, data)
    }

    fn alive(&mut self, staged: &mut ChipStaged) {
        if let Ok(mut chip) = self.chip() {
            chip.alive(staged);
        }
    }

    fn finish(&mut self, staged: ChipStaged, receipt: Receipt, modified: Option<u64>) -> bool {
        if self.group.is_full() {
            self.commit();
        }
        if let Err(refused) = self.group.push_back(Finished { staged, receipt, modified }) {
            // Only where results were never collected: the file is not lost.
            self.keep(refused.staged);
        }
        !self.group.is_full()
    }

    fn keep(&mut self, staged: ChipStaged) {
        if let Ok(mut chip) = self.chip() {
            chip.keep(&staged);
        }
    }

    fn discard(&mut self, staged: ChipStaged) {
        if let Ok(mut chip) = self.chip() {
            chip.discard(&staged);
        }
    }

    fn commit(&mut self) {
        while !self.results.is_full() {
            let Some(Finished { staged, receipt, modified }) = self.group.pop_front() else {
                break;
            };
            let result = self.chip().and_then(|mut chip| chip.commit(&staged, modified));
            // There is room: the loop asked.
            let _ = self.results.push_back((receipt, result));
        }
    }

    fn committed(&mut self) -> Option<(Receipt, Result<Durability, Error>)> {
        self.results.pop_front()
    }

    fn forget(&mut self, path: Path<'_>) -> Result<(), Error> {
        self.chip()?.forget(path, self.number)
    }

    fn remove(&mut self, path: Path<'_>) -> Result<(), Error> {
        self.chip()?.remove(path)
    }

    fn make_folder(&mut self, path: Path<'_>) -> Result<(), Error> {
        self.chip()?.make_folder(path)
    }

    fn rename(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), Error> {
        self.chip()?.rename(from, to)
    }
}
