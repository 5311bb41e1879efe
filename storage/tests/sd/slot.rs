//! The board around a card: its bus, its select, its clock.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use coracle_storage::sd::{SdCard, Timing};
use embedded_hal::digital::OutputPin;
use embedded_hal::spi::SpiBus;
use embedded_hal::{digital, spi};

use crate::card::{Faults, Make, Model};

/// A board with a slot.
#[derive(Clone)]
pub struct Slot(pub Rc<RefCell<Model>>);

/// The driver on such a board.
pub type Driver = SdCard<Slot, Slot, Slot>;

impl Slot {
    pub fn with(make: Make, count: usize) -> (Self, Driver) {
        let slot = Self(Rc::new(RefCell::new(Model::new(make, count))));
        let driver = slot.driver();
        (slot, driver)
    }

    /// Another driver, which knows nothing: the chip was reset.
    pub fn driver(&self) -> Driver {
        SdCard::new(self.clone(), self.clone(), self.clone())
    }

    /// Forget the commands until now.
    pub fn commands(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().commands)
    }

    pub fn fail(&self, faults: Faults) {
        self.0.borrow_mut().faults = faults;
    }

    /// Milliseconds that something takes.
    pub fn time<R>(&self, work: impl FnOnce() -> R) -> (u64, R) {
        let begun = self.0.borrow().now;
        let result = work();
        ((self.0.borrow().now - begun) / 1_000_000, result)
    }
}

impl spi::ErrorType for Slot {
    type Error = Infallible;
}

impl SpiBus for Slot {
    fn read(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        // What is sent meanwhile is not said: zeros.
        words.fill(0);
        self.transfer_in_place(words)
    }

    fn write(&mut self, words: &[u8]) -> Result<(), Infallible> {
        for word in words {
            self.0.borrow_mut().exchange(*word);
        }
        Ok(())
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), Infallible> {
        for (read, write) in read.iter_mut().zip(write) {
            *read = self.0.borrow_mut().exchange(*write);
        }
        Ok(())
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        words.iter_mut().for_each(|word| *word = self.0.borrow_mut().exchange(*word));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl digital::ErrorType for Slot {
    type Error = Infallible;
}

impl OutputPin for Slot {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().selected = true;
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().selected = false;
        Ok(())
    }
}

impl Timing<Self> for Slot {
    fn set_clock(&mut self, _bus: &mut Self, hertz: u32) {
        self.0.borrow_mut().hertz = hertz;
    }

    fn millis(&mut self) -> u32 {
        // It wraps around soon.
        (u64::from(u32::MAX - 40) + self.0.borrow().now / 1_000_000) as u32
    }
}
