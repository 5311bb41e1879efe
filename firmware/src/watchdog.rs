//! The watchdog: a program that hangs is started again.

use derive_mmio::Mmio;

use crate::system::HERTZ;

/// Watchdog timer 0, at `0x4000_0000`.
#[derive(Mmio)]
#[repr(C)]
struct Registers {
    /// WDTLOAD: what it counts down from; a write begins anew.
    load: u32,
    _value: u32,
    /// WDTCTL: what happens at 0.
    ctl: u32,
    /// WDTICR: the interrupt was seen; the count begins anew.
    #[mmio(Write)]
    icr: u32,
    _status: [u32; 2],
    _reserved_018: [u32; 256],
    /// WDTTEST: whether it stops with the processor when a debugger halts that.
    test: u32,
}

/// Of WDTCTL: raise an interrupt at the first end of the count, reset the chip at the second.
const INTERRUPT: u32 = 1 << 0;
const RESET: u32 = 1 << 1;

/// Of WDTTEST.
const STALL: u32 = 1 << 8;

/// Seconds of one count. Twice this time without a sign of life is a reset: far longer than the
/// main loop takes for a turn, and than a card may take for a block (250 ms for a write).
const SECONDS: u32 = 2;

/// The watchdog timer.
pub struct Watchdog(OwnedRegisters<0x4000_0000>);

impl Watchdog {
    /// The watchdog timer, which stands still.
    ///
    /// # Safety
    ///
    /// Others may only [`feed`](Self::feed) theirs.
    #[expect(unsafe_code, reason = "says that the registers are there")]
    pub const unsafe fn new() -> Self {
        // SAFETY: the watchdog timer of this chip. To feed it is one write.
        Self(unsafe { OwnedRegisters::new() })
    }

    /// Reset the chip if it is not fed for 4 s.
    pub fn start(&mut self) {
        let mut registers = self.0.borrow_mut();
        registers.write_load(SECONDS * HERTZ);
        registers.modify_test(|test| test | STALL);
        registers.modify_ctl(|ctl| ctl | INTERRUPT | RESET);
    }

    /// The program is alive.
    pub fn feed(&mut self) {
        self.0.borrow_mut().write_icr(1);
    }
}
