//! `download`: the size, then the bytes of a file over a connection of their own.

use super::{End, Misuse, Phase, Server};
use crate::buffer::{Buffer, Purpose};
use crate::classic::Way;
use crate::command::path_in;
use crate::frame::{DATA_START, data_len};
use crate::machine::add_to;
use crate::reply::{Code, Refusal};
use crate::server::output::Output;
use crate::step::{Answer, Step};
use crate::storage::Metadata;
use crate::token::Span;

/// A download under way.
pub(super) struct Download {
    path: Span,
    file: Option<Metadata>,
    sent: u64,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    /// Before the medium is asked: the transfer before this one may be of the same file.
    Prepare,
    Open,
    /// The owner makes the connection.
    Connect,
    Read,
    /// The last bytes, so many, are read: was it one and the same file?
    Recheck(u32),
    Close(End),
}

const CHANGED: Refusal = Refusal::new(Code::Changed, "the file changed while it was sent");

impl Download {
    pub(super) const fn new(path: Span) -> Self {
        Self { path, file: None, sent: 0, stage: Stage::Prepare }
    }

    /// Bytes announced.
    pub(super) fn size(&self) -> u64 {
        self.file.map_or(0, |file| file.size)
    }

    pub(super) const fn connects(&self) -> bool {
        matches!(self.stage, Stage::Connect)
    }

    pub(super) fn step<'a>(&self, line: &'a [u8], chunk: &'a mut impl Buffer) -> Step<'a> {
        match self.stage {
            // `poll` does not ask for a step while the owner connects.
            Stage::Prepare | Stage::Connect => Step::Prepare(Way::Download),
            Stage::Open => Step::Open(path_in(self.path, line)),
            Stage::Read => {
                let piece = self.piece(chunk.bytes().len());
                let buffer = chunk.bytes_mut().get_mut(DATA_START..).unwrap_or(&mut []);
                let buffer = buffer.get_mut(..piece).unwrap_or(&mut []);
                Step::Read { offset: self.sent, buffer }
            }
            Stage::Recheck(_) => Step::Recheck,
            Stage::Close(_) => Step::Close,
        }
    }

    /// Close what is open, then end so. `false`: nothing is open.
    pub(super) fn put_away(&mut self, end: End) -> bool {
        let is_open = !matches!(self.stage, Stage::Prepare | Stage::Open);
        let end = if let End::Lost(_) = end { End::Lost(self.sent) } else { end };
        self.stage = Stage::Close(end);
        is_open
    }

    /// Bytes to read next; they lie where they would behind the header of a frame, since there
    /// a large buffer is fast.
    fn piece(&self, buffer_len: usize) -> usize {
        data_len(buffer_len, self.size().saturating_sub(self.sent))
    }

    fn is_same(&self, now: &Metadata) -> bool {
        self.file.is_some_and(|file| {
            (file.size, file.stamp, file.modified) == (now.size, now.stamp, now.modified)
        })
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(super) fn on_download_answer(&mut self, answer: Answer) -> Result<(), Misuse> {
        let Phase::Download(download) = &mut self.phase else { return Err(Misuse) };
        match (download.stage, answer) {
            (Stage::Prepare, Answer::Done) => download.stage = Stage::Open,
            (Stage::Prepare | Stage::Open, Answer::Refused(refusal)) => self.refuse(refusal),
            (Stage::Open, Answer::Found(file)) => {
                download.file = Some(file);
                download.stage = Stage::Connect;
                self.reply(|text| text.number(file.size));
            }
            (Stage::Read, Answer::Filled(count)) => self.on_download_read(count)?,
            (Stage::Recheck(count), Answer::Found(now)) if download.is_same(&now) => {
                self.send_last(count as usize);
            }
            (Stage::Recheck(_), Answer::Found(_)) => {
                download.stage = Stage::Close(End::Refused(CHANGED));
            }
            (Stage::Read | Stage::Recheck(_), Answer::Refused(refusal)) => {
                download.stage = Stage::Close(End::Refused(refusal));
            }
            (Stage::Close(end), Answer::Done | Answer::Refused(_)) => self.finish(end),
            _ => return Err(Misuse),
        }
        Ok(())
    }

    /// The connection is there.
    pub(super) fn begin_sending(&mut self) {
        let Phase::Download(download) = &mut self.phase else { return };
        if download.size() == 0 {
            download.stage = Stage::Close(End::Downloaded(0));
            self.output = Output::Flush;
        } else {
            download.stage = Stage::Read;
            self.chunk.reserve(Purpose::File);
        }
    }

    fn on_download_read(&mut self, count: usize) -> Result<(), Misuse> {
        let Phase::Download(download) = &mut self.phase else { return Err(Misuse) };
        if count > download.piece(self.chunk.bytes().len()) {
            return Err(Misuse);
        }
        if count == 0 {
            // What is announced cannot be sent any more, and nothing else may be.
            download.stage = Stage::Close(End::Refused(CHANGED));
        } else if download.sent.saturating_add(count as u64) >= download.size() {
            download.stage = Stage::Recheck(count as u32);
        } else {
            self.send(count, false);
        }
        Ok(())
    }

    fn send_last(&mut self, count: usize) {
        self.send(count, true);
        if let Phase::Download(download) = &mut self.phase {
            download.stage = Stage::Close(End::Downloaded(download.sent));
        }
    }

    fn send(&mut self, count: usize, is_last: bool) {
        if let Phase::Download(download) = &mut self.phase {
            add_to(&mut download.sent, count as u64);
        }
        add_to(&mut self.counters.sent, count as u64);
        self.queue_bytes(DATA_START, DATA_START.saturating_add(count), is_last);
    }
}
