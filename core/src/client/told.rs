//! Events that wait to be seen.

use super::{Action, Client, Done, Event};
use crate::buffer::Buffer;
use crate::greeting::Greeting;
use crate::reply::{Code, Entry};
use crate::storage::Metadata;
use crate::token::Span;

/// An event that waits to be seen; its text stands in a buffer.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub(super) request: u64,
    pub(super) what: What,
}

#[derive(Clone, Copy)]
pub(super) enum What {
    Greeting(Span),
    Entry(Metadata, Span),
    Info(Span),
    Busy,
    Begins {
        length: u64,
        size: u64,
        modified: Option<u64>,
    },
    Done(Done<'static>),
    Stats(Span),
    Refused(Option<Code>, Span),
    /// Refused in a FAIL frame: the text stands in the chunk buffer.
    Failed(Option<Code>, Span),
    Farewell(Option<Code>, Span),
}

impl<C: Buffer, const LINE: usize, const DEPTH: usize> Client<C, LINE, DEPTH> {
    pub(super) fn tell(&self) -> Action<'_> {
        let Some(Told { request, what }) = self.told else { return Action::Over };
        let line = |span: Span| span.of(&self.line);
        Action::Event(match what {
            What::Greeting(fields) => Event::Greeting(Greeting::parse(line(fields))),
            What::Entry(metadata, name) => {
                Event::Entry { request, entry: Entry { metadata, name: line(name) } }
            }
            What::Info(text) => Event::Info { request, text: line(text) },
            What::Busy => Event::Busy { request },
            What::Begins { length, size, modified } => {
                Event::Begins { request, length, size, modified }
            }
            What::Done(done) => Event::Done { request, done },
            What::Stats(text) => Event::Done { request, done: Done::Stats(line(text)) },
            What::Refused(code, text) => Event::Refused { request, code, message: line(text) },
            What::Failed(code, text) => {
                Event::Refused { request, code, message: text.of(self.chunk.bytes()) }
            }
            What::Farewell(code, text) => Event::Farewell { code, message: line(text) },
        })
    }
}
