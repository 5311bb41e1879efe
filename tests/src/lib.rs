//! What tests and benchmarks of the whole need: contents that can be checked, the real programs
//! as processes, doubles of the ancestor's programs, a link that can be slowed and cut, and hosts
//! on one machine.
//!
//! Nothing here knows the inside of the other packages: a test sees what a user sees.

#![allow(clippy::std_instead_of_core, reason = "these programs stand on the standard library")]

pub mod ancestor;
pub mod cpu;
pub mod network;
pub mod payload;
pub mod process;
pub mod relay;
pub mod restart;
pub mod terminal;
