//! Exit codes of `coracle`: the numbers stand here and nowhere else.

use std::process::ExitCode;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Done = 0,
    /// The server refused something.
    Refused = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// There is no connection, or the server does not speak the protocol.
    Connection = 3,
    /// Bytes were damaged, or are not those that were expected.
    Integrity = 4,
    /// A file on this side cannot be read or written.
    Local = 5,
    /// A signal ended it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
