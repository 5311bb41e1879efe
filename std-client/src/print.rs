//! What is printed: text of the server made harmless, entries, sizes, times.

use core::fmt::{self, Write};
use std::path::Path;

use coracle::{Kind, Metadata};

/// Bytes that came from a server, or that name a file, made safe for a terminal: one line, no
/// control or escape sequences, nothing invisible, nothing that turns the direction of text.
/// What is not shown as it is becomes `\xNN` or `\u{…}`, and `\` becomes `\\`, so that two
/// different names never look the same.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a [u8]);

impl<'a> Shown<'a> {
    /// A path on this side.
    pub fn path(path: &'a Path) -> Self {
        Self(path.as_os_str().as_encoded_bytes())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for letter in chunk.valid().chars() {
                match letter {
                    '\\' => f.write_str("\\\\")?,
                    '\0'..='\x1f' | '\x7f' => write!(f, "\\x{:02x}", letter as u32)?,
                    letter if misleads(letter) => write!(f, "{}", letter.escape_unicode())?,
                    letter => f.write_char(letter)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// C1 controls, and what is invisible or changes the direction of text around it.
const fn misleads(letter: char) -> bool {
    matches!(letter,
        '\u{80}'..='\u{9f}' // C1: some terminals take them as escape sequences
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' // zero-width, marks of direction
        | '\u{2028}'..='\u{202e}' // line ends, embeddings, overrides
        | '\u{2060}'..='\u{206f}' // joiners, isolates
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{ffff}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' // tags: text nobody sees
    )
}

/// One entry: kind, size in bytes, time, name.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Kind, size and time.
    pub metadata: Metadata,
    /// The name as it came.
    pub name: &'a [u8],
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Metadata { kind, size, modified, .. } = self.metadata;
        match kind {
            Kind::File => write!(f, "f {size:>12} ")?,
            Kind::Folder => write!(f, "d {:>12} ", "-")?,
        }
        match modified {
            Some(seconds) => write!(f, "{} ", Time(seconds))?,
            None => write!(f, "{:20} ", "-")?,
        }
        write!(f, "{}{}", Shown(self.name), if kind == Kind::Folder { "/" } else { "" })
    }
}

/// Seconds since 1970 as `2026-01-31T12:00:00Z`: the same everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Time(pub u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.0 / 86_400, self.0 % 86_400);
        // Civil date from days (H. Hinnant): years begin in March, eras of 400 years.
        let days = days + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let date = day - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = year + era * 400 + carry;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Bytes for a person: `1.5 GiB`.
#[derive(Clone, Copy, Debug)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} bytes", self.0);
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut units = UNITS.iter();
        let mut unit = units.next();
        while value >= 1023.95 {
            let Some(larger) = units.next() else { break };
            value /= 1024.0;
            unit = Some(larger);
        }
        write!(f, "{value:.1} {}", unit.unwrap_or(&""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        let shown = |bytes: &[u8]| Shown(bytes).to_string();
        assert_eq!(shown(b"\x1b]0;x\x07"), "\\x1b]0;x\\x07");
        assert_eq!(shown("a\u{202e}txt.exe".as_bytes()), "a\\u{202e}txt.exe");
        assert_eq!(shown("a\u{200b}b\u{9b}c\u{2028}".as_bytes()), "a\\u{200b}b\\u{9b}c\\u{2028}");
        assert_eq!(shown(b"\xff\x80a\\x1b"), "\\xff\\x80a\\\\x1b");
        assert_eq!(shown("Blåbær 日本".as_bytes()), "Blåbær 日本");
    }

    #[test]
    fn times_are_iso() {
        assert_eq!(Time(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Time(951_782_400).to_string(), "2000-02-29T00:00:00Z");
        assert_eq!(Time(1_767_225_599).to_string(), "2025-12-31T23:59:59Z");
        assert_eq!(Time(4_102_444_800).to_string(), "2100-01-01T00:00:00Z");
        // Whatever a server claims can be printed.
        assert!(Time(i64::MAX as u64).to_string().ends_with('Z'));
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(Size(1023).to_string(), "1023 bytes");
        assert_eq!(Size(1536).to_string(), "1.5 KiB");
        assert_eq!(Size((1 << 20) - 1).to_string(), "1.0 MiB");
        assert_eq!(Size(u64::MAX).to_string(), "16.0 EiB");
    }
}
