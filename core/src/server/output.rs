//! What waits to be sent: always in the chunk buffer.

use super::{Misuse, Next, Phase, Server};
use crate::buffer::{Buffer, Purpose};
use crate::command::Verb;
use crate::emit::{Emit, Overflow};
use crate::reply::Refusal;
use crate::server::Outcome;
use crate::step::Note;

/// The state of the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Nothing to send.
    Clear,
    /// These bytes of the chunk buffer; then, maybe, a flush.
    Bytes { start: u32, end: u32, flush: bool },
    /// The driver must send what it kept.
    Flush,
    /// The peer is gone: nothing is sent any more.
    Gone,
}

impl Output {
    pub(crate) const fn is_clear(self) -> bool {
        matches!(self, Self::Clear | Self::Gone)
    }

    pub(crate) const fn is_gone(self) -> bool {
        matches!(self, Self::Gone)
    }

    pub(crate) fn transmitted(&mut self, count: usize) -> Result<(), Misuse> {
        let Self::Bytes { start, end, flush } = *self else { return Err(Misuse) };
        let left = end.saturating_sub(start);
        let count = u32::try_from(count).ok().filter(|&count| count <= left).ok_or(Misuse)?;
        *self = match (count == left, flush) {
            (false, _) => Self::Bytes { start: start + count, end, flush },
            (true, true) => Self::Flush,
            (true, false) => Self::Clear,
        };
        Ok(())
    }

    pub(crate) fn flushed(&mut self) -> Result<(), Misuse> {
        if *self != Self::Flush {
            return Err(Misuse);
        }
        *self = Self::Clear;
        Ok(())
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    /// Queue the reply `ok…` that ends a command.
    pub(super) fn reply(&mut self, fields: impl FnOnce(&mut Emit<'_>)) {
        let mut line = self.begin_reply();
        fields(&mut line);
        let written = line.finish();
        self.end_line(written);
    }

    /// Queue the reply `err …` that ends a command, and note it.
    #[inline(never)]
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.result_note = Some(Note::Refused(refusal));
        self.phase = Phase::Next(Next::Boundary);
        self.queue_line(|line| {
            line.bytes(b"err ");
            refusal.emit_text(line);
        });
    }

    /// Queue `+ busy`, and see that it is sent before the step that follows.
    #[inline(never)]
    pub(super) fn queue_busy(&mut self) {
        self.queue_line(|line| line.bytes(b"+ busy"));
        if let Output::Bytes { flush, .. } = &mut self.output {
            *flush = true;
        }
    }

    /// Queue a line; the phase stays.
    pub(super) fn queue_line(&mut self, write: impl FnOnce(&mut Emit<'_>)) {
        let mut line = self.begin_line();
        write(&mut line);
        let written = line.finish();
        self.end_line(written);
    }

    // None of what follows is inlined, for there are many kinds of lines, and little flash.
    #[inline(never)]
    fn begin_reply(&mut self) -> Emit<'_> {
        self.phase = Phase::Next(Next::Boundary);
        let mut line = self.begin_line();
        line.bytes(b"ok");
        line
    }

    #[inline(never)]
    fn begin_line(&mut self) -> Emit<'_> {
        self.chunk.reserve(Purpose::Lines);
        Emit::new(self.chunk.bytes_mut())
    }

    #[inline(never)]
    fn end_line(&mut self, written: Result<usize, Overflow>) {
        match written {
            Ok(len) => self.queue_bytes(len),
            // Every line fits into the smallest buffer there may be.
            Err(Overflow) => self.ending = Some(Outcome::Misuse),
        }
    }

    /// Queue the first `len` bytes of the chunk buffer.
    #[inline(never)]
    pub(super) fn queue_bytes(&mut self, len: usize) {
        if !self.output.is_gone() {
            self.output = Output::Bytes { start: 0, end: len as u32, flush: false };
        }
    }

    /// `help`: the commands for a person.
    pub(super) fn help(&mut self) {
        self.phase = Phase::Next(Next::Boundary);
        self.queue_line(|line| {
            for verb in Verb::ALL {
                line.bytes(b"+ ");
                line.bytes(verb.usage().as_bytes().get("usage: ".len()..).unwrap_or_default());
                line.bytes(b"\n");
            }
            line.bytes(b"ok");
        });
    }
}
