//! The three commands of the dialect.

use crate::reply::{Code, Refusal};
use crate::token::{Span, number};

/// A command as its form tells; whether its path is one is another question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// `ls`: the names in a folder; an empty span means the root.
    List(Span),
    /// `download`: the bytes of a file.
    Download(Span),
    /// `upload`: so many bytes for a file.
    Upload(Span, u64),
}

const VERBS: [&[u8]; 3] = [b"ls", b"download", b"upload"];

const UNKNOWN: Refusal =
    Refusal::new(Code::BadCommand, "the commands are: ls, download, upload (or hello 1)");
const LIST: Refusal = Refusal::new(Code::BadArgument, "usage: ls [path]");
const DOWNLOAD: Refusal = Refusal::new(Code::BadArgument, "usage: download <name>");
const UPLOAD: Refusal = Refusal::new(Code::BadArgument, "usage: upload <name> <size in bytes>");

impl Command {
    /// Read a line given without its line end. Names are raw and may hold spaces.
    ///
    /// # Errors
    ///
    /// `bad-command`, or `bad-argument` with the usage.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Refusal> {
        let space = line.iter().position(|&byte| byte == b' ');
        let verb = line.get(..space.unwrap_or(line.len())).unwrap_or(b"");
        let name = space
            .map(|space| Span::new(space + 1, line.len()))
            .filter(|name| !name.of(line).is_empty());
        match (verb, name) {
            (b"ls", None) if space.is_none() => Ok(Self::List(Span::new(0, 0))),
            (b"ls", name) => name.map(Self::List).ok_or(LIST),
            (b"download", name) => name.map(Self::Download).ok_or(DOWNLOAD),
            (b"upload", name) => name.and_then(|name| upload(name, line)).ok_or(UPLOAD),
            _ => Err(UNKNOWN),
        }
    }

    /// Whether nothing more is to be expected behind this begin of a line: it has the form of a
    /// command, or no longer the begin of one.
    pub(super) fn ends_with_quiet(begun: &[u8]) -> bool {
        let line = begun.strip_suffix(b"\r").unwrap_or(begun);
        let may_become = || VERBS.iter().any(|verb| verb.starts_with(line));
        match Self::parse(begun) {
            Ok(_) => true,
            Err(UNKNOWN) => !may_become(),
            Err(_) => false,
        }
    }

    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::List(_) => "ls",
            Self::Download(_) => "download",
            Self::Upload(..) => "upload",
        }
    }

    /// The path, or an empty span.
    pub(super) const fn path(self) -> Span {
        match self {
            Self::List(path) | Self::Download(path) | Self::Upload(path, _) => path,
        }
    }

    pub(super) const fn size(self) -> Option<u64> {
        match self {
            Self::Upload(_, size) => Some(size),
            Self::List(_) | Self::Download(_) => None,
        }
    }
}

/// The size stands behind the last space.
fn upload(name_and_size: Span, line: &[u8]) -> Option<Command> {
    let bytes = name_and_size.of(line);
    let len = bytes.iter().rposition(|&byte| byte == b' ').filter(|&len| len > 0)?;
    let size = number(bytes.get(len + 1..)?)?;
    Some(Command::Upload(name_and_size.shortened(len), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<(&'static str, &str, Option<u64>), Code> {
        let command = Command::parse(line.as_bytes()).map_err(|refusal| refusal.code)?;
        let path = core::str::from_utf8(command.path().of(line.as_bytes())).unwrap();
        Ok((command.verb(), path, command.size()))
    }

    #[test]
    fn names_are_raw_and_the_size_is_behind_the_last_space() {
        assert_eq!(parsed("ls"), Ok(("ls", "", None)));
        assert_eq!(parsed("ls a b%20"), Ok(("ls", "a b%20", None)));
        assert_eq!(parsed("download a  b "), Ok(("download", "a  b ", None)));
        assert_eq!(parsed("upload a 5 71"), Ok(("upload", "a 5", Some(71))));
        assert_eq!(parsed("upload a 0"), Ok(("upload", "a", Some(0))));
    }

    #[test]
    fn quiet_ends_what_is_whole_and_what_cannot_become_so() {
        for line in ["ls", "ls a", "download a", "upload a 5", "lsx", "GET / HTTP/1.1\r", "ls\rx"] {
            assert!(Command::ends_with_quiet(line.as_bytes()), "{line:?}");
        }
        for line in ["", "\r", "l", "ls\r", "ls ", "down", "download", "download ", "upload a"] {
            assert!(!Command::ends_with_quiet(line.as_bytes()), "{line:?}");
        }
    }

    #[test]
    fn what_is_no_command_says_why() {
        for line in ["", "l", "lsx", "LS", " ls", "GET / HTTP/1.1", "hello", "exit", "ls\r"] {
            assert_eq!(parsed(line), Err(Code::BadCommand), "{line:?}");
        }
        for line in
            ["ls ", "download", "download ", "upload", "upload a", "upload  5", "upload a 5 "]
        {
            assert_eq!(parsed(line), Err(Code::BadArgument), "{line:?}");
        }
        for size in ["x", "-1", "007", "9223372036854775808"] {
            assert_eq!(parsed(&std::format!("upload a {size}")), Err(Code::BadArgument));
        }
    }
}
