//! A folder of the host as a medium.
//!
//! A [`Folder`] is opened once and shared; each session has a [`FolderSession`] of it.
//!
//! - **Confined.** Folders are looked up through `cap-std` (on Linux `openat2` with
//!   `RESOLVE_BENEATH`), then one name is used relative to the open folder and never followed:
//!   no name, no link and no race between a check and its use leads outside. The root itself
//!   may be a link. Links with an absolute target count as leading outside.
//! - **Staged.** An upload is a file `.coracle-<hash of the name>-<random>` in the folder of
//!   its target, made exclusively, locked with `flock` while a session writes it. It is the
//!   partial of an upload that was cut short, also by `kill -9`. Names that begin with
//!   `.coracle-` are hidden and refused.
//! - **Durable.** A commit flushes files, renames them, flushes their folders, in this order.

mod commit;
mod error;
#[doc(hidden)]
pub mod files;
mod listing;
mod lookup;
mod partials;
mod registry;
mod session;
mod staged;

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use std::io;
use std::path::Path as HostPath;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use coracle::Durability;
use coracle::limits::OWNERSHIP_MILLIS;

use self::files::{Files, Host, readable};
use self::lookup::Parent;
use self::registry::Registry;

pub use self::error::FolderError;
pub use self::listing::FolderListing;
pub use self::session::{FolderFile, FolderSession};
pub use self::staged::FolderStaged;

/// How a folder is served.
#[derive(Clone, Copy, Debug)]
pub struct FolderOptions {
    /// Refuse everything that writes.
    pub read_only: bool,
    /// What receipts promise: [`Flushed`](Durability::Flushed) flushes before each, while
    /// [`Cached`](Durability::Cached) never flushes and leaves old or new to the file system's
    /// own order of writing.
    pub durability: Durability,
    /// Time without progress after which another session may take over an upload.
    pub ownership: Duration,
}

impl Default for FolderOptions {
    fn default() -> Self {
        Self {
            read_only: false,
            durability: Durability::Flushed,
            ownership: Duration::from_millis(OWNERSHIP_MILLIS),
        }
    }
}

/// A served folder; clones share it.
#[derive(Clone)]
pub struct Folder(Arc<Shared>);

/// What the sessions of a folder share.
struct Shared {
    root: Arc<Parent>,
    options: FolderOptions,
    case_sensitive: bool,
    files: Arc<dyn Files>,
    registry: Registry,
    last_session: AtomicU64,
    /// Finished files that wait for their commit, each with a descriptor.
    waiting: AtomicUsize,
}

impl Folder {
    /// Open the folder at `root`, which may be a link to one.
    ///
    /// # Errors
    ///
    /// If it is missing, no folder, or may not be read.
    pub fn open(root: impl AsRef<HostPath>, options: FolderOptions) -> io::Result<Self> {
        Self::with_files(root, options, Arc::new(Host))
    }

    /// The same over other file operations: for tests.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    #[doc(hidden)]
    pub fn with_files(
        root: impl AsRef<HostPath>,
        options: FolderOptions,
        files: Arc<dyn Files>,
    ) -> io::Result<Self> {
        let dir = Dir::open_ambient_dir(root, ambient_authority())?;
        // Looked up, a folder is not opened for reading yet.
        readable(&dir)?;
        let case_sensitive = options.read_only || !lookup::folds_case(&dir);
        Ok(Self(Arc::new(Shared {
            root: Arc::new(Parent::new(dir, b"")?),
            options,
            case_sensitive,
            files,
            registry: Registry::default(),
            last_session: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
        })))
    }

    /// The storage of one more session.
    pub fn session(&self) -> FolderSession {
        let number = self.0.last_session.fetch_add(1, Ordering::Relaxed);
        FolderSession::new(Arc::clone(&self.0), number)
    }
}
