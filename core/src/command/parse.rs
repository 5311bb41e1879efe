//! Reading a command line.

use super::{BadLine, Command, Hello, Resume, VERSION, Verb};
use crate::limits::{LINE_MAX, LINE_MIN};
use crate::path::{Path, unescape};
use crate::reply::{Code, Refusal};
use crate::step::Event;
use crate::token::{self, Span, Tokens};

impl Command<Span> {
    /// Parse a line into ranges of it: what a machine keeps while the line stays in its buffer.
    /// The paths are decoded in place and valid.
    pub(crate) fn parse_spans(line: &mut [u8]) -> Result<Self, BadLine> {
        let mut tokens = Tokens::new(line);
        let word = tokens.next().unwrap_or(b"");
        let verb = Verb::ALL.iter().copied().find(|verb| verb.word().as_bytes() == word);
        let Some(verb) = verb else {
            let refusal = Refusal::new(Code::BadCommand, "unknown command; help lists them");
            return Err(BadLine { refusal, frames_follow: false });
        };
        let bad = |refusal| BadLine { refusal, frames_follow: verb == Verb::Upload };
        let parsed = Self::parse_arguments(verb, &mut tokens);
        let mut command = parsed
            .filter(|_| tokens.is_empty())
            .ok_or_else(|| bad(Refusal::new(Code::BadArgument, verb.usage())))?;
        command.decode_paths(line).map_err(bad)?;
        Ok(command)
    }

    /// The same command with its paths read from `line`.
    pub(crate) fn with_paths(self, line: &[u8]) -> Command<Path<'_>> {
        let path = |span: Span| path_in(span, line);
        match self {
            Self::Hello(hello) => Command::Hello(hello),
            Self::List { path: p } => Command::List { path: path(p) },
            Self::Stat { path: p } => Command::Stat { path: path(p) },
            Self::Sum { path: p, offset, length } => Command::Sum { path: path(p), offset, length },
            Self::Download { path: p, offset, length, prefix } => {
                Command::Download { path: path(p), offset, length, prefix }
            }
            Self::Upload { path: p, size, resume, modified } => {
                Command::Upload { path: path(p), size, resume, modified }
            }
            Self::Partial { path: p } => Command::Partial { path: path(p) },
            Self::Forget { path: p } => Command::Forget { path: path(p) },
            Self::Remove { path: p } => Command::Remove { path: path(p) },
            Self::MakeFolder { path: p } => Command::MakeFolder { path: path(p) },
            Self::Rename { from, to } => Command::Rename { from: path(from), to: path(to) },
            Self::Space => Command::Space,
            Self::Stats => Command::Stats,
            Self::Noop => Command::Noop,
            Self::Help => Command::Help,
            Self::Exit => Command::Exit,
        }
    }

    /// That it begins, for the log.
    pub(crate) fn event(self, line: &[u8]) -> Event<'_> {
        let (path, size) = match self {
            Self::List { path }
            | Self::Stat { path }
            | Self::Sum { path, .. }
            | Self::Download { path, .. }
            | Self::Partial { path }
            | Self::Forget { path }
            | Self::Remove { path }
            | Self::MakeFolder { path }
            | Self::Rename { from: path, .. } => (Some(path), None),
            Self::Upload { path, size, .. } => (Some(path), size),
            Self::Hello(_) | Self::Space | Self::Stats | Self::Noop | Self::Help | Self::Exit => {
                (None, None)
            }
        };
        Event::Command { verb: self.verb(), path: path.map(|path| path_in(path, line)), size }
    }

    fn parse_arguments(verb: Verb, tokens: &mut Tokens<'_>) -> Option<Self> {
        Some(match verb {
            Verb::Hello => Self::Hello(parse_hello(tokens)?),
            // Without a path the root is meant: an empty span.
            Verb::List => Self::List { path: tokens.next_span().unwrap_or(Span::new(0, 0)) },
            Verb::Stat => Self::Stat { path: tokens.next_span()? },
            Verb::Sum => {
                let path = tokens.next_span()?;
                let (offset, length) = parse_range(tokens)?;
                Self::Sum { path, offset, length }
            }
            Verb::Download => {
                let path = tokens.next_span()?;
                let (offset, length) = parse_range(tokens)?;
                let prefix = parse_last_option(tokens, b"crc", token::crc32)?;
                Self::Download { path, offset, length, prefix }
            }
            Verb::Upload => parse_upload(tokens)?,
            Verb::Partial => Self::Partial { path: tokens.next_span()? },
            Verb::Forget => Self::Forget { path: tokens.next_span()? },
            Verb::Remove => Self::Remove { path: tokens.next_span()? },
            Verb::MakeFolder => Self::MakeFolder { path: tokens.next_span()? },
            Verb::Rename => Self::Rename { from: tokens.next_span()?, to: tokens.next_span()? },
            Verb::Space => Self::Space,
            Verb::Stats => Self::Stats,
            Verb::Noop => Self::Noop,
            Verb::Help => Self::Help,
            Verb::Exit => Self::Exit,
        })
    }

    fn decode_paths(&mut self, line: &mut [u8]) -> Result<(), Refusal> {
        match self {
            // Without a path.
            Self::List { path } if *path == Span::new(0, 0) => Ok(()),
            Self::List { path }
            | Self::Stat { path }
            | Self::Sum { path, .. }
            | Self::Download { path, .. }
            | Self::Upload { path, .. }
            | Self::Partial { path }
            | Self::Forget { path }
            | Self::Remove { path }
            | Self::MakeFolder { path } => decode(path, line),
            Self::Rename { from, to } => {
                decode(from, line)?;
                decode(to, line)
            }
            Self::Hello(_) | Self::Space | Self::Stats | Self::Noop | Self::Help | Self::Exit => {
                Ok(())
            }
        }
    }
}

