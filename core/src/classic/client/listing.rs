//! A classic listing: bare names between line ends.

use super::told::What;
use super::{Client, State};
use crate::buffer::Buffer;
use crate::client::PeerError;
use crate::emit::to_front;
use crate::frame::DATA_START;
use crate::limits::LINE_MAX;

/// Names that have come.
#[derive(Clone, Copy)]
pub(super) struct Listing {
    /// What is not told yet, in the chunk buffer.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Names told.
    pub(super) entries: u64,
    /// Nothing more comes.
    pub(super) ended: bool,
}

impl<C: Buffer> Client<C> {
    /// Tell the next name, if it is whole.
    pub(super) fn on_listing(&mut self, mut listing: Listing) -> Result<(), PeerError> {
        while let Some((start, end)) = self.next_line(&mut listing) {
            if start < end {
                listing.entries = listing.entries.saturating_add(1);
                self.state = State::Listing(listing);
                self.told = Some(What::Name(start, end));
                return Ok(());
            }
        }
        if listing.ended {
            self.state = State::Over;
            self.told = Some(What::Listed { entries: listing.entries });
            return Ok(());
        }
        // Only now does no event point into the buffer.
        let begun =
            listing.start.saturating_sub(DATA_START)..listing.end.saturating_sub(DATA_START);
        listing.start = DATA_START;
        listing.end = DATA_START + begun.len();
        to_front(self.chunk.bytes_mut().get_mut(DATA_START..).unwrap_or(&mut []), begun);
        self.state = State::Listing(listing);
        if listing.end >= DATA_START + LINE_MAX { Err(PeerError::LineTooLong) } else { Ok(()) }
    }

    /// Take the next line: where it stands, without its end.
    fn next_line(&self, listing: &mut Listing) -> Option<(usize, usize)> {
        let Listing { start, end, .. } = *listing;
        let bytes = self.chunk.bytes().get(start..end).unwrap_or(b"");
        let len = match bytes.iter().position(|&byte| byte == b'\n') {
            Some(len) => len,
            None if listing.ended && !bytes.is_empty() => bytes.len(),
            None => return None,
        };
        listing.start = end.min(start + len + 1);
        let line = bytes.get(..len).unwrap_or(b"");
        Some((start, start + line.strip_suffix(b"\r").unwrap_or(line).len()))
    }
}
