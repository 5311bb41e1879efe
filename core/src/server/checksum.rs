//! A checksum over bytes of the medium, piece by piece.

use super::Misuse;
use crate::crc::Crc32;
use crate::limits::BUSY_INTERVAL;
use crate::machine::add_to;

/// Below this many bytes a checksum takes no time worth a `+ busy`.
const QUICK: u64 = 64 << 10;

/// What follows a piece.
pub(super) enum Progress {
    /// The next one.
    More,
    /// The next one, but it is time to say `+ busy`.
    Slow,
    /// Nothing: all is taken in, or the file ends before.
    Over,
}

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

    /// Where in the chunk buffer the next piece goes; empty when all are taken in.
    #[inline(never)]
    pub(super) fn space<'a>(&self, buffer: &'a mut [u8]) -> &'a mut [u8] {
        let piece = self.piece(buffer.len());
        buffer.get_mut(..piece).unwrap_or(&mut [])
    }

    fn piece(&self, room: usize) -> usize {
        usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(room)
    }

    /// `count` bytes, 0 at the end of the file, are in [`space`](Self::space).
    #[inline(never)]
    pub(super) fn take(&mut self, count: usize, buffer: &[u8]) -> Result<Progress, Misuse> {
        if count > self.piece(buffer.len()) {
            return Err(Misuse);
        }
        self.crc.update(buffer.get(..count).unwrap_or(b""));
        add_to(&mut self.at, count as u64);
        if count == 0 || self.is_complete() {
            return Ok(Progress::Over);
        }
        Ok(if self.is_slow(count) { Progress::Slow } else { Progress::More })
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

    /// Whether a `+ busy` is due before the first piece.
    pub(super) const fn is_long(&self) -> bool {
        self.end.saturating_sub(self.start) > QUICK
    }

    /// Whether a `+ busy` is due after a piece of `last` bytes.
    const fn is_slow(&self, last: usize) -> bool {
        let length = self.length();
        length / BUSY_INTERVAL > length.saturating_sub(last as u64) / BUSY_INTERVAL
    }
}
