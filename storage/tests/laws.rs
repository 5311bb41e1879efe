//! A folder keeps the laws of storage.

mod tools;

use coracle::Durability;
use coracle::laws::{self, Fixture};
use coracle_storage::folder::{FolderOptions, FolderSession};

use tools::Served;

impl Fixture for Served {
    type Session<'a> = FolderSession;

    fn session(&self) -> FolderSession {
        self.folder.session()
    }

    fn pass(&self, milliseconds: u64) {
        self.faults.pass(milliseconds);
    }

    fn crash(self) -> Self {
        self.reopened()
    }
}

#[test]
fn a_flushed_folder_keeps_the_laws() {
    laws::check(Served::new);
}

#[test]
fn a_cached_folder_keeps_the_laws() {
    let options = FolderOptions { durability: Durability::Cached, ..FolderOptions::default() };
    laws::check(|| Served::with_options(options));
}
