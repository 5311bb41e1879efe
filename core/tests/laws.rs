//! The RAM disk keeps the laws of storage.

use core::cell::RefCell;

use coracle::laws::{self, Fixture};
use coracle::{RamDisk, RamSession};

struct Ram(RefCell<RamDisk<32, 256>>);

impl Fixture for Ram {
    type Session<'a> = RamSession<'a, 32, 256>;

    fn session(&self) -> Self::Session<'_> {
        RamSession::new(&self.0)
    }

    fn pass(&self, milliseconds: u64) {
        let mut disk = self.0.borrow_mut();
        let now = disk.now() + milliseconds;
        disk.set_now(now);
    }

    /// RAM does not survive a crash: the nearest to it are sessions that never answer again.
    fn crash(self) -> Self {
        self.pass(coracle::limits::OWNERSHIP_MILLIS);
        self
    }
}

#[test]
fn the_ram_disk_keeps_the_laws() {
    laws::check(|| Ram(RefCell::new(RamDisk::new())));
}
