//! Sessions: from a connection that is there, through its machine, to a connection that closes.

use coracle::classic::{ARRIVAL_LEN, begins_native};
use coracle::poll::Progress;
use coracle::{Error, Outcome};
use smoltcp::iface::{Interface, SocketSet};
use smoltcp::socket::tcp::{Socket, State as Tcp};
use smoltcp::wire::IpEndpoint;

use crate::closing::{Closing, renew};
use crate::owner::{Ended, Owner, Port, Session};
use crate::server::Server;
use crate::serving::{Serving, Stage};
use crate::slot::State;

/// Connections that may be undecided at once.
const UNDECIDED_MAX: usize = 4;

/// Turns that a classic download has at most before frames are sent: the end of the stream is to go
/// with its last bytes, and the buffer of a socket is full long before.
const SENDING: usize = 64;

/// When to go on; the earlier, the less.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attention {
    /// At once: it has more to do.
    Now,
    /// At this time, or when its connection has moved.
    At(u64),
    /// When its connection has moved.
    Moved,
}

impl From<Option<u64>> for Attention {
    fn from(at: Option<u64>) -> Self {
        at.map_or(Self::Moved, Self::At)
    }
}

impl<O: Owner, const LINE: usize> Server<'_, O, LINE> {
    /// Do what can be done in this slot.
    pub(crate) fn advance(
        &mut self,
        index: usize,
        now: u64,
        iface: &mut Interface,
        sockets: &mut SocketSet<'_>,
    ) -> Attention {
        let Some(slot) = self.slots.get_mut(index) else { return Attention::Moved };
        match &mut slot.state {
            State::Free | State::Listening | State::Reserved => Attention::Moved,
            State::HalfOpen { .. } => self.admit(index, sockets, now),
            State::Undecided { .. } => self.decide(index, sockets, now),
            State::Serving(serving) => match serving.stage {
                Stage::Awaiting { until } => self.await_upload(index, until, sockets, now),
                Stage::Dialling(_) => self.dial(index, iface, sockets, now),
                Stage::Commands | Stage::Sending { .. } | Stage::Receiving | Stage::Unconnected => {
                    self.drive(index, sockets, now)
                }
            },
            State::Closing(closing) => {
                if !closing.advance(sockets.get_mut(slot.socket), now) {
                    return Attention::At(closing.deadline());
                }
                slot.state = State::Free;
                if sockets.get::<Socket<'_>>(slot.socket).state() == Tcp::Closed {
                    renew(sockets, &mut slot.socket);
                }
                Attention::Now
            }
        }
    }

    /// A connection is there.
    pub(crate) fn begin(
        &mut self,
        index: usize,
        peer: IpEndpoint,
        port: Port,
        sockets: &mut SocketSet<'_>,
        now: u64,
    ) -> Attention {
        if port == Port::Transfer && self.shared.due_upload(peer).is_some() {
            self.give_up_undecided(sockets, now);
            if let Some(slot) = self.slots.get_mut(index) {
                slot.state = State::Undecided { peer, since: now };
            }
            return self.decide(index, sockets, now);
        }
        self.serve_native(index, peer, port, now);
        self.drive(index, sockets, now)
    }

    /// Not inlined: a session is made on the stack, and moved to its place.
    #[inline(never)]
    fn serve_native(&mut self, index: usize, peer: IpEndpoint, port: Port, since: u64) {
        self.number = self.number.wrapping_add(1);
        let session = Session { number: self.number, peer, port };
        let serving = Serving::new(session, &mut self.owner, &self.shared, since);
        if let Some(slot) = self.slots.get_mut(index) {
            slot.state = State::Serving(serving);
        }
    }

    /// If there are too many that say nothing while an upload is due, the oldest has to go: they
    /// must not keep out the one that is due.
    fn give_up_undecided(&mut self, sockets: &mut SocketSet<'_>, now: u64) {
        let all = self.slots.iter().enumerate();
        let undecided = all.filter_map(|(index, slot)| match slot.state {
            State::Undecided { since, .. } => Some((since, index)),
            _ => None,
        });
        if undecided.clone().count() < UNDECIDED_MAX {
            return;
        }
        let Some((_, index)) = undecided.min() else { return };
        if let Some(slot) = self.slots.get_mut(index) {
            slot.state = State::Closing(Closing::reset(sockets.get_mut(slot.socket), now));
        }
    }

    /// Whether a connection on the transfer port brings the bytes of a classic upload.
    fn decide(&mut self, index: usize, sockets: &mut SocketSet<'_>, now: u64) -> Attention {
        let Some(slot) = self.slots.get_mut(index) else { return Attention::Moved };
        let State::Undecided { peer, since } = slot.state else { return Attention::Moved };
        let socket = sockets.get_mut::<Socket<'_>>(slot.socket);
        if !socket.is_open() {
            // Reset: nobody's.
            slot.state = State::Free;
            return Attention::Now;
        }
        let mut begun = [0; ARRIVAL_LEN];
        let count = socket.peek_slice(&mut begun).unwrap_or(0);
        let is_native = begins_native(begun.get(..count).unwrap_or(&[]));
        let Some(number) = self.shared.due_upload(peer) else {
            self.serve_native(index, peer, Port::Transfer, since);
            return self.drive(index, sockets, now);
        };
        match is_native {
            None if socket.state() == Tcp::Established => Attention::Moved,
            Some(true) => {
                self.serve_native(index, peer, Port::Transfer, since);
                self.drive(index, sockets, now)
            }
            None | Some(false) => self.receive_upload(number, index, sockets, now),
        }
    }

    /// Have a session's machine do what it can.
    pub(crate) fn drive(
        &mut self,
        index: usize,
        sockets: &mut SocketSet<'_>,
        now: u64,
    ) -> Attention {
        let Some(slot) = self.slots.get_mut(index) else { return Attention::Moved };
        let State::Serving(serving) = &mut slot.state else { return Attention::Moved };
        let socket = sockets.get_mut::<Socket<'_>>(slot.socket);
        let mut progress = serving.drive(socket, &mut self.shared, now);
        let turns = if matches!(serving.stage, Stage::Sending { .. }) { SENDING } else { 0 };
        for _ in 0..turns {
            if progress != Ok(Progress::Again) {
                break;
            }
            progress = serving.drive(socket, &mut self.shared, now);
        }
        match progress {
            Ok(Progress::Waiting { until }) => {
                serving.held.deadline().into_iter().chain(until).min().into()
            }
            Ok(Progress::Again) => Attention::Now,
            Ok(Progress::Done(Outcome::Classic)) => {
                slot.go_classic();
                Attention::Now
            }
            Ok(Progress::Done(Outcome::Transfer(_))) => {
                self.transfer(index, sockets, now);
                Attention::Now
            }
            Ok(Progress::Done(outcome)) => self.end(index, Ok(outcome), sockets, now),
            Err(error) => self.end(index, Err(error), sockets, now),
        }
    }

    /// A session is over: close its connection as it deserves. Not inlined: its host is moved.
    #[inline(never)]
    fn end(
        &mut self,
        index: usize,
        ended: Ended,
        sockets: &mut SocketSet<'_>,
        now: u64,
    ) -> Attention {
        let Some(slot) = self.slots.get_mut(index) else { return Attention::Moved };
        let State::Serving(serving) = slot.state.take() else { return Attention::Moved };
        let socket = sockets.get_mut::<Socket<'_>>(slot.socket);
        let is_whole = matches!(ended, Ok(Outcome::Ended));
        let closing = match (serving.stage, serving.session.port) {
            _ if matches!(ended, Err(Error::Link(_))) => Closing::reset(socket, now),
            (Stage::Sending { is_empty: true }, _) if is_whole => Closing::empty(now),
            // If it is sent: in this very call, so that the end goes with the last bytes.
            (Stage::Sending { .. } | Stage::Receiving, _) if is_whole => {
                Closing::half_close(socket, now)
            }
            (Stage::Commands, Port::Control) | (Stage::Unconnected, _) => {
                Closing::half_close(socket, now)
            }
            (Stage::Commands, Port::Transfer) => Closing::peer_first(socket, now),
            _ => Closing::reset(socket, now),
        };
        slot.state = State::Closing(closing);
        serving.end(&mut self.owner, &mut self.shared, ended);
        if self.shared.need().is_none() {
            self.free_reserved();
        }
        Attention::Now
    }
}
