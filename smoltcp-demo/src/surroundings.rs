//! What all sessions share, and what a session's machine asks for besides its medium: the
//! transfer port, and the turn of a classic transfer.

use core::net::IpAddr;

use coracle::classic::{Way, comes_from};
use coracle::{Answer, Code, Event, Refusal, Step, poll};
use smoltcp::wire::IpEndpoint;

use crate::classic::Classic;
use crate::settings::Settings;

/// Milliseconds that a classic transfer waits for the one before it, and for a free slot.
const TURN: u64 = 10_000;

const NO_PORT: Refusal = Refusal::new(
    Code::Unsupported,
    "classic transfers need a transfer port, and this server has none",
);
const CROWDED: Refusal = Refusal::new(
    Code::Busy,
    "another transfer has the transfer port, or no slot is free; try again",
);

/// What all sessions share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    /// Sessions that have asked for the transfer port.
    leases: u16,
    /// The transfer port was asked for just now.
    is_asked: bool,
    /// A slot listens on the transfer port, not a door.
    has_slot: bool,
    turn: Option<Turn>,
    pub(crate) is_closing: bool,
}

/// The one classic transfer that there may be at a time: the ancestor's programs have one port.
#[derive(Clone, Copy)]
struct Turn {
    proof: Classic,
    /// The session.
    number: u32,
    peer: IpEndpoint,
    need: Need,
}

/// What a classic transfer needs next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// A slot for the connection; for an upload one that listens.
    Slot(Way),
    /// The connection, for which this slot was found.
    Connection(Way, usize),
    /// Time: the connection is there.
    Nothing,
}

impl Turn {
    const fn is_due_upload(&self) -> bool {
        matches!(self.need, Need::Slot(Way::Upload) | Need::Connection(Way::Upload, _))
    }
}

/// What a session holds of it.
#[derive(Default)]
pub(crate) struct Held {
    lease: Lease,
    /// When it began to wait for its turn.
    queued: Option<u64>,
}

/// Whether the transfer port is open for a session.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Lease {
    #[default]
    None,
    /// If a slot can be found to listen there.
    Asked,
    Held,
}

impl Held {
    /// When it has waited too long for its turn.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.queued.map(|queued| queued.saturating_add(TURN))
    }
}

impl Shared {
    pub(crate) const fn new(settings: Settings) -> Self {
        Self {
            settings,
            leases: 0,
            is_asked: false,
            has_slot: false,
            turn: None,
            is_closing: false,
        }
    }

    /// The turn of a session, if one has it.
    fn turn(&self) -> Option<&Turn> {
        self.turn.as_ref().inspect(|turn| turn.proof.holds())
    }

    /// What the session whose turn it is needs.
    pub(crate) fn need(&self) -> Option<Need> {
        self.turn().map(|turn| turn.need)
    }

    /// What the turn needs now.
    pub(crate) fn set_need(&mut self, need: Need) {
        if let Some(turn) = &mut self.turn {
            turn.proof.holds();
            turn.need = need;
        }
    }

    /// The session of the upload that a connection of this peer on the transfer port may be for.
    pub(crate) fn due_upload(&self, from: IpEndpoint) -> Option<u32> {
        let turn = self.turn().filter(|turn| turn.is_due_upload())?;
        // Nobody reaches this stack from its own addresses.
        let is_own = |_: IpAddr| false;
        comes_from(turn.peer.addr.into(), from.addr.into(), is_own).then_some(turn.number)
    }

    pub(crate) fn is_transfer_port_open(&self) -> bool {
        self.leases > 0 || self.is_upload_due()
    }

    /// Whether a classic upload waits for its connection.
    pub(crate) fn is_upload_due(&self) -> bool {
        self.turn().is_some_and(Turn::is_due_upload)
    }

    /// Somebody listens on the transfer port now, if it is open. Returns whether a session has
    /// asked for that.
    pub(crate) fn set_listener(&mut self, has_slot: bool) -> bool {
        self.has_slot = has_slot;
        core::mem::take(&mut self.is_asked)
    }

    /// A session is over.
    pub(crate) fn release(&mut self, number: u32, held: &mut Held) {
        self.end_lease(held);
        self.end_turn(number);
    }

    fn end_lease(&mut self, held: &mut Held) {
        if core::mem::take(&mut held.lease) != Lease::None {
            self.leases = self.leases.saturating_sub(1);
        }
    }

    /// There is no transfer, or no more.
    pub(crate) fn end_turn(&mut self, number: u32) {
        self.turn.take_if(|turn| turn.number == number);
    }

    /// Open the transfer port for a session. `None`: not known yet. Without a slot to listen
    /// there it is as good as none: one connection will do.
    fn lease(&mut self, held: &mut Held) -> Option<Option<u16>> {
        if self.settings.transfer_port.is_none() {
            return Some(None);
        }
        if held.lease == Lease::None {
            held.lease = Lease::Asked;
            self.leases = self.leases.saturating_add(1);
            self.is_asked = true;
            return None;
        }
        if !self.has_slot {
            self.end_lease(held);
            return Some(None);
        }
        held.lease = Lease::Held;
        Some(self.settings.transfer_port)
    }
}

/// A session's host, and what the server answers itself.
pub(crate) struct Surroundings<'a, H> {
    pub(crate) host: &'a mut H,
    pub(crate) shared: &'a mut Shared,
    pub(crate) held: &'a mut Held,
    pub(crate) number: u32,
    pub(crate) peer: IpEndpoint,
    pub(crate) now: u64,
}

impl<H> Surroundings<'_, H> {
    /// `None`: not yet.
    fn prepare(&mut self, way: Way) -> Option<Answer> {
        if self.shared.settings.transfer_port.is_none() {
            return Some(Answer::Refused(NO_PORT));
        }
        let Some(proof) = Classic::built_in() else { return Some(Answer::Refused(CROWDED)) };
        let own = Turn { proof, number: self.number, peer: self.peer, need: Need::Slot(way) };
        let turn = *self.shared.turn.get_or_insert(own);
        let queued = *self.held.queued.get_or_insert(self.now);
        let answer = if turn.number == self.number && matches!(turn.need, Need::Connection(..)) {
            Answer::Done
        } else if self.now < queued.saturating_add(TURN) {
            return None;
        } else {
            self.shared.end_turn(self.number);
            Answer::Refused(CROWDED)
        };
        self.held.queued = None;
        Some(answer)
    }
}

impl<H: poll::Host> poll::Host for Surroundings<'_, H> {
    fn answer(&mut self, step: Step<'_>) -> Option<Answer> {
        match step {
            Step::Transfer => self.shared.lease(self.held).map(Answer::Transfer),
            Step::Prepare(way) => self.prepare(way),
            step => self.host.answer(step),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        self.host.event(event);
    }
}
