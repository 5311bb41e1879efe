//! The face of the classic machine: what its phases ask for, and where reports go.

use super::{Command, End, Phase, Server};
use crate::buffer::Buffer;
use crate::classic::Way;
use crate::command::path_in;
use crate::machine::{Action, Counters, Machine, Misuse, Outcome, Waiting, add_to};
use crate::reply::{Code, Refusal};
use crate::server::output::Output;
use crate::step::{Answer, Event};

impl<C: Buffer, const LINE: usize> Machine for Server<C, LINE> {
    fn poll(&mut self) -> Action<'_> {
        if self.command_note.is_some() || self.result_note.is_some() {
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
            return Action::Receive(self.input.space());
        }
        let line = self.input.line();
        match &self.phase {
            Phase::Listing(listing) => Action::Step(listing.step(line, &mut self.chunk)),
            Phase::Download(download) if download.connects() => {
                Action::Done(Outcome::Transfer(Way::Download))
            }
            Phase::Download(download) => Action::Step(download.step(line, &mut self.chunk)),
            Phase::Upload(upload) => upload.action(line, &mut self.chunk),
            Phase::Closed(outcome) => Action::Done(*outcome),
            // Answered above.
            Phase::Line => Action::Done(Outcome::Misuse),
        }
    }

    fn received(&mut self, count: usize) -> Result<(), Misuse> {
        self.check_settled()?;
        match &self.phase {
            Phase::Line if count > self.input.room() => return Err(Misuse),
            Phase::Line if count == 0 => self.on_end_of_line(),
            Phase::Line => self.on_line_received(count),
            Phase::Upload(_) => self.on_upload_received(count)?,
            _ => return Err(Misuse),
        }
        self.settle();
        Ok(())
    }

    fn quiet(&mut self) -> Result<(), Misuse> {
        self.check_settled()?;
        if !matches!(self.phase, Phase::Line) || !self.is_whole() {
            return Err(Misuse);
        }
        self.on_end_of_line();
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
        if self.command_note.take().is_none() {
            self.result_note.take().ok_or(Misuse)?;
        }
        Ok(())
    }

    fn answered(&mut self, answer: Answer) -> Result<(), Misuse> {
        self.check_settled()?;
        match &self.phase {
            Phase::Listing(_) => self.on_listing_answer(answer)?,
            Phase::Download(_) => self.on_download_answer(answer)?,
            Phase::Upload(_) => self.on_upload_answer(answer)?,
            Phase::Line | Phase::Closed(_) => return Err(Misuse),
        }
        self.settle();
        Ok(())
    }

    fn waiting(&self) -> Waiting {
        match &self.phase {
            _ if !self.output.is_clear() => Waiting::Peer,
            Phase::Line if self.is_whole() => Waiting::Whole(self.input.waiting().len() as u16),
            Phase::Line => Waiting::Line(0),
            Phase::Upload(upload) if upload.receives() => Waiting::Peer,
            _ => Waiting::Step,
        }
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    /// Nothing: every byte would be taken for one of the file or of the listing.
    fn sign_of_life(&self) -> &'static [u8] {
        b""
    }

    fn timed_out(&mut self) {
        if !self.output.is_clear() {
            self.drop_output();
        }
        self.end(match self.phase {
            Phase::Line => {
                let why = "the command was not finished in time";
                End::Answer(Refusal::new(Code::Timeout, why))
            }
            _ => End::Refused(Refusal::new(Code::Timeout, "no progress for too long")),
        });
        self.settle();
    }

    fn lost(&mut self) {
        self.drop_output();
        self.end(End::Lost(0));
        self.settle();
    }

    fn shut_down(&mut self) -> Result<(), Misuse> {
        if !matches!(self.phase, Phase::Line) || self.check_settled().is_err() {
            return Err(Misuse);
        }
        self.refuse(Refusal::new(Code::Aborted, "the server is shutting down"));
        Ok(())
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(super) fn check_settled(&self) -> Result<(), Misuse> {
        self.check_reported()?;
        if self.output.is_clear() { Ok(()) } else { Err(Misuse) }
    }

    fn check_reported(&self) -> Result<(), Misuse> {
        let silent = self.command_note.is_none() && self.result_note.is_none();
        if silent { Ok(()) } else { Err(Misuse) }
    }

    fn note(&self) -> Event<'_> {
        if let Some(command) = self.command_note {
            return self.begun(command);
        }
        match self.result_note {
            Some(note) => note.into(),
            None => Event::Abandoned { length: 0 },
        }
    }

    fn begun(&self, command: Command) -> Event<'_> {
        let path = Some(path_in(command.path(), self.input.line()));
        Event::Command { verb: command.verb(), path, size: command.size() }
    }
}
