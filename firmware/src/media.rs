//! What is served: the one place where that is chosen.
//!
//! The files on the SD card: a FAT volume, or with the feature `littlefs` the littlefs on a
//! partition of its own. Another file system is another `Volume` here.

use core::cell::RefCell;

use coracle_storage::chip::Chip;
use static_cell::ConstStaticCell;

use crate::card::{self, Card};

#[cfg(not(feature = "littlefs"))]
use fat::{Volume, volume};
#[cfg(feature = "littlefs")]
use littlefs::{Volume, volume};

/// Files that are being written or read at once: three for each session.
const FILES: usize = 6;

/// What is served.
pub type Files = coracle_node::Files<'static, Volume, FILES>;

/// The files on the card; `None` the second time. It is mounted when it is first needed.
pub fn on_card() -> Option<Files> {
    // SAFETY: this is the only card.
    #[expect(unsafe_code, reason = "the card is made here")]
    static SHARED: ConstStaticCell<RefCell<Chip<Volume, FILES>>> =
        ConstStaticCell::new(RefCell::new(Chip::new(volume(unsafe { card::card() }))));
    SHARED.try_take().map(|shared| coracle_node::Files(shared))
}

#[cfg(not(feature = "littlefs"))]
mod fat {
    use coracle_storage::fat::Fat;

    use super::Card;

    /// Blocks of FAT, folders and journal that are held in RAM.
    const CACHE: usize = 3;

    /// Blocks of an upload that are gathered before they are written: chunks pass by them, so
    /// they are used by what is no whole block only.
    const GATHER: usize = 2;

    pub(super) type Volume = Fat<Card, CACHE, GATHER>;

    pub(super) const fn volume(card: Card) -> Volume {
        Fat::new(card)
    }
}

#[cfg(feature = "littlefs")]
mod littlefs {
    use coracle_storage::littlefs::{Card as Partition, LittleFs, PARTITION};

    use super::{Card, FILES};

    /// Files that are written and folders that are listed at once.
    const OPEN: usize = FILES + 2;

    pub(super) type Volume = LittleFs<Partition<Card>, OPEN>;

    pub(super) const fn volume(card: Card) -> Volume {
        LittleFs::new(Partition::partition(card, PARTITION))
    }
}
