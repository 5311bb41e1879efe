//! The board: clock, sleep, watchdog.

use coracle_node::{Board, Ticks};

use crate::network::{Mac, Network};

static TICKS: Ticks = Ticks::new();

/// A millisecond has passed: to be called from the interrupt of one timer, and nowhere else.
pub fn millisecond() {
    TICKS.tick();
}

/// Milliseconds since the start.
pub fn now() -> u64 {
    TICKS.now()
}

/// A board with this controller.
pub struct Skeleton<M> {
    network: Network<M>,
}

impl<M: Mac> Skeleton<M> {
    /// The board.
    pub const fn new(mac: M) -> Self {
        Self { network: Network::new(mac) }
    }
}

impl<M: Mac> Board for Skeleton<M> {
    type Device = Network<M>;

    fn device(&mut self) -> &mut Network<M> {
        &mut self.network
    }

    fn seed(&mut self) -> u64 {
        self.network.mac.random()
    }

    fn alive(&mut self) {
        self.network.mac.feed();
    }

    fn sleep(&mut self, until: u64) {
        while !self.network.mac.has_frame() && now() < until {
            self.network.mac.wait();
        }
    }
}
