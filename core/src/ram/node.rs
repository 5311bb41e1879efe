//! What a RAM disk knows of one entry.

use super::blocks::{Chain, Cursor};
use crate::storage::{Kind, Metadata};

/// What an open file or a writer goes by.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Handle {
    /// Of an open file its identity, of a writer its ticket.
    pub(super) number: u64,
    /// Where the node was last found.
    pub(super) place: usize,
    /// Where in its bytes it was last read or written.
    pub(super) cursor: Cursor,
}

/// The served folder itself, which has no node.
pub(super) const ROOT: u64 = 0;

/// Room for what a RAM disk knows of one file or folder, visible or not.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Node {
    /// Never used twice, so that a handle cannot meet another entry.
    pub(super) id: u64,
    /// The folder it is in.
    pub(super) parent: u64,
    pub(super) name: Chain,
    pub(super) name_len: usize,
    pub(super) data: Chain,
    pub(super) length: usize,
    pub(super) modified: Option<u64>,
    pub(super) stamp: u64,
    /// Open handles that read it.
    pub(super) readers: u32,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum State {
    Free,
    Folder,
    File,
    /// Replaced or removed, and still being read.
    Orphan,
    Partial,
    Staged(Claim),
}

/// Who writes a staged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Claim {
    /// Never used twice: the handle of the writer.
    pub(super) ticket: u64,
    pub(super) session: u64,
    /// When it last made progress, in milliseconds of the disk's time.
    pub(super) progress: u64,
}

impl Handle {
    pub(super) fn new(number: u64) -> Self {
        Self { number, place: 0, cursor: Cursor::default() }
    }
}

impl Node {
    /// Nothing yet.
    pub const FREE: Self = Self {
        id: ROOT,
        parent: ROOT,
        name: Chain::EMPTY,
        name_len: 0,
        data: Chain::EMPTY,
        length: 0,
        modified: None,
        stamp: 0,
        readers: 0,
        state: State::Free,
    };

    pub(super) fn is_visible(&self) -> bool {
        matches!(self.state, State::File | State::Folder)
    }

    pub(super) fn is_staged_by(&self, ticket: u64) -> bool {
        matches!(self.state, State::Staged(claim) if claim.ticket == ticket)
    }

    pub(super) fn metadata(&self) -> Metadata {
        let kind = if self.state == State::Folder { Kind::Folder } else { Kind::File };
        Metadata { kind, size: self.length as u64, modified: self.modified, stamp: self.stamp }
    }
}
