//! Tokens of a line: split at single spaces, numbers and checksums parsed strictly.

use crate::limits::NUMBER_MAX;
use crate::path::hex_digit;

/// A range of bytes in the line it was parsed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        // A line has at most 1024 bytes: both fit.
        Self { start: start as u16, end: end as u16 }
    }

    pub(crate) fn of(self, line: &[u8]) -> &[u8] {
        line.get(usize::from(self.start)..usize::from(self.end)).unwrap_or(b"")
    }

    pub(crate) fn of_mut(self, line: &mut [u8]) -> &mut [u8] {
        line.get_mut(usize::from(self.start)..usize::from(self.end)).unwrap_or(&mut [])
    }

    /// Without its first `count` bytes.
    pub(crate) const fn tail(self, count: usize) -> Self {
        Self { start: self.start.saturating_add(count as u16), end: self.end }
    }

    pub(crate) const fn shortened(self, len: usize) -> Self {
        Self { start: self.start, end: self.start.saturating_add(len as u16) }
    }
}

/// The tokens of a line, left to right. Two spaces in a row, or one at the end, give an empty
/// token, which no parser takes.
#[derive(Clone, Copy)]
pub(crate) struct Tokens<'a> {
    line: &'a [u8],
    next: Option<usize>,
}

impl<'a> Tokens<'a> {
    pub(crate) const fn new(line: &'a [u8]) -> Self {
        Self { line, next: Some(0) }
    }

    pub(crate) fn next_span(&mut self) -> Option<Span> {
        let start = self.next?;
        let rest = self.line.get(start..)?;
        let len = rest.iter().position(|&byte| byte == b' ');
        self.next = len.map(|len| start + len + 1);
        Some(Span::new(start, start + len.unwrap_or(rest.len())))
    }

    /// What has not been taken yet, unsplit.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.next.and_then(|next| self.line.get(next..)).unwrap_or(b"")
    }

    /// Whether every token was taken.
    pub(crate) const fn is_empty(&self) -> bool {
        self.next.is_none()
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.line;
        self.next_span().map(|span| span.of(line))
    }
}

/// A decimal number: no sign, no leading zero but `0` itself, at most 2^63 - 1.
#[inline(never)]
pub(crate) fn number(token: &[u8]) -> Option<u64> {
    if token.is_empty() || (token.len() > 1 && token.first() == Some(&b'0')) {
        return None;
    }
    let value = token.iter().try_fold(0u64, |value, &digit| {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })?;
    (value <= NUMBER_MAX).then_some(value)
}

/// A CRC-32: exactly eight hexadecimal digits in either case.
pub(crate) fn crc32(token: &[u8]) -> Option<u32> {
    if token.len() != 8 {
        return None;
    }
    token.iter().try_fold(0u32, |value, &digit| Some(value << 4 | u32::from(hex_digit(digit)?)))
}

/// Name and value of a token if it is an option: `name=value`.
pub(crate) fn option(token: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = token.iter().position(|&byte| byte == b'=')?;
    let (name, value) = token.split_at_checked(at)?;
    Some((name, value.get(1..)?))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"1050000000"), Some(1_050_000_000));
        assert_eq!(number(b"4294967296"), Some(1 << 32));
        assert_eq!(number(b"9223372036854775807"), Some(NUMBER_MAX));
        for bad in [
            &b""[..],
            b"-1",
            b"+1",
            b"0x10",
            b"00",
            b"01",
            b"1 ",
            b"1e3",
            b"9223372036854775808",
            b"18446744073709551615",
            b"18446744073709551616",
            b"99999999999999999999999",
        ] {
            assert_eq!(number(bad), None);
        }
    }

    #[test]
    fn checksums_have_eight_digits() {
        assert_eq!(crc32(b"cbf43926"), Some(0xcbf4_3926));
        assert_eq!(crc32(b"CBF43926"), Some(0xcbf4_3926));
        for bad in [&b""[..], b"cbf4392", b"cbf439260", b"0xbf4392", b"cbf4392g"] {
            assert_eq!(crc32(bad), None);
        }
    }

    #[test]
    fn single_spaces_separate() {
        let tokens: Vec<_> = Tokens::new(b"a  b ").collect();
        assert_eq!(tokens, [&b"a"[..], b"", b"b", b""]);
    }
}
