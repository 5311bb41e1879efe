//! TODO
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
mod staged;
mod state;
mod store;
mod tag;
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

/// A littlefs.
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

    /// The memory.
    pub const fn flash_mut(&mut self) -> &mut F {
        &mut self.store.flash
    }

    /// The memory back.
    pub fn into_flash(self) -> F {
        self.store.flash
    }
}
