//! Names of staged files, and finding and removing those that nobody writes.

use core::cmp::Reverse;
use core::time::Duration;
use std::fs::{File, TryLockError};
use std::io;
use std::time::SystemTime;

use rustix::fs::{AtFlags, Dir as Entries, FileType, Stat};

use super::Shared;
use super::error::{BUSY, FolderError};
use super::files::readable;
use super::lookup::Parent;
use super::registry::StagedFile;

/// What the server's own names begin with.
pub(super) const PREFIX: &[u8] = b".coracle-";

/// Hexadecimal digits of the hash of the final name, by which a partial is found again.
const HASH_LEN: usize = 16;

/// Random bytes in a name: nobody can make the file beforehand.
const RANDOM_LEN: usize = 16;

const NAME_LEN: usize = PREFIX.len() + HASH_LEN + 1 + 2 * RANDOM_LEN;

/// Age at which a partial that nobody writes is removed.
const PARTIAL_AGE: Duration = Duration::from_secs(24 * 3600);

/// `.coracle-<hash>-<random>`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct StagedName([u8; NAME_LEN]);

impl StagedName {
    /// A name that nobody can guess, for a file that is to be named `name`.
    pub(super) fn fresh(name: &[u8]) -> io::Result<Self> {
        let mut random = [0; RANDOM_LEN];
        getrandom::fill(&mut random)?;
        let mut staged = [b'-'; NAME_LEN];
        let (start, rest) = staged.split_at_mut(PREFIX.len());
        start.copy_from_slice(PREFIX);
        let (hash, rest) = rest.split_at_mut(HASH_LEN);
        write_hex(hash, &hash_of(name).to_be_bytes());
        write_hex(&mut rest[1..], &random);
        Ok(Self(staged))
    }

