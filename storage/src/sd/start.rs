//! The start of a card (7.2.1).

use embedded_hal::digital::OutputPin;
use embedded_hal::spi::SpiBus;

use super::Timing;
use super::card::{CSD_LEN, Card};
use super::command::{Command, Response};
use super::error::{Error, Waited};
use super::wire::{NOTHING, Token, Wire};
use crate::block::BLOCK_LEN;

/// Clocks in hertz: while a card starts (6.4.1), and of every card from then on (6.6.5).
const SLOW: u32 = 400_000;
const FAST: u32 = 25_000_000;

/// Bytes sent to nobody so that a card wakes up: at least 74 clocks (6.4.1).
const WAKE: usize = 10;

/// Attempts to get a first response, with these many bytes between two: together more than a
/// block, which a card may wait for that was being written to when this chip was reset.
const ATTEMPTS: usize = 12;
const BETWEEN: usize = 64;

/// Milliseconds that a card may take to start (4.2.3), half as much again.
const START_LIMIT: u32 = 1500;

/// 2.7 V to 3.6 V, and a pattern that comes back.
const INTERFACE: [u8; 4] = [0, 0, 0x01, 0xaa];

/// To `START`: we can deal with high capacity.
const HIGH_CAPACITY: u32 = 1 << 30;

/// Of the register of voltages: it is of high capacity.
const BY_BLOCK: u32 = 1 << 30;

impl<B: SpiBus, S: OutputPin, T: Timing<B>> Wire<B, S, T> {
    /// Start the card that is there.
    pub(super) fn start(&mut self) -> Result<Card, Error> {
        self.timing.set_clock(&mut self.bus, SLOW);
        self.release()?;
        self.send(&[NOTHING; WAKE])?;
        self.select()?;
        self.go_idle()?;
        let is_second_version = self.is_second_version()?;
        // Cards of the first days may not know it: then they check nothing.
        self.command(Command::CHECKSUMS, 1)?;
        self.leave_idle(if is_second_version { HIGH_CAPACITY } else { 0 })?;
        let by_block = is_second_version && self.voltages()? & BY_BLOCK != 0;
        if !by_block {
            self.command(Command::BLOCK_LENGTH, BLOCK_LEN as u32)?.is_accepted()?;
        }
        self.timing.set_clock(&mut self.bus, FAST);
        let mut csd = [0; CSD_LEN];
        self.command(Command::SEND_CSD, 0)?.is_accepted()?;
        self.receive_data(&mut csd)?;
        self.release()?;
        Card::parse(&csd, by_block)
    }

    fn go_idle(&mut self) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            match self.send_command(Command::GO_IDLE, 0) {
                Ok(response) if response.is_idle() => return Ok(()),
                Ok(_) | Err(Error::TimedOut(_)) => {}
                Err(error) => return Err(error),
            }
            // For a card that waits for the next of many blocks.
            self.send(&[Token::Stop as u8])?;
            self.send(&[NOTHING; BETWEEN])?;
        }
        Err(Error::Absent)
    }

    /// Whether it knows the command that came with version 2.
    fn is_second_version(&mut self) -> Result<bool, Error> {
        let response = self.command(Command::INTERFACE, u32::from_be_bytes(INTERFACE))?;
        if response.is_unknown() {
            return Ok(false);
        }
        let mut echo = [0; 4];
        self.receive_into(&mut echo)?;
        if echo == INTERFACE { Ok(true) } else { Err(Error::Unusable) }
    }

    fn leave_idle(&mut self, argument: u32) -> Result<(), Error> {
        let begun = self.timing.millis();
        while self.timing.millis().wrapping_sub(begun) <= START_LIMIT {
            self.command(Command::APPLICATION, 0)?;
            match self.command(Command::START, argument)? {
                Response(0) => return Ok(()),
                response if response.is_idle() => {}
                _ => return Err(Error::Unusable),
            }
        }
        Err(Error::TimedOut(Waited::Start))
    }

    fn voltages(&mut self) -> Result<u32, Error> {
        // The response itself says nothing new: the card of QEMU's model says here, and nowhere
        // else, that it is not started.
        self.command(Command::READ_OCR, 0)?;
        let mut register = [0; 4];
        self.receive_into(&mut register)?;
        Ok(u32::from_be_bytes(register))
    }
}
