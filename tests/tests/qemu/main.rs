//! The firmware in QEMU: the desktop client against a microcontroller that serves its SD card.
//!
//! The images are built by the first test that needs them. Each test has a machine and a card of
//! its own.

#![allow(clippy::std_instead_of_core, reason = "these programs stand on the standard library")]

mod card;
mod commands;
#[path = "../tap/forged.rs"]
mod forged;
mod images;
mod network;
mod plug;
mod site;
#[path = "../support/mod.rs"]
mod support;
mod together;
mod tools;
