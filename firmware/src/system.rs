//! System control: clocks of the chip and of its parts.

use derive_mmio::Mmio;

/// Hertz of the processor and of what is clocked with it, once [`System::start`] has returned.
pub const HERTZ: u32 = 50_000_000;

/// System control, at `0x400f_e000`.
#[derive(Mmio)]
#[repr(C)]
struct Registers {
    _reserved_000: [u32; 20],
    /// RIS: raw interrupts, among them that the PLL is locked.
    #[mmio(PureRead)]
    ris: u32,
    _reserved_054: [u32; 3],
    /// RCC: the clock of the chip.
    rcc: u32,
    _reserved_064: [u32; 39],
    /// RCGC0 to RCGC2: which parts have a clock.
    rcgc0: u32,
    rcgc1: u32,
    rcgc2: u32,
    _reserved_10c: [u32; 53],
    /// USER_REG0 and 1: the hardware address, three bytes each.
    #[mmio(PureRead)]
    user0: u32,
    #[mmio(PureRead)]
    user1: u32,
}

/// RIS: the PLL is locked.
const PLL_LOCKED: u32 = 1 << 6;

/// RCC: divide by SYSDIV + 1.
const SYSDIV: u32 = 0xf << 23;
const SYSDIV_BY_4: u32 = 3 << 23;
const USE_SYSDIV: u32 = 1 << 22;
/// RCC: the PLL has no power; go round it.
const PLL_OFF: u32 = 1 << 13;
const BYPASS: u32 = 1 << 11;
/// RCC: the crystal, of 8 MHz on the evaluation board.
const CRYSTAL: u32 = 0xf << 6;
const CRYSTAL_8_MHZ: u32 = 0xe << 6;
/// RCC: which oscillator; 0 is the main one, with the crystal.
const OSCILLATOR: u32 = 3 << 4;
/// RCC: the main oscillator is off.
const MAIN_OFF: u32 = 1 << 0;

/// Parts that are used.
const RCGC0_WATCHDOG: u32 = 1 << 3;
const RCGC1_SSI0: u32 = 1 << 4;
const RCGC2_GPIO_A: u32 = 1 << 0;
const RCGC2_GPIO_D: u32 = 1 << 3;
const RCGC2_ETHERNET: u32 = 1 << 28 | 1 << 30;

/// Looks at the PLL before the chip goes on without it: far more than the 0.5 ms that it needs.
const LOCK_LOOKS: u32 = 100_000;

/// System control.
pub struct System(MmioRegisters<'static>);

impl System {
    /// System control, before anything else has begun.
    ///
    /// # Safety
    ///
    /// There is one only.
    #[expect(
        unsafe_code,
        reason = "says that the registers are there; the caller that they are its own"
    )]
    pub const unsafe fn new() -> Self {
        // SAFETY: system control of this chip; it is the only one, as the caller says.
        Self(unsafe { Registers::new_mmio_at(0x400f_e000) })
    }

    /// Run the chip at [`HERTZ`] and give a clock to the parts that are used.
    pub fn start(&mut self) {
        // In the order of the data sheet, 5.3 (initialisation): round the PLL, choose, lock, use.
        self.0.modify_rcc(|rcc| rcc & !USE_SYSDIV | BYPASS);
        self.0.modify_rcc(|rcc| rcc & !(CRYSTAL | OSCILLATOR | PLL_OFF | MAIN_OFF) | CRYSTAL_8_MHZ);
        self.0.modify_rcc(|rcc| rcc & !SYSDIV | SYSDIV_BY_4 | USE_SYSDIV);
        let is_locked = (0..LOCK_LOOKS).any(|_| self.0.read_ris() & PLL_LOCKED != 0);
        if is_locked {
            // 200 MHz of the PLL through 4.
            self.0.modify_rcc(|rcc| rcc & !BYPASS);
        }
        self.0.modify_rcgc0(|parts| parts | RCGC0_WATCHDOG);
        self.0.modify_rcgc1(|parts| parts | RCGC1_SSI0);
        self.0.modify_rcgc2(|parts| parts | RCGC2_GPIO_A | RCGC2_GPIO_D | RCGC2_ETHERNET);
        // A part may be used three clocks after it got one: one read of the bus is longer.
        let _three_clocks = self.0.read_rcgc2();
    }

    /// The hardware address that was written into the chip; `None` if none was.
    pub fn hardware_address(&self) -> Option<[u8; 6]> {
        let [low, high] = [self.0.read_user0(), self.0.read_user1()];
        if low == u32::MAX || high == u32::MAX {
            return None;
        }
        let ([a, b, c, _], [d, e, f, _]) = (low.to_le_bytes(), high.to_le_bytes());
        Some([a, b, c, d, e, f])
    }
}
