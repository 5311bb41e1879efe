//! The main loop.

use coracle_smoltcp::{Next, Server, Settings};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress};

use crate::board::{Board, Clock};
use crate::media::Media;
use crate::memory::{Memory, Places, Slots};
use crate::network::{Addressing, Network};
use crate::owner::Sessions;

/// Milliseconds that the board sleeps at most: the loop goes round and feeds the watchdog.
const SLEEP: u64 = 1000;

/// A node: a board that serves a medium.
pub struct Node<B: Board, M: Media + 'static> {
    board: B,
    clock: Clock,
    iface: Interface,
    sockets: SocketSet<'static>,
    #[cfg_attr(not(feature = "dhcp"), expect(dead_code, reason = "an address that never changes"))]
    network: Network,
    server: Server<'static, Sessions<M>>,
}

/// What is chosen for a node.
pub struct Setup<M> {
    /// The hardware address of the device.
    pub hardware: EthernetAddress,
    /// The clock.
    pub clock: Clock,
    /// Where the address comes from.
    pub addressing: Addressing,
    /// How the server serves.
    pub settings: Settings,
    /// What it serves.
    pub media: M,
}

impl<B: Board, M: Media> Node<B, M> {
    /// A node on this board, in this memory.
    pub fn new<
        const SLOTS: usize,
        const DOORS: usize,
        const SOCKETS: usize,
        const RECEIVE: usize,
        const SEND: usize,
    >(
        mut board: B,
        memory: &'static mut Memory<SLOTS, DOORS, SOCKETS, RECEIVE, SEND>,
        slots: &'static mut Slots<M, SLOTS>,
        setup: Setup<M>,
    ) -> Self {
        let Places { doors, mut sockets } = memory.places(slots);
        let clock = setup.clock;
        let mut config = Config::new(HardwareAddress::Ethernet(setup.hardware));
        config.random_seed = board.seed();
        let mut iface = Interface::new(config, board.device(), instant(clock()));
        let network = Network::new(setup.addressing, &mut iface, &mut sockets);
        let server = Server::new(setup.settings, Sessions::new(setup.media, clock), slots, doors);
        Self { board, clock, iface, sockets, network, server }
    }

    /// Serve for ever.
    pub fn run(&mut self) -> ! {
        loop {
            self.turn();
        }
    }

    /// Do what can be done now; if that is all, sleep until there is more.
    pub fn turn(&mut self) {
        self.board.alive();
        let now = (self.clock)();
        self.server.owner_mut().set_now(now);
        let next =
            self.server.poll(instant(now), &mut self.iface, self.board.device(), &mut self.sockets);
        #[cfg(feature = "dhcp")]
        self.network.poll(&mut self.iface, &mut self.sockets);
        let longest = now.saturating_add(SLEEP);
        match next {
            Next::Now => {}
            Next::At(at) => self.board.sleep(millis(at).min(longest)),
            Next::Frame => self.board.sleep(longest),
        }
    }
}

fn instant(millis: u64) -> Instant {
    Instant::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

fn millis(instant: Instant) -> u64 {
    u64::try_from(instant.total_millis()).unwrap_or(0)
}
