//! From a path to an open folder and one name in it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path as HostPath;
use std::sync::Arc;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use coracle::{Kind, Metadata, Path};
use rustix::fs::{AtFlags, FileType, OFlags, Stat};
use rustix::io::Errno;

use super::Shared;
use super::error::{FolderError, NOT_FOUND, SPECIAL, STAGED_NAME};
use super::files::{CAREFUL, Files, Host};
use super::partials::{PREFIX, StagedName};

/// A folder in which something is done, held open so that each step is one component.
pub(super) struct Parent {
    pub(super) dir: Dir,
    path: Box<[u8]>,
    pub(super) id: FolderId,
}

/// What tells folders apart, whatever paths lead to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FolderId {
    pub(super) device: u64,
    inode: u64,
}

impl From<&Stat> for FolderId {
    #[allow(clippy::unnecessary_cast, reason = "the types differ from host to host")]
    fn from(stat: &Stat) -> Self {
        Self { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
    }
}

impl Parent {
    pub(super) fn new(dir: Dir, path: &[u8]) -> io::Result<Self> {
        let id = FolderId::from(&rustix::fs::fstat(&dir)?);
        Ok(Self { dir, path: path.into(), id })
    }

    /// Whether the path still leads here. Where it leads instead is not looked at, so that
    /// this question needs no confinement.
    pub(super) fn is_current(&self, root: &Dir) -> bool {
        self.path.is_empty()
            || rustix::fs::statat(root, &*self.path, AtFlags::empty())
                .is_ok_and(|stat| FolderId::from(&stat) == self.id)
    }
}

/// The folder used last: most commands of a session stay in one.
#[derive(Default)]
pub(super) struct Lookup(Option<Arc<Parent>>);

/// A name in an open folder.
pub(super) struct Place {
    pub(super) parent: Arc<Parent>,
    pub(super) name: Box<[u8]>,
}

/// A place where a file may be written, and what is there now.
pub(super) struct Target {
    pub(super) place: Place,
    pub(super) found: Option<Stat>,
}

impl Lookup {
    /// The folder of a path and its name there; `None` for the root.
    pub(super) fn place(
        &mut self,
        shared: &Shared,
        path: Path<'_>,
    ) -> Result<Option<Place>, FolderError> {
        check_names(path)?;
        let Some((parent, name)) = path.parent().zip(path.name()) else { return Ok(None) };
        Ok(Some(Place { parent: self.parent(shared, parent)?, name: name.into() }))
    }

    fn parent(&mut self, shared: &Shared, path: Path<'_>) -> Result<Arc<Parent>, FolderError> {
        if path.is_root() {
            return Ok(Arc::clone(&shared.root));
        }
        let root = &shared.root.dir;
        if let Some(last) = &self.0
            && *last.path == *path.as_bytes()
            && last.is_current(root)
        {
            return Ok(Arc::clone(last));
        }
        let parent = Arc::new(Parent::new(root.open_dir(host(path))?, path.as_bytes())?);
        self.0 = Some(Arc::clone(&parent));
        Ok(parent)
    }

    /// As [`place`](Self::place), and where a link at its end leads to.
    pub(super) fn target(
        &mut self,
        shared: &Shared,
        path: Path<'_>,
    ) -> Result<Option<Target>, FolderError> {
        let Some(place) = self.place(shared, path)? else { return Ok(None) };
        let found = place.stat()?;
        if !found.as_ref().is_some_and(is_link) {
            return Ok(Some(Target { place, found }));
        }
        let real = shared.root.dir.canonicalize(host(path))?.into_os_string().into_vec();
        let real = Path::new(&real).map_err(|_| FolderError::from(SPECIAL))?;
        let Some(place) = self.place(shared, real)? else { return Ok(None) };
        let found = place.stat()?;
        if found.as_ref().is_some_and(is_link) {
            // Somebody exchanges links while we look.
            return Err(SPECIAL.into());
        }
        Ok(Some(Target { place, found }))
    }
}

impl Place {
    /// What is at this place, links not followed.
    pub(super) fn stat(&self) -> Result<Option<Stat>, FolderError> {
        match rustix::fs::statat(&self.parent.dir, &*self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    pub(super) fn existing(&self) -> Result<Stat, FolderError> {
        self.stat()?.ok_or_else(|| NOT_FOUND.into())
    }
}

/// Open to read, through links, without waiting for the other end of a FIFO.
const FOLLOW: OFlags = CAREFUL.difference(OFlags::NOFOLLOW);

/// Open only to look at, so that nothing need be readable.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LOOK: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const LOOK: OFlags = FOLLOW;

impl Shared {
    /// What a link leads to, inside the root.
    pub(super) fn follow(&self, path: Path<'_>) -> Result<Stat, FolderError> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(LOOK.bits() as i32);
        let found = self.root.dir.open_with(host(path), &options)?;
        Ok(rustix::fs::fstat(&found)?)
    }

    /// Open what a link leads to, inside the root.
    pub(super) fn open_followed(&self, path: Path<'_>) -> Result<File, FolderError> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(FOLLOW.bits() as i32);
        Ok(self.root.dir.open_with(host(path), &options)?.into_std())
    }
}

/// Refuse paths with the server's own names. Where case does not matter, other spellings would
/// name the same files.
pub(super) fn check_names(path: Path<'_>) -> Result<(), FolderError> {
    if path.components().any(is_hidden) { Err(STAGED_NAME.into()) } else { Ok(()) }
}

pub(super) fn is_hidden(name: &[u8]) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// A path as the host spells it; the root is `.`.
pub(super) fn host(path: Path<'_>) -> &HostPath {
    let bytes = if path.is_root() { b"." } else { path.as_bytes() };
    HostPath::new(OsStr::from_bytes(bytes))
}

pub(super) fn is_link(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Symlink
}

/// What is told of an entry; `None` for what is neither file nor folder.
#[allow(clippy::unnecessary_cast, reason = "the types differ from host to host")]
pub(super) fn metadata(stat: &Stat) -> Option<Metadata> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        _ => return None,
    };
    let size = if kind == Kind::File { stat.st_size as u64 } else { 0 };
    Some(Metadata { kind, size, modified: u64::try_from(stat.st_mtime).ok(), stamp: stamp(stat) })
}

/// Differs when the content was changed (time, size) or replaced (inode).
#[allow(clippy::unnecessary_cast, reason = "the types differ from host to host")]
fn stamp(stat: &Stat) -> u64 {
    let nanoseconds =
        (stat.st_mtime as u64).wrapping_mul(1_000_000_000).wrapping_add(stat.st_mtime_nsec as u64);
    nanoseconds ^ (stat.st_size as u64).rotate_left(44) ^ (stat.st_ino as u64).rotate_left(20)
}

/// Whether names that differ in case only are one name here: a file is made and looked up in
/// upper case. Where no file can be made, nobody can collide either.
pub(super) fn folds_case(dir: &Dir) -> bool {
    let Ok(probe) = StagedName::fresh(b"") else { return false };
    if Host.create(dir, probe.as_bytes(), 0o600).is_err() {
        return false;
    }
    let upper = probe.as_bytes().to_ascii_uppercase();
    let folds = rustix::fs::statat(dir, &*upper, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    // A leftover is swept away with the partials after a day.
    let _ = Host.unlink(dir, probe.as_bytes());
    folds
}
