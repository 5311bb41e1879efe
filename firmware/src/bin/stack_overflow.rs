//! A stack that overflows: the chip starts again instead of going on with broken data.
#![no_std]
#![no_main]

use core::hint::black_box;

use coracle_firmware::{board, test};
use cortex_m_rt::entry;

#[entry]
fn main() -> ! {
    if board::start().is_none() {
        test::fail()
    }
    defmt::println!("started");
    deeper(0);
    defmt::println!("came back");
    test::fail()
}

/// Deeper than any stack.
#[inline(never)]
fn deeper(depth: u32) -> u32 {
    let frame = black_box([depth; 64]);
    let below = if black_box(depth) < 100_000 { deeper(depth.wrapping_add(1)) } else { 0 };
    black_box(frame)[0].wrapping_add(below)
}
