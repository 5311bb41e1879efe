//! The coracle server on the LM3S6965.
#![no_std]
#![no_main]

use core::cell::RefCell;

use coracle::Config;
use coracle::ram::{BLOCK_LEN, Disk, Lent, Node as Entry};
use coracle_firmware::{board, clock};
use coracle_node::{Addressing, Memory, Node, Ram, Setup, Slots};
use coracle_smoltcp::Settings;
use cortex_m_rt::entry;
use smoltcp::wire::{Ipv4Address, Ipv4Cidr};
use static_cell::{ConstStaticCell, StaticCell};

/// Connections that are served at once.
const SLOTS: usize = 3;
/// Connections at once that are told that there is no slot.
const DOORS: usize = 2;
const SOCKETS: usize = SLOTS + DOORS + cfg!(feature = "dhcp") as usize;

/// Bytes of the buffers of a socket.
const RECEIVE: usize = 2048;
const SEND: usize = 2048;

type Media = Ram<'static, Lent<'static>>;

static MEMORY: ConstStaticCell<Memory<SLOTS, DOORS, SOCKETS, RECEIVE, SEND>> =
    ConstStaticCell::new(Memory::new());
static PLACES: StaticCell<Slots<Media, SLOTS>> = StaticCell::new();
static DISK: StaticCell<RefCell<Disk<Lent<'static>>>> = StaticCell::new();
static NODES: ConstStaticCell<[Entry; 16]> = ConstStaticCell::new([Entry::FREE; 16]);
static BYTES: ConstStaticCell<[[u8; BLOCK_LEN]; 64]> = ConstStaticCell::new([[0; BLOCK_LEN]; 64]);
static LINKS: ConstStaticCell<[u32; 64]> = ConstStaticCell::new([0; 64]);

#[entry]
fn main() -> ! {
    let Some(parts) = board::start() else { loop {} };
    let disk =
        DISK.init_with(|| RefCell::new(Disk::lent(NODES.take(), BYTES.take(), LINKS.take())));
    let (address, prefix, router): (Ipv4Address, u8, Option<Ipv4Address>) =
        include!(concat!(env!("OUT_DIR"), "/address.rs"));
    let addressing = Addressing::Static { address: Ipv4Cidr::new(address, prefix), router };
    let settings = Settings::new(Config { sessions: Some(2), ..Config::new() });
    let slots = PLACES.init_with(Slots::new);
    let setup = Setup {
        hardware: parts.hardware,
        clock: clock::now,
        addressing,
        settings,
        media: Ram(disk),
    };
    Node::new(parts.board, MEMORY.take(), slots, setup).run()
}
