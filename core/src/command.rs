//! Commands: what a client asks on one line, parsed and emitted.

mod parse;

use crate::emit::{Emit, Overflow};
use crate::limits::LINE_MAX;
use crate::path::Path;
use crate::reply::Refusal;
use crate::token::Span;

pub(crate) use parse::path_in;

/// The version of the protocol spoken here, the number in `hello`.
pub const VERSION: u64 = 1;

/// One command of the native dialect. `P` is a [`Path`] for everyone outside this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
// A tag of its own, a word. Otherwise it would share the 64 bits that tell of an `Option<u64>`
// within, and a chip would compare them in halves at every `match`; and behind a tag of one byte it
// would copy the rest byte by byte.
#[repr(u32)]
pub enum Command<P> {
    /// `hello`: opens a session.
    Hello(Hello),
    /// `ls`: the entries of a folder.
    List {
        /// The folder.
        path: P,
    },
    /// `stat`: kind, size and time of one entry.
    Stat {
        /// The entry.
        path: P,
    },
    /// `sum`: the checksum of (part of) a file, read back from the medium.
    Sum {
        /// The file.
        path: P,
        /// First byte.
        offset: u64,
        /// Bytes, clipped to the end of the file; to its end if `None`.
        length: Option<u64>,
    },
    /// `download`: the bytes of (part of) a file.
    Download {
        /// The file.
        path: P,
        /// First byte.
        offset: u64,
        /// Bytes, clipped to the end of the file; to its end if `None`.
        length: Option<u64>,
        /// The CRC-32 of the first `offset` bytes, checked on the very file that is sent.
        prefix: Option<u32>,
    },
    /// `upload`: frames with the bytes of a file follow.
    Upload {
        /// The file.
        path: P,
        /// Size of the whole file in bytes, if known beforehand.
        size: Option<u64>,
        /// Go on from what is stored of an interrupted upload.
        resume: Option<Resume>,
        /// Time of last modification to record, in seconds since 1970.
        modified: Option<u64>,
    },
    /// `partial`: what is stored of an interrupted upload.
    Partial {
        /// The file.
        path: P,
    },
    /// `forget`: discard what is stored of an interrupted upload.
    Forget {
        /// The file.
        path: P,
    },
    /// `rm`: remove a file or an empty folder.
    Remove {
        /// What to remove.
        path: P,
    },
    /// `mkdir`: make a folder.
    MakeFolder {
        /// The folder.
        path: P,
    },
    /// `mv`: rename; replaces a file.
    Rename {
        /// The old path.
        from: P,
        /// The new path.
        to: P,
    },
    /// `df`: free and total bytes.
    Space,
    /// `stats`: counters.
    Stats,
    /// `noop`: nothing.
    Noop,
    /// `help`: the commands, for a person.
    Help,
    /// `exit`: the end of the session.
    Exit,
}

/// The fields of a client's `hello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hello {
    /// The version the client speaks.
    pub version: u64,
    /// Longest line the client takes, in bytes with LF: [`LINE_MIN`](crate::limits::LINE_MIN) to
    /// [`LINE_MAX`].
    pub line: u16,
    /// Whether the client asks for the transfer port to be opened.
    pub transfer: bool,
}

impl Default for Hello {
    fn default() -> Self {
        Self { version: VERSION, line: LINE_MAX as u16, transfer: false }
    }
}

/// From where an interrupted upload goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Resume {
    /// Bytes already stored that are kept.
    pub offset: u64,
    /// The CRC-32 of those bytes.
    pub crc: u32,
}

/// Why a line is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BadLine {
    /// The reply.
    pub refusal: Refusal,
    /// The verb was `upload`: frames follow all the same.
    pub frames_follow: bool,
}

macro_rules! verbs {
    ($($name:ident $word:literal $arguments:literal;)*) => {
        /// The first word of a command.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Verb { $($name,)* }

        impl Verb {
            /// Every verb, in the order of `help` and of `verbs=`.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// As written on a line.
            pub(crate) const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// With its arguments and their meaning, as `help` prints them.
            pub(crate) const fn usage(self) -> &'static str {
                match self { $(Self::$name => concat!("usage: ", $word, $arguments),)* }
            }
        }
    };
}

verbs! {
    Hello "hello" " 1 [line=<bytes>] [transfer=yes|no]";
    List "ls" " [path]";
    Stat "stat" " <path>";
    Sum "sum" " <path> [offset [length]]";
    Download "download" " <path> [offset [length]] [crc=<crc32>]";
    Upload "upload" " <path> <size|-> [offset crc32] [mtime=<s>]";
    Partial "partial" " <path>";
    Forget "forget" " <path>";
    Remove "rm" " <path>";
    MakeFolder "mkdir" " <path>";
    Rename "mv" " <from> <to>";
    Space "df" "";
    Stats "stats" "";
    Noop "noop" "";
    Help "help" "";
    Exit "exit" "";
}

