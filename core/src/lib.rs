//! draft
#![no_std]
#[cfg(any(test, feature = "laws"))]
extern crate std;

#[cfg(feature = "async")]
pub mod asynch;
pub mod blocking;
mod buffer;
mod command;
mod crc;
mod emit;
mod error;
mod frame;
#[cfg(feature = "laws")]
pub mod laws;
pub mod limits;
mod path;
pub mod poll;
mod ram;
mod reply;
mod server;
mod step;
mod storage;
mod timers;
mod token;

pub use buffer::{Buffer, Purpose};
pub use command::{BadLine, Command, Hello, Resume, VERSION};
pub use crc::Crc32;
pub use emit::Overflow;
pub use error::Error;
pub use frame::{BUSY, BadFrame, End, Frame};
pub use path::{Escaped, Path, PathError, check_component};
pub use ram::{RamDisk, RamFile, RamFolder, RamSession, RamStaged};
pub use reply::{Code, Entry, Greeting, Receipt, Refusal, Reply, fields};
pub use server::{
    Action, Config, Counters, FixedServer, Misuse, Outcome, SESSION_RAM, Server, Waiting,
};
pub use step::{Answer, Event, Host, Medium, Step};
pub use storage::{Durability, Facts, Kind, Metadata, Space, Storage};
pub use timers::{Timeouts, Timers};
