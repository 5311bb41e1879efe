//! What is served: a folder, or a RAM disk.

use std::cell::RefCell;

use coracle::ram::{Disk, Lent, Session};
use coracle::{Medium, poll};
use coracle_storage::folder::Folder;

use super::flushing::Flushing;
use super::workers::Workers;

/// A medium with any number of sessions.
pub(super) trait Media {
    /// The medium of one session.
    type Session: poll::Host;

    /// One more session.
    fn session(&self) -> Self::Session;

    /// The time, in milliseconds.
    fn set_now(&self, _millis: u64) {}
}

/// A folder, and where its flushes run.
pub(super) struct Served {
    pub(super) folder: Folder,
    /// `None`: nothing is flushed.
    pub(super) workers: Option<Workers>,
}

impl Media for Served {
    type Session = Flushing;

    fn session(&self) -> Flushing {
        Flushing::new(self.folder.session(), self.workers.clone())
    }
}

impl<'d> Media for &'d RefCell<Disk<Lent<'d>>> {
    type Session = Medium<Session<'d, Lent<'d>>>;

    fn session(&self) -> Self::Session {
        Medium::new(Session::new(self))
    }

    fn set_now(&self, millis: u64) {
        self.borrow_mut().set_now(millis);
    }
}
