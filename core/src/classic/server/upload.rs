//! `upload`: raw bytes from a connection of their own into a staged file that becomes visible
//! whole or not at all.

use super::{End, Misuse, Phase, Server};
use crate::buffer::{Buffer, Purpose};
use crate::classic::Way;
use crate::command::path_in;
use crate::crc::Crc32;
use crate::frame::{DATA_START, data_len};
use crate::machine::{Action, Outcome, add_to};
use crate::reply::{Receipt, Refusal};
use crate::server::CORRUPT_LENGTH;
use crate::step::{Answer, Note, Step};
use crate::storage::Durability;
use crate::token::Span;

/// An upload under way.
pub(super) struct Upload {
    path: Span,
    size: u64,
    stage: Stage,
    /// Bytes of the staged file.
    stored: u64,
    /// File bytes in the chunk buffer, and how many of them are written.
    fill: u32,
    written: u32,
    received: u64,
    crc: Crc32,
}

#[derive(Clone, Copy)]
enum Stage {
    /// Before the medium is asked: the transfer before this one may be of the same file.
    Prepare,
    Open,
    /// The owner makes the connection.
    Connect,
    Receive,
    /// Tell the medium of progress that it does not see yet.
    Alive,
    /// Write what the chunk buffer holds.
    Write,
    Finish,
    Commit,
    Committed,
    Discard(End),
}

impl Upload {
    pub(super) const fn new(path: Span, size: u64) -> Self {
        let crc = Crc32::new();
        Self { path, size, stage: Stage::Prepare, stored: 0, fill: 0, written: 0, received: 0, crc }
    }

