//! The connection of its own that a classic transfer has.

use coracle::classic::Way;
use coracle::poll::Driver;
use coracle::{Code, Refusal};
use smoltcp::iface::{Interface, SocketSet};
use smoltcp::socket::tcp::{Socket, State as Tcp};
use smoltcp::wire::IpEndpoint;

use crate::closing::Closing;
use crate::owner::Owner;
use crate::server::{Server, configure};
use crate::serving::{Serving, Stage};
use crate::sessions::Attention;
use crate::slot::State;
use crate::surroundings::Need;

/// Milliseconds that a client may take to connect for its upload, if the time without progress is
/// not shorter.
const ARRIVAL: u64 = 10_000;

/// Milliseconds that a client may take to listen for its download, likewise: it does so only after
/// it has read the size.
const LISTENING: u64 = 5_000;

/// Pauses between two attempts to connect, in milliseconds: short at first, since most clients
/// listen at once.
const FIRST_PAUSE: u64 = 2;
const LONGEST_PAUSE: u64 = 100;

/// The first of the ports for connections that are made from here (RFC 6335): the bits that all
/// of them have.
const DYNAMIC: u16 = 0xc000;

const NO_ARRIVAL: Refusal =
    Refusal::new(Code::Timeout, "no connection came for the bytes of the upload");
const NO_LISTENER: Refusal =
    Refusal::new(Code::Timeout, "the client takes no connection on the transfer port");

/// A connection that is being made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialling {
    from: IpEndpoint,
    until: u64,
    pause: u64,
    /// When to try again; `None` while an attempt is under way.
    retry: Option<u64>,
    /// The port of the last attempt.
    port: u16,
}

