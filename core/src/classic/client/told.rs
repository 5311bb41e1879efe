//! Events of a classic client that wait to be seen.

use super::{Client, REQUEST};
use crate::buffer::Buffer;
use crate::client::{Action, Done, Event};
use crate::reply::{Receipt, Refusal};

/// An event that waits to be seen; text stands in the chunk buffer, from one offset to another.
#[derive(Clone, Copy)]
pub(super) enum What {
    Name(usize, usize),
    Listed {
        entries: u64,
    },
    Begins {
        size: u64,
    },
    Downloaded(Receipt),
    Sent {
        length: u64,
    },
    Refused(usize, usize),
    /// We gave up ourselves.
    Withdrawn(Refusal),
}

impl<C: Buffer> Client<C> {
    pub(super) fn tell(&self, what: What) -> Action<'_> {
        let text = |start, end| self.chunk.bytes().get(start..end).unwrap_or(b"");
        let request = REQUEST;
        Action::Event(match what {
            What::Name(start, end) => Event::Name { request, name: text(start, end) },
            What::Listed { entries } => {
                Event::Done { request, done: Done::Listed { entries, skipped: 0 } }
            }
            What::Begins { size } => Event::Begins { request, length: size, size, modified: None },
            What::Downloaded(receipt) => Event::Done { request, done: Done::Downloaded(receipt) },
            What::Sent { length } => Event::Done { request, done: Done::Sent { length } },
            What::Refused(start, end) => {
                Event::Refused { request, code: None, message: text(start, end) }
            }
            What::Withdrawn(Refusal { code, message }) => {
                Event::Refused { request, code: Some(code), message: message.as_bytes() }
            }
        })
    }
}
