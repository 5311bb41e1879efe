//! The synchronous serial interface SSI0 (an Arm PL022) as a bus of `embedded-hal`.
//!
//! Its FIFOs hold eight bytes each way: eight are sent, and when they have gone the eight that
//! came meanwhile are taken. So the bus stands still for some clocks after each eight bytes, and
//! no byte is ever lost to an interrupt that takes longer.

use core::convert::Infallible;

use derive_mmio::Mmio;
use embedded_hal::spi::{ErrorType, SpiBus};

use crate::system::HERTZ;

/// Bytes of a FIFO.
const FIFO: usize = 8;

/// What is sent to be able to receive: cards need ones.
const IDLE: u8 = 0xff;

/// SSI0, at `0x4000_8000`.
#[derive(Mmio)]
#[repr(C)]
struct Registers {
    /// SSICR0: bits of a word, mode, divisor.
    #[mmio(Write)]
    cr0: u32,
    /// SSICR1: enable.
    #[mmio(Write)]
    cr1: u32,
    /// SSIDR: the FIFOs.
    #[mmio(Read, Write)]
    dr: u32,
    /// SSISR: their state.
    #[mmio(PureRead)]
    sr: u32,
    /// SSICPSR: the prescaler, an even number.
    #[mmio(Write)]
    cpsr: u32,
}

/// Of SSICR0: eight bits; mode 0 (Freescale SPI with clock polarity and phase 0) is 0.
const EIGHT_BITS: u32 = 7;

/// Of SSICR1.
const ENABLED: u32 = 1 << 1;

/// Of SSISR: something is being sent, or waits for it.
const BUSY: u32 = 1 << 4;

/// The prescaler, always the smallest.
const PRESCALER: u32 = 2;

/// SSI0.
pub struct Ssi(OwnedRegisters<0x4000_8000>);

impl Ssi {
    /// SSI0.
    ///
    /// # Safety
    ///
    /// There is one only.
    #[expect(
        unsafe_code,
        reason = "says that the registers are there; the caller that they are its own"
    )]
    pub const unsafe fn new() -> Self {
        // SAFETY: SSI0 of this chip; it is the only one, as the caller says.
        Self(unsafe { OwnedRegisters::new() })
    }

    /// Go on with a clock of at most so many hertz: 98 kHz to 25 MHz are possible.
    pub fn set_clock(&mut self, hertz: u32) {
        let half = (HERTZ / PRESCALER).div_ceil(hertz.max(1));
        let divisor = half.saturating_sub(1).min(0xff);
        let mut registers = self.0.borrow_mut();
        registers.write_cr1(0);
        registers.write_cr0(divisor << 8 | EIGHT_BITS);
        registers.write_cpsr(PRESCALER);
        registers.write_cr1(ENABLED);
    }

    fn wait(&self) {
        while self.0.borrow().read_sr() & BUSY != 0 {}
    }

    fn put(&mut self, byte: u8) {
        self.0.borrow_mut().write_dr(u32::from(byte));
    }

    fn take(&mut self) -> u8 {
        self.0.borrow_mut().read_dr() as u8
    }

    /// Exchange a whole FIFO. Written out, because that takes half the instructions of loops.
    fn exchange_all(&mut self, bytes: &mut [u8; FIFO]) {
        let [a, b, c, d, e, f, g, h] = *bytes;
        self.put(a);
        self.put(b);
        self.put(c);
        self.put(d);
        self.put(e);
        self.put(f);
        self.put(g);
        self.put(h);
        self.wait();
        let [a, b, c, d] = [self.take(), self.take(), self.take(), self.take()];
        let [e, f, g, h] = [self.take(), self.take(), self.take(), self.take()];
        *bytes = [a, b, c, d, e, f, g, h];
    }

    /// Exchange as many bytes as there are, at most a FIFO of them.
    fn exchange(&mut self, bytes: &mut [u8]) {
        for byte in bytes.iter() {
            self.put(*byte);
        }
        self.wait();
        for byte in bytes {
            *byte = self.take();
        }
    }
}

impl ErrorType for Ssi {
    type Error = Infallible;
}

impl SpiBus for Ssi {
    fn read(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        words.fill(IDLE);
        self.transfer_in_place(words)
    }

    fn write(&mut self, words: &[u8]) -> Result<(), Infallible> {
        let (whole, rest) = words.as_chunks();
        for words in whole {
            // What comes back is dropped with the copy.
            self.exchange_all(&mut { *words });
        }
        for word in rest {
            self.exchange(&mut [*word]);
        }
        Ok(())
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), Infallible> {
        let mut sent = write.iter();
        for words in read.chunks_mut(FIFO) {
            words.fill_with(|| sent.next().copied().unwrap_or(IDLE));
            self.exchange(words);
        }
        self.write(sent.as_slice())
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        let (whole, rest) = words.as_chunks_mut();
        for words in whole {
            self.exchange_all(words);
        }
        self.exchange(rest);
        Ok(())
    }

    /// Every call has waited already.
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
