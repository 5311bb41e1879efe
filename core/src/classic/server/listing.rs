//! `ls`: bare names, one at a time, in constant memory.

use super::{End, Manner, Misuse, Phase, Server};
use crate::buffer::{Buffer, Purpose};
use crate::command::path_in;
use crate::limits::COMPONENT_MAX;
use crate::path::check_component;
use crate::step::{Answer, Step};
use crate::token::Span;

/// A listing under way.
pub(super) struct Listing {
    path: Span,
    stage: Stage,
    /// Whether a name was sent.
    begun: bool,
}

enum Stage {
    Open,
    Entries,
    Close(End),
}

/// Where a name lies in the chunk buffer: before it is room for the LF behind the last one.
const NAME_START: usize = 1;

impl Listing {
    pub(super) const fn new(path: Span) -> Self {
        Self { path, stage: Stage::Open, begun: false }
    }

    pub(super) fn step<'a>(&self, line: &'a [u8], chunk: &'a mut impl Buffer) -> Step<'a> {
        match self.stage {
            Stage::Open => Step::OpenFolder(path_in(self.path, line)),
            Stage::Entries => {
                chunk.reserve(Purpose::Lines);
                let end = NAME_START + COMPONENT_MAX;
                Step::NextEntry(chunk.bytes_mut().get_mut(NAME_START..end).unwrap_or(&mut []))
            }
            Stage::Close(_) => Step::CloseFolder,
        }
    }

    /// Close what is open, then end so. `false`: nothing is open.
    pub(super) fn put_away(&mut self, end: End) -> bool {
        let is_open = !matches!(self.stage, Stage::Open);
        self.stage = Stage::Close(end);
        is_open
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(super) fn on_listing_answer(&mut self, answer: Answer) -> Result<(), Misuse> {
        let Phase::Listing(listing) = &mut self.phase else { return Err(Misuse) };
        match (&listing.stage, answer) {
            (Stage::Open, Answer::Done) => listing.stage = Stage::Entries,
            (Stage::Open, Answer::Refused(refusal)) => self.refuse(refusal),
            (Stage::Entries, Answer::Entry(_, len)) if len <= COMPONENT_MAX => self.on_name(len),
            (Stage::Entries, Answer::Done) => listing.stage = Stage::Close(End::Listed),
            (Stage::Entries, Answer::Refused(refusal)) => {
                // Behind bare names it would be one more name.
                listing.stage = Stage::Close(match self.manner {
                    Manner::Lines => End::Answer(refusal),
                    Manner::Bare => End::Refused(refusal),
                });
            }
            (&Stage::Close(end), Answer::Done | Answer::Refused(_)) => self.finish(end),
            _ => return Err(Misuse),
        }
        Ok(())
    }

    fn on_name(&mut self, len: usize) {
        let Phase::Listing(listing) = &mut self.phase else { return };
        let end = NAME_START.saturating_add(len);
        let chunk = self.chunk.bytes_mut();
        let name = chunk.get(NAME_START..end).unwrap_or(b"");
        // The ancestor's client fails at others.
        let is_plain = self.manner == Manner::Lines || name.iter().all(u8::is_ascii_graphic);
        if check_component(name).is_err() || !is_plain {
            return;
        }
        let (line_end, start, end) = match self.manner {
            Manner::Lines => (end, NAME_START, end.saturating_add(1)),
            Manner::Bare => (0, if listing.begun { 0 } else { NAME_START }, end),
        };
        if let Some(byte) = chunk.get_mut(line_end) {
            *byte = b'\n';
        }
        listing.begun = true;
        self.queue_bytes(start, end, false);
    }
}
