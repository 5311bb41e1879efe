//! What can go wrong with a card.

use core::fmt;

use embedded_hal::{digital, spi};

/// Why a card did not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// There is no card, or it was exchanged; the next call starts whatever is there then.
    Absent,
    /// It answers, but is none that can be used: not of the voltage, not an SD card, or of more
    /// than 2 TiB.
    Unusable,
    /// It is protected against writing.
    Protected,
    /// There are no such blocks.
    OutOfRange,
    /// It took too long with this.
    TimedOut(Waited),
    /// Bytes arrived wrong on either side, more than once.
    Checksum,
    /// It refused a command, with this response (R1).
    Refused(u8),
    /// It could not read, with this data error token.
    NotRead(u8),
    /// It could not write.
    NotWritten,
    /// It says that something is wrong with it, with this second byte of its status (R2).
    Failed(u8),
    /// The bus failed.
    Bus(spi::ErrorKind),
    /// The chip select failed.
    Select(digital::ErrorKind),
}

/// What was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Waited {
    /// That it is started.
    Start,
    /// The response to a command.
    Response,
    /// Data that it reads.
    Data,
    /// That it has stored what was written.
    Stored,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is no SD card, or it was exchanged"),
            Self::Unusable => f.write_str("the SD card is of a kind that cannot be used"),
            Self::Protected => f.write_str("the SD card is protected against writing"),
            Self::OutOfRange => f.write_str("the SD card has no such block"),
            Self::TimedOut(waited) => write!(f, "the SD card took too long: {waited}"),
            Self::Checksum => f.write_str("bytes from or to the SD card arrived wrong"),
            Self::Refused(response) => {
                write!(f, "the SD card refused a command (R1 {response:#04x})")
            }
            Self::NotRead(token) => write!(f, "the SD card cannot read (token {token:#04x})"),
            Self::NotWritten => f.write_str("the SD card cannot write"),
            Self::Failed(status) => write!(f, "the SD card is broken (R2 {status:#04x})"),
            Self::Bus(kind) => write!(f, "the bus of the SD card failed: {kind}"),
            Self::Select(kind) => write!(f, "the chip select of the SD card failed: {kind}"),
        }
    }
}

impl core::error::Error for Error {}

impl fmt::Display for Waited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "starting",
            Self::Response => "a response",
            Self::Data => "reading",
            Self::Stored => "writing",
        })
    }
}
