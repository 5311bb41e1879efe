//! The state of the whole file system that a change of several steps leaves behind: the sum of
//! what all metadata pairs hold of it.

use super::LittleFs;
use super::flash::Flash;
use super::log::{Backwards, Blocks, Pair, bytes, words};
use super::store::RUN_LEN;
use super::tag::{NO_ENTRY, Tag, kind};
use crate::chip::Error;

/// Bytes of it in a log.
pub(super) const STATE_LEN: usize = 12;

/// Which change is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    tag: u32,
    pair: [u32; 2],
}

/// The list of all pairs may hold a folder that is none any more, or not yet.
const UNLISTED: u32 = 1 << 31;

/// An entry that is in two places, of which this one goes.
const MOVE: u32 = kind::DELETE << 20;
const MOVE_MASK: u32 = 0x7ff << 20;

impl State {
    /// Nothing goes on.
    pub(super) const NONE: Self = Self { tag: 0, pair: [0; 2] };

    pub(super) const fn sum(self, other: Self) -> Self {
        let ([a, b], [c, d]) = (self.pair, other.pair);
        Self { tag: self.tag ^ other.tag, pair: [a ^ c, b ^ d] }
    }

    pub(super) fn is_zero(self) -> bool {
        self == Self::NONE
    }

    pub(super) const fn is_unlisted(self) -> bool {
        self.tag & UNLISTED != 0
    }

    pub(super) const fn set_unlisted(&mut self, is: bool) {
        self.tag = if is { self.tag | UNLISTED } else { self.tag & !UNLISTED };
    }

    /// The entry that is to be removed.
    pub(super) fn moving(self) -> Option<(Blocks, u16)> {
        (self.tag & MOVE_MASK == MOVE).then(|| (Blocks::new(self.pair), Tag(self.tag).entry()))
    }

    pub(super) fn set_moving(&mut self, source: Option<(Blocks, u16)>) {
        let unlisted = self.tag & UNLISTED;
        (self.tag, self.pair) = match source {
            Some((blocks, entry)) => (Tag::new(kind::DELETE, entry, 0).0, blocks.both()),
            None => (0, [0; 2]),
        };
        self.tag |= unlisted;
    }

    pub(super) fn to_bytes(self) -> [u8; STATE_LEN] {
        let mut all = [0; STATE_LEN];
        let (tag, pair) = all.split_at_mut(4);
        tag.copy_from_slice(&self.tag.to_le_bytes());
        pair.copy_from_slice(&bytes(self.pair));
        all
    }
}

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    /// What a pair holds of the state.
    pub(super) fn share(&mut self, pair: &Pair) -> Result<State, Error> {
        let mut log = Backwards::new(pair);
        while let Some((tag, at)) = log.next(&mut self.store)? {
            if tag.kind() == kind::MOVE_STATE && tag.entry() == NO_ENTRY {
                let tag = self.store.read_u32(pair.current, at, RUN_LEN)?;
                let mut both = [0; 8];
                self.store.read(pair.current, at.saturating_add(4), &mut both, RUN_LEN)?;
                return Ok(State { tag, pair: words(both) });
            }
        }
        Ok(State::NONE)
    }
}
