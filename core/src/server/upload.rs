//! `upload`: frames into a staged file that becomes visible whole or not at all.

use super::checksum::{Checksum, Progress};
use super::drain::drain_space;
use super::frames::{Frames, Got};
use super::{Action, Misuse, Next, Phase, Server};
use crate::buffer::{Buffer, Purpose};
use crate::command::{Resume, path_in};
use crate::crc::Crc32;
use crate::frame::{DATA_START, End, data_len};
use crate::limits::HEADER_LEN;
use crate::machine::add_to;
use crate::reply::{Code, Receipt, Refusal};
use crate::step::{Answer, Note, Step};
use crate::token::Span;

/// An upload under way.
pub(super) struct Upload {
    path: Span,
    size: Option<u64>,
    resume: Option<Resume>,
    modified: Option<u64>,
    stage: Stage,
    frames: Frames,
    /// Bytes of the staged file.
    stored: u64,
    /// File bytes in the chunk buffer, and how many of them are written.
    fill: u32,
    written: u32,
    /// DATA of this transfer.
    received: u64,
    crc: Crc32,
    /// The whole file, where that is more than this transfer.
    whole: Option<Crc32>,
}

#[derive(Clone, Copy)]
enum Stage {
    Open,
    /// Check that the client's first bytes are those we keep.
    Prefix(Checksum),
    Truncate,
    Receive,
    /// Tell the medium of progress that it does not see yet.
    Alive,
    /// Write what the chunk buffer holds.
    Write(Then),
    Finish(Receipt),
    /// Keep what is stored, or discard it, and go on.
    PutAway {
        keep: bool,
        then: Next,
    },
}

/// What follows when the chunk buffer is written.
#[derive(Clone, Copy)]
enum Then {
    Receive,
    End(End),
    PutAway(Next),
}

pub(crate) const CORRUPT_LENGTH: Refusal =
    Refusal::new(Code::Corrupt, "the bytes sent are not as many as were announced");
const CORRUPT_CRC: Refusal =
    Refusal::new(Code::Corrupt, "the bytes received do not have the checksum in END");
pub(super) const NOT_A_FRAME: Refusal =
    Refusal::new(Code::BadCommand, "something else than a frame came within an upload");
const GAVE_UP: Refusal = Refusal::new(Code::Aborted, "the client gave up the upload");

impl Upload {
    pub(super) const fn new(
        path: Span,
        size: Option<u64>,
        resume: Option<Resume>,
        modified: Option<u64>,
    ) -> Self {
        Self {
            path,
            size,
            resume,
            modified,
            stage: Stage::Open,
            frames: Frames::START,
            stored: 0,
            fill: 0,
            written: 0,
            received: 0,
            crc: Crc32::new(),
            whole: None,
        }
    }

