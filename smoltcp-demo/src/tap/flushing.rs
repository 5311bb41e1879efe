//! The folder as one session has it: what flushes, and so waits for the disk, is done on a thread,
//! while the loop serves the others. All else is short and done at once.

use std::sync::mpsc::{self, Receiver, TryRecvError};

use coracle::{Answer, Code, Host, Medium, Path, PathError, Refusal, Step, poll};
use coracle_storage::folder::FolderSession;

use super::workers::Workers;

/// The medium of one session, wherever it is now.
pub(super) struct Flushing {
    /// `None`: nothing is flushed.
    workers: Option<Workers>,
    place: Place,
    /// Whether a file is finished and not committed.
    owes_commit: bool,
}

enum Place {
    Here(Medium<FolderSession>),
    /// On a thread, for a step that is still to be answered.
    Away(Receiver<(Answer, Medium<FolderSession>)>),
    Lost,
}

/// A step that flushes. What is lent to a step is lent for one call; this is its own.
enum Flush {
    Commit,
    MakeFolder(Vec<u8>),
    Remove(Vec<u8>),
    Rename { from: Vec<u8>, to: Vec<u8> },
}

/// The thread that had the medium died with it.
const LOST: Answer = Answer::Refused(Refusal::new(Code::Io, "internal: the medium is lost"));

impl Flushing {
    pub(super) fn new(session: FolderSession, workers: Option<Workers>) -> Self {
        Self { workers, place: Place::Here(Medium::new(session)), owes_commit: false }
    }

    /// Do a step here, or begin it on a thread.
    fn begin(&mut self, mut medium: Medium<FolderSession>, step: Step<'_>) -> Option<Answer> {
        match step {
            Step::Finish { .. } => self.owes_commit = true,
            Step::Commit => self.owes_commit = false,
            _ => {}
        }
        let Some((workers, flush)) = self.workers.as_ref().zip(Flush::of(&step)) else {
            let answer = Host::answer(&mut medium, step);
            self.place = Place::Here(medium);
            return Some(answer);
        };
        let (done, result) = mpsc::channel();
        self.place = Place::Away(result);
        workers.run(move || {
            let answer = flush.run(&mut medium);
            // If the session is gone, so is the medium.
            let _gone = done.send((answer, medium));
        });
        None
    }
}

