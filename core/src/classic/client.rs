//! The client's machine of the classic dialect: one command, then it is over.

mod kind;
mod listing;
mod reply;
mod told;
mod transfer;

use crate::buffer::{Buffer, Purpose};
use crate::classic::Way;
use crate::client::{Action, ClientError, Machine, NotNow, PeerError};
use crate::command::Command;
use crate::emit::Overflow;
use crate::frame::DATA_START;
use crate::limits::{CHUNK_BUFFER_LEN, CLASSIC_QUIET_MILLIS, CLASSIC_SILENCE_MILLIS, LINE_MAX};
use crate::path::Path;
use crate::reply::Refusal;
use kind::Kind;
use listing::Listing;
use told::What;
use transfer::{Incoming, Outgoing};

/// A classic client with the fixed buffer of a chip.
pub type FixedClient = Client<[u8; CHUNK_BUFFER_LEN]>;

/// Bytes of RAM of a classic client with the fixed buffer, the buffer included.
pub const CLIENT_RAM: usize = size_of::<FixedClient>();

/// The number of the one request.
const REQUEST: u64 = 1;

/// A client that speaks the classic dialect: one command a connection, driven as any
/// [`Machine`].
///
/// It takes `ls`, `download` of a whole file and `upload` of known size. A chunk buffer `C` has
/// at least [`CHUNK_BUFFER_LEN`] bytes, and file bytes stand in it from offset 4 on.
///
/// What its owner must do beyond running a driver:
///
/// - **Tell quiet.** Nothing but quiet ends a reply where the server keeps the connection open.
///   When no byte has come for [`patience`](Self::patience), report [`quiet`](Self::quiet) and
///   run the driver again. A driver that blocks ends with the error of a link that timed out.
/// - **Make the transfer connection** at [`Action::Transfer`], report
///   [`connected`](Self::connected), and run the driver again, on that link. For a download,
///   [`way`](Self::way) says so before the command leaves.
/// - **Half-close** it at [`Action::HalfClose`], report [`half_closed`](Self::half_closed), and
///   run the driver once more: the server's end of the stream is all the answer there is.
/// - **Reset** the transfer connection if the machine is over before that: it is how the server
///   learns that the file is not whole.
pub struct Client<C: Buffer> {
    /// From `DATA_START` on the command line, the reply, or file bytes. Before it goes what comes
    /// where only the end of the stream may come.
    chunk: C,
    state: State,
    told: Option<What>,
}

#[derive(Clone, Copy)]
enum State {
    /// No command was given.
    Free,
    /// `start..end` of the chunk buffer is to be transmitted.
    Asking {
        kind: Kind,
        start: usize,
        end: usize,
    },
    /// The reply has come up to `end` of the chunk buffer.
    Reply {
        kind: Kind,
        end: usize,
    },
    Listing(Listing),
    /// The transfer connection is needed, for so many bytes.
    Connecting {
        way: Way,
        size: u64,
    },
    Receiving(Incoming),
    Sending(Outgoing),
    /// A file of so many bytes is sent, its end is not.
    Sent {
        length: u64,
    },
    /// Only the end of the stream may come.
    Closing {
        length: u64,
    },
    Over,
}

impl<C: Buffer> Client<C> {
    /// A client that waits for its command.
    pub fn new(mut chunk: C) -> Self {
        chunk.reserve(Purpose::Lines);
        Self { chunk, state: State::Free, told: None }
    }

    /// The transfer that the command will need, known as soon as it was given.
    pub const fn way(&self) -> Option<Way> {
        match self.state {
            State::Asking { kind, .. } | State::Reply { kind, .. } => kind.way(),
            State::Connecting { way, .. } => Some(way),
            _ => None,
        }
    }

    /// Bytes of the file, once [`Action::Transfer`] is asked for.
    pub const fn size(&self) -> u64 {
        match self.state {
            State::Connecting { size, .. } => size,
            _ => 0,
        }
    }

