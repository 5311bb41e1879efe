//! The wire to a card: bytes, commands, blocks of data, and waiting.

use embedded_hal::digital::{Error as _, OutputPin};
use embedded_hal::spi::{Error as _, SpiBus};

use super::Timing;
use super::checksum;
use super::command::{Command, Response, Status};
use super::error::{Error, Waited};
use crate::block::Block;

/// What is sent while the card speaks, and what a card sends that says nothing.
pub(super) const NOTHING: u8 = 0xff;

/// Bytes in which a response must begin (7.5.1.1).
const RESPONSE_WITHIN: usize = 8;

/// Milliseconds until data must come: the limit of all cards (4.6.2.1), three times.
const DATA_LIMIT: u32 = 300;

/// Milliseconds until a block must be stored: the limit of SDXC cards (4.6.2.2), twice.
const STORED_LIMIT: u32 = 1000;

/// What begins, or ends, data on the wire (7.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Data that a card reads.
    Data = 0xfe,
    /// A block of many that are written.
    NextBlock = 0xfc,
    /// No more of them.
    Stop = 0xfd,
}

/// What a card says to a block that it got: these bits ...
const DATA_RESPONSE: u8 = 0x1f;
/// ... are one of these (7.3.3.1).
const DATA_ACCEPTED: u8 = 0x05;
const DATA_CHECKSUM: u8 = 0x0b;
const DATA_NOT_WRITTEN: u8 = 0x0d;

/// Bus, select and clock.
pub(super) struct Wire<B, S, T> {
    pub(super) bus: B,
    pub(super) select: S,
    pub(super) timing: T,
}

impl<B: SpiBus, S: OutputPin, T: Timing<B>> Wire<B, S, T> {
    pub(super) fn select(&mut self) -> Result<(), Error> {
        self.select.set_low().map_err(|error| Error::Select(error.kind()))
    }

    /// Let go of the card; it leaves the bus with the next clocks.
    pub(super) fn release(&mut self) -> Result<(), Error> {
        self.select.set_high().map_err(|error| Error::Select(error.kind()))?;
        self.receive().map(|_| ())
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bus.write(bytes).map_err(|error| Error::Bus(error.kind()))
    }

    /// Receive into `bytes` while nothing is said.
    pub(super) fn receive_into(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        bytes.fill(NOTHING);
        self.bus.transfer_in_place(bytes).map_err(|error| Error::Bus(error.kind()))
    }

    pub(super) fn receive(&mut self) -> Result<u8, Error> {
        let mut byte = [NOTHING];
        self.receive_into(&mut byte)?;
        let [byte] = byte;
        Ok(byte)
    }

    /// Receive until a byte is wanted, for so many milliseconds.
    fn receive_until(
        &mut self,
        limit: u32,
        waited: Waited,
        is_wanted: impl Fn(u8) -> bool,
    ) -> Result<u8, Error> {
        let begun = self.timing.millis();
        loop {
            // The time first: if we are late ourselves, the card still has one look.
            let is_late = self.timing.millis().wrapping_sub(begun) > limit;
            let byte = self.receive()?;
            if is_wanted(byte) {
                return Ok(byte);
            }
            if is_late {
                return Err(Error::TimedOut(waited));
            }
        }
    }

    /// Wait until the card is not busy any more.
    pub(super) fn until_stored(&mut self) -> Result<(), Error> {
        self.receive_until(STORED_LIMIT, Waited::Stored, |byte| byte == NOTHING).map(|_| ())
    }

    /// Send a command to a card that is selected, once it is not busy any more.
    pub(super) fn command(&mut self, command: Command, argument: u32) -> Result<Response, Error> {
        self.until_stored()?;
        self.send_command(command, argument)
    }

    /// Send a command in any case.
    pub(super) fn send_command(
        &mut self,
        Command(number): Command,
        argument: u32,
    ) -> Result<Response, Error> {
        let [a, b, c, d] = argument.to_be_bytes();
        let bytes = [0x40 | number, a, b, c, d];
        let [first, a, b, c, d] = bytes;
        self.send(&[first, a, b, c, d, checksum::of_command(&bytes)])?;
        if Command(number) == Command::STOP_READING {
            // A byte of the data that is stopped.
            self.receive()?;
        }
        for _ in 0..RESPONSE_WITHIN {
            let byte = self.receive()?;
            if byte & 0x80 == 0 {
                return Ok(Response(byte));
            }
        }
        Err(Error::TimedOut(Waited::Response))
    }

    /// The status of the card, which has nothing under way.
    pub(super) fn status(&mut self) -> Result<Status, Error> {
        self.select()?;
        let response = self.command(Command::STATUS, 0)?;
        let status = Status(response, self.receive()?);
        self.release()?;
        Ok(status)
    }

    /// Whether a card is there that knows that it was started; whatever it was in the middle of,
    /// it is not any more.
    pub(super) fn is_there(&mut self) -> bool {
        self.stop_writing().is_ok()
            && self.status().is_ok_and(|Status(response, _)| response.is_accepted().is_ok())
    }

    /// Receive data with its checksum.
    pub(super) fn receive_data(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let token = self.receive_until(DATA_LIMIT, Waited::Data, |byte| byte != NOTHING)?;
        if token != Token::Data as u8 {
            return Err(Error::NotRead(token));
        }
        self.receive_into(bytes)?;
        let mut sum = [0; 2];
        self.receive_into(&mut sum)?;
        if sum == checksum::of_data(bytes) { Ok(()) } else { Err(Error::Checksum) }
    }

    /// Read blocks that follow each other. Returns how many were read, whatever happened then.
    pub(super) fn read_run(
        &mut self,
        address: u32,
        blocks: &mut [Block],
    ) -> (usize, Result<(), Error>) {
        let mut read = 0;
        let result = self.try_read_run(address, blocks, &mut read);
        (read, result.and(self.release()))
    }

    fn try_read_run(
        &mut self,
        address: u32,
        blocks: &mut [Block],
        read: &mut usize,
    ) -> Result<(), Error> {
        let is_one = blocks.len() == 1;
        let command = if is_one { Command::READ_BLOCK } else { Command::READ_BLOCKS };
        self.select()?;
        self.command(command, address)?.is_accepted()?;
        let mut result = Ok(());
        for block in blocks {
            result = self.receive_data(block);
            if result.is_err() {
                break;
            }
            *read = read.saturating_add(1);
        }
        if !is_one {
            // Its response may complain of the block behind the last one of the card.
            self.send_command(Command::STOP_READING, 0)?;
        }
        result
    }

    /// Send one block, once the one before is stored.
    pub(super) fn send_block(&mut self, token: Token, block: &Block) -> Result<(), Error> {
        // At least one byte is between the end of anything and the token.
        self.until_stored()?;
        self.send(&[token as u8])?;
        self.send(block)?;
        self.send(&checksum::of_data(block))?;
        match self.receive()? & DATA_RESPONSE {
            DATA_ACCEPTED => Ok(()),
            DATA_CHECKSUM => Err(Error::Checksum),
            DATA_NOT_WRITTEN => Err(Error::NotWritten),
            _ => Err(Error::TimedOut(Waited::Response)),
        }
    }

    /// End a write of many blocks, and wait until all is stored.
    pub(super) fn stop_writing(&mut self) -> Result<(), Error> {
        self.select()?;
        self.until_stored()?;
        self.send(&[Token::Stop as u8])?;
        // It is busy from the byte after the next one on.
        self.receive()?;
        self.until_stored()?;
        self.release()
    }
}
