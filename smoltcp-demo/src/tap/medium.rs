//! What is served: a folder, whose flushes run beside the loop, or a RAM disk.

use std::cell::RefCell;
use std::sync::mpsc::{self, Receiver, TryRecvError};

use coracle::ram::{Disk, Lent, Session};
use coracle::{Answer, Code, Host, Medium, Refusal, Step, poll};
use coracle_storage::folder::{Folder, FolderSession};

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
        let place = Place::Here(Medium::new(self.folder.session()));
        Flushing { workers: self.workers.clone(), place, owes_flush: false }
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

/// The folder as one session has it. A commit waits for the disk: it runs on a thread, so that
/// the other sessions do not wait too. All other steps are short and run here.
pub(super) struct Flushing {
    workers: Option<Workers>,
    place: Place,
    /// Whether a file is finished and not committed.
    owes_flush: bool,
}

enum Place {
    Here(Medium<FolderSession>),
    /// On a thread that commits.
    Away(Receiver<(Answer, Medium<FolderSession>)>),
    Lost,
}

/// The thread that had the medium died with it.
const LOST: Answer = Answer::Refused(Refusal::new(Code::Io, "internal: the medium is lost"));

impl Flushing {
    fn begin_commit(&mut self, workers: &Workers, mut medium: Medium<FolderSession>) {
        let (done, result) = mpsc::channel();
        self.place = Place::Away(result);
        self.owes_flush = false;
        workers.run(move || {
            let answer = Host::answer(&mut medium, Step::Commit);
            // If the session is gone, so is the medium.
            let _gone = done.send((answer, medium));
        });
    }
}

impl poll::Host for Flushing {
    fn answer(&mut self, step: Step<'_>) -> Option<Answer> {
        match std::mem::replace(&mut self.place, Place::Lost) {
            Place::Here(medium) if matches!(step, Step::Commit) && self.workers.is_some() => {
                let workers = self.workers.clone()?;
                self.begin_commit(&workers, medium);
                None
            }
            Place::Here(mut medium) => {
                self.owes_flush |= matches!(step, Step::Finish { .. });
                let answer = Host::answer(&mut medium, step);
                self.place = Place::Here(medium);
                Some(answer)
            }
            Place::Away(result) => match result.try_recv() {
                Ok((answer, medium)) => {
                    self.place = Place::Here(medium);
                    Some(answer)
                }
                Err(TryRecvError::Empty) => {
                    self.place = Place::Away(result);
                    None
                }
                Err(TryRecvError::Disconnected) => Some(LOST),
            },
            Place::Lost => Some(LOST),
        }
    }
}

impl Drop for Flushing {
    /// What was finished is committed now, which may wait for the disk.
    fn drop(&mut self) {
        let place = std::mem::replace(&mut self.place, Place::Lost);
        if let Some(workers) = self.workers.as_ref().filter(|_| self.owes_flush) {
            workers.run(move || drop(place));
        }
    }
}
