//! Validated paths, and the percent coding of names on a line.

use core::fmt;

use crate::limits::{COMPONENT_MAX, PATH_MAX};

/// A path below the served root that cannot lead out of it by its spelling.
///
/// Bytes, not text: names need not be UTF-8. Components are separated by `/`; none is empty,
/// `.` or `..`, none holds a control byte (0x00–0x1F, 0x7F) or `\`, none is longer than
/// [`COMPONENT_MAX`]; all together are at most [`PATH_MAX`] bytes. The root has no component.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path<'a>(&'a [u8]);

/// Why bytes are not a [`Path`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PathError {
    /// Nothing at all; the root is written `/`.
    Empty,
    /// Two slashes in a row, or one at the end.
    EmptyComponent,
    /// A component `.` or `..`.
    Dots,
    /// A control byte, NUL included, or a backslash.
    Byte,
    /// A component of more than [`COMPONENT_MAX`] bytes.
    ComponentTooLong,
    /// More than [`PATH_MAX`] bytes.
    TooLong,
}

impl<'a> Path<'a> {
    /// The served folder itself.
    pub const ROOT: Path<'static> = Path(b"");

    /// Check `bytes`, decoded, with or without one leading `/`.
    ///
    /// # Errors
    ///
    /// The first rule of [`PathError`] that is broken.
    pub fn new(bytes: &'a [u8]) -> Result<Self, PathError> {
        let inner = match bytes {
            [] => return Err(PathError::Empty),
            [b'/', rest @ ..] => rest,
            all => all,
        };
        if inner.len() > PATH_MAX {
            return Err(PathError::TooLong);
        }
        if !inner.is_empty() {
            inner.split(|&byte| byte == b'/').try_for_each(check_component)?;
        }
        Ok(Self(inner))
    }

    /// Whether this is the served folder itself.
    pub fn is_root(self) -> bool {
        self.0.is_empty()
    }

    /// The bytes without a leading slash; empty for the root.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The components from the root downwards.
    pub fn components(self) -> impl DoubleEndedIterator<Item = &'a [u8]> + Clone {
        self.0.split(|&byte| byte == b'/').filter(|component| !component.is_empty())
    }

    /// The last component, or `None` for the root.
    pub fn name(self) -> Option<&'a [u8]> {
        self.components().next_back()
    }

    /// The folder that holds this path, or `None` for the root.
    pub fn parent(self) -> Option<Self> {
        let name = self.name()?;
        let parent = self.0.get(..self.0.len().checked_sub(name.len())?)?;
        Some(Self(parent.strip_suffix(b"/").unwrap_or(parent)))
    }

    /// Whether this path lies inside `folder`, or is it.
    pub fn is_within(self, folder: Self) -> bool {
        let rest = self.0.strip_prefix(folder.0);
        folder.is_root() || rest.is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
    }
}

impl fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As written on a line, so that one path is always one printable token.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/")?;
        fmt::Display::fmt(&Escaped(self.0), f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Path<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "/{=[u8]:a}", self.0);
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for PathError {}

impl PathError {
    /// The sentence that tells a peer what to mend.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Empty => "the path is empty; / names the root",
            Self::EmptyComponent => "the path has an empty component",
            Self::Dots => "the path has a component . or ..",
            Self::Byte => "the path has a control byte or a backslash",
            Self::ComponentTooLong => "a component of the path is longer than 255 bytes",
            Self::TooLong => "the path is longer than 512 bytes",
        }
    }
}

/// Whether `name` may stand in a path: what [`Path::new`] asks of each component.
///
/// # Errors
///
/// The first rule of [`PathError`] that is broken.
pub fn check_component(name: &[u8]) -> Result<(), PathError> {
    match name {
        b"" => Err(PathError::EmptyComponent),
        b"." | b".." => Err(PathError::Dots),
        _ if name.len() > COMPONENT_MAX => Err(PathError::ComponentTooLong),
        _ if name.iter().any(|&byte| byte < 0x20 || matches!(byte, 0x7f | b'\\' | b'/')) => {
            Err(PathError::Byte)
        }
        _ => Ok(()),
    }
}

/// Bytes as they are written in an argument: `%XX` for what must be escaped.
#[derive(Clone, Copy)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.0, |part| {
            core::str::from_utf8(part).map_or(Err(fmt::Error), |t| f.write_str(t))
        })
    }
}

impl fmt::Debug for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Escaped<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=[u8]:a}", self.0);
    }
}

/// Write `bytes` escaped, piece by piece; each piece is valid UTF-8.
pub(crate) fn escape<E>(
    bytes: &[u8],
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = bytes;
    loop {
        let (plain, tail) = rest.split_at_checked(raw_len(rest)).unwrap_or((rest, b""));
        write(plain)?;
        let Some((&byte, tail)) = tail.split_first() else { return Ok(()) };
        write(&escaped_byte(byte))?;
        rest = tail;
    }
}

/// Replace every `%XX` of an argument by its byte, in place.
///
/// Returns the length of the decoded bytes, or `None` if the argument holds a raw byte that
/// must be escaped or a `%` without two hexadecimal digits.
pub(crate) fn unescape(argument: &mut [u8]) -> Option<usize> {
    let mut written = 0;
    let mut read = 0;
    loop {
        let raw = raw_len(argument.get(read..)?);
        for _ in 0..raw {
            *argument.get_mut(written)? = *argument.get(read)?;
            written += 1;
            read += 1;
        }
        *argument.get_mut(written)? = match *argument.get(read..)? {
            [] => return Some(written),
            [b'%', high, low, ..] => hex_digit(high)? << 4 | hex_digit(low)?,
            _ => return None,
        };
        written += 1;
        read += 3;
    }
}

