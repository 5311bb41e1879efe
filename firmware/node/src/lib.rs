//! The coracle server of a chip: everything of it that is the same on every board.
//!
//! A board brings four things, and this crate does the rest:
//!
//! 1. a network device, a [`Device`](smoltcp::phy::Device) of smoltcp;
//! 2. a medium, a [`Media`]: [`Ram`], or [`Files`] on a file system over a
//!    [`BlockDevice`](coracle_storage::block::BlockDevice);
//! 3. a clock that counts milliseconds, for instance [`Ticks`] in the interrupt of a timer;
//! 4. a number that is hard to guess ([`Board::seed`]).
//!
//! [`Node::run`] is the main loop: it serves as long as there is something to do, and has the
//! board sleep otherwise. A [`Memory`] is all the RAM that connections and sessions take; its
//! size is chosen by its parameters, and nothing is ever allocated.
//!
//! # The watchdog
//!
//! [`Board::alive`] is called once a turn of the loop, and at no other place of it: a loop that
//! hangs is a board that starts again. A turn is short, but a card may take its time: a driver
//! that waits for one feeds the watchdog itself, and has time limits of its own.
//!
//! # Features
//!
//! None on by default: `defmt` logs sessions, commands, refusals and stalls; `dhcp` brings
//! `Addressing::Dhcp`.
#![no_std]

mod board;
mod chunk;
mod host;
mod log;
mod media;
mod memory;
mod network;
mod node;
mod owner;
mod ticks;

pub use board::{Board, Clock};
pub use chunk::Chunk;
pub use host::Logged;
pub use media::{Files, Media, Ram};
pub use memory::{Memory, Slots};
pub use network::Addressing;
pub use node::{Node, Setup};
pub use owner::Sessions;
pub use ticks::Ticks;