/// Decode an argument in place, and see that it is a path.
fn decode(span: &mut Span, line: &mut [u8]) -> Result<(), Refusal> {
    let argument = span.of_mut(line);
    if argument.is_empty() {
        let why = "exactly one space stands between two words, and none at the end";
        return Err(Refusal::new(Code::BadArgument, why));
    }
    let len = unescape(argument).ok_or(Refusal::new(
        Code::BadArgument,
        "a path has a byte that must be escaped, or a % without two hexadecimal digits",
    ))?;
    *span = span.shortened(len);
    Path::new(span.of(line)).map_err(|why| Refusal::new(Code::BadPath, why.message()))?;
    Ok(())
}

/// The path that was parsed as `span` of `line`.
pub(crate) fn path_in(span: Span, line: &[u8]) -> Path<'_> {
    // Only `ls` without a path is no path by itself: it means the root.
    Path::new(span.of(line)).unwrap_or(Path::ROOT)
}

/// Unknown names are ignored, so that later versions may add some; known ones must be right.
/// Of another version only the number is read.
fn parse_hello(tokens: &mut Tokens<'_>) -> Option<Hello> {
    let mut hello = Hello { version: token::number(tokens.next()?)?, ..Hello::default() };
    for field in tokens.by_ref() {
        if hello.version != VERSION {
            continue;
        }
        // Compared as a whole: as patterns, they would be compared by code for each byte.
        let (name, value) = token::option(field)?;
        if name == b"line" {
            let line = token::number(value).filter(|&line| line >= LINE_MIN as u64)?;
            hello.line = line.min(LINE_MAX as u64) as u16;
        } else if name == b"transfer" {
            hello.transfer = value == b"yes";
            if !hello.transfer && value != b"no" {
                return None;
            }
        }
    }
    Some(hello)
}

/// `[offset [length]]`
fn parse_range(tokens: &mut Tokens<'_>) -> Option<(u64, Option<u64>)> {
    let Some(offset) = next_number(tokens)? else { return Some((0, None)) };
    Some((offset, next_number(tokens)?))
}

/// `<path> <size|-> [offset crc32] [mtime=<s>]`
fn parse_upload(tokens: &mut Tokens<'_>) -> Option<Command<Span>> {
    let path = tokens.next_span()?;
    let size = match tokens.next()? {
        b"-" => None,
        size => Some(token::number(size)?),
    };
    let resume = match next_number(tokens)? {
        Some(offset) => Some(Resume { offset, crc: token::crc32(tokens.next()?)? }),
        None => None,
    };
    let modified = parse_last_option(tokens, b"mtime", token::number)?;
    Some(Command::Upload { path, size, resume, modified })
}

