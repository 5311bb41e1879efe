//! A small socket for newcomers when all slots are taken.

use coracle::{Code, Refusal};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::wire::IpEndpoint;

use crate::closing::{Closing, forget};

/// What a newcomer is told.
pub(crate) const FULL: Refusal =
    Refusal::new(Code::Limit, "the server has as many sessions as it may; try again later");

/// Room for the line of a refusal.
const LINE: usize = 128;

/// A socket with small buffers (256 bytes to send are plenty) that tells who connects that all
/// slots are taken.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Door {
    pub(crate) socket: SocketHandle,
    pub(crate) state: Opening,
}

/// What a door is used for.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) enum Opening {
    Closed,
    Listening,
    /// Somebody is at the door.
    Entered {
        since: u64,
    },
    Closing {
        since: u64,
        closing: Closing,
    },
}

impl Door {
    /// A closed door with this TCP socket, which is nobody else's.
    pub const fn new(socket: SocketHandle) -> Self {
        Self { socket, state: Opening::Closed }
    }

    pub(crate) const fn is_closed(&self) -> bool {
        matches!(self.state, Opening::Closed)
    }

    /// When somebody entered.
    pub(crate) const fn since(&self) -> Option<u64> {
        match self.state {
            Opening::Entered { since } | Opening::Closing { since, .. } => Some(since),
            Opening::Closed | Opening::Listening => None,
        }
    }

    /// Go on with who entered; the peer that was told now.
    pub(crate) fn advance(&mut self, socket: &mut Socket<'_>, now: u64) -> Option<IpEndpoint> {
        match &mut self.state {
            Opening::Closed | Opening::Listening => None,
            Opening::Entered { since } => match socket.state() {
                State::SynReceived if now >= since.saturating_add(Closing::LAST_WORDS) => {
                    forget(socket);
                    self.state = Opening::Closed;
                    None
                }
                State::SynReceived => None,
                _ => {
                    let since = *since;
                    let peer = socket.remote_endpoint();
                    self.state = Opening::Closing { since, closing: refuse(socket, now) };
                    peer
                }
            },
            Opening::Closing { closing, .. } => {
                if closing.advance(socket, now) {
                    self.state = Opening::Closed;
                }
                None
            }
        }
    }

    /// When to go on at the latest.
    pub(crate) fn deadline(&self) -> Option<u64> {
        match &self.state {
            Opening::Closed | Opening::Listening => None,
            Opening::Entered { since } => Some(since.saturating_add(Closing::LAST_WORDS)),
            Opening::Closing { closing, .. } => Some(closing.deadline()),
        }
    }
}

fn refuse(socket: &mut Socket<'_>, now: u64) -> Closing {
    let mut line = [0; LINE];
    let len = FULL.emit(&mut line).unwrap_or(0);
    // The buffer is empty: it takes the line, or the connection is gone already.
    let _gone = socket.send_slice(line.get(..len).unwrap_or(&[]));
    Closing::half_close(socket, now)
}
