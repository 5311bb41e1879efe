//! The evaluation board of the LM3S6965.

use coracle_node::Board;
use cortex_m::Peripherals;
use cortex_m::asm;
use smoltcp::wire::EthernetAddress;
use static_cell::ConstStaticCell;

use crate::clock;
use crate::ethernet::{Buffer, Ethernet};
use crate::gpio;
use crate::guard;
#[cfg(feature = "defmt")]
use crate::stack;
use crate::system::System;
use crate::watchdog::Watchdog;

/// For a chip into which no hardware address was written: a local one, of no manufacturer.
const LOCAL: [u8; 6] = [0x02, 0, 0, 0x69, 0x65, 0];

/// The parts of the board.
pub struct Parts {
    /// What the main loop needs.
    pub board: Lm3s6965,
    /// The hardware address.
    pub hardware: EthernetAddress,
}

/// The board, as the main loop sees it.
pub struct Lm3s6965 {
    ethernet: Ethernet,
    watchdog: Watchdog,
    hardware: [u8; 6],
    #[cfg(feature = "defmt")]
    stack: stack::Mark,
}

/// Start the chip: its clock, its pins, its network device, its watchdog; to be called before the
/// card is used. `None` the second time.
#[expect(unsafe_code, reason = "all parts are made here, once")]
pub fn start() -> Option<Parts> {
    static BUFFERS: ConstStaticCell<[Buffer; 2]> =
        ConstStaticCell::new([const { Buffer::new() }; 2]);
    let mut core = Peripherals::take()?;
    guard::start(&mut core.MPU);
    // SAFETY: only who took the peripherals of the core comes here, and that is one; a card that
    // feeds the watchdog as well does nothing else with it.
    let (mut system, mut watchdog) = unsafe { (System::new(), Watchdog::new()) };
    system.start();
    clock::start(&mut core.SYST);
    // SAFETY: before the first use of the card.
    unsafe { gpio::start() };
    let hardware = system.hardware_address().unwrap_or(LOCAL);
    let [received, sent] = BUFFERS.try_take()?;
    // SAFETY: as for the others above.
    let mut ethernet = unsafe { Ethernet::new(received, sent) };
    ethernet.start(hardware);
    watchdog.start();
    let board = Lm3s6965 {
        ethernet,
        watchdog,
        hardware,
        #[cfg(feature = "defmt")]
        stack: stack::Mark::default(),
    };
    Some(Parts { board, hardware: EthernetAddress(hardware) })
}

impl Board for Lm3s6965 {
    type Device = Ethernet;

    fn device(&mut self) -> &mut Ethernet {
        &mut self.ethernet
    }

    /// The hardware address and the phase of the clock. The chip has no source of random numbers:
    /// this differs between boards, and between starts where a card was waited for, and is no
    /// secret to who knows the board well. On a network that is not trusted, bring a better one.
    fn seed(&mut self) -> u64 {
        let [a, b, c, d, e, f] = self.hardware;
        u64::from_le_bytes([a, b, c, d, e, f, 0, 0]) ^ u64::from(clock::phase()).rotate_right(24)
    }

    fn alive(&mut self) {
        self.watchdog.feed();
    }

    fn sleep(&mut self, until: u64) {
        #[cfg(feature = "defmt")]
        self.stack.look();
        while !self.ethernet.has_frame() && clock::now() < until {
            // An interrupt that comes from here on ends the sleep although it is not taken
            // before the sleep is over.
            cortex_m::interrupt::free(|_| {
                self.ethernet.arm();
                if !self.ethernet.has_frame() && clock::now() < until {
                    asm::wfi();
                }
            });
        }
    }
}
