//! The commands of the classic dialect, as a client sends them.

use super::Client;
use crate::buffer::{Buffer, Purpose};
use crate::classic::Way;
use crate::client::NotNow;
use crate::command::Command;
use crate::emit::{Emit, Overflow};
use crate::frame::DATA_START;
use crate::limits::CLASSIC_LINE_MAX;
use crate::path::Path;

/// The command.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    List,
    Download,
    Upload { size: u64 },
}

impl Kind {
    /// Sort out what the dialect cannot say.
    pub(super) fn of<'a>(command: &Command<Path<'a>>) -> Result<(Self, &'a [u8]), NotNow> {
        let (kind, path) = match *command {
            Command::List { path } => (Self::List, path),
            Command::Download { path, offset: 0, length: None, prefix: None } => {
                (Self::Download, path)
            }
            // Its time is not kept: the dialect has none.
            Command::Upload { path, size: Some(size), resume: None, .. } => {
                (Self::Upload { size }, path)
            }
            _ => return Err(NotNow::Dialect),
        };
        let name = path.as_bytes();
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let is_missing = name.is_empty() && !matches!(kind, Self::List);
        if is_missing || !name.iter().all(is_plain) {
            return Err(NotNow::Name);
        }
        Ok((kind, name))
    }

    pub(super) const fn way(self) -> Option<Way> {
        match self {
            Self::List => None,
            Self::Download => Some(Way::Download),
            Self::Upload { .. } => Some(Way::Upload),
        }
    }

    const fn verb(self) -> &'static [u8] {
        match self {
            Self::List => b"ls",
            Self::Download => b"download",
            Self::Upload { .. } => b"upload",
        }
    }

    pub(super) const fn purpose(self) -> Purpose {
        match self {
            Self::List => Purpose::Lines,
            Self::Download | Self::Upload { .. } => Purpose::File,
        }
    }
}

impl<C: Buffer> Client<C> {
    /// Put the line, which nothing ends, into the chunk buffer and say how long it is.
    pub(super) fn emit_line(&mut self, kind: Kind, name: &[u8]) -> Result<usize, Overflow> {
        let room = self.chunk.bytes_mut().get_mut(DATA_START..DATA_START + CLASSIC_LINE_MAX);
        let mut line = Emit::new(room.ok_or(Overflow)?);
        line.bytes(kind.verb());
        if !name.is_empty() {
            line.bytes(b" ");
            line.bytes(name);
        }
        if let Kind::Upload { size } = kind {
            line.number_field(size);
        }
        line.written()
    }
}
