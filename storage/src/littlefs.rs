//! littlefs: a file system that survives a loss of power at any moment, on the partition of a
//! card or in NOR flash.
//!
//! The format is version 2.1 of [littlefs](https://github.com/littlefs-project/littlefs) as its
//! `SPEC.md` says, so that a PC reads and writes the same media with the original (tried with
//! 2.9.3) and the tools made of it, littlefs-fuse for instance. Version 2.0 is served as well.
//!
//! ```
//! use core::cell::RefCell;
//! use coracle_storage::block::BlockDevice;
//! use coracle_storage::chip::{Chip, ChipSession};
//! use coracle_storage::littlefs::{Card, LittleFs, PARTITION};
//!
//! fn serve(device: impl BlockDevice) {
//!     let mut fs = LittleFs::<_, 12>::new(Card::partition(device, PARTITION));
//!     // Once, before anything is on it:
//!     // fs.format()?;
//!     let chip = RefCell::new(Chip::<_, 8>::new(fs));
//!     let mut session = ChipSession::new(&chip);
//!     // … a `coracle::Storage`.
//! }
//! ```
//!
//! # Why own code
//!
//! What there was, tried for thumbv7m with opt `s`:
//!
//! - `littlefs2-sys` 0.4 (the original in C): the smallest with 16.7 KB, proven, no panics. It
//!   needs a C compiler for each target, its headers, and libclang, and did not build on Debian 12
//!   with `gcc-arm-none-eabi` and `libclang-dev` alone. `littlefs2` 0.8 over it has no call for a
//!   sync, so that a card may store a commit before the bytes.
//! - `littlefs-rust-core` 0.1 (the original translated function by function): 23.6 KB, raw
//!   pointers in functions that are not `unsafe`, 18 calls that panic; with checks of overflow it
//!   panics on whole media. Of 600 media on which its power failed in the tests here, it no longer
//!   found what it had confirmed on a few. They use it, for it says what the original does.
//! - `littlefs2-rust` 0.1 needs a heap.
//!
//! This module has no `unsafe`, no heap, and no way to a panic.
//!
//! # How it is safe
//!
//! A folder is a chain of *metadata pairs*: two blocks that hold a log in turn. A change is one
//! commit with a CRC behind the log, or the whole log anew in the other block; whichever is newest
//! and whole counts. File bytes lie in blocks of their own, which are not written again once they
//! are published: they are stored (a sync) before the commit that names them. Each commit is read
//! back: bytes that did not take are found out while the old state is there still. What needs two commits, a move
//! between two logs for instance, says so in the first one, and the next mount ends it.
//!
//! Not done here, and not needed for that: moving a worn folder to other blocks. In flash of 1 MiB
//! with a folder of ten small files, each block of that folder is erased once in forty uploads;
//! those of files are taken in turn from all free ones. A medium that was used by an
//! implementation that moves folders is understood.
//!
//! # Memory and speed
//!
//! RAM: 4 KiB of buffers, 256 bytes for finding free blocks, 52 bytes for each open entry. To find
//! free blocks, littlefs walks through all files, so a partition of a card is best not larger than
//! it needs to be: see [`Flash::block_len`].

mod card;
mod chain;
mod commit;
mod edit;
mod entry;
mod flash;
mod folder;
mod free;
mod log;
mod mend;
mod mount;
mod names;
mod nor;
mod open;
mod reading;
mod staged;
mod state;
mod store;
mod tag;
mod turn;
mod volume;

pub use self::card::{Card, PARTITION};
pub use self::flash::Flash;
pub use self::nor::Nor;
pub use self::volume::{LittleFile, LittleId, LittleListing, LittlePlace, LittleStaged};

use self::free::Free;
use self::log::Pair;
use self::mount::Shape;
use self::open::Open;
use self::state::State;
use self::store::Store;

/// A littlefs in this memory. At most `OPEN` files are being written and folders listed at once:
/// as many as the [`Chip`](crate::chip::Chip) has files, and one or two for each session that
/// lists. Where there is no place, the listing that was begun first has to be begun anew.
pub struct LittleFs<F, const OPEN: usize> {
    store: Store<F>,
    shape: Shape,
    /// The state that the medium has, and the one that the next commit is to bring about.
    disk: State,
    state: State,
    /// The share of a pair that goes.
    dropped: State,
    /// The pair that was read last.
    known: Pair,
    free: Free,
    /// Blocks in use.
    used: u32,
    open: Open<OPEN>,
    last_ticket: u32,
    is_mounted: bool,
    /// Counts mounts.
    mounts: u32,
}

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    /// The file system in this memory, which is mounted when it is first used.
    pub const fn new(flash: F) -> Self {
        Self {
            store: Store::new(flash),
            shape: Shape::NONE,
            disk: State::NONE,
            state: State::NONE,
            dropped: State::NONE,
            known: Pair::NONE,
            free: Free::NONE,
            used: 0,
            open: Open::NONE,
            last_ticket: 0,
            is_mounted: false,
            mounts: 0,
        }
    }

    /// The memory back.
    pub fn into_flash(self) -> F {
        self.store.flash
    }

    /// Whether it is mounted, for logs.
    pub(crate) const fn is_mounted(&self) -> bool {
        self.is_mounted
    }
}
