//! The server on a userspace TCP/IP stack, `coracle-tap`, over a TAP device: the desktop client and
//! the ancestor's programs as on any other server, and peers and wires of no good will.
//!
//! Each test has a host and a wire of its own, which are gone with it.

#![allow(clippy::std_instead_of_core, reason = "these programs stand on the standard library")]

mod capture;
mod classic;
mod commands;
mod dhcp;
mod faults;
mod flood;
mod forged;
mod link;
mod places;
mod setup;
mod shell;
mod signals;
mod site;
#[path = "../support/mod.rs"]
mod support;
