//! A folder as one session sees it.

use core::sync::atomic::Ordering;
use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use coracle::{Durability, Facts, Kind, Metadata, Path, Receipt, Space, Storage};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::Shared;
use super::commit::{Finished, Outcome};
use super::error::{
    BUSY, EXISTS, FolderError, INTO_ITSELF, IS_DIRECTORY, IS_ROOT, NO_PARTIAL, NO_SPACE, NOT_EMPTY,
    READ_ONLY, SPECIAL,
};
use super::files::CAREFUL;
use super::listing::FolderListing;
use super::lookup::{Lookup, Parent, Place, Target, check_names, is_link, metadata};
use super::partials::{is_locked, leftovers};
use super::staged::FolderStaged;

/// Files in one commit: each holds a descriptor, and larger groups hardly flush faster.
const GROUP_FILES_MAX: usize = 256;

/// Bytes in one commit: what a slow disk flushes within seconds.
const GROUP_BYTES_MAX: u64 = 16 << 20;

/// Finished files of all sessions together that may wait for their commits.
const WAITING_MAX: usize = 2048;

/// The [`Storage`] of one session on a [`Folder`](super::Folder).
pub struct FolderSession {
    shared: Arc<Shared>,
    number: u64,
    lookup: Lookup,
    group: Vec<Finished>,
    group_bytes: u64,
    results: VecDeque<Outcome>,
}

/// A file of a [`Folder`](super::Folder) that is open for reading.
#[derive(Debug)]
pub struct FolderFile(File);

impl FolderSession {
    pub(super) fn new(shared: Arc<Shared>, number: u64) -> Self {
        Self {
            shared,
            number,
            lookup: Lookup::default(),
            group: Vec::new(),
            group_bytes: 0,
            results: VecDeque::new(),
        }
    }

    fn place(&mut self, path: Path<'_>) -> Result<Option<Place>, FolderError> {
        self.lookup.place(&self.shared, path)
    }

    /// Where a file may be written.
    fn target(&mut self, path: Path<'_>) -> Result<Target, FolderError> {
        self.check_writable()?;
        let target = self.lookup.target(&self.shared, path)?.ok_or(IS_DIRECTORY)?;
        match target.found.as_ref().map(metadata) {
            Some(None) => Err(SPECIAL.into()),
            Some(Some(found)) if found.kind == Kind::Folder => Err(IS_DIRECTORY.into()),
            _ => Ok(target),
        }
    }

    fn check_writable(&self) -> Result<(), FolderError> {
        if self.shared.options.read_only { Err(READ_ONLY.into()) } else { Ok(()) }
    }

    fn check_space(&self, parent: &Parent, more: Option<u64>) -> Result<(), FolderError> {
        let Some(more) = more else { return Ok(()) };
        let space = space(parent)?;
        // Some network file systems do not tell.
        if space.total > 0 && more > space.free { Err(NO_SPACE.into()) } else { Ok(()) }
    }

    /// Names are durable before the client is told (law 10), unless nothing is flushed at all.
    fn flush(&self, parent: &Parent) -> Result<(), FolderError> {
        match self.shared.options.durability {
            Durability::Flushed => Ok(self.shared.files.flush_folder(&parent.dir)?),
            Durability::Cached => Ok(()),
        }
    }

    /// The new name first: after a power cut in between there are two rather than none.
    fn flush_both(&self, new: &Place, old: &Place) -> Result<(), FolderError> {
        self.flush(&new.parent)?;
        if new.parent.id == old.parent.id { Ok(()) } else { self.flush(&old.parent) }
    }

    fn remove_folder(&self, place: &Place) -> Result<(), FolderError> {
        let (dir, files) = (&place.parent.dir, &self.shared.files);
        let Err(error) = files.remove_folder(dir, &place.name) else { return Ok(()) };
        if !matches!(Errno::from_io_error(&error), Some(Errno::NOTEMPTY | Errno::EXIST)) {
            return Err(error.into());
        }
        self.remove_leftovers(place)?;
        Ok(files.remove_folder(dir, &place.name)?)
    }

    /// Remove what uploads left in a folder that holds nothing else.
    fn remove_leftovers(&self, place: &Place) -> Result<(), FolderError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | CAREFUL;
        let fd = rustix::fs::openat(&place.parent.dir, &*place.name, flags, Mode::empty())?;
        let folder = Parent::new(cap_std::fs::Dir::from_std_file(fd.into()), b"")?;
        let leftovers = leftovers(&folder)?.ok_or(NOT_EMPTY)?;
        // Look at all before any is removed: a folder that stays keeps its partials.
        if leftovers.iter().any(|name| self.shared.is_written(&folder, name)) {
            return Err(BUSY.into());
        }
        let removed = leftovers.iter().all(|name| self.shared.remove_unused(&folder, name));
        if removed { Ok(()) } else { Err(BUSY.into()) }
    }
}