    /// Bytes announced.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    pub(super) const fn connects(&self) -> bool {
        matches!(self.stage, Stage::Connect)
    }

    pub(super) const fn receives(&self) -> bool {
        matches!(self.stage, Stage::Receive)
    }

    pub(super) fn action<'a>(&'a self, line: &'a [u8], chunk: &'a mut impl Buffer) -> Action<'a> {
        Action::Step(match self.stage {
            Stage::Prepare => Step::Prepare(Way::Upload),
            Stage::Open => Step::Stage { path: path_in(self.path, line), size: Some(self.size) },
            Stage::Connect => return Action::Done(Outcome::Transfer(Way::Upload)),
            Stage::Receive => {
                let start = DATA_START.saturating_add(self.fill as usize);
                let room = self.room(chunk.bytes().len());
                let space = chunk.bytes_mut().get_mut(start..).unwrap_or(&mut []);
                return Action::Receive(space.get_mut(..room).unwrap_or(&mut []));
            }
            Stage::Alive => Step::Alive,
            Stage::Write => {
                let start = DATA_START.saturating_add(self.written as usize);
                let end = DATA_START.saturating_add(self.fill as usize);
                let data = chunk.bytes().get(start..end).unwrap_or(b"");
                Step::Write { offset: self.stored, data }
            }
            Stage::Finish => Step::Finish { receipt: self.receipt(), modified: None },
            Stage::Commit => Step::Commit,
            Stage::Committed => Step::Committed,
            Stage::Discard(_) => Step::Discard,
        })
    }

    /// Discard what is open, then end so; what is complete goes its way. `false`: nothing is
    /// open.
    pub(super) fn put_away(&mut self, end: End) -> bool {
        let end = if let End::Lost(_) = end { End::Lost(self.received) } else { end };
        match self.stage {
            Stage::Prepare | Stage::Open => return false,
            Stage::Finish | Stage::Commit | Stage::Committed => {}
            _ => self.stage = Stage::Discard(end),
        }
        true
    }

    /// Bytes that may be received next: as many as fit, also beyond the size, so that too many
    /// are seen. Never 0, since a full buffer is written first.
    fn room(&self, buffer_len: usize) -> usize {
        data_len(buffer_len, u64::MAX).saturating_sub(self.fill as usize)
    }

    const fn receipt(&self) -> Receipt {
        Receipt { length: self.stored, crc: self.crc.value() }
    }

    fn on_bytes(&mut self, count: usize, chunk: &[u8]) {
        add_to(&mut self.received, count as u64);
        if self.received > self.size {
            self.stage = Stage::Discard(End::Refused(CORRUPT_LENGTH));
            return;
        }
        let start = DATA_START.saturating_add(self.fill as usize);
        let bytes = chunk.get(start..).and_then(|bytes| bytes.get(..count)).unwrap_or(b"");
        self.crc.update(bytes);
        self.fill = self.fill.saturating_add(count as u32);
        let is_due = self.room(chunk.len()) == 0 || self.received == self.size;
        self.stage = if is_due { Stage::Write } else { Stage::Alive };
    }

    /// The peer closed its side: all that was received is written, if it is all.
    fn on_end(&mut self) {
        self.stage = if self.received == self.size {
            Stage::Finish
        } else {
            Stage::Discard(End::Refused(CORRUPT_LENGTH))
        };
    }

    fn on_written(&mut self, count: usize) -> Result<(), Misuse> {
        let left = self.fill.saturating_sub(self.written);
        if count == 0 || count > left as usize {
            return Err(Misuse);
        }
        self.written = self.written.saturating_add(count as u32);
        add_to(&mut self.stored, count as u64);
        if self.written == self.fill {
            (self.fill, self.written) = (0, 0);
            self.stage = Stage::Receive;
        }
        Ok(())
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(super) fn on_upload_answer(&mut self, answer: Answer) -> Result<(), Misuse> {
        let Phase::Upload(upload) = &mut self.phase else { return Err(Misuse) };
        match (upload.stage, answer) {
            (Stage::Prepare, Answer::Done) => upload.stage = Stage::Open,
            (Stage::Prepare | Stage::Open, Answer::Refused(refusal)) => self.refuse(refusal),
            (Stage::Open, Answer::Done) => {
                upload.stage = Stage::Connect;
                self.reply(|text| text.bytes(b"ok"));
            }
            (Stage::Alive, Answer::Done) => upload.stage = Stage::Receive,
            (Stage::Write, Answer::Wrote(count)) => upload.on_written(count)?,
            (Stage::Write, Answer::Refused(refusal)) => {
                upload.stage = Stage::Discard(End::Refused(refusal));
            }
            (Stage::Finish, Answer::Finished { .. }) => upload.stage = Stage::Commit,
            (Stage::Commit, Answer::Done) => upload.stage = Stage::Committed,
            (Stage::Committed, Answer::Committed(receipt, result)) => {
                self.on_committed(receipt, result);
            }
            (Stage::Discard(end), Answer::Done | Answer::Refused(_)) => self.finish(end),
            _ => return Err(Misuse),
        }
        Ok(())
    }

    /// The connection is there.
    pub(super) fn begin_receiving(&mut self) {
        let Phase::Upload(upload) = &mut self.phase else { return };
        self.chunk.reserve(Purpose::File);
        upload.stage = Stage::Receive;
    }

    pub(super) fn on_upload_received(&mut self, count: usize) -> Result<(), Misuse> {
        let Phase::Upload(upload) = &mut self.phase else { return Err(Misuse) };
        if !upload.receives() || count > upload.room(self.chunk.bytes().len()) {
            return Err(Misuse);
        }
        if count == 0 {
            upload.on_end();
        } else {
            add_to(&mut self.counters.received, count as u64);
            upload.on_bytes(count, self.chunk.bytes());
        }
        Ok(())
    }

    fn on_committed(&mut self, receipt: Receipt, result: Result<Durability, Refusal>) {
        let (event, outcome) = match result {
            Ok(durability) => (Note::Uploaded { receipt, durability }, Outcome::Ended),
            Err(refusal) => (Note::Refused(refusal), Outcome::Refused(refusal)),
        };
        self.result_note = Some(event);
        self.phase = Phase::Closed(outcome);
    }
}