/// Bytes at the front that may stand raw in an argument.
fn raw_len(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some(tail) = raw_char(rest).and_then(|len| rest.get(len..)) {
        rest = tail;
    }
    bytes.len().saturating_sub(rest.len())
}

/// Bytes of the first character, if it may stand raw: well-formed UTF-8, as table 3-7 of the Unicode
/// standard has it. By hand: the decoder of the library and its table take 450 bytes more of flash.
fn raw_char(bytes: &[u8]) -> Option<usize> {
    let (len, second) = match bytes.first()? {
        0x21..=0x24 | 0x26..=0x7e => return Some(1),
        0xc2..=0xdf => (2, 0x80..=0xbf),
        0xe0 => (3, 0xa0..=0xbf),
        0xed => (3, 0x80..=0x9f),
        0xe1..=0xef => (3, 0x80..=0xbf),
        0xf0 => (4, 0x90..=0xbf),
        0xf1..=0xf3 => (4, 0x80..=0xbf),
        0xf4 => (4, 0x80..=0x8f),
        _ => return None,
    };
    let [_, next, rest @ ..] = bytes.get(..len)? else { return None };
    let is_whole = second.contains(next) && rest.iter().all(|byte| matches!(byte, 0x80..=0xbf));
    is_whole.then_some(len)
}

pub(crate) const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn escaped_byte(byte: u8) -> [u8; 3] {
    const fn digit(value: u8) -> u8 {
        if value < 10 { b'0' + value } else { b'A' + value - 10 }
    }
    [b'%', digit(byte >> 4), digit(byte & 0xf)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_leave_the_root_are_refused() {
        for bad in [
            &b"../x"[..],
            b"a/../../x",
            b"x/..",
            b"..",
            b"/..",
            b"a/./b",
            b".",
            b"//",
            b"a//b",
            b"a/",
            b"",
            b"a\\b",
            b"a\0b",
            b"a\nb",
            b"\x7f",
        ] {
            assert!(Path::new(bad).is_err(), "{}", Escaped(bad));
        }
        for good in [&b"/"[..], b"a", b"/a", b"a/b", b"...", b".a", b"-rf", b"~x", b"a b", b"\xff"]
        {
            assert!(Path::new(good).is_ok(), "{}", Escaped(good));
        }
    }

    #[test]
    fn lengths_are_bounded_exactly() {
        assert!(Path::new(&[b'a'; COMPONENT_MAX]).is_ok());
        assert_eq!(Path::new(&[b'a'; COMPONENT_MAX + 1]), Err(PathError::ComponentTooLong));
        let mut long = [b'a'; PATH_MAX + 2];
        for at in (0..long.len()).step_by(100) {
            long[at] = b'/';
        }
        assert!(Path::new(&long[..=PATH_MAX]).is_ok());
        assert_eq!(Path::new(&long), Err(PathError::TooLong));
    }

    #[test]
    fn parents_and_names() {
        let path = Path::new(b"/a/bc/d").unwrap();
        assert_eq!(path.name(), Some(&b"d"[..]));
        assert_eq!(path.parent().unwrap().as_bytes(), b"a/bc");
        assert_eq!(Path::new(b"a").unwrap().parent(), Some(Path::ROOT));
        assert_eq!(Path::ROOT.parent(), None);
        assert!(path.is_within(Path::new(b"a/bc").unwrap()));
        assert!(path.is_within(path) && path.is_within(Path::ROOT));
        assert!(!path.is_within(Path::new(b"a/b").unwrap()));
        assert!(!Path::ROOT.is_within(path));
    }

    /// What the library takes for characters stands raw, and nothing else does.
    #[test]
    fn characters_are_those_of_the_library() {
        let raw = |c: &char| !matches!(c, '\0'..=' ' | '\x7f' | '%');
        for c in ('\0'..=char::MAX).filter(raw) {
            let mut bytes = [0; 4];
            let bytes = c.encode_utf8(&mut bytes).as_bytes();
            assert_eq!(raw_char(bytes), Some(bytes.len()), "{c:?}");
        }
        // Both sides of every bound.
        let bounds = [
            0x20, 0x24, 0x25, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
            0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
        ];
        let each = || bounds.iter().copied();
        for a in each() {
            for b in each() {
                for bytes in each().flat_map(|c| each().map(move |d| [a, b, c, d])) {
                    let text = bytes.utf8_chunks().next().unwrap().valid();
                    let expected = text.chars().next().filter(raw).map(char::len_utf8);
                    assert_eq!(raw_char(&bytes), expected, "{bytes:x?}");
                }
            }
        }
    }

    #[test]
    fn raw_bytes_that_must_be_escaped_are_refused() {
        for bad in [&b"a b"[..], b"a\tb", b"%", b"%4", b"%zz", b"\xc3", b"%C3\xa9", b"a\x7f"] {
            assert_eq!(unescape(&mut bad.to_vec()), None, "{}", Escaped(bad));
        }
        let mut mixed = b"a%20b%c3%A9\xc3\xa9".to_vec();
        let len = unescape(&mut mixed).unwrap();
        assert_eq!(&mixed[..len], "a béé".as_bytes());
    }
}
