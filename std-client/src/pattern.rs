//! Patterns: names with `*`, `?` and `[…]`, expanded by us on either side.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern as Matcher};

use crate::failure::Failure;

/// A path some of whose parts are patterns. `*`, `?` and `[…]` stay within a part; a dot at the
/// beginning of a name is matched by a dot only, as in every shell.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    is_absolute: bool,
    parts: Vec<Part>,
}

/// One part of the path.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// This very name.
    Name(OsString),
    /// Every name that matches.
    Any(Matcher),
}

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl Pattern {
    /// The pattern that an argument is; `None` for a plain name.
    pub(crate) fn of(argument: &OsStr) -> Option<Self> {
        let bytes = argument.as_bytes();
        if !is_pattern(bytes) {
            return None;
        }
        let parts = bytes.split(|&byte| byte == b'/').filter(|part| !part.is_empty());
        let parts: Vec<_> = parts.map(Part::of).collect();
        let is_any = parts.iter().any(|part| matches!(part, Part::Any(_)));
        is_any.then_some(Self { is_absolute: bytes.starts_with(b"/"), parts })
    }

    pub(crate) fn part(&self, index: usize) -> Option<&Part> {
        self.parts.get(index)
    }

    /// What it matches on this side, sorted.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`] if a folder that must be looked through cannot be read.
    pub(crate) fn local(&self) -> Result<Vec<PathBuf>, Failure> {
        let start = if self.is_absolute { PathBuf::from("/") } else { PathBuf::new() };
        let mut found = vec![start];
        for (index, part) in self.parts.iter().enumerate() {
            let is_last = index + 1 == self.parts.len();
            let mut next = Vec::new();
            for path in found {
                match part {
                    Part::Name(name) => next.push(path.join(name)),
                    Part::Any(_) => {
                        let looked = look_through(&path, part, is_last, &mut next);
                        looked.map_err(|error| Failure::local("look through", &path, &error))?;
                    }
                }
            }
            // What only a name says is there only if it is.
            next.retain(|path| fs::symlink_metadata(path).is_ok());
            found = next;
        }
        found.sort_unstable();
        Ok(found)
    }
}

impl Part {
    fn of(bytes: &[u8]) -> Self {
        Self::any(bytes).unwrap_or_else(|| Self::Name(OsStr::from_bytes(bytes).to_owned()))
    }

    fn any(bytes: &[u8]) -> Option<Self> {
        if !is_pattern(bytes) {
            return None;
        }
        let mut text = letters(bytes);
        // Several stars are one: a part ends at the slash in any case.
        while text.contains("**") {
            text = text.replace("**", "*");
        }
        let (text, has_class) = close_brackets(&text);
        let is_any = has_class || text.contains(['*', '?']);
        // With its brackets closed it is a pattern.
        Matcher::new(&text).ok().filter(|_| is_any).map(Self::Any)
    }

    /// Whether a name is meant.
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Name(wanted) => wanted.as_bytes() == name,
            Self::Any(matcher) => matcher.matches_with(&letters(name), OPTIONS),
        }
    }
}

fn look_through(
    folder: &Path,
    part: &Part,
    is_last: bool,
    found: &mut Vec<PathBuf>,
) -> io::Result<()> {
    let read = if folder.as_os_str().is_empty() { OsStr::new(".") } else { folder.as_os_str() };
    let entries = match fs::read_dir(read) {
        Err(error) if is_nothing(&error) => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if part.matches(entry.file_name().as_bytes())
            && (is_last || fs::metadata(entry.path()).is_ok_and(|found| found.is_dir()))
        {
            found.push(folder.join(entry.file_name()));
        }
    }
    Ok(())
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether it has a letter that makes it a pattern.
fn is_pattern(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| b"*?[".contains(byte))
}

/// As in every shell, a bracket that is not closed is a letter. Returns whether one is.
fn close_brackets(text: &str) -> (String, bool) {
    let (mut closed, mut has_class, mut rest) = (String::new(), false, text);
    while let Some((before, after)) = rest.split_once('[') {
        closed.push_str(before);
        let class = after.strip_prefix('!').unwrap_or(after);
        // The first of a class may be a bracket.
        let more = class.get(class.chars().next().map_or(0, char::len_utf8)..).unwrap_or("");
        if let Some((_, behind)) = more.split_once(']') {
            has_class = true;
            closed.push('[');
            closed.push_str(after.strip_suffix(behind).unwrap_or(after));
            rest = behind;
        } else {
            closed.push_str("[[]");
            rest = after;
        }
    }
    (closed + rest, has_class)
}

/// Names are bytes, patterns are matched by letters: each byte that is none of UTF-8 becomes a
/// letter of its own, from the last plane for private use.
fn letters(bytes: &[u8]) -> String {
    const FIRST: u32 = 0x10_ff00;
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let own = chunk.invalid().iter().map(|&byte| FIRST + u32::from(byte));
        text.extend(own.filter_map(char::from_u32));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(bytes: &[u8]) -> Part {
        Part::of(bytes)
    }

    #[test]
    fn parts_match_letters_and_leading_dots_only_by_a_dot() {
        for (pattern, name, matches) in [
            (&b"*.txt"[..], &b"a.txt"[..], true),
            (b"*.txt", b".a.txt", false),
            (b".*", b".a.txt", true),
            (b"?", "é".as_bytes(), true),
            (b"[!a]b", b"xb", true),
            (b"[!a]b", b"ab", false),
            (b"[!a]b", b".b", false),
            (b"**", b"anything", true),
            (b"a**b", b"axb", true),
            (b"*\xff*", b"a\xffb", true),
            (b"?", b"\xff", true),
            (b"*\xff*", b"a\xfeb", false),
            (b"!*", b"x", false),
            (b"{a,b}*", b"a", false),
            (b"x[[]1]", b"x[1]", true),
            (b"*[", b"a[", true),
            (b"[ab]?[[", b"ax[[", true),
            (b"[ab]?[[", b"cx[[", false),
        ] {
            assert_eq!(part(pattern).matches(name), matches, "{pattern:?} {name:?}");
        }
        for name in ["a/b", "a[", "[", "[]", "[!]", "[a[/]"] {
            assert!(Pattern::of(OsStr::new(name)).is_none(), "{name}");
        }
    }

    #[test]
    fn many_stars_end() {
        let name = [b"a".repeat(254), b"b".to_vec()].concat();
        assert!(!part(b"*a*a*a*a*a*a*a*a*a*a*c").matches(&name));
    }

    #[test]
    fn local_patterns_are_sorted_and_go_through_folders_only() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b", "a"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("x.txt"), "").unwrap();
        }
        fs::write(folder.path().join("c"), "").unwrap();
        let expand = |pattern: &str| {
            let path = folder.path().join(pattern);
            let pattern = Pattern::of(path.as_os_str()).unwrap();
            let found = pattern.local().unwrap();
            let relative = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().to_owned();
            found.into_iter().map(relative).collect::<Vec<_>>()
        };
        assert_eq!(expand("*/*.txt"), [PathBuf::from("a/x.txt"), PathBuf::from("b/x.txt")]);
        assert_eq!(expand("[bc]"), [PathBuf::from("b"), PathBuf::from("c")]);
        assert_eq!(expand("*/x.txt"), [PathBuf::from("a/x.txt"), PathBuf::from("b/x.txt")]);
        assert!(expand("*/none").is_empty());
    }
}
