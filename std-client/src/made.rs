//! Folders that are made on the server before files are sent into them.

use coracle::client::{Done, Event as Answer, Handler, NotNow};
use coracle::{Code, Command, Kind, Path, Refusal};

use crate::ask::{Asks, Questions};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::Remote;
use crate::told::{About, Event};

/// Folders to be made, parents first, and those that could not be.
pub(crate) struct Made<'a> {
    asks: Asks<Ask>,
    failed: Vec<(Remote, Failure)>,
    progress: &'a Progress,
}

enum Ask {
    Make(Remote),
    /// Something is there: a folder?
    Look(Remote),
}

impl<'a> Made<'a> {
    pub(crate) fn new(folders: Vec<Remote>, progress: &'a Progress) -> Self {
        Self {
            asks: Asks::new(folders.into_iter().map(Ask::Make).collect()),
            failed: Vec::new(),
            progress,
        }
    }

    /// The folders below which nothing can be sent, and the first failure, which is told here.
    pub(crate) fn finish(mut self) -> (Vec<Remote>, Option<Failure>) {
        let parts = |(path, _): &(Remote, Failure)| {
            path.path().components().map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        self.failed.sort_by_cached_key(parts);
        let mut missing: Vec<Remote> = Vec::new();
        let mut first_failure = None;
        for (path, failure) in self.failed {
            // Of what lies below a folder that is missing nothing need be said.
            if missing.last().is_some_and(|folder| path.path().is_within(folder.path())) {
                continue;
            }
            let about = About::Name(path.as_bytes());
            self.progress.tell(Event::Failed { about, failure: &failure });
            first_failure.get_or_insert(failure);
            missing.push(path);
        }
        (missing, first_failure)
    }

    fn fail(&mut self, path: Remote, failure: Failure) {
        self.failed.push((path, failure));
    }

    fn on_refused(&mut self, ask: Ask, code: Option<Code>, message: &[u8]) {
        match (ask, code) {
            // The served folder itself cannot be made, and is always there.
            (Ask::Make(path), _) if path.path().is_root() => {}
            (Ask::Make(path), Some(Code::Exists)) => self.asks.push(Ask::Look(path)),
            (Ask::Make(path) | Ask::Look(path), _) => {
                self.fail(path, Failure::refused(code, message));
            }
        }
    }

    fn on_done(&mut self, ask: Ask, done: Done<'_>) {
        if let (Ask::Look(path), Done::Found(metadata)) = (ask, done)
            && metadata.kind == Kind::File
        {
            let message = "a file is there where a folder is meant".to_owned();
            self.fail(path, Failure::Refused { code: Some(Code::Exists), message });
        }
    }
}

impl Handler for Made<'_> {
    fn next_request(&mut self) -> Option<Command<Path<'_>>> {
        Some(match self.asks.next()? {
            Ask::Make(path) => Command::MakeFolder { path: path.path() },
            Ask::Look(path) => Command::Stat { path: path.path() },
        })
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        if let Some((Ask::Make(path) | Ask::Look(path), failure)) = self.asks.requested(outcome) {
            self.fail(path, failure);
        }
    }

    fn event(&mut self, event: Answer<'_>) -> Result<(), Refusal> {
        match event {
            Answer::Done { done, .. } => {
                if let Some(ask) = self.asks.answer() {
                    self.on_done(ask, done);
                }
            }
            Answer::Refused { code, message, .. } => {
                if let Some(ask) = self.asks.answer() {
                    self.on_refused(ask, code, message);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Questions for Made<'_> {
    fn is_done(&self) -> bool {
        self.asks.is_done()
    }

    fn answered(&self) -> u64 {
        self.asks.answered()
    }

    /// A folder that was made nevertheless is there, which is fine.
    fn disconnected(&mut self) {
        self.asks.again();
    }
}
