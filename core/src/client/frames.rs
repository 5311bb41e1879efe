//! The frames of a download, as a client's machine receives them.

use super::input::Input;
use super::told::What;
use super::{Action, Client, ClientError, Done, PeerError};
use crate::buffer::Buffer;
use crate::crc::Crc32;
use crate::emit::put;
use crate::frame::{BUSY, DATA_START, End, Frame, data_len};
use crate::limits::{END_LEN, HEADER_LEN};
use crate::reply::{Code, Receipt, fields};
use crate::token::{Span, Tokens};

/// The frames of a download.
#[derive(Clone, Copy)]
pub(super) struct Frames {
    /// Where the gathered bytes belong in the file.
    offset: u64,
    /// File bytes gathered in the chunk buffer, from `DATA_START` on.
    fill: usize,
    /// The driver wants to have what is gathered.
    settle: bool,
    /// File bytes announced and not received yet.
    left: u64,
    received: Receipt,
    part: Part,
}

#[derive(Clone, Copy)]
enum Part {
    /// So many bytes of a DATA payload are to come, then the next header, of which `have` bytes
    /// have come.
    Data {
        left: usize,
        header: [u8; HEADER_LEN],
        have: usize,
    },
    /// So many bytes of the payload have come; they stand at `DATA_START`.
    End {
        have: usize,
    },
    Fail {
        len: usize,
        have: usize,
    },
}

impl Frames {
    pub(super) const fn new(offset: u64, length: u64) -> Self {
        let received = Receipt { length: 0, crc: 0 };
        Self { offset, fill: 0, settle: false, left: length, received, part: Part::NEXT }
    }

    pub(super) const fn fill(&self) -> usize {
        self.fill
    }

    /// The range of the chunk buffer, of which `limit` bytes may be used, that takes the next
    /// bytes from the link. In DATA it reaches over the next header, which always follows: so
    /// one read takes both, and never more than belongs to this download.
    pub(super) fn wanted(&self, limit: usize) -> (usize, usize) {
        match self.part {
            Part::Data { left, have, .. } => {
                let start = DATA_START + self.fill;
                (start, start.saturating_add(left + HEADER_LEN - have).min(limit))
            }
            Part::End { have } => (DATA_START + have, DATA_START + END_LEN),
            Part::Fail { len, have } => (DATA_START + have, DATA_START + len),
        }
    }

    /// Whether what is gathered must be stored before anything else.
    pub(super) fn store_is_due(&self, limit: usize) -> bool {
        let is_last = !matches!(self.part, Part::Data { .. });
        self.fill > 0 && (self.settle || is_last || self.fill >= data_len(limit, u64::MAX))
    }

    /// Bytes have come into the wanted range.
    pub(super) fn on_bytes(&mut self, bytes: &[u8]) {
        match &mut self.part {
            Part::Data { left, header, have } => {
                let count = bytes.len().min(*left);
                let (data, rest) = bytes.split_at_checked(count).unwrap_or((bytes, b""));
                let mut crc = Crc32::resume(self.received.crc);
                crc.update(data);
                self.received.crc = crc.value();
                self.received.length = self.received.length.saturating_add(count as u64);
                self.left = self.left.saturating_sub(count as u64);
                self.fill += count;
                *left -= count;
                for (to, from) in header.iter_mut().skip(*have).zip(rest) {
                    *to = *from;
                }
                *have += rest.len();
            }
            Part::End { have } | Part::Fail { have, .. } => *have += bytes.len(),
        }
    }
}

impl Part {
    const NEXT: Self = Self::Data { left: 0, header: [0; HEADER_LEN], have: 0 };
}

impl<C: Buffer, const LINE: usize, const DEPTH: usize> Client<C, LINE, DEPTH> {
    /// All bytes of the slice to store are stored.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`] if none were; [`ClientError::Peer`] if what had come behind them
    /// breaks the protocol.
    pub fn stored(&mut self) -> Result<(), ClientError> {
        if self.told.is_some() || !self.store_is_due() {
            return Err(ClientError::Misuse);
        }
        if let Input::Frames(frames) = &mut self.input {
            frames.offset = frames.offset.saturating_add(frames.fill as u64);
            frames.fill = 0;
            frames.settle = false;
        }
        self.advance()
    }

