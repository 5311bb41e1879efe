//! SD cards on a serial bus (SPI), as a device of blocks.
//!
//! The driver speaks the SPI mode of the SD Physical Layer Simplified Specification, version
//! 6.00, chapter 7, over the traits of `embedded-hal` 1.0: standard and high capacity cards (SDSC,
//! SDHC, SDXC), with checksums in both directions.
//!
//! # Speed
//!
//! Blocks that follow each other are read with one command. Blocks that are written one after the
//! other are one command as well, however many calls they come in: the command stays open until
//! anything else is asked for, or [`flush`](BlockDevice::flush). A card is busy for a while with
//! each block; that is waited for before the next one and not behind it, so that the card stores
//! while its user does something else. An error that a card finds then shows in a later call.
//!
//! # Cards that come and go
//!
//! A card is started by the first call, and again after each error of the kind
//! [`Absent`](ErrorKind::Absent): that the card does not answer, or has forgotten that it was
//! started, which is how an exchanged one is known. No pin that detects cards is needed:
//! [`count`](BlockDevice::count) asks a card that has done nothing for 100 ms whether it is there.
//!
//! # Why not `embedded-sdmmc`
//!
//! Its driver (version 0.10) waits behind each write until the card has stored it, which is most
//! of the time of an upload; indexes and borrows in ways that leave panics in the program, where
//! this project proves that there are none; notices neither that a card was exchanged nor that it
//! is protected; and cannot start the card of QEMU's model without `unsafe`.
//!
//! # Limits
//!
//! The switch on the side of a card is seen by a contact of the socket only, so not here; that a
//! card is protected by its own register is. Nothing else may use the bus while a card is being
//! written to, that is until `flush`.

mod card;
mod checksum;
mod command;
mod error;
mod start;
mod wire;

use embedded_hal::digital::OutputPin;
use embedded_hal::spi::SpiBus;

use crate::block::{Block, BlockDevice, ErrorKind};
use card::Card;
use command::Command;
pub use error::{Error, Waited};
use wire::{Token, Wire};

/// How often a block is asked for, or sent, before a wrong checksum is an error.
const TRIES: u8 = 3;

/// Milliseconds for which a card that did something is taken to be there still: nobody exchanges
/// one so quickly.
const FRESH: u32 = 100;

/// What the driver needs of a board besides the bus `B` and a pin.
pub trait Timing<B> {
    /// Go on with a clock of at most so many hertz. Cards start with at most 400 kHz, and go on
    /// with at most 25 MHz.
    fn set_clock(&mut self, bus: &mut B, hertz: u32);

    /// Milliseconds of any clock that goes on while the bus is used; it may wrap around. Called
    /// again and again while a card is waited for, which may take a second: the place to feed a
    /// watchdog.
    fn millis(&mut self) -> u32;
}

/// An SD card.
///
/// `B` is the bus, in mode 0, `S` the chip select, whose low level selects the card, `T` the rest.
pub struct SdCard<B, S, T> {
    wire: Wire<B, S, T>,
    state: State,
    /// The card, unless nothing is known of it. Beside the state, because so a driver that was
    /// never used is all zeros, and a static of it needs no image in flash.
    card: Card,
    /// When the card did what it was asked for last.
    seen: u32,
}

/// What is known of the card.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) enum State {
    /// Nothing: it has to be started.
    Unknown,
    /// It waits for a command.
    Ready,
    /// It is being written to, and this block would be next.
    Writing(u32),
}

impl<B, S, T> SdCard<B, S, T> {
    /// What it is doing, for logs.
    pub(crate) const fn state(&self) -> State {
        self.state
    }
}

impl<B: SpiBus, S: OutputPin, T: Timing<B>> SdCard<B, S, T> {
    /// A card that is started when it is needed.
    pub const fn new(bus: B, select: S, timing: T) -> Self {
        Self {
            wire: Wire { bus, select, timing },
            state: State::Unknown,
            card: Card::NONE,
            seen: 0,
        }
    }

    /// The card, started and with nothing under way.
    fn ready(&mut self) -> Result<Card, Error> {
        match self.state {
            State::Ready => {}
            State::Unknown => self.card = self.wire.start()?,
            State::Writing(_) => {
                self.state = State::Ready;
                self.wire.stop_writing()?;
            }
        }
        self.state = State::Ready;
        Ok(self.card)
    }

