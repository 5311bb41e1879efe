//! One question to the server, with its answer: for the shell itself, not for the output.

use coracle::client::{Done, Event, Handler, NotNow};
use coracle::{Code, Command, Entry, Metadata, Path, Refusal};

use crate::failure::Failure;

/// One question; entries of a listing are given to `on_entry`, which says whether it wants more.
pub(crate) struct Question<'a, F> {
    command: Option<Command<Path<'a>>>,
    on_entry: F,
    answer: Option<Result<Option<Metadata>, Failure>>,
}

impl<'a, F: FnMut(Entry<'_>) -> bool> Question<'a, F> {
    pub(crate) const fn new(command: Command<Path<'a>>, on_entry: F) -> Self {
        Self { command: Some(command), on_entry, answer: None }
    }

    /// The answer, given how the session ended: what `stat` has found.
    ///
    /// # Errors
    ///
    /// A refusal, or why there is no answer.
    pub(crate) fn answer(self, session: Result<(), Failure>) -> Result<Option<Metadata>, Failure> {
        self.answer.unwrap_or_else(|| session.map(|()| None))
    }
}

impl<F: FnMut(Entry<'_>) -> bool> Handler for Question<'_, F> {
    fn next_request(&mut self) -> Option<Command<Path<'_>>> {
        self.command
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        self.command = None;
        if let Err(why) = outcome {
            self.answer = Some(Err(Failure::not_taken(why)));
        }
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), Refusal> {
        match event {
            Event::Entry { entry, .. } if !(self.on_entry)(entry) => {
                return Err(Refusal::new(Code::Aborted, "the client has seen enough"));
            }
            Event::Done { done: Done::Found(metadata), .. } => {
                self.answer = Some(Ok(Some(metadata)));
            }
            Event::Done { .. } => self.answer = Some(Ok(None)),
            Event::Refused { code, message, .. } => {
                self.answer = Some(Err(Failure::refused(code, message)));
            }
            _ => {}
        }
        Ok(())
    }
}
