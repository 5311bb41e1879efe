//! Taking a stream of frames apart, however the bytes are cut.

use crate::frame::{End, Frame};
use crate::limits::{END_LEN, HEADER_LEN};

/// Where in a stream of frames the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frames {
    /// In a header, of which so many bytes are here.
    Header(u8, [u8; HEADER_LEN]),
    /// In the payload of DATA; so many bytes are missing.
    Data(u32),
    /// In the payload of END.
    End(u8, [u8; END_LEN]),
    /// In the payload of FAIL; so many bytes are missing, which nobody needs.
    Fail(u8, [u8; END_LEN]),
}

/// What the bytes brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// Nothing whole yet.
    Part,
    /// A DATA header with this length.
    Data(u32),
    /// A sign of life.
    Busy,
    /// The end of the file, as the sender counted.
    End(End),
    /// FAIL begins: the sender gives up.
    Failing,
    /// FAIL is whole.
    Failed,
    /// No frame, but a line or nonsense.
    Bad,
}

impl Frames {
    pub(super) const START: Self = Self::Header(0, [0; HEADER_LEN]);

    /// The memory the next bytes go to, if they are not file bytes; never empty.
    pub(super) fn space(&mut self) -> Option<&mut [u8]> {
        match self {
            Self::Header(have, bytes) => bytes.get_mut(usize::from(*have)..),
            Self::End(have, bytes) => bytes.get_mut(usize::from(*have)..),
            Self::Fail(left, bytes) => bytes.get_mut(..usize::from(*left).min(END_LEN)),
            Self::Data(_) => None,
        }
    }

    /// Bytes that fit into [`space`](Self::space).
    pub(super) fn room(&self) -> usize {
        match self {
            Self::Header(have, _) => HEADER_LEN.saturating_sub(usize::from(*have)),
            Self::End(have, _) => END_LEN.saturating_sub(usize::from(*have)),
            Self::Fail(left, _) => usize::from(*left).min(END_LEN),
            Self::Data(_) => 0,
        }
    }

    /// `count` bytes, at most [`room`](Self::room), are in [`space`](Self::space).
    pub(super) fn received(&mut self, count: usize) -> Got {
        match *self {
            Self::Header(have, bytes) => self.on_header(usize::from(have) + count, bytes),
            Self::End(have, bytes) => {
                let have = usize::from(have) + count;
                *self = Self::End(have as u8, bytes);
                if have < END_LEN {
                    Got::Part
                } else {
                    self.restart(Got::End(End::parse_payload(bytes)))
                }
            }
            Self::Fail(left, bytes) => {
                let left = usize::from(left).saturating_sub(count);
                *self = Self::Fail(left as u8, bytes);
                if left > 0 { Got::Part } else { self.restart(Got::Failed) }
            }
            Self::Data(_) => Got::Bad,
        }
    }

    /// `bytes` came behind file bytes: the begin of the next header.
    pub(super) fn begin_header(&mut self, bytes: &[u8]) -> Got {
        let mut header = [0; HEADER_LEN];
        for (to, from) in header.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.on_header(bytes.len().min(HEADER_LEN), header)
    }

    fn on_header(&mut self, have: usize, bytes: [u8; HEADER_LEN]) -> Got {
        let mut have = have.min(HEADER_LEN);
        let mut word = u32::from_le_bytes(bytes);
        // An empty line may stand wherever a frame may.
        while have > 0 {
            let count = match word.to_le_bytes() {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] if have > 1 => 2,
                _ => break,
            };
            word >>= 8 * count;
            have -= count;
        }
        let bytes = word.to_le_bytes();
        *self = Self::Header(have as u8, bytes);
        match bytes {
            _ if have == 0 => Got::Part,
            [b'\r', ..] if have == 1 => Got::Part,
            [first, ..] if !Frame::begins_with(first) => Got::Bad,
            _ if have < HEADER_LEN => Got::Part,
            whole => self.on_frame(whole),
        }
    }

    fn on_frame(&mut self, header: [u8; HEADER_LEN]) -> Got {
        match Frame::parse(header) {
            Ok(Frame::Data(length)) => {
                *self = Self::Data(length);
                Got::Data(length)
            }
            Ok(Frame::End) => {
                *self = Self::End(0, [0; END_LEN]);
                Got::Part
            }
            Ok(Frame::Fail(0)) => self.restart(Got::Failed),
            Ok(Frame::Fail(length)) => {
                *self = Self::Fail(length, [0; END_LEN]);
                Got::Failing
            }
            Ok(Frame::Busy) => self.restart(Got::Busy),
            Err(_) => Got::Bad,
        }
    }

    fn restart(&mut self, got: Got) -> Got {
        *self = Self::START;
        got
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// Feed in pieces of `step` bytes; DATA payloads are skipped.
    fn read(mut bytes: &[u8], step: usize) -> Vec<Got> {
        let mut frames = Frames::START;
        let mut seen = Vec::new();
        while !bytes.is_empty() {
            let got = match frames {
                Frames::Data(left) => {
                    let count = bytes.len().min(step).min(left as usize);
                    bytes = &bytes[count..];
                    let left = left - count as u32;
                    frames = if left > 0 { Frames::Data(left) } else { Frames::START };
                    continue;
                }
                _ => {
                    let count = bytes.len().min(step).min(frames.room());
                    frames.space().unwrap()[..count].copy_from_slice(&bytes[..count]);
                    bytes = &bytes[count..];
                    frames.received(count)
                }
            };
            if got != Got::Part {
                seen.push(got);
            }
            if got == Got::Bad {
                break;
            }
        }
        seen
    }

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let mut stream = b"\r\n\n\x01\0\0\x03abc\n\x04\0\0\0\x03\0\0\x05io xx\x03\0\0\0".to_vec();
        let end = End { length: 3, crc: 7 };
        stream.extend_from_slice(&end.emit_frame());
        let expected =
            [Got::Data(3), Got::Busy, Got::Failing, Got::Failed, Got::Failed, Got::End(end)];
        for step in 1..stream.len() {
            assert_eq!(read(&stream, step), expected, "{step} bytes at a time");
        }
    }

    #[test]
    fn lines_and_unknown_kinds_are_bad() {
        for bad in [&b"noop\n"[..], b"\rx", b"\x05\0\0\0", b"\x01\0\0\0", b"\0", b"\xff"] {
            for step in 1..=bad.len() {
                assert_eq!(read(bad, step), [Got::Bad], "{bad:?}");
            }
        }
    }
}
