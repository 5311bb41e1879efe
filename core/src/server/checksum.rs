//! A checksum over bytes of the medium, piece by piece.

use crate::crc::Crc32;
use crate::limits::BUSY_INTERVAL;

/// Below this many bytes a checksum takes no time worth a `+ busy`.
const QUICK: u64 = 64 << 10;

/// How far a checksum is.
#[derive(Clone, Copy)]
pub(super) struct Checksum {
    start: u64,
    at: u64,
    end: u64,
    crc: Crc32,
}

impl Checksum {
    /// Of the bytes from `start` to `end`.
    pub(super) const fn new(start: u64, end: u64) -> Self {
        Self { start, at: start, end, crc: Crc32::new() }
    }

    /// The first byte of the next piece.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// Bytes of the next piece in a buffer of `room` bytes; 0 when all are taken in.
    #[inline(never)]
    pub(super) fn piece(&self, room: usize) -> usize {
        usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(room)
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.at = self.at.saturating_add(bytes.len() as u64);
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.at >= self.end
    }

    /// Bytes taken in so far.
    pub(super) const fn length(&self) -> u64 {
        self.at.saturating_sub(self.start)
    }

    pub(super) const fn crc(&self) -> Crc32 {
        self.crc
    }

    /// Whether it is time to say `+ busy` after a piece of `last` bytes (0: before the first).
    #[inline(never)]
    pub(super) fn is_slow(&self, last: usize) -> bool {
        let length = self.length();
        if length == 0 {
            return self.end.saturating_sub(self.start) > QUICK;
        }
        !self.is_complete()
            && length / BUSY_INTERVAL > length.saturating_sub(last as u64) / BUSY_INTERVAL
    }
}
