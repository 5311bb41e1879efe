//! Writing a line into a fixed buffer. Not `core::fmt`: that costs several KiB of flash.

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

/// A line under construction.
pub(crate) struct Emit<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Emit<'a> {
    pub(crate) fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Overflow> {
        let end = self.len.checked_add(bytes.len()).ok_or(Overflow)?;
        self.buffer.get_mut(self.len..end).ok_or(Overflow)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    pub(crate) fn number(&mut self, mut value: u64) -> Result<(), Overflow> {
        let mut digits = [b'0'; 20];
        let mut first = digits.len() - 1;
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
            first = at;
            if value == 0 {
                break;
            }
        }
        self.bytes(digits.get(first..).unwrap_or(&digits))
    }

    pub(crate) fn crc(&mut self, value: u32) -> Result<(), Overflow> {
        for byte in value.to_be_bytes() {
            for digit in [byte >> 4, byte & 0xf] {
                self.bytes(&[if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }])?;
            }
        }
        Ok(())
    }

    pub(crate) fn escaped(&mut self, name: &[u8]) -> Result<(), Overflow> {
        escape(name, |part| self.bytes(part))
    }

    /// ` 123`: one more field.
    pub(crate) fn number_field(&mut self, value: u64) -> Result<(), Overflow> {
        self.bytes(b" ")?;
        self.number(value)
    }

    /// ` 1f2e3d4c`: one more field.
    pub(crate) fn crc_field(&mut self, value: u32) -> Result<(), Overflow> {
        self.bytes(b" ")?;
        self.crc(value)
    }

    /// ` name=123`: one more option.
    pub(crate) fn option(&mut self, name: &[u8], value: u64) -> Result<(), Overflow> {
        self.bytes(b" ")?;
        self.bytes(name)?;
        self.bytes(b"=")?;
        self.number(value)
    }

    /// End the line and say how long it is, LF included.
    pub(crate) fn finish(mut self) -> Result<usize, Overflow> {
        self.bytes(b"\n")?;
        Ok(self.len)
    }
}
