//! The server in the network: the library over a RAM disk, in memory that a chip could give it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::thread;

use coracle::limits::CHUNK_BUFFER_LEN;
use coracle::{Answer, Config, Event, Host, Medium, RamDisk, RamSession, Step, poll};
use coracle_smoltcp::{Door, Ended, Next, Owner, Server, Session, Settings, Slot};
use smoltcp::iface::{Interface, SocketSet};
use smoltcp::socket::{Socket, tcp};
use smoltcp::time::Instant;
use smoltcp::wire::IpEndpoint;

use super::host::{interface, socket};
use super::wire::{End, Wire};

pub type Disk = RamDisk<64, 8192>;

/// What a test chooses of a server.
#[derive(Clone, Copy)]
pub struct Setup {
    pub slots: usize,
    pub doors: usize,
    /// Bytes of the buffers of a slot's socket, each way.
    pub buffer: usize,
    /// The longest IP packet.
    pub mtu: usize,
    pub settings: Settings,
}

impl Default for Setup {
    fn default() -> Self {
        let settings = Settings::new(Config::new());
        Self { slots: 4, doors: 2, buffer: 8192, mtu: super::world::MTU, settings }
    }
}

impl Setup {
    /// With so many slots.
    pub fn slots(slots: usize) -> Self {
        Self { slots, ..Self::default() }
    }

    /// The same, open to the classic dialect.
    pub fn classic(mut self) -> Self {
        self.settings.config.classic = true;
        self
    }
}

/// The owner of the server's memory, who keeps account of sessions.
pub struct Keeper {
    disk: &'static RefCell<Disk>,
    pub begun: Vec<Session>,
    pub ended: Vec<(Session, Ended)>,
    pub turned_away: Vec<IpEndpoint>,
    /// While this is so, no step of the medium is done.
    pub is_stalled: Rc<Cell<bool>>,
}

/// The medium of one session.
pub struct Keeping {
    medium: Medium<RamSession<'static, 64, 8192>>,
    is_stalled: Rc<Cell<bool>>,
}

impl poll::Host for Keeping {
    fn answer(&mut self, step: Step<'_>) -> Option<Answer> {
        (!self.is_stalled.get()).then(|| Host::answer(&mut self.medium, step))
    }

    fn event(&mut self, event: Event<'_>) {
        Host::event(&mut self.medium, event);
    }
}

impl Owner for Keeper {
    type Chunk = [u8; CHUNK_BUFFER_LEN];
    type Host = Keeping;

    fn chunk(&mut self) -> Self::Chunk {
        [0; CHUNK_BUFFER_LEN]
    }

    fn begin(&mut self, session: &Session) -> Keeping {
        self.begun.push(*session);
        let medium = Medium::new(RamSession::new(self.disk));
        Keeping { medium, is_stalled: self.is_stalled.clone() }
    }

    fn end(&mut self, session: &Session, _host: Keeping, ended: Ended) {
        self.ended.push((*session, ended));
    }

    fn turned_away(&mut self, peer: IpEndpoint, _refusal: coracle::Refusal) {
        self.turned_away.push(peer);
    }
}

/// A disk, made where the stack has room for it on its way to the heap.
fn disk() -> Box<RefCell<Disk>> {
    let make = || Box::new(RefCell::new(Disk::new()));
    thread::Builder::new().stack_size(16 << 20).spawn(make).unwrap().join().unwrap()
}

/// A server at its end of the wire. Its memory is leaked: a chip's is static as well.
pub struct Served {
    pub server: Server<'static, Keeper>,
    pub device: End,
    pub disk: &'static RefCell<Disk>,
    pub interface: Interface,
    pub sockets: SocketSet<'static>,
    next: Next,
    /// How often it was polled.
    pub polls: u64,
}

impl Served {
    pub fn new(wire: &Wire, setup: Setup) -> Self {
        let mut sockets = SocketSet::new(Vec::new());
        let slots: Vec<Slot<Keeper>> =
            (0..setup.slots).map(|_| Slot::new(sockets.add(socket(setup.buffer)))).collect();
        let doors: Vec<Door> =
            (0..setup.doors).map(|_| Door::new(sockets.add(socket(256)))).collect();
        let disk = &*Box::leak(disk());
        let keeper = Keeper {
            disk,
            begun: Vec::new(),
            ended: Vec::new(),
            turned_away: Vec::new(),
            is_stalled: Rc::default(),
        };
        let mut device = wire.attach(setup.mtu);
        let interface = interface(&mut device, 1, 0);
        let server = Server::new(setup.settings, keeper, slots.leak(), doors.leak());
        Self { server, device, disk, interface, sockets, next: Next::Now, polls: 0 }
    }

    /// Have it look again although it has asked for nothing.
    pub fn wake(&mut self) {
        self.next = Next::Now;
    }

    /// When it is to be polled: it is taken at its word.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let asked = match self.next {
            Next::Now => Some(now),
            Next::At(at) => Some(at),
            Next::Frame => None,
        };
        let due = [asked, self.device.next_arrival()].into_iter().flatten().min()?;
        // A device without room is waited for.
        Some(self.device.full_until(now).map_or(due, |free| free.max(due)))
    }

    pub fn poll(&mut self, now: Instant) {
        self.polls += 1;
        self.disk.borrow_mut().set_now(now.total_millis() as u64);
        let Self { server, interface, device, sockets, .. } = self;
        self.next = server.poll(now, interface, device, sockets);
    }

    /// What its sockets are at.
    pub fn states(&self) -> Vec<tcp::State> {
        let tcp = |socket: &Socket<'_>| match socket {
            Socket::Tcp(socket) => Some(socket.state()),
            _ => None,
        };
        self.sockets.iter().filter_map(|(_, socket)| tcp(socket)).collect()
    }

    /// What a failed test wants to know.
    pub fn sight(&self) -> String {
        let owner = self.server.owner();
        format!(
            "server: next {:?}, {} sessions now, {} begun, sockets {:?}, ended {:?}",
            self.next,
            self.server.sessions(),
            owner.begun.len(),
            self.states(),
            owner.ended.iter().map(|(session, ended)| (session.number, ended)).collect::<Vec<_>>(),
        )
    }
}
