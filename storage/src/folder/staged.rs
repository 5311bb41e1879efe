//! A staged file in the hands of a session.

use std::sync::Arc;

use rustix::fs::Stat;

use super::Shared;
use super::error::{BUSY, FolderError, TOO_LARGE, TOOK_NOTHING};
use super::files::Files;
use super::lookup::{Parent, Place, Target};
use super::partials::{StagedName, hash_of, is_locked};
use super::registry::{Claim, Hold, Key, StagedFile};

/// Permissions of a new file, less the umask.
const MODE: u32 = 0o666;

/// A staged file of a [`Folder`](super::Folder). Dropped without further ado, it is kept as a
/// partial.
pub struct FolderStaged {
    shared: Arc<Shared>,
    pub(super) place: Place,
    key: Key,
    claim: Arc<Claim>,
    /// Permissions of the file to be replaced.
    pub(super) mode: Option<u32>,
    discard: bool,
}

impl FolderStaged {
    /// Claim a path; there is no file yet.
    pub(super) fn claim(
        shared: &Arc<Shared>,
        session: u64,
        target: Target,
    ) -> Result<Self, FolderError> {
        let Target { place, found } = target;
        let key = place.key();
        let now = shared.files.now();
        let (claim, stalled) = shared
            .registry
            .claim(&key, session, now, shared.options.ownership)
            .map_err(|_| BUSY)?;
        let mode = found.map(|stat: Stat| stat.st_mode & 0o777);
        let shared = Arc::clone(shared);
        let staged = Self { shared, place, key, claim, mode, discard: false };
        for file in stalled {
            staged.shared.put_away(&staged.place.parent, file);
        }
        Ok(staged)
    }

    /// Make a fresh file. Nobody may read it who may not read the file that it replaces.
    pub(super) fn create(&self) -> Result<(), FolderError> {
        let name = StagedName::fresh(&self.place.name)?;
        let mode = self.mode.map_or(MODE, narrowed);
        let files = &self.shared.files;
        let file = files.create(&self.place.parent.dir, name.as_bytes(), mode)?;
        // The name is new: at most a search of another process holds the lock for a moment.
        is_locked(&file);
        self.begin(StagedFile { file, name, length: 0 });
        Ok(())
    }

    /// The same for a partial: what it is to replace may be another file than when it began.
    pub(super) fn narrow(&self, file: &StagedFile) -> Result<(), FolderError> {
        let mode = self.mode.map(narrowed);
        Ok(mode.map_or(Ok(()), |mode| self.shared.set_mode(file, mode))?)
    }

    pub(super) fn begin(&self, file: StagedFile) {
        let mut hold = self.claim.hold();
        *hold = Hold { file: Some(file), progress: self.shared.files.now(), pinned: false };
    }

    pub(super) fn write_at(&self, offset: u64, data: &[u8]) -> Result<usize, FolderError> {
        self.with(|files, hold| {
            let staged = hold.file.as_mut().ok_or(BUSY)?;
            hold.progress = files.now();
            let written = files.write_at(&staged.file, data, offset)?;
            if written == 0 && !data.is_empty() {
                return Err(TOOK_NOTHING.into());
            }
            let end = offset.checked_add(written as u64).ok_or(TOO_LARGE)?;
            staged.length = staged.length.max(end);
            hold.progress = files.now();
            Ok(written)
        })
    }

    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FolderError> {
        self.with(|files, hold| {
            let staged = hold.file.as_ref().ok_or(BUSY)?;
            let read = files.read_at(&staged.file, buffer, offset)?;
            // Checking what is stored is work on behalf of the client, who waits for it.
            hold.progress = files.now();
            Ok(read)
        })
    }

    pub(super) fn truncate(&self, length: u64) -> Result<(), FolderError> {
        self.with(|files, hold| {
            let staged = hold.file.as_mut().ok_or(BUSY)?;
            let length = length.min(staged.length);
            files.truncate(&staged.file, length)?;
            staged.length = length;
            Ok(())
        })
    }

    pub(super) fn alive(&self) {
        self.claim.hold().progress = self.shared.files.now();
    }

    /// The file, for the commit: from now on nobody takes it over.
    pub(super) fn take(&self) -> Result<StagedFile, FolderError> {
        let mut hold = self.claim.hold();
        let file = hold.file.take().ok_or(BUSY)?;
        hold.pinned = true;
        Ok(file)
    }

    /// The commit failed: the file is kept.
    pub(super) fn put_back(&self, file: StagedFile) {
        self.claim.hold().file = Some(file);
    }

    pub(super) fn discard(mut self) {
        self.discard = true;
    }

    fn with<T>(
        &self,
        step: impl FnOnce(&dyn Files, &mut Hold) -> Result<T, FolderError>,
    ) -> Result<T, FolderError> {
        step(&*self.shared.files, &mut self.claim.hold())
    }
}

impl Drop for FolderStaged {
    fn drop(&mut self) {
        let file = self.claim.hold().file.take();
        if let Some(mut staged) = file {
            if self.discard {
                staged.length = 0;
            }
            self.shared.put_away(&self.place.parent, staged);
        }
        self.shared.registry.release(&self.key, &self.claim);
    }
}

/// Permissions of a staged file that is to replace one with these.
const fn narrowed(mode: u32) -> u32 {
    mode & MODE | 0o600
}

impl Place {
    pub(super) fn key(&self) -> Key {
        Key { folder: self.parent.id, name: self.name.clone() }
    }

    pub(super) fn hash(&self) -> u64 {
        hash_of(&self.name)
    }
}

impl Shared {
    /// Nobody writes this file any more: with bytes it is the partial, without it goes.
    fn put_away(&self, parent: &Parent, staged: StagedFile) {
        let name = staged.name;
        if staged.length == 0 {
            // What cannot be removed now is swept away with the partials after a day.
            let _ = self.files.unlink(&parent.dir, name.as_bytes());
            return;
        }
        self.discard_partials(parent, name.hash(), Some(name));
        self.registry.add(parent.id, name);
    }
}
