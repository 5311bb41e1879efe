//! What is served.

use core::cell::RefCell;

use coracle::Storage;
use coracle::ram::{self, Disk, Memory};
use coracle_storage::chip::{Chip, ChipSession, Volume};

/// A medium that sessions share.
pub trait Media {
    /// The medium as one session sees it.
    type Storage: Storage;

    /// One more session.
    fn session(&mut self) -> Self::Storage;

    /// The time, in milliseconds that never go back; told once a turn of the main loop. The laws
    /// of [`Storage`] need it: who writes no more gives way to others.
    fn set_now(&mut self, millis: u64);
}

/// A RAM disk as a medium.
pub struct Ram<'a, M: Memory>(pub &'a RefCell<Disk<M>>);

impl<'a, M: Memory> Media for Ram<'a, M> {
    type Storage = ram::Session<'a, M>;

    fn session(&mut self) -> Self::Storage {
        ram::Session::new(self.0)
    }

    fn set_now(&mut self, millis: u64) {
        // No session holds it between two turns.
        if let Ok(mut disk) = self.0.try_borrow_mut() {
            disk.set_now(millis);
        }
    }
}

/// A file system on a medium of chips: FAT on an SD card, for instance. At most `FILES` files are
/// written or read at once.
pub struct Files<'a, V: Volume, const FILES: usize>(pub &'a RefCell<Chip<V, FILES>>);

impl<'a, V: Volume, const FILES: usize> Media for Files<'a, V, FILES> {
    type Storage = ChipSession<'a, V, FILES>;

    fn session(&mut self) -> Self::Storage {
        ChipSession::new(self.0)
    }

    fn set_now(&mut self, millis: u64) {
        if let Ok(mut chip) = self.0.try_borrow_mut() {
            chip.set_now(millis);
        }
    }
}
