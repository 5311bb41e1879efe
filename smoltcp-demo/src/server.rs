//! The server: its slots, and the one call that serves them.

use coracle::limits::LINE_MIN;
use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp::Socket;
use smoltcp::time::{Duration, Instant};

use crate::door::{Door, FULL};
use crate::owner::Owner;
use crate::ports::Listeners;
use crate::sessions::Attention;
use crate::settings::Settings;
use crate::slot::{Slot, State};
use crate::surroundings::Shared;

/// Frames received before it is the other direction's turn: at an MTU of 1500 less than half a
/// window of 512 KiB.
const RECEIVED_MAX: usize = 128;

/// Frames sent by each socket, likewise.
const SENT_MAX: usize = 64;

/// Bytes of one session that are sent before the next is served: of many sessions each peer
/// gets its frames in one go, which costs it one wake-up. Measured with 16 downloads: one and a
/// half times as fast.
const GATHERED: usize = 16 << 10;

/// The server on smoltcp sockets; the crate's documentation says how it is used.
pub struct Server<'a, O: Owner, const LINE: usize = LINE_MIN> {
    pub(crate) owner: O,
    pub(crate) slots: &'a mut [Slot<O, LINE>],
    pub(crate) doors: &'a mut [Door],
    pub(crate) listeners: Listeners,
    pub(crate) shared: Shared,
    /// The number of the last session.
    pub(crate) number: u32,
    /// The slot that is served first: another one each time.
    first: usize,
}

/// When to call [`Server::poll`] again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Next {
    /// At once: there is more to do.
    Now,
    /// At this time, or earlier with a frame.
    At(Instant),
    /// With a frame.
    Frame,
}

impl<'a, O: Owner, const LINE: usize> Server<'a, O, LINE> {
    /// A server with these places: a slot for each connection. One more is kept by the listener
    /// of the transfer port while that is open, one for a classic transfer; the last free one
    /// listens on the control port. So three are the least for a client that uses both ports, and
    /// two for a classic transfer. With more doors than open ports
    /// a newcomer that finds no slot is told so; without doors it is reset.
    pub const fn new(
        settings: Settings,
        owner: O,
        slots: &'a mut [Slot<O, LINE>],
        doors: &'a mut [Door],
    ) -> Self {
        Self {
            owner,
            slots,
            doors,
            listeners: Listeners::NONE,
            shared: Shared::new(settings),
            number: 0,
            first: 0,
        }
    }

    /// Do what can be done now, for the interface, all its sockets and all sessions, without
    /// waiting, and for a bounded time.
    pub fn poll<D: Device + ?Sized>(
        &mut self,
        now: Instant,
        iface: &mut Interface,
        device: &mut D,
        sockets: &mut SocketSet<'_>,
    ) -> Next {
        let millis = millis(now);
        iface.poll_maintenance(now);
        let mut is_busy = self.receive(now, iface, device, sockets);
        let attention = self.serve(now, iface, device, sockets);
        is_busy |= self.listen(sockets, millis);
        is_busy |= self.send(now, iface, device, sockets);
        // Sockets that have sent their reset are free now.
        is_busy |= self.listen(sockets, millis);
        if is_busy {
            return Next::Now;
        }
        let of_sessions = match attention {
            Attention::Now => return Next::Now,
            Attention::At(at) => Some(instant(at)),
            Attention::Moved => None,
        };
        match iface.poll_at(now, sockets).into_iter().chain(of_sessions).min() {
            None => Next::Frame,
            Some(at) if at <= now => Next::Now,
            Some(at) => Next::At(at),
        }
    }

    /// Look at the frames that have come. Returns whether there may be more.
    fn receive<D: Device + ?Sized>(
        &mut self,
        now: Instant,
        iface: &mut Interface,
        device: &mut D,
        sockets: &mut SocketSet<'_>,
    ) -> bool {
        let millis = millis(now);
        for _ in 0..RECEIVED_MAX {
            self.listen(sockets, millis);
            match iface.poll_ingress_single(now, device, sockets) {
                PollIngressSingleResult::None => return false,
                PollIngressSingleResult::PacketProcessed
                | PollIngressSingleResult::SocketStateChanged => {}
            }
        }
        true
    }

    /// Send what the sockets have to send. Returns whether there may be more to do: a peer may
    /// have been given up there, which its session does not know yet.
    fn send<D: Device + ?Sized>(
        &self,
        now: Instant,
        iface: &mut Interface,
        device: &mut D,
        sockets: &mut SocketSet<'_>,
    ) -> bool {
        let open = self.open_connections(sockets);
        let has_more = (0..SENT_MAX)
            .all(|_| iface.poll_egress(now, device, sockets) == PollResult::SocketStateChanged);
        has_more || self.open_connections(sockets) != open
    }

    fn open_connections(&self, sockets: &SocketSet<'_>) -> usize {
        let is_open = |slot: &&Slot<O, LINE>| sockets.get::<Socket<'_>>(slot.socket).is_open();
        self.slots.iter().filter(is_open).count()
    }

    /// Serve every session.
    fn serve<D: Device + ?Sized>(
        &mut self,
        now: Instant,
        iface: &mut Interface,
        device: &mut D,
        sockets: &mut SocketSet<'_>,
    ) -> Attention {
        let millis = millis(now);
        let mut attention = Attention::Moved;
        let count = self.slots.len();
        self.first = self.first.checked_add(1).filter(|&first| first < count).unwrap_or(0);
        for index in (self.first..count).chain(0..self.first) {
            attention = attention.min(self.advance(index, millis, iface, sockets));
            let socket = self.slots.get(index).map(|slot| sockets.get::<Socket<'_>>(slot.socket));
            let is_full = socket.is_some_and(|socket| socket.send_queue() >= GATHERED);
            if is_full && self.send(now, iface, device, sockets) {
                attention = Attention::Now;
            }
        }
        for door in self.doors.iter_mut() {
            if let Some(peer) = door.advance(sockets.get_mut::<Socket<'_>>(door.socket), millis) {
                self.owner.turned_away(peer, FULL);
            }
            attention = attention.min(door.deadline().into());
        }
        attention
    }

    /// Take no new sessions, and end the open ones when their command is answered.
    pub const fn shut_down(&mut self) {
        self.shared.is_closing = true;
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.slots.iter().filter(|slot| matches!(slot.state, State::Serving(_))).count()
    }

    /// Whether nothing is left: no session, and no connection that is to close in order.
    pub fn is_quiet(&self) -> bool {
        let is_used =
            |state: &State<O, LINE>| matches!(state, State::Serving(_) | State::Closing(_));
        !self.slots.iter().any(|slot| is_used(&slot.state))
    }

    /// The owner.
    pub const fn owner(&self) -> &O {
        &self.owner
    }

    /// The owner, to change.
    pub const fn owner_mut(&mut self) -> &mut O {
        &mut self.owner
    }
}

fn millis(now: Instant) -> u64 {
    u64::try_from(now.total_millis()).unwrap_or(0)
}

fn instant(millis: u64) -> Instant {
    Instant::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// Set the options of a socket that is to be used.
pub(crate) fn configure(socket: &mut Socket<'_>, settings: &Settings) {
    // Answers go as they are made: what belongs together is in the buffer before a frame is sent.
    socket.set_nagle_enabled(false);
    socket.set_keep_alive(Some(Duration::from_millis(settings.keep_alive.into())));
    socket.set_timeout(Some(Duration::from_millis(settings.vanished.into())));
}
