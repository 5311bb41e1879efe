//! How much stack a piece of code takes: what lies below is painted before, and the lowest byte
//! that was painted over is looked for afterwards. So it is measured, for what really ran.

#![expect(unsafe_code, reason = "memory that is nobody's has to be written and read")]

use core::ptr::{addr_of, read_volatile, write_volatile};

use cortex_m::register::msp;

/// No address, length or text has these bytes.
const PAINT: u32 = 0xa5c3_96e1;

/// Words below the stack pointer that the painting itself may need.
const SPARE: usize = 64;

unsafe extern "C" {
    /// Where the stack must end at the latest: the end of all statics, told by the linker.
    static _stack_end: u32;
}

/// Bytes of stack that this code takes, its own frame included.
#[inline(never)]
pub fn of(code: impl FnOnce()) -> usize {
    let bottom = addr_of!(_stack_end).cast_mut();
    let top = msp::read() as usize;
    let words = top.saturating_sub(bottom as usize) / size_of::<u32>();
    for at in 0..words.saturating_sub(SPARE) {
        // SAFETY: from the end of all statics up to below the stack pointer nothing is in use.
        unsafe { write_volatile(bottom.add(at), PAINT) };
    }
    run(code);
    // SAFETY: the same memory is read.
    let is_painted = |at: &usize| unsafe { read_volatile(bottom.add(*at)) } == PAINT;
    let untouched = (0..words).take_while(is_painted).count();
    words.saturating_sub(untouched) * size_of::<u32>()
}

#[inline(never)]
fn run(code: impl FnOnce()) {
    code();
}
