//! The sending half of a client's machine: command lines, and the frames of uploads.

use super::{Action, Client, ClientError, Kind};
use crate::buffer::Buffer;
use crate::command::Command;
use crate::crc::Crc32;
use crate::emit::{Emit, put};
use crate::frame::{BUSY, DATA_START, End, Frame, data_len};
use crate::limits::FAIL_MAX;
use crate::path::Path;
use crate::reply::{Code, Receipt, Refusal};

#[derive(Clone, Copy)]
pub(super) enum Output {
    Idle,
    /// `start..end` of the chunk buffer is to be transmitted, then what `next` says.
    Bytes {
        start: usize,
        end: usize,
        next: Next,
    },
    /// The next file bytes are awaited.
    Supply(Upload),
}

#[derive(Clone, Copy)]
pub(super) enum Next {
    Nothing,
    File(Upload),
    /// The server refused the file while it was being sent.
    Fail,
}

/// A file that is being sent.
#[derive(Clone, Copy)]
pub(super) struct Upload {
    /// Where the next file byte stands in the file.
    offset: u64,
    /// Bytes still to be sent, if the size was announced.
    left: Option<u64>,
    /// Bytes sent, and their checksum: what END says.
    sent: u64,
    data: Crc32,
    /// The checksum of the whole file so far: what the receipt will say.
    whole: Crc32,
}

impl Upload {
    pub(super) fn of(command: &Command<Path<'_>>) -> Option<Self> {
        let Command::Upload { size, resume, .. } = command else { return None };
        let (offset, crc) = resume.map_or((0, 0), |resume| (resume.offset, resume.crc));
        Some(Self {
            offset,
            left: size.map(|size| size.saturating_sub(offset)),
            sent: 0,
            data: Crc32::new(),
            whole: Crc32::resume(crc),
        })
    }

    fn take(&mut self, bytes: &[u8]) {
        let is_fresh = self.offset == self.sent;
        self.data.update(bytes);
        if is_fresh {
            self.whole = self.data;
        } else {
            self.whole.update(bytes);
        }
        let count = bytes.len() as u64;
        self.offset = self.offset.saturating_add(count);
        self.sent = self.sent.saturating_add(count);
        self.left = self.left.map(|left| left.saturating_sub(count));
    }
}

impl<C: Buffer, const LINE: usize, const DEPTH: usize> Client<C, LINE, DEPTH> {
    /// So many bytes of the slice to transmit have left: 1 up to its length.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`] if nothing was to be transmitted, or another count of bytes.
    pub fn transmitted(&mut self, count: usize) -> Result<(), ClientError> {
        let Output::Bytes { start, end, next } = self.output else {
            return Err(ClientError::Misuse);
        };
        if count == 0 || count > end.saturating_sub(start) || !self.may_exchange() {
            return Err(ClientError::Misuse);
        }
        if start + count < end {
            self.output = Output::Bytes { start: start + count, end, next };
        } else {
            self.go_on(next);
        }
        Ok(())
    }

    /// So many file bytes are in the buffer. 0 is the end of the file; where the size was
    /// announced, an end before it withdraws the upload, which the server answers with a
    /// refusal.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`] if no bytes were asked for, or so many do not fit.
    pub fn supplied(&mut self, count: usize) -> Result<(), ClientError> {
        let mut upload = self.awaited_upload()?;
        let bytes = self.chunk.bytes_mut();
        if count > supply_len(bytes.len(), &upload) {
            return Err(ClientError::Misuse);
        }
        if count == 0 {
            match upload.left {
                Some(_) => self.queue_fail(SHRUNK),
                None => self.queue_end(&upload),
            }
            return Ok(());
        }
        let end = DATA_START + count;
        upload.take(bytes.get(DATA_START..end).unwrap_or(b""));
        self.queue_bytes(0, &Frame::Data(count as u32).emit());
        self.output = Output::Bytes { start: 0, end, next: Next::File(upload) };
        Ok(())
    }

    /// The medium has no bytes yet: a sign of life is sent, then they are asked for again. Due
    /// at least every 10 s while the medium stalls.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`] if no bytes were asked for.
    pub fn stalled(&mut self) -> Result<(), ClientError> {
        let upload = self.awaited_upload()?;
        let end = self.queue_bytes(0, &BUSY);
        self.output = Output::Bytes { start: 0, end, next: Next::File(upload) };
        Ok(())
    }

    pub(super) fn lend_supply(&mut self, upload: Upload) -> Action<'_> {
        let request = self.next.wrapping_sub(1);
        let bytes = self.chunk.bytes_mut();
        let end = DATA_START + supply_len(bytes.len(), &upload);
        let buffer = bytes.get_mut(DATA_START..end).unwrap_or(&mut []);
        Action::Supply { request, offset: upload.offset, buffer }
    }

    /// The server refused the file that is being sent.
    pub(super) fn stop_upload(&mut self) {
        match &mut self.output {
            Output::Bytes { next: next @ Next::File(_), .. } => *next = Next::Fail,
            Output::Supply(_) => self.queue_fail(STOPPED),
            _ => {}
        }
    }

    pub(super) fn queue_fail(&mut self, reason: Refusal) {
        let mut text = [0; FAIL_MAX];
        let mut line = Emit::new(&mut text);
        // A sentence that is too long is cut to nothing but its code.
        reason.emit_text(&mut line);
        let len = line.written().unwrap_or(reason.code.word().len());
        let start = self.queue_bytes(0, &Frame::Fail(len as u8).emit());
        let end = self.queue_bytes(start, text.get(..len).unwrap_or(b""));
        self.output = Output::Bytes { start: 0, end, next: Next::Nothing };
    }

    fn queue_end(&mut self, upload: &Upload) {
        let end = End { length: upload.sent, crc: upload.data.value() };
        let receipt = Receipt { length: upload.offset, crc: upload.whole.value() };
        if let Some(request) = self.unanswered.back_mut() {
            request.kind = Kind::Sent(receipt);
        }
        let end = self.queue_bytes(0, &end.emit_frame());
        self.output = Output::Bytes { start: 0, end, next: Next::Nothing };
    }

    /// Put bytes into the chunk buffer and say where they end.
    fn queue_bytes(&mut self, start: usize, bytes: &[u8]) -> usize {
        put(self.chunk.bytes_mut(), start, bytes);
        start + bytes.len()
    }

    fn go_on(&mut self, next: Next) {
        match next {
            Next::Nothing => {
                self.output = Output::Idle;
                self.release();
            }
            Next::Fail => self.queue_fail(STOPPED),
            Next::File(upload) if upload.left == Some(0) => self.queue_end(&upload),
            Next::File(upload) => self.output = Output::Supply(upload),
        }
    }

    fn awaited_upload(&self) -> Result<Upload, ClientError> {
        match self.output {
            Output::Supply(upload) if self.may_exchange() => Ok(upload),
            _ => Err(ClientError::Misuse),
        }
    }
}

fn supply_len(buffer_len: usize, upload: &Upload) -> usize {
    data_len(buffer_len, upload.left.unwrap_or(u64::MAX))
}

const SHRUNK: Refusal = Refusal::new(Code::Aborted, "the file became shorter while it was sent");
const STOPPED: Refusal = Refusal::new(Code::Aborted, "stopped because of the refusal");
