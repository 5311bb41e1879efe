//! A network in memory, in virtual time: a wire with faults, hosts, clients.
#![allow(dead_code, unused_imports, reason = "each test binary uses its part")]

pub mod ancestor;
pub mod forger;
pub mod host;
pub mod random;
pub mod raw;
pub mod served;
pub mod session;
pub mod states;
pub mod wire;
pub mod world;

pub use host::Version;
pub use random::payload;
pub use served::Setup;
pub use wire::Conditions;
pub use world::{CONTROL, SECOND, TRANSFER, World};