impl Drop for FolderSession {
    fn drop(&mut self) {
        self.shared.waiting.fetch_sub(self.group.len(), Ordering::Relaxed);
    }
}

impl Storage for FolderSession {
    type File = FolderFile;
    type Folder = FolderListing;
    type Staged = FolderStaged;
    type Error = FolderError;

    fn facts(&mut self) -> Result<Facts, FolderError> {
        let space = self.space()?;
        Ok(Facts {
            case_sensitive: self.shared.case_sensitive,
            atomic_replace: true,
            free: (space.total > 0).then_some(space.free),
            largest: None,
        })
    }

    fn space(&mut self) -> Result<Space, FolderError> {
        space(&self.shared.root)
    }

    fn stat(&mut self, path: Path<'_>) -> Result<Metadata, FolderError> {
        let stat = match self.place(path)? {
            None => rustix::fs::fstat(&self.shared.root.dir)?,
            Some(place) => match place.existing()? {
                stat if is_link(&stat) => self.shared.follow(path)?,
                stat => stat,
            },
        };
        metadata(&stat).ok_or_else(|| SPECIAL.into())
    }

    fn open(&mut self, path: Path<'_>) -> Result<(FolderFile, Metadata), FolderError> {
        let place = self.place(path)?.ok_or(IS_DIRECTORY)?;
        let open = || {
            let flags = OFlags::RDONLY | CAREFUL;
            rustix::fs::openat(&place.parent.dir, &*place.name, flags, Mode::empty())
        };
        let file = match retry_on_intr(open) {
            Ok(fd) => File::from(fd),
            Err(Errno::LOOP) => self.shared.open_followed(path)?,
            Err(errno) => return Err(errno.into()),
        };
        opened(file)
    }

    fn open_partial(&mut self, path: Path<'_>) -> Result<(FolderFile, Metadata), FolderError> {
        let place = self.lookup.target(&self.shared, path)?.ok_or(NO_PARTIAL)?.place;
        let (now, patience) = (self.shared.files.now(), self.shared.options.ownership);
        let stalled = self
            .shared
            .registry
            .peek(&place.key(), self.number, now, patience)
            .map_err(|_| BUSY)?;
        let name = match stalled {
            Some(name) => name,
            None => {
                let stored = self.shared.partials(&place.parent, place.hash())?;
                *stored.first().ok_or(NO_PARTIAL)?
            }
        };
        let flags = OFlags::RDONLY | CAREFUL;
        let dir = &place.parent.dir;
        let file = File::from(rustix::fs::openat(dir, name.as_bytes(), flags, Mode::empty())?);
        if stalled.is_none() {
            if is_locked(&file) {
                return Err(BUSY.into());
            }
            // Readers keep no lock: a resume need not wait for them.
            file.unlock()?;
        }
        opened(file)
    }

