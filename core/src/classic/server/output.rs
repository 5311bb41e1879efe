//! What waits to be sent: always in the chunk buffer.

use super::{Manner, Phase, Server};
use crate::buffer::{Buffer, Purpose};
use crate::emit::{Emit, Overflow};
use crate::machine::Outcome;
use crate::reply::Refusal;
use crate::server::output::Output;
use crate::step::Note;

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    /// The last answer: not done, and why, as far as the peer can take it.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.result_note = Some(Note::Refused(refusal));
        self.phase = Phase::Closed(Outcome::Refused(refusal));
        let manner = self.manner;
        self.reply(|text| {
            text.bytes(b"err");
            if manner == Manner::Lines {
                text.bytes(b" ");
                refusal.emit_text(text);
            }
        });
    }

    /// Queue an answer, with a line end if the command had one.
    pub(super) fn reply(&mut self, write: impl FnOnce(&mut Emit<'_>)) {
        self.chunk.reserve(Purpose::Lines);
        let manner = self.manner;
        let mut text = Emit::new(self.chunk.bytes_mut());
        write(&mut text);
        let written = match manner {
            Manner::Lines => text.finish(),
            Manner::Bare => text.written(),
        };
        match written {
            Ok(len) => self.queue_bytes(0, len, false),
            // Every answer fits into the smallest buffer there may be.
            Err(Overflow) => self.phase = Phase::Closed(Outcome::Misuse),
        }
    }

    /// Queue these bytes of the chunk buffer, and then, maybe, a flush.
    pub(super) fn queue_bytes(&mut self, start: usize, end: usize, flush: bool) {
        if !self.output.is_gone() && start < end {
            self.output = Output::Bytes { start: start as u32, end: end as u32, flush };
        }
    }

    /// Nobody is to be sent anything any more.
    pub(super) fn drop_output(&mut self) {
        self.output = Output::Gone;
    }

    /// Give back the memory of what was sent while none is needed.
    pub(super) fn settle(&mut self) {
        let rests = match &self.phase {
            Phase::Line | Phase::Closed(_) => true,
            Phase::Listing(_) => false,
            Phase::Download(download) => download.connects(),
            Phase::Upload(upload) => upload.connects(),
        };
        if rests && self.output.is_clear() {
            self.chunk.release();
        }
    }
}
