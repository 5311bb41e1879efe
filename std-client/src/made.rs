//! Folders that are made on the server before files are sent into them.

use std::collections::VecDeque;

use coracle::client::{Done, Event as Answer, Handler, NotNow, Supplied};
use coracle::{Code, Command, Kind, Path, Refusal};

use crate::ask::Questions;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::Remote;
use crate::told::{About, Event};

/// Folders to be made, parents first, and those that could not be.
pub(crate) struct Made<'a> {
    todo: VecDeque<Ask>,
    asked: VecDeque<Ask>,
    failed: Vec<(Remote, Failure)>,
    answered: u64,
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
            todo: folders.into_iter().map(Ask::Make).collect(),
            asked: VecDeque::new(),
            failed: Vec::new(),
            answered: 0,
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
            (Ask::Make(path), Some(Code::Exists)) => self.todo.push_back(Ask::Look(path)),
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
        Some(match self.todo.front()? {
            Ask::Make(path) => Command::MakeFolder { path: path.path() },
            Ask::Look(path) => Command::Stat { path: path.path() },
        })
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        let Some(ask) = self.todo.pop_front() else { return };
        match (outcome, ask) {
            (Ok(_), ask) => self.asked.push_back(ask),
            (Err(why), Ask::Make(path) | Ask::Look(path)) => {
                let message = why.to_string();
                self.fail(path, Failure::Refused { code: Some(Code::TooLong), message });
            }
        }
    }

    fn supply(&mut self, _request: u64, _offset: u64, _buffer: &mut [u8]) -> Supplied {
        Supplied::Bytes(0)
    }

    fn store(&mut self, _request: u64, _offset: u64, _data: &[u8]) -> Result<(), Refusal> {
        Ok(())
    }

    fn event(&mut self, event: Answer<'_>) -> Result<(), Refusal> {
        match event {
            Answer::Done { done, .. } => {
                let Some(ask) = self.asked.pop_front() else { return Ok(()) };
                self.answered += 1;
                self.on_done(ask, done);
            }
            Answer::Refused { code, message, .. } => {
                let Some(ask) = self.asked.pop_front() else { return Ok(()) };
                self.answered += 1;
                self.on_refused(ask, code, message);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Questions for Made<'_> {
    fn is_done(&self) -> bool {
        self.todo.is_empty() && self.asked.is_empty()
    }

    fn answered(&self) -> u64 {
        self.answered
    }

    /// A folder that was made nevertheless is there, which is fine.
    fn disconnected(&mut self) {
        while let Some(ask) = self.asked.pop_back() {
            self.todo.push_front(ask);
        }
    }
}
