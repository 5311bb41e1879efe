//! Pins: those of the serial interface, and the chip selects of card and display.

use core::convert::Infallible;

use derive_mmio::Mmio;
use embedded_hal::digital::{ErrorType, OutputPin};

/// A port of eight pins.
#[derive(Mmio)]
#[repr(C)]
struct Registers {
    /// GPIODATA: a write at index `m` changes the pins of the mask `m` only.
    data: [u32; 256],
    /// GPIODIR: outputs.
    dir: u32,
    _interrupts: [u32; 7],
    /// GPIOAFSEL: pins that belong to a part of the chip.
    afsel: u32,
    _reserved_424: [u32; 55],
    _drive: [u32; 4],
    /// GPIOPUR: pins with a pull-up.
    pur: u32,
    _pdr_slr: [u32; 2],
    /// GPIODEN: pins that are digital.
    den: u32,
}

/// Of port A: clock, receive and transmit of SSI0, and the select of the display.
const SSI_CLOCK: u32 = 1 << 2;
const SSI_RECEIVE: u32 = 1 << 4;
const SSI_TRANSMIT: u32 = 1 << 5;
const DISPLAY_SELECT: u32 = 1 << 3;

/// Of port D: the select of the card.
const CARD_SELECT: u32 = 1 << 0;

/// Port A.
type PortA = OwnedRegisters<0x4000_4000>;

/// The chip select of the SD card, pin 0 of port D: low selects it.
pub struct CardSelect(OwnedRegisters<0x4000_7000>);

impl CardSelect {
    /// The pin.
    ///
    /// # Safety
    ///
    /// There is one only, and nobody else uses port D once [`start`] has returned.
    #[expect(
        unsafe_code,
        reason = "says that the registers are there; the caller that they are its own"
    )]
    pub const unsafe fn new() -> Self {
        // SAFETY: port D of this chip; nobody else uses it, as the caller says.
        Self(unsafe { OwnedRegisters::new() })
    }
}

/// Make the pins of the serial interface and the selects ready for use; nobody is selected.
///
/// # Safety
///
/// Nobody else uses ports A and D meanwhile.
#[expect(
    unsafe_code,
    reason = "says that the registers are there; the caller that they are its own"
)]
pub unsafe fn start() {
    // SAFETY: ports A and D of this chip; nobody else uses them, as the caller says.
    let (mut a, mut d) = unsafe { (PortA::new(), CardSelect::new()) };
    let (mut a, mut d) = (a.borrow_mut(), d.0.borrow_mut());
    let pins = SSI_CLOCK | SSI_RECEIVE | SSI_TRANSMIT;
    a.modify_afsel(|afsel| afsel | pins);
    // A card that is not there shall read as ones.
    a.modify_pur(|pur| pur | SSI_RECEIVE);
    set(&mut a, DISPLAY_SELECT, true);
    a.modify_dir(|dir| dir | DISPLAY_SELECT);
    a.modify_den(|den| den | pins | DISPLAY_SELECT);
    set(&mut d, CARD_SELECT, true);
    d.modify_dir(|dir| dir | CARD_SELECT);
    d.modify_den(|den| den | CARD_SELECT);
}

fn set(port: &mut MmioRegisters<'_>, pin: u32, is_high: bool) {
    // A mask of eight bits is an index below 256.
    let _always = port.write_data(pin as usize, if is_high { pin } else { 0 });
}

impl ErrorType for CardSelect {
    type Error = Infallible;
}

impl OutputPin for CardSelect {
    fn set_low(&mut self) -> Result<(), Infallible> {
        set(&mut self.0.borrow_mut(), CARD_SELECT, false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        set(&mut self.0.borrow_mut(), CARD_SELECT, true);
        Ok(())
    }
}
