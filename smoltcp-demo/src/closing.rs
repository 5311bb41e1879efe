//! The end of a connection, so that the peer gets the last line, and nobody keeps a port.

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, State};

/// Milliseconds for which a closing side reads and discards, so that a reset does not destroy
/// its last line.
const LINGER: u64 = 2000;

/// Milliseconds that a client which awaits no byte may take to close first. The end of the stream
/// has no byte to go with, and who closes first keeps its port, unless a reset follows.
const EMPTY: u64 = 250;

/// Bytes that must arrive of the last ones for more time, so that nobody keeps a slot by taking one
/// now and then.
const PROGRESS: usize = 4096;

/// Milliseconds in which a reset can leave: a peer whose hardware address must be asked for may
/// be gone.
const RESET: u64 = 1000;

/// A connection whose session is over.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Closing {
    manner: Manner,
    until: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Manner {
    /// Our end of the stream was said, but may have to be repeated, and these many bytes before
    /// it have not arrived.
    Said { left: usize },
    /// The peer knows it. It is to say its own.
    Heard,
    /// The peer is to close first: on the transfer port a client does. These many bytes have not
    /// arrived.
    PeerFirst { left: usize },
    /// The peer may close first, and is freed of its port then.
    Empty,
    /// A reset is on its way to the peer, if it can be reached.
    Reset,
}

impl Closing {
    /// Milliseconds in which some of the last bytes must arrive: for two or three repetitions.
    pub(crate) const LAST_WORDS: u64 = 10_000;

    /// Say the end of our side, and wait for the peer's.
    pub(crate) fn half_close(socket: &mut Socket<'_>, now: u64) -> Self {
        socket.close();
        let left = socket.send_queue();
        Self { manner: Manner::Said { left }, until: now.saturating_add(Self::LAST_WORDS) }
    }

    /// Wait for the peer to close; it is reset if it does not.
    pub(crate) fn peer_first(socket: &Socket<'_>, now: u64) -> Self {
        let left = socket.send_queue();
        let patience = if left == 0 { LINGER } else { Self::LAST_WORDS };
        Self { manner: Manner::PeerFirst { left }, until: now.saturating_add(patience) }
    }

    /// After a classic download without a byte.
    pub(crate) fn empty(now: u64) -> Self {
        Self { manner: Manner::Empty, until: now.saturating_add(EMPTY) }
    }

    /// Break off: the peer is reset.
    pub(crate) fn reset(socket: &mut Socket<'_>, now: u64) -> Self {
        socket.abort();
        Self { manner: Manner::Reset, until: now.saturating_add(RESET) }
    }

    /// Read what comes.
    pub(crate) fn discard(socket: &mut Socket<'_>) {
        while socket.can_recv() {
            // It can receive.
            let _never = socket.recv(|rest| (rest.len(), ()));
        }
    }

    pub(crate) const fn deadline(&self) -> u64 {
        self.until
    }

    /// Do what is to be done. Returns whether the socket is free.
    pub(crate) fn advance(&mut self, socket: &mut Socket<'_>, now: u64) -> bool {
        Self::discard(socket);
        if socket.state() == State::TimeWait || is_forgotten(socket) {
            return true;
        }
        let has_peer_closed = !socket.may_recv();
        let is_late = now >= self.until;
        match self.manner {
            Manner::Reset if is_late => {
                forget(socket);
                return true;
            }
            Manner::Reset => {}
            Manner::Said { .. } if socket.state() == State::FinWait2 => {
                *self = Self { manner: Manner::Heard, until: now.saturating_add(LINGER) };
            }
            Manner::Said { left } if has_progress(socket, left) => {
                *self = Self::half_close(socket, now);
            }
            Manner::PeerFirst { left } if !has_peer_closed && has_progress(socket, left) => {
                *self = Self::peer_first(socket, now);
            }
            Manner::PeerFirst { .. } if has_peer_closed => *self = Self::half_close(socket, now),
            Manner::Empty if has_peer_closed => *self = Self::reset(socket, now),
            Manner::Empty if is_late => *self = Self::half_close(socket, now),
            _ if is_late || !socket.is_open() => *self = Self::reset(socket, now),
            _ => {}
        }
        false
    }
}

/// Whether a socket is closed and has nobody to tell it.
fn is_forgotten(socket: &Socket<'_>) -> bool {
    !socket.is_open() && socket.remote_endpoint().is_none()
}

/// Whether enough of the last bytes have arrived for more time.
fn has_progress(socket: &Socket<'_>, left: usize) -> bool {
    let now_left = socket.send_queue();
    now_left < left && (now_left == 0 || left - now_left >= PROGRESS)
}

/// Close without a word to anybody: for a connection that is none yet, or none any more.
pub(crate) fn forget(socket: &mut Socket<'_>) {
    socket.abort();
    // To listen forgets the peer, which would get a reset otherwise; any port will do.
    let _is_closed = socket.listen(1);
    socket.close();
}

/// The same for one whose peer may not even be there: smoltcp has a socket wait while it looks for
/// the hardware address of its last peer, whoever the next one is, unless the set gets it anew.
pub(crate) fn renew(sockets: &mut SocketSet<'_>, handle: &mut SocketHandle) {
    forget(sockets.get_mut(*handle));
    let socket = sockets.remove(*handle);
    *handle = sockets.add(socket);
}