    pub(super) fn action<'a>(
        &'a mut self,
        line: &'a [u8],
        chunk: &'a mut impl Buffer,
    ) -> Action<'a> {
        let size = self.size;
        Action::Step(match self.stage {
            Stage::Open if self.resume.is_some() => {
                Step::Resume { path: path_in(self.path, line), size }
            }
            Stage::Open => Step::Stage { path: path_in(self.path, line), size },
            Stage::Prefix(checksum) => {
                let buffer = checksum.space(chunk.bytes_mut());
                Step::ReadStaged { offset: checksum.at(), buffer }
            }
            Stage::Truncate => Step::Truncate(self.stored),
            Stage::Receive => return Action::Receive(self.space(chunk)),
            Stage::Alive => Step::Alive,
            Stage::Write(_) => Step::Write { offset: self.stored, data: self.unwritten(chunk) },
            Stage::Finish(receipt) => Step::Finish { receipt, modified: self.modified },
            Stage::PutAway { keep: true, .. } => Step::Keep,
            Stage::PutAway { keep: false, .. } => Step::Discard,
        })
    }

    pub(super) const fn receives(&self) -> bool {
        matches!(self.stage, Stage::Receive)
    }

    /// Where the next bytes go: file bytes behind those that are there, with room for the next
    /// header, so that small frames are received together and END is never read past.
    fn space<'a>(&'a mut self, chunk: &'a mut impl Buffer) -> &'a mut [u8] {
        let room = self.room(chunk.bytes().len());
        match &mut self.frames {
            Frames::Data(_) => {
                let start = DATA_START.saturating_add(self.fill as usize);
                let buffer = chunk.bytes_mut().get_mut(start..).unwrap_or(&mut []);
                buffer.get_mut(..room).unwrap_or(&mut [])
            }
            other => other.space().unwrap_or(&mut []),
        }
    }

    fn room(&self, chunk_len: usize) -> usize {
        let Frames::Data(left) = self.frames else { return self.frames.room() };
        let left = left as usize;
        let free = data_len(chunk_len, u64::MAX).saturating_sub(self.fill as usize);
        if left > free {
            return free;
        }
        let behind = chunk_len.saturating_sub(DATA_START + self.fill as usize);
        left.saturating_add(HEADER_LEN).min(behind)
    }

    fn unwritten<'a>(&self, chunk: &'a mut impl Buffer) -> &'a [u8] {
        let start = DATA_START.saturating_add(self.written as usize);
        let end = DATA_START.saturating_add(self.fill as usize);
        chunk.bytes().get(start..end).unwrap_or(b"")
    }

    /// `count` bytes are in [`space`](Self::space).
    fn take(&mut self, count: usize, chunk: &[u8]) -> Got {
        let Frames::Data(left) = self.frames else { return self.frames.received(count) };
        let data = count.min(left as usize);
        let start = DATA_START.saturating_add(self.fill as usize);
        let bytes = chunk.get(start..).unwrap_or(b"");
        let (bytes, behind) = bytes.split_at_checked(data).unwrap_or((bytes, b""));
        self.crc.update(bytes);
        if let Some(whole) = &mut self.whole {
            whole.update(bytes);
        }
        add_to(&mut self.received, data as u64);
        self.fill = self.fill.saturating_add(data as u32);
        let left = left - data as u32;
        if left > 0 {
            self.frames = Frames::Data(left);
            return Got::Part;
        }
        self.frames = Frames::START;
        let behind = behind.get(..count - data).unwrap_or(b"");
        if behind.is_empty() { Got::Part } else { self.frames.begin_header(behind) }
    }

    /// Bytes this transfer has to bring, if the size is known.
    fn expected(&self) -> Option<u64> {
        let offset = self.resume.map_or(0, |resume| resume.offset);
        self.size.map(|size| size.saturating_sub(offset))
    }

    fn check_end(&self, end: End) -> Result<Receipt, Refusal> {
        if end.length != self.received
            || self.expected().is_some_and(|expected| expected != self.received)
        {
            return Err(CORRUPT_LENGTH);
        }
        if end.crc != self.crc.value() {
            return Err(CORRUPT_CRC);
        }
        let whole = self.whole.unwrap_or(self.crc);
        Ok(Receipt { length: self.stored, crc: whole.value() })
    }

    #[inline(never)]
    fn write_then(&mut self, then: Then) {
        if self.fill == self.written {
            self.written_all(then);
        } else {
            self.stage = Stage::Write(then);
        }
    }

    /// The chunk buffer is free again.
    fn written_all(&mut self, then: Then) {
        self.fill = 0;
        self.written = 0;
        // Each stage is put where it belongs at once: a chip would copy one that is chosen first.
        match then {
            Then::Receive => self.stage = Stage::Receive,
            Then::PutAway(then) => self.stage = Stage::PutAway { keep: true, then },
            Then::End(end) => match self.check_end(end) {
                Ok(receipt) => self.stage = Stage::Finish(receipt),
                Err(refusal) => {
                    let then = Next::Refuse(refusal, None);
                    self.stage = Stage::PutAway { keep: false, then };
                }
            },
        }
    }

    #[inline(never)]
    fn put_away(&mut self, keep: bool, refusal: Refusal) {
        // Behind END the client's frames are over; before it they still come.
        let over = matches!(self.stage, Stage::Write(Then::End(_) | Then::PutAway(_)));
        let frames = if over { None } else { Some(self.frames) };
        self.stage = Stage::PutAway { keep, then: Next::Refuse(refusal, frames) };
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(super) fn on_upload_answer(&mut self, answer: Answer) -> Result<(), Misuse> {
        let Phase::Upload(upload) = &mut self.phase else { return Err(Misuse) };
        match (&upload.stage, answer) {
            (Stage::Open, Answer::Refused(refusal)) => {
                let frames = upload.frames;
                self.after_group(Next::Refuse(refusal, Some(frames)));
            }
            (Stage::Open, Answer::Done) if upload.resume.is_none() => {
                self.chunk.reserve(Purpose::File);
                upload.stage = Stage::Receive;
            }
            (Stage::Open, Answer::Stored(stored)) => self.on_resumed(stored)?,
            (Stage::Prefix(_), Answer::Filled(count)) => self.on_staged_read(count)?,
            (Stage::Truncate | Stage::Alive, Answer::Done) => upload.stage = Stage::Receive,
            (&Stage::Write(then), Answer::Wrote(count)) => {
                let left = upload.fill.saturating_sub(upload.written);
                if count == 0 || count > left as usize {
                    return Err(Misuse);
                }
                upload.written = upload.written.saturating_add(count as u32);
                add_to(&mut upload.stored, count as u64);
                if upload.written == upload.fill {
                    upload.written_all(then);
                }
            }
            (&Stage::Write(then @ Then::PutAway(_)), Answer::Refused(_)) => {
                upload.written_all(then);
            }
            (Stage::Prefix(_) | Stage::Truncate | Stage::Write(_), Answer::Refused(refusal)) => {
                upload.put_away(true, refusal);
            }
            (Stage::Finish(_), Answer::Finished { room }) => {
                self.group = self.group.saturating_add(1);
                self.phase = Phase::Next(Next::Boundary);
                if !room || self.group == u16::MAX {
                    self.after_group(Next::Boundary);
                }
            }
            (&Stage::PutAway { then, .. }, Answer::Done | Answer::Refused(_)) => {
                self.after_group(then);
            }
            _ => return Err(Misuse),
        }
        Ok(())
    }

    /// The partial is open again: does it hold what the client says?
    fn on_resumed(&mut self, stored: u64) -> Result<(), Misuse> {
        let Phase::Upload(upload) = &mut self.phase else { return Err(Misuse) };
        let Resume { offset, crc } = upload.resume.ok_or(Misuse)?;
        if offset > stored || upload.size.is_some_and(|size| offset > size) {
            let why = "the offset is past what is stored, or past the size";
            upload.put_away(true, Refusal::new(Code::BadArgument, why));
            return Ok(());
        }
        self.chunk.reserve(Purpose::File);
        upload.stored = stored;
        upload.whole = Some(Crc32::resume(crc));
        let checksum = Checksum::new(0, offset);
        upload.stage = Stage::Prefix(checksum);
        if checksum.is_complete() {
            self.on_prefix_checked(checksum);
        } else if checksum.is_long() {
            self.queue_busy();
        }
        Ok(())
    }

    fn on_staged_read(&mut self, count: usize) -> Result<(), Misuse> {
        let Phase::Upload(upload) = &mut self.phase else { return Err(Misuse) };
        let Stage::Prefix(checksum) = &mut upload.stage else { return Err(Misuse) };
        match checksum.take(count, self.chunk.bytes())? {
            Progress::Over => {
                let checksum = *checksum;
                self.on_prefix_checked(checksum);
            }
            Progress::Slow => self.queue_busy(),
            Progress::More => {}
        }
        Ok(())
    }

    fn on_prefix_checked(&mut self, checksum: Checksum) {
        let Phase::Upload(upload) = &mut self.phase else { return };
        let Some(Resume { offset, crc }) = upload.resume else { return };
        if !checksum.is_complete() || checksum.crc().value() != crc {
            let why = "what is stored does not have the checksum of the first bytes";
            return upload.put_away(true, Refusal::new(Code::Changed, why));
        }
        let beyond = upload.stored > offset;
        upload.stored = offset;
        upload.stage = if beyond { Stage::Truncate } else { Stage::Receive };
    }

    pub(super) fn on_upload_received(&mut self, count: usize) -> Result<(), Misuse> {
        let Phase::Upload(upload) = &mut self.phase else { return Err(Misuse) };
        if !upload.receives() || count > upload.room(self.chunk.bytes().len()) {
            return Err(Misuse);
        }
        if count == 0 {
            self.end_of_upload_input();
        } else {
            self.on_upload_bytes(count);
        }
        Ok(())
    }

    fn on_upload_bytes(&mut self, count: usize) {
        let Phase::Upload(upload) = &mut self.phase else { return };
        let before = upload.received;
        let got = upload.take(count, self.chunk.bytes());
        let moved = upload.received.saturating_sub(before);
        add_to(&mut self.counters.received, moved);
        let too_much = |length: u32| {
            let total = upload.received.saturating_add(length.into());
            upload.expected().is_some_and(|expected| total > expected)
        };
        match got {
            Got::Data(length) if too_much(length) => return upload.put_away(false, CORRUPT_LENGTH),
            Got::End(end) => return upload.write_then(Then::End(end)),
            Got::Failed => {
                let then = Next::Refuse(GAVE_UP, None);
                return upload.write_then(Then::PutAway(then));
            }
            Got::Bad => return upload.write_then(Then::PutAway(Next::Close(NOT_A_FRAME))),
            Got::Busy => self.counters.signs = self.counters.signs.saturating_add(1),
            Got::Part | Got::Data(_) | Got::Failing => {}
        }
        if upload.fill as usize >= data_len(self.chunk.bytes().len(), u64::MAX) {
            upload.write_then(Then::Receive);
        } else if moved > 0 || got == Got::Busy {
            upload.stage = Stage::Alive;
        }
    }

    fn end_of_upload_input(&mut self) {
        self.ending = self.ending.or(Some(super::Outcome::Lost));
        self.abandon_upload(None);
    }

    /// The upload stops here: what came of it stays a partial.
    pub(super) fn abandon_upload(&mut self, last: Option<Refusal>) {
        let Phase::Upload(upload) = &mut self.phase else { return };
        let then = last.map_or(Next::Boundary, Next::Close);
        let length = upload.received;
        match upload.stage {
            Stage::Open => return self.after_group(then),
            Stage::Receive | Stage::Alive | Stage::Write(_) => {
                upload.write_then(Then::PutAway(then));
            }
            Stage::Finish(_) | Stage::PutAway { .. } => {}
            Stage::Prefix(_) | Stage::Truncate => {
                upload.stage = Stage::PutAway { keep: true, then };
            }
        }
        self.result_note = Some(Note::Abandoned { length });
    }

    /// Frames that were received together with a line are in the line buffer: move the next of
    /// their bytes to where frames go. Returns whether there were any.
    pub(super) fn feed_frames(&mut self) -> bool {
        match &mut self.phase {
            Phase::Upload(upload) if upload.receives() => {
                let count = self.input.take(upload.space(&mut self.chunk));
                if count > 0 {
                    self.on_upload_bytes(count);
                }
                count > 0
            }
            Phase::Drain(frames) => {
                let count = self.input.take(drain_space(frames, &mut self.chunk));
                count > 0 && self.on_drained(count).is_ok()
            }
            _ => false,
        }
    }
}