    /// After so many milliseconds without a byte from the server [`quiet`](Self::quiet) is to be
    /// reported; `None`: quiet means nothing, have an end to your own patience.
    pub const fn patience(&self) -> Option<u32> {
        match self.state {
            _ if self.told.is_some() => None,
            State::Reply { kind: Kind::List, end: DATA_START } => Some(CLASSIC_SILENCE_MILLIS),
            State::Reply { end: DATA_START, .. } => None,
            State::Reply { .. } | State::Listing(_) => Some(CLASSIC_QUIET_MILLIS),
            _ => None,
        }
    }

    /// No byte has come for as long as [`patience`](Self::patience) says: the reply is whole.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`] if quiet means nothing now; [`ClientError::Peer`] if it is no
    /// reply.
    pub fn quiet(&mut self) -> Result<(), ClientError> {
        if self.patience().is_none() {
            return Err(ClientError::Misuse);
        }
        self.guarded(Self::on_reply_end)
    }

    /// The transfer connection is there; what is asked from now on is meant for it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`] if it was not asked for.
    pub fn connected(&mut self) -> Result<(), ClientError> {
        self.state = match (self.state, &self.told) {
            (State::Connecting { way: Way::Download, size }, None) => {
                State::Receiving(Incoming::new(size))
            }
            (State::Connecting { way: Way::Upload, size }, None) => Outgoing::begin(size),
            _ => return Err(ClientError::Misuse),
        };
        Ok(())
    }

    /// The sending direction of the transfer connection is closed.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`] if that was not asked for.
    pub const fn half_closed(&mut self) -> Result<(), ClientError> {
        let State::Sent { length } = self.state else { return Err(ClientError::Misuse) };
        self.state = State::Closing { length };
        Ok(())
    }

    /// The range of the chunk buffer that takes what comes from the server.
    fn wanted(&self) -> Option<(usize, usize)> {
        let len = self.chunk.bytes().len();
        match self.state {
            _ if self.told.is_some() => None,
            State::Reply { end, .. } | State::Listing(Listing { end, .. }) => {
                Some((end, len.min(DATA_START + LINE_MAX)))
            }
            State::Receiving(incoming) => incoming.wanted(len),
            State::Sending(Outgoing { bytes: None, .. }) => None,
            State::Free | State::Asking { .. } | State::Sending(_) | State::Closing { .. } => {
                Some(SCRATCH)
            }
            State::Connecting { .. } | State::Sent { .. } | State::Over => None,
        }
    }

    /// The range of the chunk buffer that is to be transmitted.
    const fn leaving(&self) -> Option<(usize, usize)> {
        match self.state {
            State::Asking { start, end, .. } => Some((start, end)),
            State::Sending(Outgoing { bytes, .. }) => bytes,
            _ => None,
        }
    }

    fn lend_receive(&mut self) -> &mut [u8] {
        let (start, end) = self.wanted().unwrap_or_default();
        self.chunk.bytes_mut().get_mut(start..end).unwrap_or(&mut [])
    }

    fn lend_exchange(&mut self, start: usize, end: usize) -> Action<'_> {
        let bytes = self.chunk.bytes_mut();
        let (receive, rest) = bytes.split_at_mut_checked(DATA_START).unwrap_or_default();
        let range = start.saturating_sub(DATA_START)..end.saturating_sub(DATA_START);
        Action::Exchange { transmit: rest.get(range).unwrap_or(b""), receive }
    }

    /// Have a broken protocol end it all.
    fn guarded(
        &mut self,
        go_on: impl FnOnce(&mut Self) -> Result<(), PeerError>,
    ) -> Result<(), ClientError> {
        go_on(self).map_err(|error| {
            self.state = State::Over;
            ClientError::Peer(error)
        })
    }

    fn on_received(&mut self, count: usize) -> Result<(), PeerError> {
        match self.state {
            State::Reply { .. } | State::Listing(_) if count == 0 => return self.on_reply_end(),
            State::Reply { kind, end } => return self.on_reply(kind, end + count, false),
            State::Listing(listing) => {
                return self.on_listing(Listing { end: listing.end + count, ..listing });
            }
            State::Receiving(incoming) => return self.on_file_bytes(incoming, count),
            // Nothing may come, but the stream may end.
            _ if count > 0 => return Err(PeerError::Unasked),
            State::Free => {}
            State::Closing { length } => self.told = Some(What::Sent { length }),
            _ => return Err(PeerError::Closed),
        }
        self.state = State::Over;
        Ok(())
    }

    fn on_reply_end(&mut self) -> Result<(), PeerError> {
        match self.state {
            State::Reply { kind, end } => self.on_reply(kind, end, true),
            State::Listing(listing) => self.on_listing(Listing { ended: true, ..listing }),
            _ => Ok(()),
        }
    }
}

