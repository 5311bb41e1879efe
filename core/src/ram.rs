//! The RAM disk: a medium without heap, for tests and for chips without a disk.
//!
//! [`RamDisk`] has memory of its own, whose size is known when it is compiled; [`Disk::lent`] takes
//! any.

mod blocks;
mod disk;
mod memory;
mod node;
mod session;
mod staging;

pub use blocks::BLOCK_LEN;
pub use disk::{Disk, RamDisk};
pub use memory::{Arrays, Block, Lent, Memory};
pub use node::Node;
pub use session::{RamFile, RamFolder, RamSession, RamStaged, Session};
