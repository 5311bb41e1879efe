//! A clock of 64 bits that counts interrupts of 1 kHz.

use core::sync::atomic::{AtomicU32, Ordering};

/// Milliseconds, counted by an interrupt and read by everybody.
///
/// No chip here has atomic numbers of 64 bits, so it is two of 32. The interrupt is the only
/// writer and is never interrupted by a reader; a reader that is interrupted while the lower half
/// wraps around (every 49.7 days) sees the upper half change, and reads again.
pub struct Ticks {
    low: AtomicU32,
    high: AtomicU32,
}

impl Ticks {
    /// A clock that shows 0.
    pub const fn new() -> Self {
        Self::starting_at(0)
    }

    /// A clock that shows this.
    pub const fn starting_at(millis: u64) -> Self {
        let high = (millis >> 32) as u32;
        Self { low: AtomicU32::new(millis as u32), high: AtomicU32::new(high) }
    }

    /// A millisecond has passed. To be called by one interrupt only.
    pub fn tick(&self) {
        // Loads and stores instead of additions: not every chip has the latter.
        let low = self.low.load(Ordering::Relaxed).wrapping_add(1);
        self.low.store(low, Ordering::Release);
        if low == 0 {
            let high = self.high.load(Ordering::Relaxed).wrapping_add(1);
            self.high.store(high, Ordering::Release);
        }
    }

    /// What it shows.
    pub fn now(&self) -> u64 {
        self.read(|| {})
    }

    /// The same, with something between the reads of the two halves.
    fn read(&self, mut between: impl FnMut()) -> u64 {
        loop {
            let high = self.high.load(Ordering::Acquire);
            between();
            let low = self.low.load(Ordering::Acquire);
            between();
            if self.high.load(Ordering::Acquire) == high {
                return u64::from(high) << 32 | u64::from(low);
            }
        }
    }
}

impl Default for Ticks {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRAP: u64 = 1 << 32;

    #[test]
    fn it_goes_on_where_the_lower_half_wraps_around() {
        let clock = Ticks::starting_at(WRAP - 2);
        for expected in WRAP - 2..WRAP + 3 {
            assert_eq!(clock.now(), expected);
            clock.tick();
        }
        let clock = Ticks::starting_at(5 * WRAP - 1);
        clock.tick();
        assert_eq!(clock.now(), 5 * WRAP);
    }

    #[test]
    fn a_tick_between_the_halves_never_shows_a_time_that_was_not() {
        // The interrupt comes after every possible read of a reader, before and after the wrap.
        for ticks_before in 0..4 {
            for nth in 0..6 {
                let clock = Ticks::starting_at(WRAP - 2);
                (0..ticks_before).for_each(|_| clock.tick());
                let before = clock.now();
                let mut read = 0;
                let shown = clock.read(|| {
                    if read == nth {
                        clock.tick();
                    }
                    read += 1;
                });
                assert!((before..=clock.now()).contains(&shown), "{before} {shown}");
            }
        }
    }
}
