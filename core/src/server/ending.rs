//! The ways a session ends that the client did not ask for.

use super::{Next, Outcome, Phase, Server};
use crate::buffer::Buffer;
use crate::reply::Refusal;

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    /// The client closed its side while a line was due.
    pub(super) fn on_end_of_input(&mut self) {
        let outcome = if self.input.waiting().is_empty() { Outcome::Ended } else { Outcome::Lost };
        self.end(outcome, None);
    }

    pub(super) fn timeout_reason(&self) -> &'static str {
        match self.phase {
            Phase::Line if !self.input.waiting().is_empty() => "the line was not finished in time",
            Phase::Line if self.line_limit.is_none() => "no hello came in time",
            Phase::Line => "no command for too long",
            _ => "no progress for too long",
        }
    }

    pub(super) fn end(&mut self, outcome: Outcome, last: Option<Refusal>) {
        self.ending = self.ending.or(Some(outcome));
        match &mut self.phase {
            Phase::Line | Phase::Drain(_) => {
                self.after_group(last.map_or(Next::Boundary, Next::Close));
            }
            Phase::Next(_) => self.phase = Phase::Next(Next::Boundary),
            Phase::Upload(_) => self.abandon_upload(last),
            Phase::Download(_) => self.abandon_download(),
            Phase::Listing(_) => self.abandon_listing(),
            Phase::Sum(_) => self.abandon_sum(),
            // One step, or the commit, is finished as it is; nobody hears of it.
            Phase::Opening(_) | Phase::Simple | Phase::Commit(_) | Phase::Closed(_) => {}
        }
    }
}
