//! The words of a line, quoted as in a shell; and names written so that they are read back.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::failure::Failure;
use crate::print::Shown;

/// Bytes of a line: far more than any command needs, and a bound for what comes from a pipe.
pub(crate) const LINE_MAX: usize = 64 * 1024;

/// A line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// None of an empty line or a comment.
    pub(crate) words: Vec<OsString>,
    /// `&` stood at its end.
    pub(crate) is_job: bool,
}

impl Words {
    /// Take a line apart.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] for an open quote, a NUL, a line that is too long.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, Failure> {
        let wrong = |text: &str| Failure::Usage(text.to_owned());
        if line.len() > LINE_MAX {
            return Err(too_long());
        }
        if line.contains(&0) {
            return Err(wrong("the line has a NUL; no name can have one"));
        }
        let open = || wrong("the line ends inside a quotation, or in `\\`");
        let all = shlex::bytes::split(line).ok_or_else(open)?;
        // A quoted `&` leaves a quote open in front of it, an escaped one a `\`; one in a
        // comment changes nothing.
        let before = line.trim_ascii_end().strip_suffix(b"&").and_then(shlex::bytes::split);
        let (words, is_job) = match before {
            Some(words) if words != all => (words, true),
            _ => (all, false),
        };
        Ok(Self { words: words.into_iter().map(OsString::from_vec).collect(), is_job })
    }
}

/// What is said of a line that is too long.
pub(crate) fn too_long() -> Failure {
    Failure::Usage(format!("the line is longer than {LINE_MAX} bytes"))
}

/// The line up to the cursor, for completion.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    /// The words before the one at the cursor.
    pub(crate) before: Vec<String>,
    /// Where the word at the cursor begins, in bytes.
    pub(crate) start: usize,
    /// That word as far as it goes, without its quotes.
    pub(crate) word: String,
}

impl Typed {
    /// `None` inside a comment.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let start = last_word(line)?;
        let (before, rest) = line.split_at(start);
        let before = shlex::split(before)?;
        // What is open is closed; a lone `\` waits for the letter behind it.
        let closed = ["", "'", "\""].into_iter().find_map(|quote| {
            shlex::split(&format!("{rest}{quote}"))
                .or_else(|| shlex::split(&format!("{}{quote}", rest.strip_suffix('\\')?)))
        })?;
        let word = closed.into_iter().next().unwrap_or_default();
        Some(Self { before, start, word })
    }
}

/// Where the last word of a line begins: at the end of the line behind a blank. `None` inside a
/// comment.
fn last_word(line: &str) -> Option<usize> {
    let (mut start, mut quote, mut is_escaped) = (0, None, false);
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            _ if is_escaped => is_escaped = false,
            (Some('"') | None, '\\') => is_escaped = true,
            (Some(open), letter) if letter == open => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, ' ' | '\t') => start = at + 1,
            (None, '#') if at == start => return None,
            _ => {}
        }
    }
    Some(start)
}

/// A word written so that it is read back: what has a meaning is escaped letter by letter, so
/// that a beginning common to several words stays one.
pub(crate) fn escaped(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    for letter in word.chars() {
        let is_plain = !letter.is_ascii()
            || letter.is_ascii_alphanumeric()
            || matches!(letter, '+' | '-' | '.' | '/' | ':' | '@' | '_' | ',' | '=' | '%' | '^');
        if !is_plain {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

/// A line as it was typed, but safe to print.
pub(crate) fn shown(line: &[u8]) -> String {
    let pieces = line.split(|&byte| byte == b'\\').map(|piece| Shown(piece).to_string());
    pieces.collect::<Vec<_>>().join("\\")
}

/// The line of a job without its `&`.
pub(crate) fn foreground(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    line.strip_suffix(b"&").unwrap_or(line).trim_ascii_end()
}

/// The line that goes on where this one, without `-c`, was stopped.
pub(crate) fn continued(line: &str) -> String {
    match line.split_once([' ', '\t']) {
        Some((verb, names)) if !verb.starts_with('-') => format!("{verb} -c {names}"),
        _ => format!("-c {line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> (Vec<String>, bool) {
        let Words { words, is_job } = Words::parse(line.as_bytes()).unwrap();
        (words.into_iter().map(|word| word.into_string().unwrap()).collect(), is_job)
    }

    #[test]
    fn lines_are_split_as_a_shell_does() {
        for (line, expected, is_job) in [
            ("", &[][..], false),
            ("  # ls &", &[], false),
            ("ls", &["ls"], false),
            ("get 'a b' \"c d\"\te\\ f", &["get", "a b", "c d", "e f"], false),
            ("get big &", &["get", "big"], true),
            ("get big& ", &["get", "big"], true),
            ("get 'big&'", &["get", "big&"], false),
            ("get 'big &'", &["get", "big &"], false),
            ("get big\\&", &["get", "big&"], false),
            ("get big \"&\"", &["get", "big", "&"], false),
            ("get big # why &", &["get", "big"], false),
            ("&", &[], true),
        ] {
            let expected = expected.iter().map(|&word| word.to_owned()).collect();
            assert_eq!(words(line), (expected, is_job), "{line}");
        }
        for line in ["'", "a \"b", "a\\", "a\0b", &"x".repeat(LINE_MAX + 1)] {
            let result = Words::parse(line.as_bytes());
            assert!(matches!(result, Err(Failure::Usage(_))), "{result:?}");
        }
        assert_eq!(Words::parse(b"ls \xff").unwrap().words[1].clone().into_vec(), b"\xff");
    }

    #[test]
    fn what_is_typed_is_understood_up_to_the_cursor() {
        for (line, before, start, word) in [
            ("", &[][..], 0, ""),
            ("do", &[], 0, "do"),
            ("ls ", &["ls"], 3, ""),
            ("ls a\\ b", &["ls"], 3, "a b"),
            ("ls a\\", &["ls"], 3, "a"),
            ("get 'x y' 'a b", &["get", "x y"], 10, "a b"),
            ("get \"it's", &["get"], 4, "it's"),
            ("get é/ü", &["get"], 4, "é/ü"),
        ] {
            let before = before.iter().map(|&word| word.to_owned()).collect();
            let typed = Typed { before, start, word: word.to_owned() };
            assert_eq!(Typed::parse(line), Some(typed), "{line}");
        }
        assert_eq!(Typed::parse("# l"), None);
        assert_eq!(Typed::parse("#l"), None);
    }

    #[test]
    fn lines_are_shown_as_they_were_typed() {
        for (line, text) in [
            (&b" get 'a b' c\\ d & "[..], "get 'a b' c\\ d"),
            (b"get \x1b[2J\xff&", "get \\x1b[2J\\xff"),
        ] {
            assert_eq!(shown(foreground(line)), text);
        }
        assert_eq!(continued("get 'a b'"), "get -c 'a b'");
        assert_eq!(continued("--retries 2 get a"), "-c --retries 2 get a");
    }

    #[test]
    fn escaped_words_are_read_back() {
        for word in ["a", "a b", "it's", "\"", "\\", "&", "#x", "*?[", "$x`", "Blåbær", "~", "(a)"]
        {
            let line = format!("get {} x", escaped(word));
            assert_eq!(
                words(&line),
                (vec!["get".into(), word.into(), "x".into()], false),
                "{line}"
            );
        }
    }
}
