//! Short names: for PCs that know no others, and because every entry has one.

use super::slot::SHORT_LEN;

/// Bytes before the dot, and behind it.
const BASE_LEN: usize = 8;
const EXTENSION_LEN: usize = 3;

/// How many aliases are thought of at a time, so that one look through a folder tells which of
/// them are taken.
pub(super) const CANDIDATES: usize = 8;

/// From this try on, aliases carry a hash of the name, as Windows does it, for numbers alone
/// could be taken by many names that begin alike.
const HASHED_MIN: u32 = 5;

/// The short name that a name is by itself, in upper case; `None` if it is none.
pub(super) fn exact(name: &[u8]) -> Option<[u8; SHORT_LEN]> {
    let (base, extension) = match name.iter().position(|byte| *byte == b'.') {
        None => (name, &b""[..]),
        Some(dot) => split(name, dot).filter(|(_, extension)| !extension.is_empty())?,
    };
    let fits = (1..=BASE_LEN).contains(&base.len()) && extension.len() <= EXTENSION_LEN;
    let is_short = fits && base.iter().chain(extension).all(|byte| is_plain(*byte));
    is_short.then(|| join(base, extension, b""))
}

/// What stands before the dot, and behind it.
fn split(name: &[u8], dot: usize) -> Option<(&[u8], &[u8])> {
    let (base, rest) = name.split_at_checked(dot)?;
    Some((base, rest.get(1..)?))
}

/// Letters, digits and signs of short names.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b')' | b'-' | b'@' | b'^'..=b'`' | b'{' | b'}' | b'~')
        || byte.is_ascii_alphanumeric()
}

/// An alias for a name, another one for each number from 0 on.
pub(super) fn candidate(name: &[u8], number: u32) -> [u8; SHORT_LEN] {
    if number == 0
        && let Some(exact) = exact(name)
    {
        return exact;
    }
    // A dot at the start begins no extension.
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0);
    let parts = dot.and_then(|dot| split(name, dot));
    let (base, extension) = parts.unwrap_or((name, b""));
    if number < HASHED_MIN {
        let digit = b'0' + number.clamp(1, 9) as u8;
        return join(base, extension, &[b'~', digit]);
    }
    let hash = name.iter().fold(number.wrapping_mul(0x9e37_79b1), |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    let digit = |shift: u32| match (hash >> shift & 15) as u8 {
        digit @ ..10 => b'0' + digit,
        digit => b'A' + digit - 10,
    };
    join(base, extension, &[digit(12), digit(16), digit(20), digit(24), b'~', b'1'])
}

/// The first letters of both parts, as far as short names have them, with `end` at the end of
/// the first part.
fn join(base: &[u8], extension: &[u8], end: &[u8]) -> [u8; SHORT_LEN] {
    let mut name = [b' '; SHORT_LEN];
    let (first, second) = name.split_at_mut(BASE_LEN);
    let room = BASE_LEN - end.len().min(BASE_LEN);
    let mut len = fill(first.get_mut(..room).unwrap_or_default(), base);
    if len == 0 {
        first[0] = b'_';
        len = 1;
    }
    for (place, byte) in first.iter_mut().skip(len).zip(end) {
        *place = *byte;
    }
    fill(second, extension);
    name
}

/// One byte for each letter; what is no part of short names becomes `_`, or nothing.
fn fill(places: &mut [u8], text: &[u8]) -> usize {
    // Behind the first byte of a letter of several, the others begin with the bits 10.
    let letters = text.iter().filter(|byte| !matches!(byte, b' ' | b'.' | 0x80..=0xbf));
    let mut len = 0;
    for (place, byte) in places.iter_mut().zip(letters) {
        *place = if is_plain(*byte) { byte.to_ascii_uppercase() } else { b'_' };
        len += 1;
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_short_stay_themselves() {
        for (name, short) in [
            ("a", b"A          "),
            ("README.TXT", b"README  TXT"),
            ("readme.txt", b"README  TXT"),
            ("12345678.123", b"12345678123"),
            ("~x", b"~X         "),
        ] {
            assert_eq!(exact(name.as_bytes()).as_ref(), Some(short), "{name}");
            assert_eq!(&candidate(name.as_bytes(), 0), short, "{name}");
        }
        for name in
            ["123456789", "a.html", "a b", ".a", "a.", "...", "a.b.c", "ä", "a+b", "%41", "", "."]
        {
            assert_eq!(
                exact(name.as_bytes()),
                if name == "%41" { Some(*b"%41        ") } else { None },
                "{name}"
            );
        }
    }

    #[test]
    fn aliases_are_of_the_right_kind_and_differ() {
        assert_eq!(&candidate("A long name.html".as_bytes(), 1), b"ALONGN~1HTM");
        assert_eq!(&candidate("...".as_bytes(), 3), b"_~3        ");
        assert_eq!(&candidate("äöü.ß".as_bytes(), 2), b"___~2   _  ");
        assert_eq!(&candidate(".profile".as_bytes(), 1), b"PROFIL~1   ");
        for name in ["A long name.html", "...", "日本語", "x", "-rf", "a+b.tar.gz"] {
            let mut all: Vec<_> =
                (1..200).map(|number| candidate(name.as_bytes(), number)).collect();
            for alias in &all {
                let (base, extension) = alias.split_at(8);
                assert_ne!(base[0], b' ');
                for part in [base, extension] {
                    assert!(part.trim_ascii_end().iter().all(|&byte| is_plain(byte)), "{alias:?}");
                }
            }
            all.sort_unstable();
            all.dedup();
            assert!(all.len() > 190, "{name}: {} of 199", all.len());
        }
    }
}