impl<C: Buffer> Machine for Client<C> {
    fn request(&mut self, command: Command<Path<'_>>) -> Result<u64, NotNow> {
        if !matches!(self.state, State::Free) {
            return Err(NotNow::Over);
        }
        let (kind, name) = Kind::of(&command)?;
        self.chunk.reserve(kind.purpose());
        let len = self.emit_line(kind, name).map_err(|Overflow| NotNow::TooLong)?;
        self.state = State::Asking { kind, start: DATA_START, end: DATA_START + len };
        Ok(REQUEST)
    }

    fn takes_request(&self) -> bool {
        matches!(self.state, State::Free)
    }

    fn poll(&mut self) -> Action<'_> {
        if let Some(what) = self.told {
            return self.tell(what);
        }
        match self.state {
            State::Free => Action::Ready(self.lend_receive()),
            State::Connecting { way, .. } => Action::Transfer(way),
            State::Receiving(incoming) if self.store_is_due(&incoming) => {
                self.lend_store(&incoming)
            }
            State::Sending(outgoing @ Outgoing { bytes: None, .. }) => self.lend_supply(&outgoing),
            State::Sent { .. } => Action::HalfClose,
            State::Over => Action::Over,
            _ => match self.leaving() {
                Some((start, end)) => self.lend_exchange(start, end),
                None => Action::Receive(self.lend_receive()),
            },
        }
    }

    fn received(&mut self, count: usize) -> Result<(), ClientError> {
        match self.wanted() {
            Some((start, end)) if count <= end.saturating_sub(start) => {
                self.guarded(|client| client.on_received(count))
            }
            _ => Err(ClientError::Misuse),
        }
    }

    fn transmitted(&mut self, count: usize) -> Result<(), ClientError> {
        let Some((start, end)) = self.leaving() else { return Err(ClientError::Misuse) };
        if count == 0 || count > end.saturating_sub(start) {
            return Err(ClientError::Misuse);
        }
        let start = start + count;
        self.state = match self.state {
            State::Asking { kind, .. } if start == end => State::Reply { kind, end: DATA_START },
            State::Asking { kind, .. } => State::Asking { kind, start, end },
            State::Sending(outgoing) => outgoing.transmitted(start, end),
            other => other,
        };
        Ok(())
    }

    fn supplied(&mut self, count: usize) -> Result<(), ClientError> {
        self.on_supplied(count)
    }

    fn stalled(&mut self) -> Result<(), ClientError> {
        // The dialect has no sign of life: the bytes are simply asked for again.
        self.awaited_file().map(|_| ())
    }

    fn stored(&mut self) -> Result<(), ClientError> {
        self.on_stored()
    }

    fn failed(&mut self, reason: Refusal) -> Result<(), ClientError> {
        match self.state {
            State::Receiving(incoming) if self.store_is_due(&incoming) => {
                self.state = State::Over;
                Ok(())
            }
            _ => self.awaited_file().map(|_| self.withdraw(reason)),
        }
    }

    fn seen(&mut self) -> Result<(), ClientError> {
        self.told.take().ok_or(ClientError::Misuse)?;
        match self.state {
            State::Listing(listing) => self.guarded(|client| client.on_listing(listing)),
            State::Over => {
                self.chunk.release();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn settle(&mut self) {
        if let State::Receiving(incoming) = &mut self.state {
            incoming.settle();
        }
    }
}

/// What nobody may send goes here.
const SCRATCH: (usize, usize) = (0, DATA_START);

#[cfg(test)]
mod tests {
    use super::CLIENT_RAM;

    #[test]
    fn a_classic_client_on_a_chip_fits_two_kibibytes() {
        const { assert!(CLIENT_RAM <= 2048) };
    }
}
