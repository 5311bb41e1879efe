//! Where to begin to bring the server to another chip: copy this crate and replace what is named
//! below with what your chip has. It builds for every bare-metal target of the project, and its
//! test runs it on a host.
//!
//! | what only you know | here | yours |
//! |---|---|---|
//! | the network | [`Mac`], [`Network`] | receive and send one frame with your controller; or implement smoltcp's `Device` yourself, to spare a copy |
//! | the medium | [`RamBlocks`] | a [`BlockDevice`]: an SD card with [`coracle_storage::sd`], or your flash |
//! | the clock | [`millisecond`] | call it from the interrupt of a timer of 1 kHz |
//! | random numbers | [`Mac::random`] | read your generator |
//!
//! The rest is the same on every chip: [`node`] puts it together, [`Node::run`] never returns.
//!
//! # Memory
//!
//! All of it is in statics, whose sizes are the constants of this file. A slot is a connection
//! that is served, a door one that is told that there is no slot. Three slots are the least for
//! a client that uses the transfer port too. Larger buffers of sockets are faster where the way
//! to the client is long: a connection moves at most one buffer in each round trip.
#![no_std]

mod blocks;
mod board;
mod network;

use core::cell::RefCell;

use coracle::Config;
use coracle_node::{Addressing, Memory, Node, Setup, Slots};
use coracle_smoltcp::Settings;
use coracle_storage::block::BlockDevice;
use coracle_storage::chip::Chip;
use coracle_storage::fat::Fat;
use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr};

pub use blocks::{NoSuchBlock, RamBlocks};
pub use board::{Skeleton, millisecond, now};
pub use network::{FRAME_MAX, Mac, Network, Received, Sending};

/// Connections that are served at once.
pub const SLOTS: usize = 3;

/// Connections at once that are told that there is no slot.
pub const DOORS: usize = 2;

/// Bytes of each of the two buffers of a socket.
pub const BUFFER: usize = 2048;

/// Files that are written at once, and that are read at once: three for each session.
pub const FILES: usize = 2 * SLOTS;

/// Blocks of FAT and folders that are held in RAM.
const CACHE: usize = 3;

/// Blocks of an upload that are gathered before they are written.
const GATHER: usize = 2;

/// The memory of connections.
pub type Connections = Memory<SLOTS, DOORS, { SLOTS + DOORS }, BUFFER, BUFFER>;

/// The memory of sessions.
pub type Sessions<D> = Slots<Files<D>, SLOTS>;

/// A medium that sessions share, in a static of yours.
pub type Shared<D> = RefCell<Chip<Fat<D, CACHE, GATHER>, FILES>>;

/// The files on a device of blocks.
pub type Files<D> = coracle_node::Files<'static, Fat<D, CACHE, GATHER>, FILES>;

/// What [`node`]'s medium is made of; it is mounted when it is first needed.
pub const fn shared<D: BlockDevice>(device: D) -> Shared<D> {
    RefCell::new(Chip::new(Fat::new(device)))
}

/// The server on this controller, with the files of this medium, at this address.
pub fn node<M: Mac, D: BlockDevice>(
    mac: M,
    files: &'static Shared<D>,
    connections: &'static mut Connections,
    sessions: &'static mut Sessions<D>,
    address: Ipv4Address,
) -> Node<Skeleton<M>, Files<D>> {
    let setup = Setup {
        hardware: EthernetAddress(mac.hardware()),
        clock: now,
        addressing: Addressing::Static { address: Ipv4Cidr::new(address, 24), router: None },
        settings: Settings::new(Config::new()),
        media: coracle_node::Files(files),
    };
    Node::new(Skeleton::new(mac), connections, sessions, setup)
}
