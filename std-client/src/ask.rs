//! Questions to the server, over the control session; those that must be answered before files
//! are moved are asked again when the connection is lost under them.

use std::collections::VecDeque;

use coracle::client::{Handler, NotNow};

use crate::cli::Options;
use crate::failure::Failure;
use crate::retry::Backoff;
use crate::site::Site;
use crate::told::Event;

/// Questions whose answers change nothing, or nothing when they are asked twice.
pub(crate) trait Questions: Handler {
    /// Whether every one is answered, or no more shall be.
    fn is_done(&self) -> bool;

    /// Something that grows with every answer.
    fn answered(&self) -> u64;

    /// The session is gone: what was asked is asked again.
    fn disconnected(&mut self);
}

/// Questions in the order they are asked, and those whose answers are to come in it.
pub(crate) struct Asks<A> {
    todo: VecDeque<A>,
    asked: VecDeque<A>,
    answered: u64,
}

impl<A> Asks<A> {
    pub(crate) const fn new(todo: VecDeque<A>) -> Self {
        Self { todo, asked: VecDeque::new(), answered: 0 }
    }

    /// One more is to be asked.
    pub(crate) fn push(&mut self, ask: A) {
        self.todo.push_back(ask);
    }

    /// What is to be asked next.
    pub(crate) fn next(&self) -> Option<&A> {
        self.todo.front()
    }

    /// What came of asking it. One that can never be asked is given back, and why.
    pub(crate) fn requested(&mut self, outcome: Result<u64, NotNow>) -> Option<(A, Failure)> {
        let ask = self.todo.pop_front()?;
        match outcome {
            Ok(_) => self.asked.push_back(ask),
            Err(why) => return Some((ask, Failure::not_taken(why))),
        }
        None
    }

    /// Whose answer comes now.
    pub(crate) fn current(&self) -> Option<&A> {
        self.asked.front()
    }

    /// All whose answers are to come.
    pub(crate) fn asked(&self) -> impl Iterator<Item = &A> {
        self.asked.iter()
    }

    /// Its answer is there.
    pub(crate) fn answer(&mut self) -> Option<A> {
        let ask = self.asked.pop_front()?;
        self.answered += 1;
        Some(ask)
    }

    /// How many answers have come.
    pub(crate) const fn answered(&self) -> u64 {
        self.answered
    }

    pub(crate) fn is_done(&self) -> bool {
        self.todo.is_empty() && self.asked.is_empty()
    }

    /// What was asked without an answer is asked again, before all else.
    pub(crate) fn again(&mut self) {
        while let Some(ask) = self.asked.pop_back() {
            self.todo.push_front(ask);
        }
    }
}

impl Site<'_> {
    /// Have all of them answered.
    ///
    /// # Errors
    ///
    /// Why that is not possible; it has been told.
    pub(crate) fn ask_all(
        &mut self,
        questions: &mut impl Questions,
        options: &Options,
    ) -> Result<(), Failure> {
        let mut backoff = Backoff::new(options.retries);
        loop {
            let before = questions.answered();
            let result = self.ask(questions, options);
            if questions.is_done() {
                return Ok(());
            }
            questions.disconnected();
            if questions.answered() > before {
                backoff.reset();
            }
            let Err(failure) = result else { continue };
            // Where nobody ever answered, nobody has gone away.
            let wait = if failure.is_passing() && questions.answered() > 0 {
                backoff.wait()
            } else {
                None
            };
            let Some(wait) = wait else {
                self.progress.error(&failure);
                return Err(failure);
            };
            self.progress.tell(Event::Retry { wait, failure: &failure });
            self.interrupt.sleep(wait).inspect_err(|failure| self.progress.error(failure))?;
        }
    }
}
