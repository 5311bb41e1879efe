//! How fast the card is by itself: runs of 64 KiB, in calls of as many bytes as a chunk has, and
//! of 4 KiB.
#![no_std]
#![no_main]

use coracle_firmware::{board, card, clock, test};
use coracle_storage::block::{Block, BlockDevice};
use cortex_m_rt::entry;
use static_cell::ConstStaticCell;

/// Blocks of one run.
const RUN: u32 = 8192;

#[entry]
fn main() -> ! {
    static BLOCKS: ConstStaticCell<[Block; 8]> = ConstStaticCell::new([[0; 512]; 8]);
    let blocks = BLOCKS.take();
    if board::start().is_none() {
        test::fail()
    }
    // SAFETY: this is the only card.
    #[expect(unsafe_code, reason = "the card is made here")]
    let mut card = unsafe { card::card() };
    let Ok(count) = card.count() else { test::fail() };
    defmt::println!("{=u32} blocks", count);
    for unit in [1, 2, 8] {
        let Some(blocks) = blocks.get_mut(..unit) else { test::fail() };
        let begun = clock::now();
        for first in (0..RUN).step_by(unit) {
            if let Err(error) = card.read(first, blocks) {
                defmt::println!("read: {}", error);
                test::fail()
            }
        }
        let read = clock::now() - begun;
        let begun = clock::now();
        for first in (0..RUN).step_by(unit) {
            if let Err(error) = card.write(first, blocks) {
                defmt::println!("write: {}", error);
                test::fail()
            }
        }
        if card.flush().is_err() {
            test::fail()
        }
        let wrote = clock::now() - begun;
        defmt::println!("units of {=usize}: read {=u64} ms, write {=u64} ms", unit, read, wrote);
    }
    test::pass()
}