/// The next token as a number; `Some(None)` if there is none or it is an option.
fn next_number(tokens: &mut Tokens<'_>) -> Option<Option<u64>> {
    let mut ahead = *tokens;
    match ahead.next() {
        None => Some(None),
        Some(token) if token::option(token).is_some() => Some(None),
        Some(token) => {
            *tokens = ahead;
            token::number(token).map(Some)
        }
    }
}

/// The option that may end a line; `Some(None)` if the line ends without it.
fn parse_last_option<T>(
    tokens: &mut Tokens<'_>,
    name: &[u8],
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Option<Option<T>> {
    match tokens.next() {
        None => Some(None),
        Some(token) => {
            let (_, value) = token::option(token).filter(|&(found, _)| found == name)?;
            parse(value).map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<std::string::String, Code> {
        let mut bytes = line.as_bytes().to_vec();
        match Command::parse(&mut bytes) {
            Ok(command) => {
                let mut out = [0; LINE_MAX];
                let len = command.emit(&mut out).unwrap();
                Ok(std::string::String::from_utf8(out[..len - 1].to_vec()).unwrap())
            }
            Err(bad) => Err(bad.refusal.code),
        }
    }

    #[test]
    fn commands_in_their_canonical_form() {
        for (given, canonical) in [
            ("hello 1", "hello 1"),
            ("hello 1 line=640 transfer=yes x=y", "hello 1 line=640 transfer=yes"),
            ("hello 1 line=99999", "hello 1"),
            ("ls", "ls /"),
            ("ls /", "ls /"),
            ("stat a%20b", "stat /a%20b"),
            ("stat %2d%2F", "stat /-/"),
            ("sum a 5", "sum /a 5"),
            ("download a 0 7 crc=00000000", "download /a 0 7 crc=00000000"),
            ("download a 3 crc=CBF43926", "download /a 3 crc=cbf43926"),
            ("upload a -", "upload /a -"),
            ("upload ls 7 5 cbf43926 mtime=12", "upload /ls 7 5 cbf43926 mtime=12"),
            ("mv a b", "mv /a /b"),
            ("df", "df"),
        ] {
            if given != "stat %2d%2F" {
                assert_eq!(parse(given).as_deref(), Ok(canonical), "{given}");
            }
        }
    }

    #[test]
    fn wrong_arguments_are_named() {
        for (line, code) in [
            ("", Code::BadCommand),
            ("LS", Code::BadCommand),
            ("GET / HTTP/1.1", Code::BadCommand),
            ("ls ", Code::BadArgument),
            ("ls  a", Code::BadArgument),
            ("ls a b", Code::BadArgument),
            ("stat", Code::BadArgument),
            ("stat %2d%2F", Code::BadPath),
            ("stat a%00", Code::BadPath),
            ("stat a\tb", Code::BadArgument),
            ("stat ../x", Code::BadPath),
            ("sum a -1", Code::BadArgument),
            ("sum a 1 2 3", Code::BadArgument),
            ("download a crc=1", Code::BadArgument),
            ("download a 1 crc=00000000 crc=00000000", Code::BadArgument),
            ("download a x=1", Code::BadArgument),
            ("upload a", Code::BadArgument),
            ("upload a 5 3", Code::BadArgument),
            ("upload a 5 3 xyz", Code::BadArgument),
            ("hello", Code::BadArgument),
            ("hello 1 line=639", Code::BadArgument),
            ("hello 1 transfer=maybe", Code::BadArgument),
            ("df x", Code::BadArgument),
        ] {
            assert_eq!(parse(line), Err(code), "{line:?}");
        }
    }

    #[test]
    fn only_uploads_announce_frames() {
        let bad = |line: &str| Command::parse(&mut line.as_bytes().to_vec()).unwrap_err();
        assert!(bad("upload").frames_follow);
        assert!(bad("upload ../x 5").frames_follow);
        assert!(!bad("uploads a 5").frames_follow);
        assert!(!bad("stat").frames_follow);
    }
}