    /// Have what was gathered of a download stored at once, though more would fit into the
    /// buffer: before a long wait, or because the link was lost. [`Action::Store`] comes next if
    /// there is anything.
    pub fn settle(&mut self) {
        if let Input::Frames(frames) = &mut self.input {
            frames.settle = frames.fill > 0;
        }
    }

    pub(super) fn store_is_due(&self) -> bool {
        matches!(self.input, Input::Frames(frames) if frames.store_is_due(self.limit()))
    }

    pub(super) fn lend_store(&mut self) -> Action<'_> {
        let request = self.front_number();
        let Input::Frames(frames) = self.input else { return Action::Over };
        let data = self.chunk.bytes().get(DATA_START..DATA_START + frames.fill);
        Action::Store { request, offset: frames.offset, data: data.unwrap_or(b"") }
    }

    /// The reply to a download: its frames follow.
    pub(super) fn begin_download(
        &mut self,
        span: Span,
        offset: u64,
        most: u64,
    ) -> Result<What, PeerError> {
        let download = fields::download(span.of(&self.line)).ok_or(PeerError::Fields)?;
        let (length, size, modified) = download;
        // Otherwise the file would be put together wrongly.
        if size.checked_sub(offset).map(|rest| rest.min(most)) != Some(length) {
            return Err(PeerError::Fields);
        }
        self.input = Input::Frames(Frames::new(offset, length));
        if let Some(front) = self.unanswered.front_mut() {
            let line = core::mem::take(&mut front.line);
            self.window = self.window.saturating_sub(line.into());
        }
        Ok(What::Begins { length, size, modified })
    }

    /// Act on a part of a frame that is complete, or take bytes that were read behind a line.
    pub(super) fn on_frames(&mut self, mut frames: Frames) -> Result<bool, PeerError> {
        match frames.part {
            Part::Data { left: 0, header, have: HEADER_LEN } => {
                self.on_header(frames, header)?;
            }
            Part::End { have: END_LEN } => self.on_end(&frames)?,
            Part::Fail { len, have } if have == len => self.on_fail(len)?,
            _ if self.start == self.end => return Ok(false),
            _ => {
                let (start, end) = frames.wanted(self.limit());
                let count = end.saturating_sub(start).min(self.end - self.start);
                let from = self.line.get(self.start..self.start + count).unwrap_or(b"");
                put(self.chunk.bytes_mut(), start, from);
                frames.on_bytes(from);
                self.input = Input::Frames(frames);
                self.start += count;
            }
        }
        Ok(true)
    }

    fn on_header(&mut self, frames: Frames, header: [u8; 4]) -> Result<(), PeerError> {
        let part = match Frame::parse(header).map_err(|_| PeerError::Frame)? {
            Frame::Data(length) if u64::from(length) > frames.left => {
                return Err(PeerError::Length);
            }
            Frame::Data(length) => {
                Part::Data { left: length as usize, header: [0; HEADER_LEN], have: 0 }
            }
            Frame::End => Part::End { have: 0 },
            Frame::Fail(len) => Part::Fail { len: len.into(), have: 0 },
            Frame::Busy => Part::NEXT,
        };
        self.input = Input::Frames(Frames { part, ..frames });
        if header == BUSY {
            self.note(self.front_number(), What::Busy)?;
        }
        Ok(())
    }

    fn on_end(&mut self, frames: &Frames) -> Result<(), PeerError> {
        let bytes = self.chunk.bytes().get(DATA_START..).and_then(|rest| rest.first_chunk());
        let end = End::parse_payload(*bytes.ok_or(PeerError::Frame)?);
        if frames.left > 0 || end.length != frames.received.length {
            return Err(PeerError::Length);
        }
        if end.crc != frames.received.crc {
            return Err(PeerError::Checksum);
        }
        self.finish_download(What::Done(Done::Downloaded(end)))
    }

    fn on_fail(&mut self, len: usize) -> Result<(), PeerError> {
        let span = Span::new(DATA_START, DATA_START + len);
        let mut tokens = Tokens::new(span.of(self.chunk.bytes()));
        let code = Code::parse(tokens.next().unwrap_or(b""));
        let message = span.tail(len - tokens.rest().len());
        self.finish_download(What::Failed(code, message))
    }

    fn finish_download(&mut self, what: What) -> Result<(), PeerError> {
        let request = self.front_number();
        self.input = Input::Lines;
        self.answered();
        self.note(request, what)
    }
}
