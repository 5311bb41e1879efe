//! Writing a line into a fixed buffer. Not `core::fmt`: that costs several KiB of flash.

use core::convert::Infallible;
use core::ops::Range;

use crate::path::escape;

/// The buffer had too little room; what was written is not a whole line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Overflow;

/// Move the bytes of a range to the beginning of their buffer. Byte by byte, because
/// `copy_within` is not seen to be free of panics.
pub(crate) fn to_front(bytes: &mut [u8], from: Range<usize>) {
    for (to, at) in from.enumerate() {
        let Some(&byte) = bytes.get(at) else { return };
        if let Some(slot) = bytes.get_mut(to) {
            *slot = byte;
        }
    }
}

/// Copy `from` into `bytes` at `start`, all of it or, where it does not fit, nothing.
pub(crate) fn put(bytes: &mut [u8], start: usize, from: &[u8]) {
    let rest = bytes.get_mut(start..);
    // Split at the very length: only so it is seen that the copy cannot panic.
    if let Some((to, _)) = rest.and_then(|rest| rest.split_at_mut_checked(from.len())) {
        to.copy_from_slice(from);
    }
}

/// A line under construction. What does not fit is left out, and nothing comes after it.
pub(crate) struct Emit<'a> {
    buffer: &'a mut [u8],
    len: usize,
    overflow: bool,
}

impl<'a> Emit<'a> {
    pub(crate) fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0, overflow: false }
    }

    /// Bytes written so far, if all of them fitted.
    pub(crate) fn written(&self) -> Result<usize, Overflow> {
        if self.overflow { Err(Overflow) } else { Ok(self.len) }
    }

    /// Bytes written so far.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    // Not inlined, nor is what follows: written in so many places, it takes less flash so.
    #[inline(never)]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let rest = self.buffer.get_mut(self.len..).unwrap_or_default();
        match rest.split_at_mut_checked(bytes.len()) {
            Some((to, _)) if !self.overflow => {
                to.copy_from_slice(bytes);
                self.len = self.len.saturating_add(bytes.len());
            }
            _ => self.overflow = true,
        }
    }

    pub(crate) fn number(&mut self, mut value: u64) {
        let mut digits = [0; 20];
        let mut first = digits.len() - 1;
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            let last;
            (value, last) = tenth(value);
            *digit = b'0' + last;
            first = at;
            if value == 0 {
                break;
            }
        }
        self.bytes(digits.get(first..).unwrap_or(&digits));
    }

    pub(crate) fn crc(&mut self, value: u32) {
        for byte in value.to_be_bytes() {
            for digit in [byte >> 4, byte & 0xf] {
                self.bytes(&[if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }]);
            }
        }
    }

    pub(crate) fn escaped(&mut self, name: &[u8]) {
        let written: Result<(), Infallible> = escape(name, |part| {
            self.bytes(part);
            Ok(())
        });
        // It cannot fail.
        let Ok(()) = written;
    }

    /// ` 123`: one more field.
    #[inline(never)]
    pub(crate) fn number_field(&mut self, value: u64) {
        self.bytes(b" ");
        self.number(value);
    }

    /// ` 1f2e3d4c`: one more field.
    pub(crate) fn crc_field(&mut self, value: u32) {
        self.bytes(b" ");
        self.crc(value);
    }

    /// ` name=123`: one more option.
    pub(crate) fn option(&mut self, name: &[u8], value: u64) {
        self.bytes(b" ");
        self.bytes(name);
        self.bytes(b"=");
        self.number(value);
    }

    /// End the line and say how long it is, LF included.
    #[inline(never)]
    pub(crate) fn finish(mut self) -> Result<usize, Overflow> {
        self.bytes(b"\n");
        self.written()
    }
}

/// A tenth of a number, and what is left over. By hand, 16 bits at a time: a chip has no instruction
/// that divides 64 bits, and the compiler's routine for it takes 1 KiB of flash.
fn tenth(value: u64) -> (u64, u8) {
    let (mut tenth, mut rest) = (0, 0);
    for shift in [48, 32, 16, 0] {
        let part = rest << 16 | u32::from((value >> shift) as u16);
        tenth = tenth << 16 | u64::from(part / 10);
        rest = part % 10;
    }
    (tenth, rest as u8)
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn emitted(room: usize, write: impl Fn(&mut Emit<'_>)) -> (std::vec::Vec<u8>, bool) {
        let mut buffer = std::vec![0; room];
        let mut line = Emit::new(&mut buffer);
        write(&mut line);
        let (len, is_whole) = (line.len(), line.written().is_ok());
        buffer.truncate(len);
        (buffer, is_whole)
    }

    #[test]
    fn numbers_are_written_as_std_writes_them() {
        let powers = (0..64).map(|shift| 1u64 << shift);
        let edges = powers.flat_map(|power| [power - 1, power, power.wrapping_mul(10)]);
        for value in edges.chain([u64::MAX, 9_999_999_999_999_999_999, 655_360, 655_359]) {
            let expected = value.to_string().into_bytes();
            assert_eq!(emitted(20, |line| line.number(value)), (expected, true));
        }
    }

    #[test]
    fn behind_what_does_not_fit_comes_nothing() {
        let write = |line: &mut Emit<'_>| {
            line.bytes(b"ok");
            line.number_field(1000);
            line.bytes(b"!");
        };
        assert_eq!(emitted(8, write), (b"ok 1000!".to_vec(), true));
        assert_eq!(emitted(7, write), (b"ok 1000".to_vec(), false));
        assert_eq!(emitted(6, write), (b"ok ".to_vec(), false));
    }
}
