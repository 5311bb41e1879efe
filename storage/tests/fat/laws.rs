//! FAT keeps the laws of storage.

use std::cell::RefCell;

use coracle::laws::{self, Fixture};
use coracle_storage::chip::Chip;

use crate::card::Card;
use crate::tools::{KINDS, Served, Session, formatted, serve};

struct OnCard(RefCell<Served>);

impl Fixture for OnCard {
    type Session<'a> = Session<'a>;

    fn session(&self) -> Session<'_> {
        Session::new(&self.0)
    }

    fn pass(&self, milliseconds: u64) {
        let mut chip = self.0.borrow_mut();
        let now = chip.now() + milliseconds;
        chip.set_now(now);
    }

    fn crash(self) -> Self {
        let card = Chip::into_volume(self.0.into_inner()).into_device();
        Self(serve(&card))
    }
}

#[test]
fn fat_keeps_the_laws() {
    for kind in KINDS {
        let image = formatted(kind);
        laws::check(|| OnCard(serve(&Card::new(image.clone()))));
    }
}
