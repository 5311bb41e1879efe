//! draft
#![no_std]
#[cfg(any(test, feature = "laws"))]
extern crate std;

mod buffer;
mod command;
mod crc;
mod emit;
mod frame;
#[cfg(feature = "laws")]
pub mod laws;
pub mod limits;
mod path;
pub mod poll;
mod ram;
mod reply;
mod step;
mod storage;
mod token;

pub use buffer::{Buffer, Purpose};
pub use command::{BadLine, Command, Hello, Resume, VERSION};
pub use crc::Crc32;
pub use emit::Overflow;
pub use frame::{BUSY, BadFrame, End, Frame};
pub use path::{Escaped, Path, PathError, check_component};
pub use ram::{RamDisk, RamFile, RamFolder, RamSession, RamStaged};
pub use reply::{Code, Entry, Greeting, Receipt, Refusal, Reply, fields};
pub use step::{Answer, Event, Host, Medium, Step};
pub use storage::{Durability, Facts, Kind, Metadata, Space, Storage};
