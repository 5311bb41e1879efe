//! Who listens on the two ports, at every moment.

use coracle::classic::Way;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, State as Tcp};

use crate::closing::{forget, renew};
use crate::door::Opening;
use crate::owner::{Owner, Port};
use crate::server::{Server, configure};
use crate::sessions::Attention;
use crate::slot::{Slot, State};
use crate::surroundings::Need;

/// Milliseconds that a connection may take to be whole: three repetitions of the answer to its
/// first segment.
const HALF_OPEN: u64 = 10_000;

/// Milliseconds after which a connection that is not whole is slow: longer than any round trip.
const SLOW: u64 = 3_000;

/// Who listens on a port.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    Slot(usize),
    Door(usize),
}

impl<O: Owner, const LINE: usize> Server<'_, O, LINE> {
    /// See that somebody listens on each port that is open, and nobody on others. To be called
    /// before each frame that is looked at. Returns whether a session can go on at once.
    pub(crate) fn listen(&mut self, sockets: &mut SocketSet<'_>, now: u64) -> bool {
        self.see_newcomer(Port::Control, sockets, now);
        self.see_newcomer(Port::Transfer, sockets, now);
        let first = if self.shared.is_upload_due() {
            // It was promised a slot.
            if !matches!(self.listeners.of(Port::Transfer), Some(Listener::Slot(_))) {
                self.spare_slot(sockets);
            }
            [Port::Transfer, Port::Control]
        } else {
            [Port::Control, Port::Transfer]
        };
        for port in first {
            let is_open = match port {
                Port::Control => !self.shared.is_closing,
                Port::Transfer => self.shared.is_transfer_port_open(),
            };
            match (self.listeners.of(port), is_open) {
                (None, true) => self.open(port, sockets, now),
                (Some(Listener::Door(_)), true) if self.has_slot(sockets, now) => {
                    self.close(port, sockets);
                    self.open(port, sockets, now);
                }
                (Some(_), false) => self.close(port, sockets),
                _ => {}
            }
        }
        let has_slot = matches!(self.listeners.of(Port::Transfer), Some(Listener::Slot(_)));
        self.shared.set_listener(has_slot) | self.find_slot(sockets, now)
    }

    /// See whether somebody has begun to connect to a listener.
    fn see_newcomer(&mut self, port: Port, sockets: &mut SocketSet<'_>, now: u64) {
        let Some(listener) = self.listeners.of(port) else { return };
        let Some(socket) = self.socket_of(listener) else { return };
        if sockets.get::<Socket<'_>>(socket).is_listening() {
            return;
        }
        let is_repeated = self.is_repeated(socket, sockets);
        if is_repeated {
            forget(sockets.get_mut(socket));
        }
        match listener {
            Listener::Slot(index) => {
                if let Some(slot) = self.slots.get_mut(index) {
                    slot.state = match is_repeated {
                        true => State::Free,
                        false => State::HalfOpen { port, since: now },
                    };
                }
            }
            Listener::Door(index) => {
                if let Some(door) = self.doors.get_mut(index) {
                    door.state = match is_repeated {
                        true => Opening::Closed,
                        false => Opening::Entered { since: now },
                    };
                }
            }
        }
        self.listeners.set(port, None);
    }

    fn socket_of(&self, listener: Listener) -> Option<SocketHandle> {
        match listener {
            Listener::Slot(index) => self.slots.get(index).map(|slot| slot.socket),
            Listener::Door(index) => self.doors.get(index).map(|door| door.socket),
        }
    }

    /// Whether the first segment of a connection has come twice, and another listener answered
    /// the first: the peer can take only one answer, and that one is repeated by itself. What is
    /// left of an earlier connection between the same ends has to go, or it would get the
    /// segments of this one.
    fn is_repeated(&self, newcomer: SocketHandle, sockets: &mut SocketSet<'_>) -> bool {
        let ends = |socket: &Socket<'_>| (socket.local_endpoint(), socket.remote_endpoint());
        let own = ends(sockets.get(newcomer));
        let slots = self.slots.iter().map(|slot| slot.socket);
        let others = slots.chain(self.doors.iter().map(|door| door.socket));
        let mut is_repeated = false;
        for other in others.filter(|&other| other != newcomer) {
            let socket = sockets.get_mut::<Socket<'_>>(other);
            if ends(socket) == own {
                if socket.is_open() {
                    is_repeated = true;
                } else {
                    forget(socket);
                }
            }
        }
        is_repeated
    }

    fn open(&mut self, port: Port, sockets: &mut SocketSet<'_>, now: u64) {
        let Some(number) = self.shared.settings.number(port) else { return };
        let slot = self.slot_for_newcomers(sockets, now);
        if let Some(index) = slot {
            let Some(slot) = self.slots.get_mut(index) else { return };
            let socket = sockets.get_mut::<Socket<'_>>(slot.socket);
            configure(socket, &self.shared.settings);
            if socket.listen(number).is_ok() {
                slot.state = State::Listening;
                self.listeners.set(port, Some(Listener::Slot(index)));
            }
            return;
        }
        let Some(index) = self.closed_door(sockets, now) else { return };
        let Some(door) = self.doors.get_mut(index) else { return };
        let socket = sockets.get_mut::<Socket<'_>>(door.socket);
        configure(socket, &self.shared.settings);
        if socket.listen(number).is_ok() {
            door.state = Opening::Listening;
            self.listeners.set(port, Some(Listener::Door(index)));
        }
    }

    fn close(&mut self, port: Port, sockets: &mut SocketSet<'_>) {
        match self.listeners.of(port) {
            None => return,
            Some(Listener::Slot(index)) => {
                let Some(slot) = self.slots.get_mut(index) else { return };
                sockets.get_mut::<Socket<'_>>(slot.socket).close();
                slot.state = State::Free;
            }
            Some(Listener::Door(index)) => {
                let Some(door) = self.doors.get_mut(index) else { return };
                sockets.get_mut::<Socket<'_>>(door.socket).close();
                door.state = Opening::Closed;
            }
        }
        self.listeners.set(port, None);
    }

    /// A slot that can be used now; rather one whose last connection needs its name no more
    /// (TIME-WAIT).
    fn free_slot(&self, sockets: &SocketSet<'_>) -> Option<usize> {
        let all = self.slots.iter().enumerate();
        let free = all.filter(|(_, slot)| matches!(slot.state, State::Free));
        let is_named = |handle| sockets.get::<Socket<'_>>(handle).state() == Tcp::TimeWait;
        free.map(|(index, slot)| (is_named(slot.socket), index)).min().map(|(_, index)| index)
    }

    /// A slot to listen with. One that is half open gives way to newcomers if it is slow, or if
    /// no door is left to tell them so: the oldest first, so that who means it is done before its
    /// turn comes, in a flood as well. Of many that come in one moment none puts another out.
    fn slot_for_newcomers(&mut self, sockets: &mut SocketSet<'_>, now: u64) -> Option<usize> {
        let slow = now.checked_sub(SLOW);
        let slot = self
            .free_slot(sockets)
            .or_else(|| slow.and_then(|slow| self.oldest_half_open(sockets, slow)));
        if slot.is_some() || self.doors.iter().any(|door| door.is_closed()) {
            return slot;
        }
        self.oldest_half_open(sockets, now.checked_sub(1)?)
    }

    /// Whether a slot can listen in place of a door.
    fn has_slot(&self, sockets: &SocketSet<'_>, now: u64) -> bool {
        let is_slow = |slot: &Slot<O, LINE>| matches!(slot.state, State::HalfOpen { since, .. } if now >= since.saturating_add(SLOW));
        self.free_slot(sockets).is_some() || self.slots.iter().any(is_slow)
    }

    /// Free the slot whose connection has been half open for the longest time, at least since
    /// then.
    fn oldest_half_open(&mut self, sockets: &mut SocketSet<'_>, then: u64) -> Option<usize> {
        let all = self.slots.iter().enumerate();
        let half_open = all.filter_map(|(index, slot)| match slot.state {
            State::HalfOpen { since, .. }
                if since <= then && is_half_open(sockets.get(slot.socket)) =>
            {
                Some((since, index))
            }
            _ => None,
        });
        let (_, index) = half_open.min()?;
        renew(sockets, &mut self.slots.get_mut(index)?.socket);
        self.free(index);
        Some(index)
    }

    /// A closed door, or the one where somebody has been for the longest time, who has to go: a
    /// newcomer tries again by itself. The only one there may stay until it is slow.
    fn closed_door(&mut self, sockets: &mut SocketSet<'_>, now: u64) -> Option<usize> {
        let all = self.doors.iter().enumerate();
        let closed = all.clone().find(|(_, door)| door.is_closed()).map(|(index, _)| index);
        let index = closed.or_else(|| {
            let used = all.filter_map(|(index, door)| Some((door.since()?, index)));
            let is_crowd = used.clone().count() > 1;
            let (since, index) = used.min()?;
            (is_crowd || now >= since.saturating_add(SLOW)).then_some(index)
        })?;
        let door = self.doors.get_mut(index)?;
        renew(sockets, &mut door.socket);
        door.state = Opening::Closed;
        Some(index)
    }

    /// Find the slot for the connection of a classic transfer whose turn it is. Returns whether it
    /// was found.
    fn find_slot(&mut self, sockets: &mut SocketSet<'_>, now: u64) -> bool {
        let found = match self.shared.need() {
            Some(Need::Slot(Way::Upload)) => match self.listeners.of(Port::Transfer) {
                Some(Listener::Slot(index)) => Some((Way::Upload, index)),
                _ => None,
            },
            Some(Need::Slot(Way::Download)) => {
                self.reserve_slot(sockets, now).map(|index| (Way::Download, index))
            }
            _ => None,
        };
        if let Some((way, index)) = found {
            self.shared.set_need(Need::Connection(way, index));
        }
        found.is_some()
    }

    fn reserve_slot(&mut self, sockets: &mut SocketSet<'_>, now: u64) -> Option<usize> {
        self.spare_slot(sockets);
        let index = self.free_slot(sockets)?;
        self.slots.get_mut(index)?.state = State::Reserved;
        if self.listeners.of(Port::Control).is_none() && !self.shared.is_closing {
            self.open(Port::Control, sockets, now);
        }
        Some(index)
    }

    /// If no slot is free but the one that listens on the control port, free that: a door can
    /// listen there.
    fn spare_slot(&mut self, sockets: &mut SocketSet<'_>) {
        let listener = self.listeners.of(Port::Control);
        if matches!(listener, Some(Listener::Slot(_))) && self.free_slot(sockets).is_none() {
            self.close(Port::Control, sockets);
        }
    }

    /// A slot that was to be for a classic transfer is not needed.
    pub(crate) fn free_reserved(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| matches!(slot.state, State::Reserved)) {
            slot.state = State::Free;
        }
    }

    fn free(&mut self, index: usize) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.state = State::Free;
        }
    }

    /// Go on with a connection that is half open, or was. Returns when to look again.
    pub(crate) fn admit(
        &mut self,
        index: usize,
        sockets: &mut SocketSet<'_>,
        now: u64,
    ) -> Attention {
        let Some(slot) = self.slots.get_mut(index) else { return Attention::Moved };
        let State::HalfOpen { port, since } = slot.state else { return Attention::Moved };
        let socket = sockets.get_mut::<Socket<'_>>(slot.socket);
        match (socket.state(), socket.remote_endpoint()) {
            (Tcp::SynReceived, _) if now < since.saturating_add(HALF_OPEN) => {
                Attention::At(since.saturating_add(HALF_OPEN))
            }
            (Tcp::SynReceived | Tcp::Listen, _) | (_, None) => {
                renew(sockets, &mut slot.socket);
                slot.state = State::Free;
                Attention::Moved
            }
            (_, Some(peer)) => self.begin(index, peer, port, sockets, now),
        }
    }
}

fn is_half_open(socket: &Socket<'_>) -> bool {
    socket.state() == Tcp::SynReceived
}

/// The listener of each port.
#[derive(Default)]
pub(crate) struct Listeners {
    control: Option<Listener>,
    transfer: Option<Listener>,
}

impl Listeners {
    pub(crate) const NONE: Self = Self { control: None, transfer: None };

    pub(crate) const fn of(&self, port: Port) -> Option<Listener> {
        match port {
            Port::Control => self.control,
            Port::Transfer => self.transfer,
        }
    }

    fn set(&mut self, port: Port, listener: Option<Listener>) {
        match port {
            Port::Control => self.control = listener,
            Port::Transfer => self.transfer = listener,
        }
    }
}
