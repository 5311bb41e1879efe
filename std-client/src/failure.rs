//! Why something was not done, by culprit.

use core::fmt;
use std::io;
use std::path::Path;

use coracle::Code;
use coracle::client::{NotNow, PeerError};

use crate::exit::Exit;
use crate::print::Shown;
use crate::remote::Remote;
use crate::told::{NOT_HERE, NOT_THERE};

/// Why something was not done.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// The server refused.
    Refused {
        /// Its code, if it is one of this version.
        code: Option<Code>,
        /// Its message, safe to print.
        message: String,
    },
    /// There is no connection, or it was lost: worth another try.
    Connection(String),
    /// The server made no progress for so many seconds: worth another try if it was one.
    Silent(u64),
    /// The server broke the protocol.
    Protocol(PeerError),
    /// The server listed what cannot be, or without end.
    Hostile(String),
    /// Bytes are not those that were expected.
    Integrity(String),
    /// There is no such file on this side.
    Missing(String),
    /// A file on this side cannot be read or written.
    Local(String),
    /// A signal.
    Interrupted,
}

impl Failure {
    /// A refusal as it came from the server.
    pub fn refused(code: Option<Code>, message: &[u8]) -> Self {
        Self::Refused { code, message: Shown(message).to_string() }
    }

    /// Why something cannot be asked at all.
    pub fn not_taken(why: NotNow) -> Self {
        let message = why.to_string();
        match why {
            NotNow::TooLong => Self::Refused { code: Some(Code::TooLong), message },
            _ => Self::Usage(message),
        }
    }

    /// Results cannot be written to standard output.
    pub fn output(error: &io::Error) -> Self {
        Self::Local(format!("cannot write the output: {error}"))
    }

    /// As [`output`](Self::output); that nobody reads the results any more is no failure.
    pub fn unwritten(error: &io::Error) -> Option<Self> {
        (error.kind() != io::ErrorKind::BrokenPipe).then(|| Self::output(error))
    }

    /// What cannot be done with a local file, and why.
    pub fn local(doing: &str, path: &Path, error: &io::Error) -> Self {
        let text = format!("cannot {doing} {}", Shown::path(path));
        match error.kind() {
            io::ErrorKind::NotFound if doing == "read" => Self::Missing(text),
            _ => Self::Local(format!("{text}: {error}")),
        }
    }

    /// What was refused is about this name.
    pub(crate) fn about(self, name: &Remote) -> Self {
        match self {
            Self::Refused { code, message } => {
                Self::Refused { code, message: format!("{}: {message}", name.shown()) }
            }
            other => other,
        }
    }

    /// What was refused is the download of a file.
    pub(crate) fn of_download(self) -> Self {
        match self {
            Self::Refused { code: code @ Some(Code::NotFound), .. } => {
                Self::Refused { code, message: NOT_THERE.to_owned() }
            }
            Self::Refused { code: Some(Code::IsDirectory), .. } => is_folder(),
            other => other,
        }
    }

    /// The word for programs.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Refused { .. } => "refused",
            Self::Connection(_) => "connection",
            Self::Silent(_) => "timeout",
            Self::Protocol(error) if error.is_integrity() => "integrity",
            Self::Protocol(_) | Self::Hostile(_) => "protocol",
            Self::Integrity(_) => "integrity",
            Self::Missing(_) => "missing",
            Self::Local(_) => "local",
            Self::Interrupted => "interrupted",
        }
    }

    /// The exit code.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Refused { .. } => Exit::Refused,
            Self::Connection(_) | Self::Silent(_) => Exit::Connection,
            Self::Protocol(error) if error.is_integrity() => Exit::Integrity,
            Self::Protocol(_) | Self::Hostile(_) => Exit::Connection,
            Self::Integrity(_) => Exit::Integrity,
            Self::Missing(_) | Self::Local(_) => Exit::Local,
            Self::Interrupted => Exit::Interrupted,
        }
    }

    /// Whether the same may succeed a little later.
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Connection(_) | Self::Silent(_) => true,
            Self::Refused { code, .. } => matches!(code, Some(Code::Busy | Code::Limit)),
            _ => false,
        }
    }
}

/// A folder is named where a file is meant.
pub(crate) fn is_folder() -> Failure {
    let message = "it is a folder; -r transfers folders".to_owned();
    Failure::Refused { code: Some(Code::IsDirectory), message }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text)
            | Self::Connection(text)
            | Self::Hostile(text)
            | Self::Integrity(text)
            | Self::Local(text) => f.write_str(text),
            Self::Missing(text) => write!(f, "{NOT_HERE} ({text})"),
            Self::Refused { code: Some(code), message } => write!(f, "{message} ({code})"),
            Self::Refused { code: None, message } => write!(f, "{message} (refused)"),
            Self::Silent(seconds) => write!(f, "the server made no progress for {seconds} s"),
            Self::Protocol(error) => error.fmt(f),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl core::error::Error for Failure {}