impl<'a> Command<Path<'a>> {
    /// Parse a line without its line end. Escaped names are decoded in place.
    ///
    /// # Errors
    ///
    /// [`BadLine`] with `bad-command` for an unknown verb, `bad-argument` for arguments that do
    /// not fit it, `bad-path` for a path that breaks a rule of [`Path`].
    pub fn parse(line: &'a mut [u8]) -> Result<Self, BadLine> {
        let command = Command::<Span>::parse_spans(line)?;
        Ok(command.with_paths(line))
    }
}

impl Command<Path<'_>> {
    /// Write the command as a line with LF and return its length in bytes.
    ///
    /// # Errors
    ///
    /// [`Overflow`] if `buffer` is too small; a path whose line needs more than the peer's
    /// `line=` cannot be named.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<usize, Overflow> {
        let mut line = Emit::new(buffer);
        line.bytes(self.verb().as_bytes());
        match *self {
            Self::Hello(hello) => emit_hello(&mut line, hello),
            Self::List { path }
            | Self::Stat { path }
            | Self::Partial { path }
            | Self::Forget { path }
            | Self::Remove { path }
            | Self::MakeFolder { path } => {
                emit_path(&mut line, path);
            }
            Self::Sum { path, offset, length } => {
                emit_path(&mut line, path);
                emit_range(&mut line, offset, length);
            }
            Self::Download { path, offset, length, prefix } => {
                emit_path(&mut line, path);
                emit_range(&mut line, offset, length);
                if let Some(crc) = prefix {
                    line.bytes(b" crc=");
                    line.crc(crc);
                }
            }
            Self::Upload { path, size, resume, modified } => {
                emit_path(&mut line, path);
                match size {
                    Some(size) => line.number_field(size),
                    None => line.bytes(b" -"),
                }
                if let Some(Resume { offset, crc }) = resume {
                    line.number_field(offset);
                    line.crc_field(crc);
                }
                if let Some(seconds) = modified {
                    line.option(b"mtime", seconds);
                }
            }
            Self::Rename { from, to } => {
                emit_path(&mut line, from);
                emit_path(&mut line, to);
            }
            Self::Space | Self::Stats | Self::Noop | Self::Help | Self::Exit => {}
        }
        line.finish()
    }
}

impl<P> Command<P> {
    /// The verb, as written on the line.
    pub fn verb(&self) -> &'static str {
        self.kind().word()
    }

    /// Whether the command changes what is stored.
    pub fn writes(&self) -> bool {
        matches!(
            self,
            Self::Upload { .. }
                | Self::Forget { .. }
                | Self::Remove { .. }
                | Self::MakeFolder { .. }
                | Self::Rename { .. }
        )
    }

    const fn kind(&self) -> Verb {
        match self {
            Self::Hello(_) => Verb::Hello,
            Self::List { .. } => Verb::List,
            Self::Stat { .. } => Verb::Stat,
            Self::Sum { .. } => Verb::Sum,
            Self::Download { .. } => Verb::Download,
            Self::Upload { .. } => Verb::Upload,
            Self::Partial { .. } => Verb::Partial,
            Self::Forget { .. } => Verb::Forget,
            Self::Remove { .. } => Verb::Remove,
            Self::MakeFolder { .. } => Verb::MakeFolder,
            Self::Rename { .. } => Verb::Rename,
            Self::Space => Verb::Space,
            Self::Stats => Verb::Stats,
            Self::Noop => Verb::Noop,
            Self::Help => Verb::Help,
            Self::Exit => Verb::Exit,
        }
    }
}

fn emit_path(line: &mut Emit<'_>, path: Path<'_>) {
    // The slash keeps a name such as `-` or `crc=…` from being anything but a path.
    line.bytes(b" /");
    line.escaped(path.as_bytes());
}

fn emit_range(line: &mut Emit<'_>, offset: u64, length: Option<u64>) {
    if offset > 0 || length.is_some() {
        line.number_field(offset);
    }
    if let Some(length) = length {
        line.number_field(length);
    }
}

fn emit_hello(line: &mut Emit<'_>, hello: Hello) {
    line.number_field(hello.version);
    if usize::from(hello.line) != LINE_MAX {
        line.option(b"line", hello.line.into());
    }
    if hello.transfer {
        line.bytes(b" transfer=yes");
    }
}
