//! The RAM disk: a medium without heap, for tests and for chips without a disk.

mod blocks;
mod disk;
mod node;
mod session;
mod staging;

pub use disk::RamDisk;
pub use session::{RamFile, RamFolder, RamSession, RamStaged};