impl<O: Owner, const LINE: usize> Server<'_, O, LINE> {
    /// The reply to a classic command is sent: on to the connection for the file.
    pub(crate) fn transfer(&mut self, index: usize, sockets: &mut SocketSet<'_>, now: u64) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let State::Serving(serving) = &mut slot.state else { return };
        let socket = sockets.get_mut::<Socket<'_>>(slot.socket);
        let local = socket.local_endpoint();
        match (self.shared.need(), local) {
            (Some(Need::Connection(Way::Upload, _)), _) => {
                socket.close();
                let patience = ARRIVAL.min(self.shared.settings.timeouts.transfer.into());
                serving.stage = Stage::Awaiting { until: now.saturating_add(patience) };
            }
            (Some(Need::Connection(Way::Download, place)), Some(from)) => {
                let peer = serving.session.peer;
                let patience = LISTENING.min(self.shared.settings.timeouts.transfer.into());
                let until = now.saturating_add(patience);
                serving.stage = Stage::Dialling(Dialling::new(from, peer, now, until));
                self.hand_over(index, place, sockets, now);
            }
            // The connection was lost just now.
            _ => self.give_up(index, NO_LISTENER),
        }
    }

    /// A session goes on in another slot; the connection of its commands closes meanwhile.
    fn hand_over(&mut self, from: usize, to: usize, sockets: &mut SocketSet<'_>, now: u64) {
        let Some(slot) = self.slots.get_mut(from) else { return };
        let serving = slot.state.take();
        slot.state = State::Closing(Closing::half_close(sockets.get_mut(slot.socket), now));
        if let Some(slot) = self.slots.get_mut(to) {
            slot.state = serving;
        }
    }

    /// There is no connection for the file: its session puts away what is open.
    fn give_up(&mut self, index: usize, why: Refusal) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let State::Serving(serving) = &mut slot.state else { return };
        serving.stage = Stage::Unconnected;
        if let Some(classic) = serving.classic() {
            // It waits for just this.
            let _never = classic.refused(why);
        }
    }

    /// An upload whose connection is to come.
    pub(crate) fn await_upload(
        &mut self,
        index: usize,
        until: u64,
        sockets: &mut SocketSet<'_>,
        now: u64,
    ) -> Attention {
        let Some(slot) = self.slots.get_mut(index) else { return Attention::Moved };
        Closing::discard(sockets.get_mut(slot.socket));
        if now < until {
            return Attention::At(until);
        }
        self.give_up(index, NO_ARRIVAL);
        Attention::Now
    }

    /// The connection of an upload is there, in this slot.
    pub(crate) fn receive_upload(
        &mut self,
        number: u32,
        index: usize,
        sockets: &mut SocketSet<'_>,
        now: u64,
    ) -> Attention {
        let is_it = |serving: &Serving<O, LINE>| {
            serving.session.number == number && matches!(serving.stage, Stage::Awaiting { .. })
        };
        let waits = self.slots.iter().position(|slot| slot.state.serving().is_some_and(is_it));
        // The reply may not have been given yet.
        let Some(from) = waits else { return Attention::Moved };
        self.hand_over(from, index, sockets, now);
        self.connected(index, Way::Upload, now);
        self.drive(index, sockets, now)
    }

    /// The connection for the file is there.
    fn connected(&mut self, index: usize, way: Way, now: u64) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let State::Serving(serving) = &mut slot.state else { return };
        let is_empty = serving.classic().is_some_and(|classic| classic.size() == 0);
        serving.stage = match way {
            Way::Download => Stage::Sending { is_empty },
            Way::Upload => Stage::Receiving,
        };
        serving.driver = Driver::new(self.shared.settings.timeouts, now);
        self.shared.set_need(Need::Nothing);
        if let Some(classic) = serving.classic() {
            // It waits for just this.
            let _never = classic.connected();
        }
    }

    /// Connect to a client for its download, again and again until it listens.
    pub(crate) fn dial(
        &mut self,
        index: usize,
        iface: &mut Interface,
        sockets: &mut SocketSet<'_>,
        now: u64,
    ) -> Attention {
        let Some(slot) = self.slots.get_mut(index) else { return Attention::Moved };
        let State::Serving(serving) = &mut slot.state else { return Attention::Moved };
        let Stage::Dialling(dialling) = &mut serving.stage else { return Attention::Moved };
        let socket = sockets.get_mut::<Socket<'_>>(slot.socket);
        match socket.state() {
            Tcp::SynSent | Tcp::SynReceived if now < dialling.until => {
                return Attention::At(dialling.until);
            }
            _ if socket.may_send() => {
                self.connected(index, Way::Download, now);
                return self.drive(index, sockets, now);
            }
            _ if now >= dialling.until => {
                socket.abort();
                self.give_up(index, NO_LISTENER);
                return Attention::Now;
            }
            _ => {}
        }
        let at = dialling.retry.unwrap_or_else(|| dialling.failed(now));
        if now < at {
            return Attention::At(at);
        }
        let to = self.shared.settings.transfer_port.unwrap_or_default();
        let to = IpEndpoint::new(serving.session.peer.addr, to);
        let from = dialling.attempt();
        configure(socket, &self.shared.settings);
        // If there is no such way, the time runs out.
        let _no_way = socket.connect(iface.context(), to, from);
        Attention::At(dialling.until)
    }
}

impl Dialling {
    fn new(from: IpEndpoint, peer: IpEndpoint, now: u64, until: u64) -> Self {
        // As random as the port that the client has chosen, and another one each time.
        let port = DYNAMIC | peer.port;
        Self { from, until, pause: FIRST_PAUSE, retry: Some(now), port }
    }

    /// The address for an attempt that begins now.
    fn attempt(&mut self) -> IpEndpoint {
        self.retry = None;
        self.port = self.port.wrapping_add(1) | DYNAMIC;
        IpEndpoint::new(self.from.addr, self.port)
    }

    /// When to try again, after an attempt that has just failed; nobody may listen yet.
    fn failed(&mut self, now: u64) -> u64 {
        let at = now.saturating_add(self.pause);
        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
        self.retry = Some(at);
        at
    }
}