    fn read_at(
        &mut self,
        file: &mut FolderFile,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, FolderError> {
        Ok(self.shared.files.read_at(&file.0, buffer, offset)?)
    }

    fn metadata(&mut self, file: &mut FolderFile) -> Result<Metadata, FolderError> {
        metadata(&rustix::fs::fstat(&file.0)?).ok_or_else(|| SPECIAL.into())
    }

    fn close(&mut self, _file: FolderFile) {}

    fn open_folder(&mut self, path: Path<'_>) -> Result<FolderListing, FolderError> {
        FolderListing::open(&self.shared, path)
    }

    fn next_entry(
        &mut self,
        folder: &mut FolderListing,
        name: &mut [u8],
    ) -> Result<Option<(Metadata, usize)>, FolderError> {
        folder.next(name)
    }

    fn close_folder(&mut self, _folder: FolderListing) {}

    fn stage(&mut self, path: Path<'_>, size: Option<u64>) -> Result<FolderStaged, FolderError> {
        let target = self.target(path)?;
        self.check_space(&target.place.parent, size)?;
        self.shared.survey(&target.place.parent)?;
        let staged = FolderStaged::claim(&self.shared, self.number, target)?;
        staged.create()?;
        Ok(staged)
    }

    fn resume(
        &mut self,
        path: Path<'_>,
        size: Option<u64>,
    ) -> Result<(FolderStaged, u64), FolderError> {
        let target = self.target(path)?;
        self.shared.survey(&target.place.parent)?;
        let staged = FolderStaged::claim(&self.shared, self.number, target)?;
        let (parent, hash) = (&staged.place.parent, staged.place.hash());
        for name in self.shared.partials(parent, hash)? {
            let Some(file) = self.shared.reopen(parent, name)? else { continue };
            let stored = file.length;
            self.check_space(parent, size.map(|size| size.saturating_sub(stored)))?;
            staged.narrow(&file)?;
            self.shared.discard_partials(parent, hash, Some(name));
            staged.begin(file);
            return Ok((staged, stored));
        }
        Err(NO_PARTIAL.into())
    }

    fn read_staged(
        &mut self,
        staged: &mut FolderStaged,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, FolderError> {
        staged.read_at(offset, buffer)
    }

    fn truncate(&mut self, staged: &mut FolderStaged, length: u64) -> Result<(), FolderError> {
        staged.truncate(length)
    }

    fn write_at(
        &mut self,
        staged: &mut FolderStaged,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, FolderError> {
        staged.write_at(offset, data)
    }

    fn alive(&mut self, staged: &mut FolderStaged) {
        staged.alive();
    }

    fn finish(&mut self, staged: FolderStaged, receipt: Receipt, modified: Option<u64>) -> bool {
        self.group_bytes = self.group_bytes.saturating_add(receipt.length);
        self.group.push(Finished { staged, receipt, modified });
        let waiting = self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        self.group.len() < GROUP_FILES_MAX
            && self.group_bytes < GROUP_BYTES_MAX
            && waiting < WAITING_MAX
    }

    fn keep(&mut self, staged: FolderStaged) {
        drop(staged);
    }

    fn discard(&mut self, staged: FolderStaged) {
        staged.discard();
    }

    fn commit(&mut self) {
        let group = core::mem::take(&mut self.group);
        self.group_bytes = 0;
        self.shared.waiting.fetch_sub(group.len(), Ordering::Relaxed);
        if !group.is_empty() {
            self.results.extend(self.shared.commit(group));
        }
    }

    fn committed(&mut self) -> Option<Outcome> {
        let outcome = self.results.pop_front();
        if self.results.is_empty() {
            // An idle session keeps no memory of its largest group.
            self.results = VecDeque::new();
        }
        outcome
    }

    fn forget(&mut self, path: Path<'_>) -> Result<(), FolderError> {
        self.check_writable()?;
        let target = self.lookup.target(&self.shared, path)?.ok_or(NO_PARTIAL)?;
        let claimed = FolderStaged::claim(&self.shared, self.number, target)?;
        let (parent, hash) = (&claimed.place.parent, claimed.place.hash());
        let stored = self.shared.partials(parent, hash)?;
        if stored.is_empty() {
            return Err(NO_PARTIAL.into());
        }
        self.shared.discard_partials(parent, hash, None);
        let gone = stored.iter().all(|name| self.shared.remove_unused(parent, name));
        if gone { Ok(()) } else { Err(BUSY.into()) }
    }

    fn remove(&mut self, path: Path<'_>) -> Result<(), FolderError> {
        self.check_writable()?;
        let place = self.place(path)?.ok_or(IS_ROOT)?;
        let found = metadata(&place.existing()?);
        if found.is_some_and(|found| found.kind == Kind::Folder) {
            self.remove_folder(&place)?;
        } else {
            self.shared.files.unlink(&place.parent.dir, &place.name)?;
        }
        self.flush(&place.parent)
    }

    fn make_folder(&mut self, path: Path<'_>) -> Result<(), FolderError> {
        self.check_writable()?;
        let place = self.place(path)?.ok_or(EXISTS)?;
        self.shared.files.make_folder(&place.parent.dir, &place.name)?;
        self.flush(&place.parent)
    }

    fn rename(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), FolderError> {
        self.check_writable()?;
        check_names(to)?;
        let old = self.place(from)?.ok_or(IS_ROOT)?;
        let found = metadata(&old.existing()?);
        let is_folder = found.is_some_and(|found| found.kind == Kind::Folder);
        if is_folder && to.is_within(from) {
            return Err(INTO_ITSELF.into());
        }
        let new = self.place(to)?.ok_or(IS_ROOT)?;
        let (from, to, files) = (&old.parent.dir, &new.parent.dir, &self.shared.files);
        if is_folder {
            files.rename_folder(from, &old.name, to, &new.name)?;
        } else {
            files.rename(from, &old.name, to, &new.name)?;
        }
        self.flush_both(&new, &old)
    }
}

fn opened(file: File) -> Result<(FolderFile, Metadata), FolderError> {
    match metadata(&rustix::fs::fstat(&file)?) {
        Some(found) if found.kind == Kind::File => Ok((FolderFile(file), found)),
        Some(_) => Err(IS_DIRECTORY.into()),
        None => Err(SPECIAL.into()),
    }
}

fn space(parent: &Parent) -> Result<Space, FolderError> {
    let stat = rustix::fs::fstatvfs(&parent.dir)?;
    Ok(Space {
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
    })
}
