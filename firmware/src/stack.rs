//! How much of the stack was used.
//!
//! The start-up code paints it; what is not painted any more was used.

use cortex_m_rt::STACK_PAINT_VALUE;

#[expect(unsafe_code, reason = "symbols of the linker")]
unsafe extern "C" {
    static __sdata: u32;
    static __euninit: u32;
    static _stack_end: u32;
    static _stack_start: u32;
}

/// Bytes of all that has a fixed place in RAM, without the stack.
pub fn statics() -> usize {
    (&raw const __euninit as usize).saturating_sub(&raw const __sdata as usize)
}

/// Bytes of the stack.
pub fn size() -> usize {
    (&raw const _stack_start as usize).saturating_sub(&raw const _stack_end as usize)
}

/// Bytes that were in use at once, at most, since the start.
pub fn used() -> usize {
    let lowest = &raw const _stack_end;
    let words = size() / size_of::<u32>();
    // SAFETY: from one symbol to the other there is the stack and nothing else. It is read word by
    // word as it is: what lies above the stack pointer may change meanwhile, what lies below it
    // does not.
    #[expect(unsafe_code, reason = "memory that belongs to no variable")]
    let is_painted =
        |&word: &usize| unsafe { lowest.add(word).read_volatile() } == STACK_PAINT_VALUE;
    let unused = (0..words).take_while(is_painted).count();
    size().saturating_sub(unused.saturating_mul(size_of::<u32>()))
}

/// Milliseconds between two looks: one takes some thousand clocks.
#[cfg(feature = "defmt")]
const PAUSE: u64 = 500;

/// The high-water mark of the stack, which is logged when it rises.
#[cfg(feature = "defmt")]
#[derive(Default)]
pub struct Mark {
    used: usize,
    next: u64,
}

#[cfg(feature = "defmt")]
impl Mark {
    /// Look now and then.
    pub fn look(&mut self) {
        let now = crate::clock::now();
        if now < self.next {
            return;
        }
        if self.next == 0 {
            defmt::info!("statics: {=usize} B", statics());
        }
        self.next = now.saturating_add(PAUSE);
        let used = used();
        if used > self.used {
            self.used = used;
            defmt::info!("stack: {=usize} of {=usize} B", used, size());
        }
    }
}
