//! The face of the native machine: what its phases ask for, and where reports go.

use super::drain::drain_space;
use super::output::Output;
use super::{Action, Counters, Machine, Misuse, Next, Outcome, Phase, Server, Waiting, simple};
use crate::buffer::Buffer;
use crate::machine::add_to;
use crate::reply::{Code, Refusal};
use crate::step::{Answer, Event};

impl<C: Buffer, const LINE: usize> Machine for Server<C, LINE> {
    fn poll(&mut self) -> Action<'_> {
        if self.check_reported().is_err() {
            return Action::Report(self.note());
        }
        match self.output {
            Output::Bytes { start, end, .. } => {
                let bytes = self.chunk.bytes().get(start as usize..end as usize);
                return Action::Transmit(bytes.unwrap_or(b""));
            }
            Output::Flush => return Action::Flush,
            Output::Clear | Output::Gone => {}
        }
        if matches!(self.phase, Phase::Line) {
            let space = self.input.space();
            return if self.group > 0 { Action::TryReceive(space) } else { Action::Receive(space) };
        }
        let line = self.input.line();
        match &mut self.phase {
            Phase::Opening(opening) => Action::Step(opening.step()),
            Phase::Simple => Action::Step(simple::step(self.command, line, &mut self.chunk)),
            Phase::Listing(listing) => Action::Step(listing.step(line, &mut self.chunk)),
            Phase::Sum(sum) => Action::Step(sum.step(line, &mut self.chunk)),
            Phase::Download(download) => Action::Step(download.step(line, &mut self.chunk)),
            Phase::Upload(upload) => upload.action(line, &mut self.chunk),
            Phase::Drain(frames) => Action::Receive(drain_space(frames, &mut self.chunk)),
            Phase::Commit(commit) => Action::Step(commit.step()),
            Phase::Closed(outcome) => Action::Done(*outcome),
            // `settle` leaves the one whenever nothing stands before it; the other was above.
            Phase::Next(_) | Phase::Line => Action::Done(Outcome::Misuse),
        }
    }

    fn received(&mut self, count: usize) -> Result<(), Misuse> {
        self.check_settled()?;
        match &mut self.phase {
            Phase::Line if count > self.input.room() => return Err(Misuse),
            Phase::Line if count == 0 => self.on_end_of_input(),
            Phase::Line => self.on_line_received(count),
            Phase::Upload(_) => self.on_upload_received(count)?,
            Phase::Drain(_) => self.on_drained(count)?,
            _ => return Err(Misuse),
        }
        self.settle();
        Ok(())
    }

    fn quiet(&mut self) -> Result<(), Misuse> {
        self.check_settled()?;
        if !matches!(self.phase, Phase::Line) || self.group == 0 {
            return Err(Misuse);
        }
        self.after_group(Next::Boundary);
        self.settle();
        Ok(())
    }

    fn transmitted(&mut self, count: usize) -> Result<(), Misuse> {
        self.check_reported()?;
        self.output.transmitted(count)?;
        add_to(&mut self.counters.output, count as u64);
        self.settle();
        Ok(())
    }

    fn flushed(&mut self) -> Result<(), Misuse> {
        self.check_reported()?;
        self.output.flushed()?;
        self.settle();
        Ok(())
    }

    fn reported(&mut self) -> Result<(), Misuse> {
        if !core::mem::take(&mut self.is_begun) {
            self.result_note.take().ok_or(Misuse)?;
        }
        self.settle();
        Ok(())
    }

    #[inline(never)]
    fn answered(&mut self, answer: Answer) -> Result<(), Misuse> {
        self.check_settled()?;
        match &self.phase {
            Phase::Opening(_) => self.on_opening_answer(answer)?,
            Phase::Simple => self.on_simple_answer(answer)?,
            Phase::Listing(_) => self.on_listing_answer(answer)?,
            Phase::Sum(_) => self.on_sum_answer(answer)?,
            Phase::Download(_) => self.on_download_answer(answer)?,
            Phase::Upload(_) => self.on_upload_answer(answer)?,
            Phase::Commit(_) => self.on_commit_answer(answer)?,
            _ => return Err(Misuse),
        }
        self.settle();
        Ok(())
    }

    fn waiting(&self) -> Waiting {
        match self.phase {
            _ if !self.output.is_clear() => Waiting::Peer,
            // Nothing is waited for: without more input at hand the group is committed.
            Phase::Line if self.group > 0 => Waiting::Step,
            Phase::Line if !self.input.waiting().is_empty() => {
                Waiting::Line(self.counters.commands)
            }
            Phase::Line if self.line_limit.is_none() => Waiting::FirstLine,
            Phase::Line => Waiting::Idle,
            Phase::Upload(ref upload) if upload.receives() => Waiting::Peer,
            Phase::Drain(_) => Waiting::Peer,
            _ => Waiting::Step,
        }
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn sign_of_life(&self) -> &'static [u8] {
        match &self.phase {
            _ if !self.output.is_clear() || self.output.is_gone() => b"",
            Phase::Download(download) => download.sign_of_life(),
            Phase::Closed(_) | Phase::Next(_) | Phase::Drain(_) | Phase::Line => b"",
            _ => b"+ busy\n",
        }
    }

    fn lost(&mut self) {
        self.output = Output::Gone;
        self.end(Outcome::Lost, None);
        self.settle();
    }

    fn timed_out(&mut self) {
        let refusal = Refusal::new(Code::Timeout, self.timeout_reason());
        if !self.output.is_clear() {
            // It does not read what it is sent: nothing more can be told.
            self.output = Output::Gone;
        }
        self.end(Outcome::Refused(refusal), Some(refusal));
        self.settle();
    }

    fn shut_down(&mut self) -> Result<(), Misuse> {
        if !matches!(self.phase, Phase::Line) || self.check_settled().is_err() {
            return Err(Misuse);
        }
        let refusal = Refusal::new(Code::Aborted, "the server is shutting down");
        self.end(Outcome::Refused(refusal), Some(refusal));
        self.settle();
        Ok(())
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    /// Go on as long as nothing is to be sent, reported or waited for.
    pub(super) fn settle(&mut self) {
        while self.check_settled().is_ok() {
            if let Phase::Next(next) = self.phase {
                self.phase = Phase::Next(Next::Boundary);
                self.go_on(next);
            } else if !self.feed_frames() {
                return;
            }
        }
    }

    #[inline(never)]
    pub(super) fn check_settled(&self) -> Result<(), Misuse> {
        self.check_reported()?;
        if self.output.is_clear() { Ok(()) } else { Err(Misuse) }
    }

    fn check_reported(&self) -> Result<(), Misuse> {
        let silent = !self.is_begun && self.result_note.is_none();
        if silent { Ok(()) } else { Err(Misuse) }
    }

    fn note(&self) -> Event<'_> {
        if self.is_begun {
            return self.command.event(self.input.line());
        }
        match self.result_note {
            Some(note) => note.into(),
            None => Event::Abandoned { length: 0 },
        }
    }
}