    /// The card, with a write under way whose next block is this one.
    fn writing(&mut self, first: u32, count: usize) -> Result<Card, Error> {
        if let State::Writing(next) = self.state
            && next == first
        {
            self.card.check(first, count)?;
            return Ok(self.card);
        }
        let card = self.ready()?;
        card.check(first, count)?;
        if card.is_protected {
            return Err(Error::Protected);
        }
        self.begin_writing(card, first)?;
        Ok(card)
    }

    fn begin_writing(&mut self, card: Card, first: u32) -> Result<(), Error> {
        self.wire.select()?;
        self.wire.command(Command::WRITE_BLOCKS, card.address(first))?.is_accepted()?;
        self.state = State::Writing(first);
        Ok(())
    }

    /// Do something, and see whether the card is still there if it failed.
    fn watched<R>(&mut self, work: impl FnOnce(&mut Self) -> Result<R, Error>) -> Result<R, Error> {
        let result = work(self);
        let Err(error) = result else {
            self.seen = self.wire.timing.millis();
            return result;
        };
        if matches!(error, Error::OutOfRange | Error::Protected) {
            return Err(error);
        }
        let was_known = !matches!(self.state, State::Unknown);
        // Whatever it was in the middle of: what it was told is void.
        self.state = State::Unknown;
        if was_known && !self.wire.is_there() {
            return Err(Error::Absent);
        }
        Err(error)
    }

    fn read_blocks(&mut self, first: u32, blocks: &mut [Block]) -> Result<(), Error> {
        let card = self.ready()?;
        card.check(first, blocks.len())?;
        let (mut at, mut rest) = (first, blocks);
        let mut tries = TRIES;
        while !rest.is_empty() {
            let (read, result) = self.wire.read_run(card.address(at), rest);
            match result {
                Ok(()) => return Ok(()),
                Err(Error::Checksum) if read > 0 || tries > 1 => {
                    tries = if read > 0 { TRIES } else { tries - 1 };
                    at = at.saturating_add(u32::try_from(read).unwrap_or(u32::MAX));
                    rest = rest.get_mut(read..).unwrap_or_default();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write_blocks(&mut self, first: u32, blocks: &[Block]) -> Result<(), Error> {
        let card = self.writing(first, blocks.len())?;
        for (at, block) in (first..).zip(blocks) {
            let mut tries = TRIES;
            while let Err(error) = self.wire.send_block(Token::NextBlock, block) {
                tries -= 1;
                // The card takes nothing more of this run.
                self.state = State::Ready;
                if error != Error::Checksum || tries == 0 {
                    return Err(self.why_not_written(error));
                }
                self.wire.stop_writing()?;
                self.begin_writing(card, at)?;
            }
            self.state = State::Writing(at.saturating_add(1));
        }
        Ok(())
    }

    /// A card says that it could not write, but not why, unless it is asked.
    fn why_not_written(&mut self, error: Error) -> Error {
        if error != Error::NotWritten {
            return error;
        }
        match self.wire.stop_writing().and_then(|()| self.wire.status()) {
            Ok(status) if status.is_protected() => Error::Protected,
            Ok(_) => error,
            Err(other) => other,
        }
    }
}

impl<B: SpiBus, S: OutputPin, T: Timing<B>> BlockDevice for SdCard<B, S, T> {
    type Error = Error;

    fn kind(error: &Error) -> ErrorKind {
        match error {
            Error::Absent => ErrorKind::Absent,
            Error::Protected => ErrorKind::ReadOnly,
            _ => ErrorKind::Failed,
        }
    }

    fn count(&mut self) -> Result<u32, Error> {
        let age = self.wire.timing.millis().wrapping_sub(self.seen);
        match self.state {
            State::Ready | State::Writing(_) if age <= FRESH => Ok(self.card.count),
            State::Unknown => self.watched(Self::ready).map(|card| card.count),
            _ => self.watched(|device| {
                let card = device.ready()?;
                device.wire.status()?.is_clear()?;
                Ok(card.count)
            }),
        }
    }

    fn read(&mut self, first: u32, blocks: &mut [Block]) -> Result<(), Error> {
        self.watched(|device| device.read_blocks(first, blocks))
    }

    fn write(&mut self, first: u32, blocks: &[Block]) -> Result<(), Error> {
        self.watched(|device| device.write_blocks(first, blocks))
    }

    fn flush(&mut self) -> Result<(), Error> {
        // Nothing was written to a card that is not known.
        if let State::Writing(..) = self.state {
            self.watched(|device| {
                device.ready()?;
                device.wire.status()?.is_clear()
            })?;
        }
        Ok(())
    }
}
