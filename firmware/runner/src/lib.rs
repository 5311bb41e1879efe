//! Runs the firmware in QEMU: makes the image of a card, starts the emulator with its network,
//! and makes the log of the chip readable. The program `coracle-qemu` is what `cargo run` uses;
//! tests use the library.

#![allow(clippy::std_instead_of_core, reason = "this program stands on the standard library")]

mod blocks;
pub mod card;
pub mod cli;
pub mod firmware;
pub mod log;
pub mod monitor;
pub mod qemu;
