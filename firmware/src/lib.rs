//! The drivers of the LM3S6965 (Arm Cortex-M3, 256 KiB of flash, 64 KiB of RAM) that a coracle
//! server needs, as modelled by QEMU's machine `lm3s6965evb`, and the board that is made of them.
//!
//! Registers, and what is said of them, are those of the data sheet (Stellaris LM3S6965
//! Microcontroller, Texas Instruments DS-LM3S6965). Where the model differs, it is said.
#![no_std]

pub mod address;
pub mod board;
pub mod card;
pub mod clock;
pub mod ethernet;
pub mod gpio;
pub mod guard;
#[cfg(feature = "defmt")]
mod log;
pub mod media;
mod panic;
pub mod sizes;
pub mod ssi;
pub mod stack;
pub mod system;
pub mod test;
pub mod watchdog;
