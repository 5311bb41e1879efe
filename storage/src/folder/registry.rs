//! What the sessions of one server must agree on: who writes which path, and which partials
//! there are.

use core::time::Duration;
use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::lookup::FolderId;
use super::partials::StagedName;

/// A folder is searched for partials when first written to, then this often: other processes
/// are not expected to leave any.
const SCAN_INTERVAL: Duration = Duration::from_secs(3600);

/// Folders remembered; beyond, they are searched again.
const FOLDERS_MAX: usize = 1024;

#[derive(Default)]
pub(super) struct Registry(Mutex<Books>);

#[derive(Default)]
struct Books {
    claims: HashMap<Key, Vec<Arc<Claim>>>,
    folders: HashMap<FolderId, Known>,
}

/// A path as the file system knows it: the same by whatever links and through renames of
/// folders.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) folder: FolderId,
    pub(super) name: Box<[u8]>,
}

/// One session's hold on a path. Several of one session are several files of its group.
pub(super) struct Claim {
    session: u64,
    hold: Mutex<Hold>,
}

pub(super) struct Hold {
    /// `None` while there is no file yet, and for ever once another session took over.
    pub(super) file: Option<StagedFile>,
    pub(super) progress: Instant,
    /// Being made or committed: nobody takes over in the middle of it.
    pub(super) pinned: bool,
}

/// A staged file, locked by its descriptor against other processes.
pub(super) struct StagedFile {
    pub(super) file: File,
    pub(super) name: StagedName,
    pub(super) length: u64,
}

struct Known {
    scanned: Instant,
    partials: HashMap<u64, Vec<StagedName>>,
}

/// Another session makes progress with this path.
pub(super) struct Owned;

impl Claim {
    /// Held through each step on the file, so that nobody takes over in the middle of one.
    pub(super) fn hold(&self) -> MutexGuard<'_, Hold> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hold, if its session stopped making progress `since` or before.
    fn stalled(&self, since: Option<Instant>) -> Result<MutexGuard<'_, Hold>, Owned> {
        let hold = self.hold.try_lock().map_err(|_| Owned)?;
        match since {
            Some(since) if !hold.pinned && hold.progress <= since => Ok(hold),
            _ => Err(Owned),
        }
    }
}

impl Registry {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claim a path for a session. What stalled sessions had of it is handed over.
    pub(super) fn claim(
        &self,
        key: &Key,
        session: u64,
        now: Instant,
        patience: Duration,
    ) -> Result<(Arc<Claim>, Vec<StagedFile>), Owned> {
        let hold = Mutex::new(Hold { file: None, progress: now, pinned: true });
        let claim = Arc::new(Claim { session, hold });
        let mut books = self.books();
        let Some(holders) = books.claims.get_mut(key) else {
            books.claims.insert(key.clone(), vec![Arc::clone(&claim)]);
            return Ok((claim, Vec::new()));
        };
        let since = now.checked_sub(patience);
        let mut taken = Vec::new();
        {
            let others = holders.iter().filter(|holder| holder.session != session);
            let stalled: Result<Vec<_>, _> = others.map(|other| other.stalled(since)).collect();
            taken.extend(stalled?.iter_mut().filter_map(|hold| hold.file.take()));
        }
        holders.retain(|holder| holder.session == session);
        holders.push(Arc::clone(&claim));
        Ok((claim, taken))
    }

    /// The staged file of a stalled session; `None` if nobody has any bytes.
    pub(super) fn peek(
        &self,
        key: &Key,
        session: u64,
        now: Instant,
        patience: Duration,
    ) -> Result<Option<StagedName>, Owned> {
        let books = self.books();
        let holders = books.claims.get(key).map(Vec::as_slice).unwrap_or_default();
        let since = now.checked_sub(patience);
        let mut found = None;
        for other in holders.iter().filter(|holder| holder.session != session) {
            let hold = other.stalled(since)?;
            let file = hold.file.as_ref().filter(|staged| staged.length > 0);
            found = file.map(|staged| staged.name).or(found);
        }
        Ok(found)
    }

    pub(super) fn release(&self, key: &Key, claim: &Arc<Claim>) {
        let mut books = self.books();
        let Some(holders) = books.claims.get_mut(key) else { return };
        holders.retain(|holder| !Arc::ptr_eq(holder, claim));
        if holders.is_empty() {
            books.claims.remove(key);
        }
    }

    /// Whether a folder should be searched for partials.
    pub(super) fn is_due(&self, folder: FolderId, now: Instant) -> bool {
        let books = self.books();
        let known = books.folders.get(&folder);
        known.is_none_or(|known| now.saturating_duration_since(known.scanned) >= SCAN_INTERVAL)
    }

    /// What a search found. Partials known before stay: they may be newer than the search.
    pub(super) fn learn(
        &self,
        folder: FolderId,
        now: Instant,
        found: impl IntoIterator<Item = StagedName>,
    ) {
        let mut books = self.books();
        if books.folders.len() >= FOLDERS_MAX && !books.folders.contains_key(&folder) {
            books.folders.clear();
        }
        let known = books
            .folders
            .entry(folder)
            .or_insert_with(|| Known { scanned: now, partials: HashMap::new() });
        known.scanned = now;
        found.into_iter().for_each(|name| known.add(name));
    }

    /// A file was kept. In a folder that is not remembered a search will find it.
    pub(super) fn add(&self, folder: FolderId, name: StagedName) {
        if let Some(known) = self.books().folders.get_mut(&folder) {
            known.add(name);
        }
    }

    /// The partials of a name, which are no more the registry's business; `None` if the folder
    /// is not remembered.
    pub(super) fn take(&self, folder: FolderId, hash: u64) -> Option<Vec<StagedName>> {
        let mut books = self.books();
        let known = books.folders.get_mut(&folder)?;
        Some(known.partials.remove(&hash).unwrap_or_default())
    }
}

impl Known {
    fn add(&mut self, name: StagedName) {
        let names = self.partials.entry(name.hash()).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }
}
