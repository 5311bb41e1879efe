//! Numbers that look random and follow from a seed.

use std::env;
use std::thread;

/// The environment variable that gives all tests other numbers: a failure with such is repeated
/// so. Without it they are the same each time.
const VARIABLE: &str = "CORACLE_SEED";

/// A generator (SplitMix64). A test that fails prints what repeats it.
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// The generator with this number of a test, which follows from the seed of the run.
    pub fn new(number: u64) -> Self {
        let seed = env::var(VARIABLE).map_or(0, |seed| {
            seed.parse().unwrap_or_else(|_| panic!("{VARIABLE}: a number, not {seed:?}"))
        });
        Self { seed, state: number ^ seed.wrapping_mul(0x2545_f491_4f6c_dd1d) }
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// Whether something happens that does so in so many cases of 100.
    pub fn happens(&mut self, percent: u8) -> bool {
        // No number is drawn for what never happens: adding a fault changes no other test.
        percent > 0 && self.below(100) < percent.into()
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("set {VARIABLE}={} to repeat", self.seed);
        }
    }
}

/// Bytes without a short period that follow from a seed.
pub fn payload(seed: u64, len: usize) -> Vec<u8> {
    let mut random = Random { seed, state: seed };
    (0..len).map(|_| random.next() as u8).collect()
}
