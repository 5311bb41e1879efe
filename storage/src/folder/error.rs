//! Why something failed, and what a peer is told of it.

use core::error::Error;
use std::sync::Arc;
use std::{fmt, io};

use coracle::{Code, Refusal};
use rustix::io::Errno;

/// Why something failed: the [`Refusal`] for the peer, and what the host said, for the log.
#[derive(Clone, Debug)]
pub struct FolderError {
    refusal: Refusal,
    source: Option<Arc<io::Error>>,
}

impl FolderError {
    /// What the peer is told.
    pub const fn refusal(&self) -> Refusal {
        self.refusal
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.refusal, f)
    }
}

impl Error for FolderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|error| error as _)
    }
}

impl From<FolderError> for Refusal {
    fn from(error: FolderError) -> Self {
        error.refusal
    }
}

impl From<Refusal> for FolderError {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, source: None }
    }
}

impl From<Errno> for FolderError {
    fn from(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

impl From<io::Error> for FolderError {
    fn from(error: io::Error) -> Self {
        let refusal = match Errno::from_io_error(&error) {
            Some(errno) => refusal_of(errno),
            // cap-std's own error for what would leave the folder has no number.
            None if error.kind() == io::ErrorKind::PermissionDenied => OUTSIDE,
            None => IO,
        };
        if refusal == IO {
            // The peer is told to look here.
            tracing::warn!(%error, "the medium failed");
        }
        Self { refusal, source: Some(Arc::new(error)) }
    }
}

fn refusal_of(errno: Errno) -> Refusal {
    match errno {
        Errno::NOSPC => NO_SPACE,
        Errno::DQUOT => Refusal::new(Code::NoSpace, "the quota of the server's user is used up"),
        Errno::FBIG => TOO_LARGE,
        Errno::ACCESS | Errno::PERM => {
            Refusal::new(Code::Denied, "the server's user has no permission for this")
        }
        Errno::ROFS => Refusal::new(Code::ReadOnly, "the file system is mounted read-only"),
        Errno::NOENT => NOT_FOUND,
        Errno::NOTDIR => NOT_DIRECTORY,
        Errno::ISDIR => IS_DIRECTORY,
        Errno::NOTEMPTY => NOT_EMPTY,
        Errno::EXIST => EXISTS,
        Errno::LOOP => Refusal::new(Code::Denied, "links lead in a circle, or through too many"),
        Errno::NAMETOOLONG | Errno::ILSEQ | Errno::INVAL => {
            Refusal::new(Code::BadPath, "the file system does not take this name")
        }
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => {
            Refusal::new(Code::Limit, "the server has too many files open; try again later")
        }
        Errno::MLINK => {
            Refusal::new(Code::Limit, "the folder above has as many folders as it can hold")
        }
        Errno::XDEV => {
            Refusal::new(Code::Denied, "a rename cannot cross file systems; copy instead")
        }
        Errno::BUSY | Errno::TXTBSY | Errno::AGAIN => {
            Refusal::new(Code::Busy, "the host uses this; try again later")
        }
        Errno::NXIO | Errno::NODEV => SPECIAL,
        Errno::NOTSUP | Errno::NOSYS => {
            Refusal::new(Code::Unsupported, "the file system does not have this operation")
        }
        _ => IO,
    }
}

pub(super) const BUSY: Refusal =
    Refusal::new(Code::Busy, "another session writes this file; try again later");
pub(super) const EXISTS: Refusal =
    Refusal::new(Code::Exists, "there is something of that name already");
pub(super) const INTO_ITSELF: Refusal =
    Refusal::new(Code::BadArgument, "a folder cannot be moved into itself");
pub(super) const IO: Refusal =
    Refusal::new(Code::Io, "the medium failed; the server's log has more");
pub(super) const IS_DIRECTORY: Refusal =
    Refusal::new(Code::IsDirectory, "the path names a folder; a file is needed");
pub(super) const IS_ROOT: Refusal =
    Refusal::new(Code::Denied, "the served folder itself cannot be changed");
pub(super) const MOVED: Refusal =
    Refusal::new(Code::NotFound, "the folder was moved or removed during the upload");
pub(super) const NAME_BUFFER: Refusal = Refusal::new(Code::Io, "internal: no room for the name");
pub(super) const NOT_DIRECTORY: Refusal =
    Refusal::new(Code::NotDirectory, "a component of the path is not a folder");
pub(super) const NOT_EMPTY: Refusal =
    Refusal::new(Code::NotEmpty, "the folder has entries; remove them first");
pub(super) const NOT_FOUND: Refusal =
    Refusal::new(Code::NotFound, "there is no such file or folder");
pub(super) const REMOVED: Refusal =
    Refusal::new(Code::NotFound, "the folder was removed on the server's machine");
pub(super) const NO_PARTIAL: Refusal =
    Refusal::new(Code::NotFound, "nothing is stored of an interrupted upload of this path");
pub(super) const NO_SPACE: Refusal =
    Refusal::new(Code::NoSpace, "the server's disk is full; the old file is untouched");
pub(super) const OUTSIDE: Refusal =
    Refusal::new(Code::Denied, "a link in the path leads outside the served folder");
pub(super) const READ_ONLY: Refusal =
    Refusal::new(Code::ReadOnly, "this server serves without writing");
pub(super) const SPECIAL: Refusal =
    Refusal::new(Code::Denied, "the path names neither a file nor a folder");
pub(super) const STAGED_NAME: Refusal =
    Refusal::new(Code::BadPath, "names that begin with .coracle- are the server's own");
pub(super) const TOOK_NOTHING: Refusal =
    Refusal::new(Code::Io, "the medium took no byte and gave no reason");
pub(super) const TOO_LARGE: Refusal =
    Refusal::new(Code::TooLarge, "the file is larger than the server's disk can hold");
