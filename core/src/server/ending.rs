//! The ways a session ends that the client did not ask for.

use super::output::Output;
use super::{Misuse, Next, Outcome, Phase, Server};
use crate::buffer::Buffer;
use crate::reply::{Code, Refusal};

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    /// The link failed while something was to be received or sent. What is open is put away
    /// properly: go on polling until [`Action::Done`](super::Action::Done).
    pub fn lost(&mut self) {
        self.output = Output::Gone;
        self.end(Outcome::Lost, None);
        self.settle();
    }

    /// A timer of the driver ran out while something was to be received or sent: tell the peer
    /// where it still listens, put away what is open; go on polling until
    /// [`Action::Done`](super::Action::Done).
    pub fn timed_out(&mut self) {
        let refusal = Refusal::new(Code::Timeout, self.timeout_reason());
        if !self.output.is_clear() {
            // It does not read what it is sent: nothing more can be told.
            self.output = Output::Gone;
        }
        self.end(Outcome::Refused(refusal), Some(refusal));
        self.settle();
    }

    /// The server shuts down: ends a session that waits for a command.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if a command is being answered; let it finish.
    pub fn shut_down(&mut self) -> Result<(), Misuse> {
        if !matches!(self.phase, Phase::Line) || self.check_settled().is_err() {
            return Err(Misuse);
        }
        let refusal = Refusal::new(Code::Aborted, "the server is shutting down");
        self.end(Outcome::Refused(refusal), Some(refusal));
        self.settle();
        Ok(())
    }

    /// The client closed its side while a line was due.
    pub(super) fn on_end_of_input(&mut self) {
        let outcome = if self.input.waiting().is_empty() { Outcome::Ended } else { Outcome::Lost };
        self.end(outcome, None);
    }

    fn timeout_reason(&self) -> &'static str {
        match self.phase {
            Phase::Line if !self.input.waiting().is_empty() => "the line was not finished in time",
            Phase::Line if self.line_limit.is_none() => "no hello came in time",
            Phase::Line => "no command for too long",
            _ => "no progress for too long",
        }
    }

    fn end(&mut self, outcome: Outcome, last: Option<Refusal>) {
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
            Phase::Opening(_) | Phase::Simple(_) | Phase::Commit(_) | Phase::Closed(_) => {}
        }
    }
}
