//! Commands, and what a card says to them at once.

use super::error::Error;

/// A command, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command(pub(super) u8);

impl Command {
    /// Forget everything, and speak SPI.
    pub(super) const GO_IDLE: Self = Self(0);
    /// Our voltage, and a pattern to repeat; unknown to cards before version 2.
    pub(super) const INTERFACE: Self = Self(8);
    /// The register of its properties.
    pub(super) const SEND_CSD: Self = Self(9);
    /// No more blocks.
    pub(super) const STOP_READING: Self = Self(12);
    pub(super) const STATUS: Self = Self(13);
    pub(super) const BLOCK_LENGTH: Self = Self(16);
    pub(super) const READ_BLOCK: Self = Self(17);
    pub(super) const READ_BLOCKS: Self = Self(18);
    pub(super) const WRITE_BLOCKS: Self = Self(25);
    /// The next command is one of applications.
    pub(super) const APPLICATION: Self = Self(55);
    /// Of applications: start, with or without high capacity.
    pub(super) const START: Self = Self(41);
    /// The register of voltages, and whether it is of high capacity.
    pub(super) const READ_OCR: Self = Self(58);
    /// Check checksums.
    pub(super) const CHECKSUMS: Self = Self(59);
}

/// The first byte of every response (7.3.2.1). The top bit is clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Response(pub(super) u8);

/// Of [`Response`].
const IDLE: u8 = 1 << 0;
const ILLEGAL: u8 = 1 << 2;
const WRONG_CHECKSUM: u8 = 1 << 3;
const WRONG_PARAMETER: u8 = 1 << 6;

impl Response {
    /// Whether it is not started, and nothing else is wrong.
    pub(super) const fn is_idle(self) -> bool {
        self.0 == IDLE
    }

    /// Whether it does not know the command.
    pub(super) const fn is_unknown(self) -> bool {
        self.0 & ILLEGAL != 0
    }

    /// Whether a card that is started does what it was told. One that says it is not started has
    /// lost its power meanwhile, or is another one.
    pub(super) const fn is_accepted(self) -> Result<(), Error> {
        match self.0 {
            0 => Ok(()),
            response if response & IDLE != 0 => Err(Error::Absent),
            response if response & WRONG_CHECKSUM != 0 => Err(Error::Checksum),
            response if response & WRONG_PARAMETER != 0 => Err(Error::OutOfRange),
            response => Err(Error::Refused(response)),
        }
    }
}

/// The status of a card: a response and one more byte (7.3.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status(pub(super) Response, pub(super) u8);

/// Of the second byte of [`Status`]: the block is protected.
const PROTECTED: u8 = 1 << 5;

impl Status {
    pub(super) const fn is_protected(self) -> bool {
        self.1 & PROTECTED != 0
    }

    /// Whether all is well.
    pub(super) fn is_clear(self) -> Result<(), Error> {
        self.0.is_accepted()?;
        match self.1 {
            0 => Ok(()),
            _ if self.is_protected() => Err(Error::Protected),
            status => Err(Error::Failed(status)),
        }
    }
}
