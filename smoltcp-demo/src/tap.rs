//! What the server on a TAP interface of Linux, `coracle-tap`, is made of.

pub mod capture;
mod cli;
pub mod device;
mod dhcp;
mod failure;
pub mod fault;
mod flushing;
mod host;
mod manual;
mod medium;
mod network;
mod program;
mod ram;
mod run;
pub mod setup;
mod size;
mod sockets;
mod stack;
mod wake;
pub mod wire;
mod workers;

pub use cli::{LinkOptions, Options, ServiceOptions, Switch, TrialOptions};
pub use failure::{Failure, Reach};
pub use manual::options;
pub use network::{AddressError, HostAddress};
pub use run::run;
pub use size::Size;
