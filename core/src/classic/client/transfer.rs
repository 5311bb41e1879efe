//! The file bytes of a classic client: bare, on a connection of their own.

use super::told::What;
use super::{Client, REQUEST, SCRATCH, State};
use crate::buffer::Buffer;
use crate::client::{Action, ClientError, PeerError};
use crate::crc::Crc32;
use crate::frame::{DATA_START, data_len};
use crate::reply::{Code, Receipt, Refusal};

/// A file that is being received.
#[derive(Clone, Copy)]
pub(super) struct Incoming {
    /// Announced bytes that have not come yet.
    left: u64,
    /// What has come.
    received: Receipt,
    /// Bytes of it that are gathered in the chunk buffer and not stored yet.
    fill: usize,
    /// The driver wants to have what is gathered.
    settle: bool,
}

impl Incoming {
    pub(super) const fn new(size: u64) -> Self {
        Self { left: size, received: Receipt { length: 0, crc: 0 }, fill: 0, settle: false }
    }

    pub(super) const fn settle(&mut self) {
        self.settle = self.fill > 0;
    }

    fn store_is_due(&self, buffer_len: usize) -> bool {
        let is_full = self.fill >= data_len(buffer_len, u64::MAX);
        self.fill > 0 && (self.settle || self.left == 0 || is_full)
    }

    pub(super) fn wanted(&self, buffer_len: usize) -> Option<(usize, usize)> {
        if self.store_is_due(buffer_len) {
            return None;
        }
        if self.left == 0 {
            return Some(SCRATCH);
        }
        let gathered = self.left.saturating_add(self.fill as u64);
        Some((DATA_START + self.fill, DATA_START + data_len(buffer_len, gathered)))
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut crc = Crc32::resume(self.received.crc);
        crc.update(bytes);
        self.received.crc = crc.value();
        self.received.length = self.received.length.saturating_add(bytes.len() as u64);
        self.left = self.left.saturating_sub(bytes.len() as u64);
        self.fill += bytes.len();
    }
}

/// A file that is being sent.
#[derive(Clone, Copy)]
pub(super) struct Outgoing {
    /// Where the next file byte to be read stands in the file.
    offset: u64,
    /// Bytes still to be read.
    left: u64,
    /// The range of the chunk buffer that is to be transmitted; `None`: bytes are awaited.
    pub(super) bytes: Option<(usize, usize)>,
}

impl Outgoing {
    /// An empty file is sent already.
    pub(super) const fn begin(size: u64) -> State {
        match size {
            0 => State::Sent { length: 0 },
            left => State::Sending(Self { offset: 0, left, bytes: None }),
        }
    }

    pub(super) fn transmitted(self, start: usize, end: usize) -> State {
        match self {
            _ if start < end => State::Sending(Self { bytes: Some((start, end)), ..self }),
            Self { left: 0, offset, .. } => State::Sent { length: offset },
            _ => State::Sending(Self { bytes: None, ..self }),
        }
    }
}

impl<C: Buffer> Client<C> {
    pub(super) fn store_is_due(&self, incoming: &Incoming) -> bool {
        self.told.is_none() && incoming.store_is_due(self.chunk.bytes().len())
    }

    pub(super) fn lend_store(&self, incoming: &Incoming) -> Action<'_> {
        let data = self.chunk.bytes().get(DATA_START..DATA_START + incoming.fill);
        let offset = incoming.received.length.saturating_sub(incoming.fill as u64);
        Action::Store { request: REQUEST, offset, data: data.unwrap_or(b"") }
    }

    pub(super) fn lend_supply(&mut self, outgoing: &Outgoing) -> Action<'_> {
        let (offset, left) = (outgoing.offset, outgoing.left);
        let bytes = self.chunk.bytes_mut();
        let end = DATA_START + data_len(bytes.len(), left);
        let buffer = bytes.get_mut(DATA_START..end).unwrap_or(&mut []);
        Action::Supply { request: REQUEST, offset, buffer }
    }

    pub(super) fn on_file_bytes(
        &mut self,
        mut incoming: Incoming,
        count: usize,
    ) -> Result<(), PeerError> {
        match (incoming.left, count) {
            (0, 0) => {
                self.told = Some(What::Downloaded(incoming.received));
                self.state = State::Over;
            }
            (0, _) | (_, 0) => return Err(PeerError::Length),
            _ => {
                let start = DATA_START + incoming.fill;
                incoming.take(self.chunk.bytes().get(start..start + count).unwrap_or(b""));
                self.state = State::Receiving(incoming);
            }
        }
        Ok(())
    }

    pub(super) fn on_stored(&mut self) -> Result<(), ClientError> {
        match self.state {
            State::Receiving(incoming) if self.store_is_due(&incoming) => {
                self.state = State::Receiving(Incoming { fill: 0, settle: false, ..incoming });
                Ok(())
            }
            _ => Err(ClientError::Misuse),
        }
    }

    pub(super) fn on_supplied(&mut self, count: usize) -> Result<(), ClientError> {
        let outgoing = self.awaited_file()?;
        if count > data_len(self.chunk.bytes().len(), outgoing.left) {
            return Err(ClientError::Misuse);
        }
        if count == 0 {
            self.withdraw(SHRUNK);
            return Ok(());
        }
        self.state = State::Sending(Outgoing {
            offset: outgoing.offset.saturating_add(count as u64),
            left: outgoing.left.saturating_sub(count as u64),
            bytes: Some((DATA_START, DATA_START + count)),
        });
        Ok(())
    }

    /// The file whose bytes are asked for.
    pub(super) fn awaited_file(&self) -> Result<Outgoing, ClientError> {
        match self.state {
            State::Sending(outgoing) if outgoing.bytes.is_none() => Ok(outgoing),
            _ => Err(ClientError::Misuse),
        }
    }

    /// Give an upload up. The server is told by a reset, which is the owner's matter.
    pub(super) fn withdraw(&mut self, reason: Refusal) {
        self.told = Some(What::Withdrawn(reason));
        self.state = State::Over;
    }
}

const SHRUNK: Refusal = Refusal::new(Code::Aborted, "the file became shorter while it was sent");
