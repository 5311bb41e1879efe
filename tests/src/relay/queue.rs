//! Bytes on their way through the relay.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::lock;

/// Bytes on their way in one direction: 1 GB/s with 10 ms of delay fit.
const WINDOW: usize = 16 << 20;

/// How often a thread that waits looks whether the connection was cut.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// Bytes on their way; none at all is the end.
pub(super) struct Piece {
    pub(super) leaves: Instant,
    pub(super) bytes: Vec<u8>,
}

/// The bytes of one direction that have not left yet.
#[derive(Default)]
pub(super) struct Queue {
    pieces: Mutex<(VecDeque<Piece>, usize)>,
    changed: Condvar,
}

impl Queue {
    /// Add a piece when there is room; `false` if the connection broke meanwhile.
    pub(super) fn push(&self, piece: Piece, broken: &AtomicBool) -> bool {
        let mut pieces = lock(&self.pieces);
        while pieces.1 >= WINDOW {
            if broken.load(Ordering::SeqCst) {
                return false;
            }
            pieces =
                self.changed.wait_timeout(pieces, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        pieces.1 += piece.bytes.len();
        pieces.0.push_back(piece);
        self.changed.notify_all();
        true
    }

    /// Whether the sender has closed.
    pub(super) fn has_end(&self) -> bool {
        lock(&self.pieces).0.back().is_some_and(|piece| piece.bytes.is_empty())
    }

    /// Take the oldest piece; `None` if the connection broke.
    pub(super) fn pop(&self, broken: &AtomicBool) -> Option<Piece> {
        let mut pieces = lock(&self.pieces);
        while !broken.load(Ordering::SeqCst) {
            if let Some(piece) = pieces.0.pop_front() {
                pieces.1 -= piece.bytes.len();
                self.changed.notify_all();
                return Some(piece);
            }
            pieces =
                self.changed.wait_timeout(pieces, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        None
    }
}