impl poll::Host for Flushing {
    fn answer(&mut self, step: Step<'_>) -> Option<Answer> {
        match std::mem::replace(&mut self.place, Place::Lost) {
            Place::Here(medium) => self.begin(medium, step),
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

impl Flush {
    fn of(step: &Step<'_>) -> Option<Self> {
        // With the slash, which the root cannot do without.
        let own = |path: &Path<'_>| [b"/", path.as_bytes()].concat();
        match step {
            Step::Commit => Some(Self::Commit),
            Step::MakeFolder(path) => Some(Self::MakeFolder(own(path))),
            Step::Remove(path) => Some(Self::Remove(own(path))),
            Step::Rename { from, to } => Some(Self::Rename { from: own(from), to: own(to) }),
            _ => None,
        }
    }

    fn run(&self, medium: &mut Medium<FolderSession>) -> Answer {
        match self.step() {
            Ok(step) => Host::answer(medium, step),
            // It was a path before.
            Err(error) => Answer::Refused(Refusal::new(Code::BadPath, error.message())),
        }
    }

    fn step(&self) -> Result<Step<'_>, PathError> {
        Ok(match self {
            Self::Commit => Step::Commit,
            Self::MakeFolder(path) => Step::MakeFolder(Path::new(path)?),
            Self::Remove(path) => Step::Remove(Path::new(path)?),
            Self::Rename { from, to } => {
                Step::Rename { from: Path::new(from)?, to: Path::new(to)? }
            }
        })
    }
}

impl Drop for Flushing {
    /// What was finished is committed now, which waits for the disk.
    fn drop(&mut self) {
        let place = std::mem::replace(&mut self.place, Place::Lost);
        if let Some(workers) = self.workers.as_ref().filter(|_| self.owes_commit) {
            workers.run(move || drop(place));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io;
    use std::sync::{Arc, Condvar, Mutex};
    use std::time::Duration;

    use coracle::{Durability, Receipt};
    use coracle_storage::folder::files::Files;
    use coracle_storage::folder::{Folder, FolderOptions};
    use poll::Host as _;
    use tempfile::TempDir;

    use super::super::wake::Waker;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// A disk whose flushes wait until the gate opens.
    #[derive(Default)]
    struct Gate {
        is_open: Mutex<bool>,
        changed: Condvar,
    }

    impl Gate {
        fn open(&self) {
            *self.is_open.lock().unwrap() = true;
            self.changed.notify_all();
        }

        fn pass(&self) {
            let closed = |is_open: &mut bool| !*is_open;
            drop(self.changed.wait_while(self.is_open.lock().unwrap(), closed).unwrap());
        }
    }

    struct Slow(Arc<Gate>);

    impl Files for Slow {
        fn flush(&self, file: &File) -> io::Result<()> {
            self.0.pass();
            file.sync_all()
        }

        fn flush_folder(&self, _folder: &cap_std::fs::Dir) -> io::Result<()> {
            self.0.pass();
            Ok(())
        }
    }

    struct Bench {
        root: TempDir,
        gate: Arc<Gate>,
        folder: Folder,
        workers: Workers,
    }

    impl Bench {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let gate = Arc::<Gate>::default();
            let files = Arc::new(Slow(Arc::clone(&gate)));
            let folder = Folder::with_files(root.path(), FolderOptions::default(), files).unwrap();
            Self { root, gate, folder, workers: Workers::new(Waker::new().unwrap()) }
        }

        fn session(&self) -> Flushing {
            Flushing::new(self.folder.session(), Some(self.workers.clone()))
        }
    }

    fn path(text: &str) -> Path<'_> {
        Path::new(text.as_bytes()).unwrap()
    }

    fn finish(session: &mut Flushing, name: &str) {
        let stage = Step::Stage { path: path(name), size: None };
        assert_eq!(session.answer(stage), Some(Answer::Done));
        let write = Step::Write { offset: 0, data: b"abc" };
        assert_eq!(session.answer(write), Some(Answer::Wrote(3)));
        let finish = Step::Finish { receipt: Receipt::default(), modified: None };
        assert_eq!(session.answer(finish), Some(Answer::Finished { room: true }));
    }

    #[test]
    fn a_commit_that_waits_for_the_disk_holds_up_no_other_session() {
        let bench = Bench::new();
        let (mut slow, mut other) = (bench.session(), bench.session());
        finish(&mut slow, "a");
        for _ in 0..3 {
            assert_eq!(slow.answer(Step::Commit), None, "the same step again");
        }
        assert!(matches!(other.answer(Step::Space), Some(Answer::Space(_))));
        bench.gate.open();
        bench.workers.finish(PATIENCE);
        assert_eq!(slow.answer(Step::Commit), Some(Answer::Done));
        let flushed = Answer::Committed(Receipt::default(), Ok(Durability::Flushed));
        assert_eq!(slow.answer(Step::Committed), Some(flushed));
        assert_eq!(fs::read(bench.root.path().join("a")).unwrap(), b"abc");
    }

    #[test]
    fn folders_that_are_made_moved_and_removed_are_flushed_beside_the_loop_too() {
        let bench = Bench::new();
        let mut session = bench.session();
        let steps = [
            Step::MakeFolder(path("one")),
            Step::Rename { from: path("one"), to: path("two") },
            Step::Remove(path("two")),
        ];
        for step in steps {
            *bench.gate.is_open.lock().unwrap() = false;
            assert_eq!(session.answer(step), None);
            bench.gate.open();
            bench.workers.finish(PATIENCE);
            assert_eq!(session.answer(Step::Space), Some(Answer::Done), "of the step before");
        }
        assert_eq!(fs::read_dir(bench.root.path()).unwrap().count(), 0);
        for (name, code) in [("two", Code::NotFound), ("/", Code::Denied)] {
            assert_eq!(session.answer(Step::Remove(path(name))), None);
            bench.workers.finish(PATIENCE);
            let Some(Answer::Refused(refusal)) = session.answer(Step::Space) else {
                panic!("{name} cannot be removed");
            };
            assert_eq!(refusal.code, code);
        }
    }

    #[test]
    fn what_was_finished_is_committed_when_its_session_goes() {
        let bench = Bench::new();
        let mut session = bench.session();
        finish(&mut session, "a");
        drop(session);
        assert!(!bench.workers.is_idle());
        let mut session = bench.session();
        finish(&mut session, "b");
        assert_eq!(session.answer(Step::Commit), None);
        drop(session);
        bench.gate.open();
        bench.workers.finish(PATIENCE);
        for name in ["a", "b"] {
            assert_eq!(fs::read(bench.root.path().join(name)).unwrap(), b"abc");
        }
    }

    #[test]
    fn without_flushes_all_is_done_here() {
        let bench = Bench::new();
        bench.gate.open();
        let mut session = Flushing::new(bench.folder.session(), None);
        finish(&mut session, "a");
        assert_eq!(session.answer(Step::Commit), Some(Answer::Done));
        assert!(bench.workers.is_idle());
    }
}