    fn parse(name: &[u8]) -> Option<Self> {
        let staged = Self(name.try_into().ok()?);
        let hex = name.strip_prefix(PREFIX)?;
        let well_formed = hex.iter().enumerate().all(|(at, &byte)| {
            if at == HASH_LEN { byte == b'-' } else { matches!(byte, b'0'..=b'9' | b'a'..=b'f') }
        });
        well_formed.then_some(staged)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The hash of the final name.
    pub(super) fn hash(&self) -> u64 {
        let digits = self.0.get(PREFIX.len()..PREFIX.len() + HASH_LEN).unwrap_or_default();
        core::str::from_utf8(digits)
            .ok()
            .and_then(|hex| u64::from_str_radix(hex, 16).ok())
            .unwrap_or(0)
    }
}

fn write_hex(to: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in to.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// FNV-1a: the same in every version and on every machine, as names on disk must be.
pub(super) fn hash_of(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Shared {
    /// Before the first file is staged in a folder: learn what uploads left there, and remove
    /// what is too old.
    pub(super) fn survey(&self, parent: &Parent) -> Result<(), FolderError> {
        let now = self.files.now();
        if !self.registry.is_due(parent.id, now) {
            return Ok(());
        }
        let limit = self.files.today().checked_sub(PARTIAL_AGE);
        let mut found = staged_names(parent)?;
        found.retain(|name| {
            let old = changed(parent, name).is_some_and(|changed| Some(changed) < limit);
            !(old && self.remove_unused(parent, name))
        });
        self.registry.learn(parent.id, now, found);
        Ok(())
    }

    /// What is stored under the hash of a name, newest first, empty ones left out.
    pub(super) fn partials(
        &self,
        parent: &Parent,
        hash: u64,
    ) -> Result<Vec<StagedName>, FolderError> {
        let mut found = Vec::new();
        for name in staged_names(parent)?.into_iter().filter(|name| name.hash() == hash) {
            if let Some(stat) = stat(parent, &name).filter(|stat| stat.st_size > 0) {
                found.push(((stat.st_ctime, stat.st_ctime_nsec), name));
            }
        }
        found.sort_unstable_by_key(|&(changed, _)| Reverse(changed));
        Ok(found.into_iter().map(|(_, name)| name).collect())
    }

    /// Open a partial and lock it against other processes; `None` if it went meanwhile.
    pub(super) fn reopen(
        &self,
        parent: &Parent,
        name: StagedName,
    ) -> Result<Option<StagedFile>, FolderError> {
        let file = match self.files.reopen(&parent.dir, name.as_bytes()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if is_locked(&file) {
            return Err(BUSY.into());
        }
        let stat = rustix::fs::fstat(&file)?;
        // Between opening and locking, a commit elsewhere may have renamed or removed it.
        let ours = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && self::stat(parent, &name).is_some_and(|named| named.st_ino == stat.st_ino);
        Ok(ours.then(|| StagedFile { file, name, length: stat.st_size as u64 }))
    }

    /// Discard every partial of a name but `except`, as far as nobody writes them.
    pub(super) fn discard_partials(&self, parent: &Parent, hash: u64, except: Option<StagedName>) {
        let stored = self.registry.take(parent.id, hash).unwrap_or_else(|| {
            // What cannot be found now is found by the search before the next upload.
            let mut stored = staged_names(parent).unwrap_or_default();
            stored.retain(|name| name.hash() == hash);
            stored
        });
        for name in stored {
            if Some(name) != except {
                self.remove_unused(parent, &name);
            }
        }
    }

    /// Whether a session writes this staged file now.
    pub(super) fn is_written(&self, parent: &Parent, name: &StagedName) -> bool {
        self.files.reopen(&parent.dir, name.as_bytes()).is_ok_and(|file| is_locked(&file))
    }

    /// Remove a staged file unless it is being written; whether it is gone.
    pub(super) fn remove_unused(&self, parent: &Parent, name: &StagedName) -> bool {
        match self.files.reopen(&parent.dir, name.as_bytes()) {
            Ok(file) if is_locked(&file) => false,
            Ok(_) => self.files.unlink(&parent.dir, name.as_bytes()).is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

/// Whether another descriptor holds the lock; if not, this one holds it now. A file system
/// without locks has no other process that could hold one.
pub(super) fn is_locked(file: &File) -> bool {
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// Every staged file of a folder.
fn staged_names(parent: &Parent) -> Result<Vec<StagedName>, FolderError> {
    let mut found = Vec::new();
    for entry in Entries::new(readable(&parent.dir)?)? {
        found.extend(StagedName::parse(entry?.file_name().to_bytes()));
    }
    Ok(found)
}

/// The staged files of a folder that holds nothing else; `None` if it does.
pub(super) fn leftovers(parent: &Parent) -> Result<Option<Vec<StagedName>>, FolderError> {
    let mut found = Vec::new();
    for entry in Entries::new(readable(&parent.dir)?)? {
        match entry?.file_name().to_bytes() {
            b"." | b".." => {}
            name => match StagedName::parse(name) {
                Some(name) => found.push(name),
                None => return Ok(None),
            },
        }
    }
    Ok(Some(found))
}

fn stat(parent: &Parent, name: &StagedName) -> Option<Stat> {
    rustix::fs::statat(&parent.dir, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW).ok()
}

/// When a staged file was last touched: unlike the time of modification, nobody sets this.
fn changed(parent: &Parent, name: &StagedName) -> Option<SystemTime> {
    let seconds = u64::try_from(stat(parent, name)?.st_ctime).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_well_formed_and_differ() {
        let name = StagedName::fresh(b"a").unwrap();
        assert!(StagedName::parse(name.as_bytes()) == Some(name));
        assert_eq!(name.hash(), hash_of(b"a"));
        assert!(name != StagedName::fresh(b"a").unwrap());
        assert!(StagedName::parse(b".coracle-x").is_none());
        // Stored on disks: must never change.
        assert_eq!(hash_of(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
