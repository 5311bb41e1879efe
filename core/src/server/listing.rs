//! `ls`: the entries of a folder, one at a time, in constant memory.

use super::{Misuse, Phase, Server};
use crate::buffer::{Buffer, Purpose};
use crate::command::path_in;
use crate::limits::COMPONENT_MAX;
use crate::machine::add_to;
use crate::path::check_component;
use crate::reply::{Entry, Refusal};
use crate::step::{Answer, Step};
use crate::storage::Metadata;
use crate::token::Span;

/// A listing under way.
pub(super) struct Listing {
    path: Span,
    stage: Stage,
    sent: u64,
    skipped: u64,
}

enum Stage {
    Open,
    Entries,
    Close(Option<Refusal>),
}

impl Listing {
    pub(super) const fn new(path: Span) -> Self {
        Self { path, stage: Stage::Open, sent: 0, skipped: 0 }
    }

    pub(super) fn step<'a>(&mut self, line: &'a [u8], chunk: &'a mut impl Buffer) -> Step<'a> {
        match self.stage {
            Stage::Open => Step::OpenFolder(path_in(self.path, line)),
            Stage::Entries => {
                chunk.reserve(Purpose::Lines);
                Step::NextEntry(chunk.bytes_mut().get_mut(..COMPONENT_MAX).unwrap_or(&mut []))
            }
            Stage::Close(_) => Step::CloseFolder,
        }
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(super) fn on_listing_answer(&mut self, answer: Answer) -> Result<(), Misuse> {
        let Phase::Listing(listing) = &mut self.phase else { return Err(Misuse) };
        match (&listing.stage, answer) {
            (Stage::Open, Answer::Done) => listing.stage = Stage::Entries,
            (Stage::Open, Answer::Refused(refusal)) => self.refuse(refusal),
            (Stage::Entries, Answer::Entry(metadata, len)) if len <= COMPONENT_MAX => {
                self.queue_entry(metadata, len);
            }
            (Stage::Entries, Answer::Done) => listing.stage = Stage::Close(None),
            (Stage::Entries, Answer::Refused(refusal)) => {
                listing.stage = Stage::Close(Some(refusal));
            }
            (&Stage::Close(Some(refusal)), Answer::Done | Answer::Refused(_)) => {
                self.refuse(refusal);
            }
            (Stage::Close(None), Answer::Done | Answer::Refused(_)) => {
                let (sent, skipped) = (listing.sent, listing.skipped);
                self.reply(|line| {
                    line.number_field(sent);
                    if skipped > 0 {
                        line.option(b"skipped", skipped);
                    }
                });
            }
            _ => return Err(Misuse),
        }
        Ok(())
    }

    fn queue_entry(&mut self, metadata: Metadata, len: usize) {
        let mut copy = [0; COMPONENT_MAX];
        for (to, from) in copy.iter_mut().zip(self.chunk.bytes().iter().take(len)) {
            *to = *from;
        }
        let name = copy.get(..len).unwrap_or(b"");
        let limit = usize::from(self.line_limit.unwrap_or(0));
        let line = self.chunk.bytes_mut();
        let limit = limit.min(line.len());
        let line = line.get_mut(..limit).unwrap_or(&mut []);
        let emitted =
            check_component(name).ok().and_then(|()| Entry { metadata, name }.emit(line).ok());
        let Phase::Listing(listing) = &mut self.phase else { return };
        match emitted {
            Some(len) => {
                add_to(&mut listing.sent, 1);
                self.queue_bytes(len);
            }
            None => add_to(&mut listing.skipped, 1),
        }
    }

    /// The client is gone: close what is open.
    pub(super) fn abandon_listing(&mut self) {
        if let Phase::Listing(Listing { stage: stage @ Stage::Entries, .. }) = &mut self.phase {
            *stage = Stage::Close(None);
        }
    }
}
