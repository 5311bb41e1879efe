//! What there is to tell of a transfer, and the words for it.

use core::fmt::{self, Display};
use core::time::Duration;
use std::path::Path;

use coracle::Durability;

use crate::failure::Failure;
use crate::print::{Shown, Size};

/// What the first words of a download are.
pub(crate) const DOWNLOAD_BEGINS: &str = "Start downloading..";
/// What the last words of a download are.
pub(crate) const DOWNLOAD_DONE: &str = "Download is finished!";
/// What the last words of an upload are.
pub(crate) const UPLOAD_DONE: &str = "File upload done...";
/// The server has no such file.
pub(crate) const NOT_THERE: &str = "No such file found on the server!";
/// This side has no such file.
pub(crate) const NOT_HERE: &str = "No such file found locally...";

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Download,
    Upload,
}

/// What there is to tell.
#[derive(Clone, Copy)]
pub(crate) enum Event<'a> {
    /// So many files are to be moved; bytes of all of them if every size is known.
    Plan { direction: Direction, files: u64, bytes: Option<u64> },
    /// A file begins, or goes on after the connection was lost.
    Start(Start<'a>),
    /// A file is in its place, whole and right.
    Done(Finished<'a>),
    /// Something was not done.
    Failed { about: About<'a>, failure: &'a Failure },
    /// So many more files were not tried.
    Left(u64),
    /// It is tried again after a while.
    Retry { wait: Duration, failure: &'a Failure },
    /// Something the user should know.
    Note(&'a dyn Display),
    /// Something for the curious.
    Detail(&'a dyn Display),
}

/// What a failure is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About<'a> {
    /// The command as such.
    All,
    /// A path on the server.
    Name(&'a [u8]),
    /// A file that was to be moved.
    File(File<'a>),
}

/// A file on both sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File<'a> {
    pub(crate) direction: Direction,
    /// Its path on the server.
    pub(crate) name: &'a [u8],
    /// Its path here; `None` for standard input and output.
    pub(crate) local: Option<&'a Path>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    pub(crate) file: File<'a>,
    /// Bytes that are there already.
    pub(crate) offset: u64,
    /// Bytes of the whole file, if known.
    pub(crate) size: Option<u64>,
    /// Bytes that were moved before the connection was lost: they are not moved twice.
    pub(crate) counted: u64,
    /// Not begun before.
    pub(crate) is_first: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished<'a> {
    pub(crate) file: File<'a>,
    /// Bytes of the whole file.
    pub(crate) size: u64,
    /// Of the whole file; the classic dialect tells none.
    pub(crate) crc: Option<u32>,
    /// `None` where it was not stored now: standard output, or it was there already.
    pub(crate) durability: Option<Durability>,
    /// Since it began.
    pub(crate) time: Duration,
}

/// How far a file is: the line of its direction.
pub(crate) struct Far {
    pub(crate) direction: Direction,
    pub(crate) done: u64,
    pub(crate) size: Option<u64>,
}

/// So many files were not tried.
pub(crate) struct Left(pub(crate) u64);

/// What became of several files.
pub(crate) struct Summary {
    pub(crate) direction: Direction,
    pub(crate) files: u64,
    pub(crate) good: u64,
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
}

impl<'a> About<'a> {
    /// What it is about, as a path on the server.
    pub(crate) const fn name(self) -> Option<&'a [u8]> {
        match self {
            Self::All => None,
            Self::Name(name) | Self::File(File { name, .. }) => Some(name),
        }
    }
}

impl Direction {
    /// The command.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }
}

/// The word of the protocol.
pub(crate) const fn durability_word(durability: Durability) -> &'static str {
    match durability {
        Durability::Flushed => "flushed",
        Durability::Cached => "cached",
    }
}

impl Display for Far {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.direction {
            Direction::Download => "Total received",
            Direction::Upload => "Sent",
        };
        match self.size {
            Some(size) => write!(f, "{word}: {} / {size}", self.done),
            None => write!(f, "{word}: {}", self.done),
        }
    }
}

/// One line for the curious: name, length, checksum, and how safe it is.
impl Display for Finished<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Shown(self.file.name), self.size)?;
        match self.crc {
            Some(crc) => write!(f, " {crc:08x}")?,
            None => f.write_str(" sent, no receipt")?,
        }
        match self.durability {
            Some(Durability::Flushed) => f.write_str(" flushed"),
            Some(Durability::Cached) => f.write_str(" cached: a power cut there may undo it"),
            None => Ok(()),
        }
    }
}

impl Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 more file was not transferred"),
            files => write!(f, "{files} more files were not transferred"),
        }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { direction, files, good, bytes, time } = self;
        if good == files {
            write!(f, "{files} files ")?;
        } else {
            write!(f, "{good} of {files} files ")?;
        }
        write!(f, "{}ed: {} in {:.1} s", direction.word(), Size(*bytes), time.as_secs_f64())
    }
}
