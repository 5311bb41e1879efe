//! The SD card of the board.

use coracle_storage::sd::{SdCard, Timing};

use crate::clock;
use crate::gpio::CardSelect;
use crate::ssi::Ssi;
use crate::watchdog::Watchdog;

/// The driver of the card.
pub type Card = SdCard<Ssi, CardSelect, Pace>;

/// The time of the driver, which feeds the watchdog while it waits for the card.
pub struct Pace(Watchdog);

impl Timing<Ssi> for Pace {
    fn set_clock(&mut self, bus: &mut Ssi, hertz: u32) {
        bus.set_clock(hertz);
    }

    fn millis(&mut self) -> u32 {
        self.0.feed();
        clock::now() as u32
    }
}

/// The card of the board.
///
/// # Safety
///
/// There is one only.
#[expect(unsafe_code, reason = "makes the parts of the board that belong to the card")]
pub const unsafe fn card() -> Card {
    // SAFETY: there is one card, so one of each of these; the watchdog is only fed.
    let (ssi, select, watchdog) = unsafe { (Ssi::new(), CardSelect::new(), Watchdog::new()) };
    Card::new(ssi, select, Pace(watchdog))
}
