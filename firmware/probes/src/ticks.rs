//! Counting instructions. QEMU with `-icount` lets the same time pass for each, SysTick measures
//! that time, and a loop whose instructions are known tells how many there are in a tick.

use cortex_m::asm;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

/// Most that SysTick can count: 24 bits.
const RELOAD: u32 = 0x00ff_ffff;

/// Turns of the known loop, of two instructions each.
const TURNS: u32 = 1 << 20;

/// A counter of instructions.
#[derive(Debug)]
pub struct Counter {
    /// Ticks in which the known loop runs.
    known: u32,
}

impl Counter {
    /// Start SysTick and measure the known loop.
    pub fn new(mut systick: SYST) -> Self {
        systick.set_clock_source(SystClkSource::Core);
        systick.set_reload(RELOAD);
        systick.clear_current();
        systick.enable_counter();
        // What comes before and behind the turns is the same in both.
        let few = ticks(|| asm::delay(0));
        let many = ticks(|| asm::delay(TURNS));
        Self { known: many.wrapping_sub(few) }
    }

    /// Instructions of this code, to within a few: fewer than some ten millions, or the timer
    /// goes round unnoticed.
    pub fn of(&self, code: impl FnOnce()) -> u64 {
        u64::from(ticks(code)) * u64::from(2 * TURNS) / u64::from(self.known)
    }
}

fn ticks(code: impl FnOnce()) -> u32 {
    let before = SYST::get_current();
    code();
    before.wrapping_sub(SYST::get_current()) & RELOAD
}
