//! The coracle server on the LM3S6965: the files of its SD card.
#![no_std]
#![no_main]

use coracle::Config;
#[cfg(not(feature = "dhcp"))]
use coracle_firmware::address;
use coracle_firmware::board::Lm3s6965;
use coracle_firmware::media::{self, Files};
use coracle_firmware::sizes::{DOORS, RECEIVE, SEND, SLOTS};
use coracle_firmware::{board, clock};
use coracle_node::{Addressing, Memory, Node, Setup, Slots};
use coracle_smoltcp::Settings;
use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use static_cell::{ConstStaticCell, StaticCell};

/// A socket for each connection, and one for DHCP.
const SOCKETS: usize = SLOTS + DOORS + cfg!(feature = "dhcp") as usize;

static MEMORY: ConstStaticCell<Memory<SLOTS, DOORS, SOCKETS, RECEIVE, SEND>> =
    ConstStaticCell::new(Memory::new());
static PLACES: StaticCell<Slots<Files, SLOTS>> = StaticCell::new();

#[entry]
fn main() -> ! {
    match node() {
        Some(mut node) => node.run(),
        // This is the only call, so all parts were there.
        None => SCB::sys_reset(),
    }
}

/// The node; `None` the second time. Not inlined: what is made here leaves the stack.
#[inline(never)]
fn node() -> Option<Node<Lm3s6965, Files>> {
    let parts = board::start()?;
    let media = media::on_card()?;
    let config = Config {
        sessions: Some(SLOTS as u32),
        classic: cfg!(feature = "classic"),
        ..Config::new()
    };
    let setup = Setup {
        hardware: parts.hardware,
        clock: clock::now,
        addressing: addressing(),
        settings: Settings::new(config),
        media,
    };
    let slots = PLACES.try_init_with(Slots::new)?;
    Some(Node::new(parts.board, MEMORY.try_take()?, slots, setup))
}

#[cfg(feature = "dhcp")]
const fn addressing() -> Addressing {
    Addressing::Dhcp
}

#[cfg(not(feature = "dhcp"))]
const fn addressing() -> Addressing {
    let (address, router) = address::CHOSEN;
    Addressing::Static { address, router }
}
