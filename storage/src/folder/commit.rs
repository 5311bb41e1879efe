//! Making finished files durable and visible, a group at a time.

use std::io;
use std::sync::Arc;

use coracle::{Durability, Receipt};
use rustix::io::Errno;

use super::Shared;
use super::error::{FolderError, MOVED};
use super::lookup::Parent;
use super::registry::StagedFile;
use super::staged::FolderStaged;

/// Above so many files, one flush of the whole file system is cheaper than one each.
const FLUSH_EACH_MAX: usize = 8;

pub(super) struct Finished {
    pub(super) staged: FolderStaged,
    pub(super) receipt: Receipt,
    pub(super) modified: Option<u64>,
}

pub(super) type Outcome = (Receipt, Result<Durability, FolderError>);

/// A finished file on its way.
struct Candidate {
    staged: FolderStaged,
    receipt: Receipt,
    /// The file until it is renamed, then nothing; or why it is not.
    state: Result<Option<StagedFile>, FolderError>,
}

impl Shared {
    /// Commit a group, in order. One may fail without the others.
    pub(super) fn commit(&self, group: Vec<Finished>) -> impl Iterator<Item = Outcome> + use<> {
        let durability = self.options.durability;
        let mut group: Vec<_> = group.into_iter().map(|file| self.prepare(file)).collect();
        if durability == Durability::Flushed {
            self.flush(&mut group);
        }
        self.rename(&mut group);
        if durability == Durability::Flushed {
            self.flush_folders(&mut group);
        }
        for file in group.iter().filter(|file| file.state.is_ok()) {
            let place = &file.staged.place;
            self.discard_partials(&place.parent, place.hash(), None);
        }
        group.into_iter().map(move |file| (file.receipt, file.state.map(|_| durability)))
    }

    /// Times and permissions come before the flush, so that it covers them.
    fn prepare(&self, finished: Finished) -> Candidate {
        let Finished { staged, receipt, modified } = finished;
        let state = staged.take().and_then(|file| {
            let mode = staged.mode.map_or(Ok(()), |mode| self.set_mode(&file, mode));
            let time = modified.map_or(Ok(()), |time| self.files.set_modified(&file.file, time));
            match mode.and(time) {
                Ok(()) => Ok(Some(file)),
                Err(error) => {
                    staged.put_back(file);
                    Err(error.into())
                }
            }
        });
        Candidate { staged, receipt, state }
    }

    /// Where the file system has no permissions, nothing is lost: the staged file was never open
    /// to more than the file it replaces.
    pub(super) fn set_mode(&self, file: &StagedFile, mode: u32) -> io::Result<()> {
        self.files.set_mode(&file.file, mode).or_else(|error| match Errno::from_io_error(&error) {
            Some(Errno::PERM | Errno::NOTSUP) => Ok(()),
            _ => Err(error),
        })
    }

    fn flush(&self, group: &mut [Candidate]) {
        let mut devices: Vec<u64> = group.iter().map(Candidate::device).collect();
        devices.sort_unstable();
        devices.dedup();
        for device in devices {
            let mut files: Vec<_> =
                group.iter_mut().filter(|file| file.device() == device).collect();
            if files.len() > FLUSH_EACH_MAX && self.flush_at_once(&files) {
                continue;
            }
            for file in &mut files {
                self.flush_one(file);
            }
        }
    }

    /// Flush the file system. If that fails, flushing each file tells which are lost.
    fn flush_at_once(&self, files: &[&mut Candidate]) -> bool {
        let mut open = files.iter().filter_map(|file| file.state.as_ref().ok()?.as_ref());
        open.next().is_none_or(|any| self.files.flush_medium(&any.file).is_ok())
    }

    /// After a failed flush nobody knows which bytes the medium has, and a second flush would
    /// not tell: such a file is no partial to go on from.
    fn flush_one(&self, candidate: &mut Candidate) {
        let Ok(Some(file)) = &mut candidate.state else { return };
        if let Err(error) = self.files.flush(&file.file) {
            file.length = 0;
            candidate.fail(error.into());
        }
    }

    /// Put each file in its place, unless the path leads elsewhere by now: a receipt must not
    /// name a file that landed in a folder of another name.
    fn rename(&self, group: &mut [Candidate]) {
        let mut checked: Option<(Arc<Parent>, bool)> = None;
        for candidate in group {
            let parent = Arc::clone(&candidate.staged.place.parent);
            let current = match &checked {
                Some((last, current)) if Arc::ptr_eq(last, &parent) => *current,
                _ => parent.is_current(&self.root.dir),
            };
            checked = Some((Arc::clone(&parent), current));
            let Ok(Some(file)) = &candidate.state else { continue };
            if !current {
                candidate.fail(MOVED.into());
                continue;
            }
            let (dir, name) = (&parent.dir, &*candidate.staged.place.name);
            match self.files.rename(dir, file.name.as_bytes(), dir, name) {
                Ok(()) => candidate.state = Ok(None),
                Err(error) => candidate.fail(error.into()),
            }
        }
    }

    /// Flush each folder once. A file whose new name may not have reached the medium is not
    /// reported as durable, though it is visible.
    fn flush_folders(&self, group: &mut [Candidate]) {
        let mut flushed: Vec<(Arc<Parent>, Result<(), FolderError>)> = Vec::new();
        for candidate in group.iter_mut().filter(|candidate| candidate.state.is_ok()) {
            let parent = &candidate.staged.place.parent;
            let known = flushed.iter().find(|(other, _)| other.id == parent.id);
            let result = match known {
                Some((_, result)) => result.clone(),
                None => {
                    let result = self.files.flush_folder(&parent.dir).map_err(FolderError::from);
                    flushed.push((Arc::clone(parent), result.clone()));
                    result
                }
            };
            if let Err(error) = result {
                candidate.state = Err(error);
            }
        }
    }
}

impl Candidate {
    fn device(&self) -> u64 {
        self.staged.place.parent.id.device
    }

    fn fail(&mut self, error: FolderError) {
        if let Ok(Some(file)) = core::mem::replace(&mut self.state, Err(error)) {
            self.staged.put_back(file);
        }
    }
}
