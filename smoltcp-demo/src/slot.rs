//! A place for one connection, and what is going on there.

use coracle::limits::LINE_MIN;
use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use crate::closing::Closing;
use crate::owner::{Owner, Port};
use crate::serving::Serving;

/// A place for one connection. `LINE` is the line buffer's length, as in
/// [`coracle::Server`].
pub struct Slot<O: Owner, const LINE: usize = LINE_MIN> {
    pub(crate) socket: SocketHandle,
    pub(crate) state: State<O, LINE>,
}

impl<O: Owner, const LINE: usize> Slot<O, LINE> {
    /// A free slot with this TCP socket, which is nobody else's.
    pub const fn new(socket: SocketHandle) -> Self {
        Self { socket, state: State::Free }
    }

    /// Its session goes on in the classic dialect. Not inlined: a session is moved here, which
    /// takes as much of the stack.
    #[inline(never)]
    pub(crate) fn go_classic(&mut self) {
        if let State::Serving(serving) = self.state.take() {
            self.state = State::Serving(serving.into_classic());
        }
    }
}

/// What a slot is used for.
#[expect(clippy::large_enum_variant, reason = "a slot is the place for a session")]
pub(crate) enum State<O: Owner, const LINE: usize> {
    /// Nothing. What is left of an earlier connection (TIME-WAIT) may go.
    Free,
    /// For whoever connects.
    Listening,
    /// Somebody has begun to connect to this port.
    HalfOpen { port: Port, since: u64 },
    /// For the connection of a classic download, which is made soon.
    Reserved,
    /// Whether this connection on the transfer port is the one that a classic upload waits for
    /// shows when it says something, or no more.
    Undecided { peer: IpEndpoint, since: u64 },
    /// A session.
    Serving(Serving<O, LINE>),
    /// Its session is over.
    Closing(Closing),
}

impl<O: Owner, const LINE: usize> State<O, LINE> {
    /// Leave this state, for the one that the caller sets next.
    pub(crate) fn take(&mut self) -> Self {
        core::mem::replace(self, Self::Free)
    }

    /// What the slot is used for, in a word for logs.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Listening => "listening",
            Self::HalfOpen { .. } => "half open",
            Self::Reserved => "reserved",
            Self::Undecided { .. } => "undecided",
            Self::Serving(_) => "serving",
            Self::Closing(_) => "closing",
        }
    }

    /// The session, if there is one.
    pub(crate) fn serving(&self) -> Option<&Serving<O, LINE>> {
        match self {
            Self::Serving(serving) => Some(serving),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use coracle::limits::CHUNK_BUFFER_LEN;
    use coracle::{Answer, SESSION_RAM, Step, classic};

    use super::*;
    use crate::owner::{Ended, Session};

    struct Chip;

    struct Nothing;

    impl coracle::Host for Nothing {
        fn answer(&mut self, _step: Step<'_>) -> Answer {
            Answer::Done
        }
    }

    impl Owner for Chip {
        type Chunk = [u8; CHUNK_BUFFER_LEN];
        type Host = Nothing;

        fn chunk(&mut self) -> Self::Chunk {
            [0; CHUNK_BUFFER_LEN]
        }

        fn begin(&mut self, _session: &Session) -> Nothing {
            Nothing
        }

        fn end(&mut self, _session: &Session, _host: Nothing, _ended: Ended) {}
    }

    /// The socket and its buffers come on top.
    #[test]
    fn a_slot_is_little_more_than_a_session() {
        let session = SESSION_RAM.max(classic::SESSION_RAM);
        assert!(size_of::<Slot<Chip>>() <= session + 384, "{}", size_of::<Slot<Chip>>());
    }
}
