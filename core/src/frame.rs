//! Frames: how file bytes travel between the lines.

use crate::limits::{CHUNK_LEN, DATA_MAX, END_LEN, FAIL_MAX, HEADER_LEN};
use crate::reply::Receipt;

/// Where file bytes begin in a chunk buffer: behind the header they travel with.
pub(crate) const DATA_START: usize = HEADER_LEN;

/// The header of a frame, checked against the rules of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Frame {
    /// So many file bytes follow: 1 to [`DATA_MAX`].
    Data(u32),
    /// The end of the file; [`END_LEN`] bytes of [`End`] follow.
    End,
    /// The sender gives up; so many bytes of `<code> <message>` follow: at most [`FAIL_MAX`].
    Fail(u8),
    /// The sender is alive, its medium stalls. Nothing follows.
    Busy,
}

/// The payload of an END frame: length and CRC-32 of the DATA of this transfer.
pub type End = Receipt;

/// Bytes that are no frame where a frame was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BadFrame;

/// A BUSY frame.
pub const BUSY: [u8; HEADER_LEN] = [4, 0, 0, 0];

impl Frame {
    /// Whether a frame, not a line, begins with this byte.
    pub const fn begins_with(first: u8) -> bool {
        matches!(first, 0x01..=0x08)
    }

    /// Read a header.
    ///
    /// # Errors
    ///
    /// [`BadFrame`] for an unknown kind or a length that the kind does not allow.
    pub const fn parse(header: [u8; HEADER_LEN]) -> Result<Self, BadFrame> {
        let [kind, a, b, c] = header;
        let length = u32::from_be_bytes([0, a, b, c]);
        match kind {
            1 if length >= 1 && length as usize <= DATA_MAX => Ok(Self::Data(length)),
            2 if length as usize == END_LEN => Ok(Self::End),
            3 if length as usize <= FAIL_MAX => Ok(Self::Fail(length as u8)),
            4 if length == 0 => Ok(Self::Busy),
            _ => Err(BadFrame),
        }
    }

    /// Write the header.
    pub const fn emit(self) -> [u8; HEADER_LEN] {
        let (kind, length) = match self {
            Self::Data(length) => (1, length),
            Self::End => (2, END_LEN as u32),
            Self::Fail(length) => (3, length as u32),
            Self::Busy => return BUSY,
        };
        let [_, a, b, c] = length.to_be_bytes();
        [kind, a, b, c]
    }
}

impl End {
    /// Read the payload of an END frame.
    pub fn parse_payload(payload: [u8; END_LEN]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = payload;
        Self {
            length: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            crc: u32::from_be_bytes([i, j, k, l]),
        }
    }

    /// Write an END frame: header and payload.
    pub fn emit_frame(self) -> [u8; HEADER_LEN + END_LEN] {
        let [kind, x, y, z] = Frame::End.emit();
        let [a, b, c, d, e, f, g, h] = self.length.to_be_bytes();
        let [i, j, k, l] = self.crc.to_be_bytes();
        [kind, x, y, z, a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

/// File bytes that a sender puts into its next DATA frame: what is left, at most what the
/// buffer holds behind a header, at most what a frame may carry. A buffer that holds more than
/// one chunk is used in whole chunks, so that reads from the medium stay aligned.
pub(crate) fn data_len(buffer_len: usize, left: u64) -> usize {
    let room = buffer_len.saturating_sub(DATA_START).min(DATA_MAX);
    let room = if room > CHUNK_LEN { room - room % CHUNK_LEN } else { room };
    usize::try_from(left).map_or(room, |left| left.min(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_round_trip() {
        for frame in [
            Frame::Data(1),
            Frame::Data(1 << 20),
            Frame::End,
            Frame::Fail(0),
            Frame::Fail(255),
            Frame::Busy,
        ] {
            assert_eq!(Frame::parse(frame.emit()), Ok(frame));
            assert!(Frame::begins_with(frame.emit()[0]));
        }
    }

    #[test]
    fn lengths_belong_to_their_kind() {
        for bad in [
            [0, 0, 0, 1],
            [1, 0, 0, 0],
            [1, 0x10, 0, 1],
            [2, 0, 0, 11],
            [2, 0, 0, 13],
            [3, 0, 1, 0],
            [4, 0, 0, 1],
            [5, 0, 0, 0],
            [8, 0, 0, 0],
            [b'l', b's', b'\n', b'\n'],
        ] {
            assert_eq!(Frame::parse(bad), Err(BadFrame), "{bad:?}");
        }
    }

    #[test]
    fn ends_round_trip() {
        let end = End { length: 0x0102_0304_0506_0708, crc: 0x0a0b_0c0d };
        let frame = end.emit_frame();
        assert_eq!(frame[..4], [2, 0, 0, 12]);
        assert_eq!(End::parse_payload(frame[4..].try_into().unwrap()), end);
    }
}
