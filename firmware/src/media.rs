//! What is served: the one place where that is chosen.
//!
//! The files on the SD card, a FAT volume. Another file system is another `Volume` here.

use core::cell::RefCell;

use coracle_storage::chip::Chip;
use coracle_storage::fat::Fat;
use static_cell::ConstStaticCell;

use crate::card::{self, Card};

/// Blocks of FAT, folders and journal that are held in RAM.
const CACHE: usize = 3;

/// Blocks of an upload that are gathered before they are written: chunks pass by them, so they
/// are used by what is no whole block only.
const GATHER: usize = 2;

/// Files that are being written or read at once: three for each session.
const FILES: usize = 6;

/// What is served.
pub type Files = coracle_node::Files<'static, Fat<Card, CACHE, GATHER>, FILES>;

/// The files on the card; `None` the second time. It is mounted when it is first needed.
pub fn on_card() -> Option<Files> {
    // SAFETY: this is the only card.
    #[expect(unsafe_code, reason = "the card is made here")]
    static SHARED: ConstStaticCell<RefCell<Chip<Fat<Card, CACHE, GATHER>, FILES>>> =
        ConstStaticCell::new(RefCell::new(Chip::new(Fat::new(unsafe { card::card() }))));
    SHARED.try_take().map(|shared| coracle_node::Files(shared))
}
