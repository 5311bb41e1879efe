//! A littlefs keeps the laws of storage.

use coracle::laws::{self, Fixture};

use super::nor::SimNor;
use super::world::{CardDevice, Device, Served, Session, formatted, served};

struct Laws<D: Device> {
    device: D,
    served: Served<D>,
}

impl<D: Device + 'static> Laws<D> {
    fn new() -> Self {
        let device = formatted::<D>();
        let served = served(&device);
        Self { device, served }
    }
}

impl<D: Device + 'static> Fixture for Laws<D> {
    type Session<'a> = Session<'a, D>;

    fn session(&self) -> Session<'_, D> {
        Session::<D>::new(&self.served)
    }

    fn pass(&self, milliseconds: u64) {
        let mut chip = self.served.borrow_mut();
        let now = chip.now() + milliseconds;
        chip.set_now(now);
    }

    fn crash(self) -> Self {
        self.device.cut_after(0, 1);
        self.device.restart();
        Self { served: served(&self.device), device: self.device }
    }
}

#[test]
fn on_a_card_it_keeps_the_laws() {
    laws::check(Laws::<CardDevice>::new);
}

#[test]
fn in_flash_written_by_bytes_it_keeps_the_laws() {
    laws::check(Laws::<SimNor<1>>::new);
}

#[test]
fn in_flash_written_in_larger_pieces_it_keeps_the_laws() {
    laws::check(Laws::<SimNor<256>>::new);
}
