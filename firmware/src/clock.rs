//! The clock: milliseconds, counted by the timer of the processor.

use coracle_node::Ticks;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;

use crate::system::HERTZ;

static TICKS: Ticks = Ticks::new();

/// Clocks of a millisecond.
const MILLISECOND: u32 = HERTZ / 1000;

/// Let the clock go.
pub fn start(timer: &mut SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(MILLISECOND - 1);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
}

/// Milliseconds since the start.
pub fn now() -> u64 {
    TICKS.now()
}

/// Clocks since the last millisecond began: a number from 0 to 49,999 that depends on when
/// exactly it is asked for.
pub fn phase() -> u32 {
    MILLISECOND.saturating_sub(SYST::get_current())
}

#[exception]
fn SysTick() {
    TICKS.tick();
}
