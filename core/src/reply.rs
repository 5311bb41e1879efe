//! Replies: what a server answers on a line, emitted and parsed.

use core::fmt;

use crate::emit::{Emit, Overflow};
use crate::limits::NUMBER_MAX;
use crate::path::unescape;
use crate::storage::{Durability, Kind, Metadata, Space};
use crate::token::{self, Tokens};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $word:literal;)*) => {
        /// What went wrong, as a stable word for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

codes! {
    /// The verb is unknown, or not due here.
    BadCommand "bad-command";
    /// The arguments do not fit the verb.
    BadArgument "bad-argument";
    /// The path breaks a rule of paths.
    BadPath "bad-path";
    /// The line is longer than the receiver takes.
    TooLong "too-long";
    /// There is no such file, folder or partial upload.
    NotFound "not-found";
    /// There is something of that name already.
    Exists "exists";
    /// A folder where a file is needed.
    IsDirectory "is-directory";
    /// Something else where a folder is needed.
    NotDirectory "not-directory";
    /// The folder has entries.
    NotEmpty "not-empty";
    /// The server may not, or does not do this.
    Denied "denied";
    /// The server serves without writing.
    ReadOnly "read-only";
    /// The medium or a quota is full.
    NoSpace "no-space";
    /// The file is larger than the medium can hold.
    TooLarge "too-large";
    /// Another session writes this file; try later.
    Busy "busy";
    /// The bytes are not those the client knows, or changed while they were read.
    Changed "changed";
    /// The bytes received are not those announced.
    Corrupt "corrupt";
    /// The peer, or an administrator, ended it.
    Aborted "aborted";
    /// The server does not speak this version, or does not have this command.
    Unsupported "unsupported";
    /// Too many sessions, or too much of something else.
    Limit "limit";
    /// No progress for too long.
    Timeout "timeout";
    /// The medium failed.
    Io "io";
}

impl Code {
    /// The code of a word, if it is one of this version.
    pub fn parse(word: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word().as_bytes() == word)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why something is not done: a code for programs and a sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refusal {
    /// For programs.
    pub code: Code,
    /// For people: printable, without line ends, at most 200 bytes.
    pub message: &'static str,
}

impl Refusal {
    /// A refusal with its reason.
    pub const fn new(code: Code, message: &'static str) -> Self {
        Self { code, message }
    }

    /// Write `err <code> <message>` as a line with LF and return its length in bytes.
    ///
    /// # Errors
    ///
    /// [`Overflow`] if `buffer` is too small.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<usize, Overflow> {
        let mut line = Emit::new(buffer);
        line.bytes(b"err ");
        self.emit_text(&mut line);
        line.finish()
    }

    /// `<code> <message>`: also the payload of a FAIL frame.
    pub(crate) fn emit_text(&self, line: &mut Emit<'_>) {
        line.bytes(self.code.word().as_bytes());
        line.bytes(b" ");
        line.bytes(self.message.as_bytes());
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl core::error::Error for Refusal {}

/// Length and checksum of file bytes; in the reply to an upload, of the whole file as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Receipt {
    /// Bytes.
    pub length: u64,
    /// Their CRC-32.
    pub crc: u32,
}

/// One line from a server, sorted by its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Reply<'a> {
    /// `- …`: an entry of a listing.
    Entry(Entry<'a>),
    /// `+ …`: information before the reply; `busy` is a sign of life.
    Info(&'a [u8]),
    /// `ok …`: done; the fields behind `ok`.
    Ok(&'a [u8]),
    /// `err <code> <message>`: not done.
    Err {
        /// The code, `None` if it is none of this version.
        code: Option<Code>,
        /// The message as it came: show it escaped.
        message: &'a [u8],
    },
}

/// An entry of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entry<'a> {
    /// Kind, size and time.
    pub metadata: Metadata,
    /// The name as bytes, decoded. Not to be trusted: it may hold anything.
    pub name: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Sort a line, given without its line end; the name of an entry is decoded in place.
    /// `None` if it is no reply at all.
    pub fn parse(line: &'a mut [u8]) -> Option<Self> {
        if line.starts_with(b"- ") {
            return Entry::parse(line.get_mut(2..)?).map(Self::Entry);
        }
        let line = &*line;
        let mut tokens = Tokens::new(line);
        match tokens.next()? {
            b"+" => Some(Self::Info(tokens.rest())),
            b"ok" => Some(Self::Ok(tokens.rest())),
            b"err" => {
                let code = Code::parse(tokens.next().unwrap_or(b""));
                Some(Self::Err { code, message: tokens.rest() })
            }
            _ => None,
        }
    }
}

impl<'a> Entry<'a> {
    /// Write the entry as a line with LF and return its length in bytes.
    ///
    /// # Errors
    ///
    /// [`Overflow`] if `buffer` is too small.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<usize, Overflow> {
        let mut line = Emit::new(buffer);
        line.bytes(b"- ");
        emit_metadata(&mut line, &self.metadata);
        line.bytes(b" ");
        line.escaped(self.name);
        line.finish()
    }

    /// Read the fields behind `- `.
    fn parse(line: &'a mut [u8]) -> Option<Self> {
        let mut tokens = Tokens::new(line);
        let metadata = parse_metadata(&mut tokens)?;
        let name = tokens.next_span().filter(|_| tokens.is_empty())?;
        let len = unescape(name.of_mut(line))?;
        let name = name.shortened(len).of(line);
        (!name.is_empty()).then_some(Self { metadata, name })
    }
}

/// `f <size> <mtime>` or `d - <mtime>`.
pub(crate) fn emit_metadata(line: &mut Emit<'_>, metadata: &Metadata) {
    match metadata.kind {
        Kind::File => {
            line.bytes(b"f");
            line.number_field(metadata.size);
        }
        Kind::Folder => line.bytes(b"d -"),
    }
    emit_time(line, metadata.modified);
}

pub(crate) fn emit_time(line: &mut Emit<'_>, modified: Option<u64>) {
    match modified {
        Some(seconds) => line.number_field(seconds.min(NUMBER_MAX)),
        None => line.bytes(b" -"),
    }
}

fn parse_metadata(tokens: &mut Tokens<'_>) -> Option<Metadata> {
    let (kind, size) = match (tokens.next()?, tokens.next()?) {
        (b"f", size) => (Kind::File, token::number(size)?),
        (b"d", b"-") => (Kind::Folder, 0),
        _ => return None,
    };
    Some(Metadata { kind, size, modified: parse_time(tokens)?, stamp: 0 })
}

fn parse_time(tokens: &mut Tokens<'_>) -> Option<Option<u64>> {
    match tokens.next()? {
        b"-" => Some(None),
        seconds => token::number(seconds).map(Some),
    }
}

/// The fields of `ok` by the command they answer. Each is `None` if the fields do not fit:
/// then the server broke the protocol.
pub mod fields {
    use super::*;

    /// `stat`.
    pub fn metadata(fields: &[u8]) -> Option<Metadata> {
        let mut tokens = Tokens::new(fields);
        parse_metadata(&mut tokens).filter(|_| tokens.is_empty())
    }

    /// `sum` and `partial`.
    pub fn receipt(fields: &[u8]) -> Option<Receipt> {
        let mut tokens = Tokens::new(fields);
        let receipt =
            Receipt { length: token::number(tokens.next()?)?, crc: token::crc32(tokens.next()?)? };
        tokens.is_empty().then_some(receipt)
    }

    /// `upload`.
    pub fn stored(fields: &[u8]) -> Option<(Receipt, Durability)> {
        let at = fields.iter().rposition(|&byte| byte == b' ')?;
        let (numbers, word) = fields.split_at_checked(at)?;
        let durability = match word {
            b" flushed" => Durability::Flushed,
            b" cached" => Durability::Cached,
            _ => return None,
        };
        Some((receipt(numbers)?, durability))
    }

    /// `download`: bytes that follow, size of the whole file, its time.
    pub fn download(fields: &[u8]) -> Option<(u64, u64, Option<u64>)> {
        let mut tokens = Tokens::new(fields);
        let length = token::number(tokens.next()?)?;
        let size = token::number(tokens.next()?)?;
        let modified = parse_time(&mut tokens)?;
        (tokens.is_empty() && length <= size).then_some((length, size, modified))
    }

    /// `ls`: entries sent, entries left out.
    pub fn listed(fields: &[u8]) -> Option<(u64, u64)> {
        let mut tokens = Tokens::new(fields);
        let count = token::number(tokens.next()?)?;
        let skipped = match tokens.next().map(token::option) {
            Some(Some((b"skipped", value))) => token::number(value)?,
            Some(_) => return None,
            None => 0,
        };
        tokens.is_empty().then_some((count, skipped))
    }

    /// `df`.
    pub fn space(fields: &[u8]) -> Option<Space> {
        let mut tokens = Tokens::new(fields);
        let space =
            Space { free: token::number(tokens.next()?)?, total: token::number(tokens.next()?)? };
        tokens.is_empty().then_some(space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_word() {
        for &code in Code::ALL {
            assert_eq!(Code::parse(code.word().as_bytes()), Some(code));
        }
        assert_eq!(Code::parse(b"Io"), None);
    }

    #[test]
    fn replies_are_sorted_and_strange_ones_refused() {
        let parse = |line: &str| Reply::parse(&mut line.as_bytes().to_vec()).is_some();
        assert!(parse("ok") && parse("ok 1") && parse("err busy x") && parse("+ busy"));
        assert!(parse("- f 0 - a") && parse("- d - 12 a%20b") && parse("err strange x"));
        for bad in ["", "yes", "-", "- ", "- f x - a", "- f 0 - a b", "- f 0 - ", "- d 0 - a"] {
            assert!(!parse(bad), "{bad:?}");
        }
        assert!(fields::receipt(b"5 0000000").is_none());
        assert!(fields::download(b"6 5 -").is_none());
        assert_eq!(fields::listed(b"5 skipped=2"), Some((5, 2)));
    }
}
