//! `download`: the bytes of a file, from one open file, with its checksum.

use super::checksum::{Checksum, Progress};
use super::{Misuse, Next, Phase, Server};
use crate::buffer::{Buffer, Purpose};
use crate::command::path_in;
use crate::crc::Crc32;
use crate::emit::Emit;
use crate::frame::{BUSY, DATA_START, End, Frame, data_len};
use crate::limits::{FAIL_MAX, HEADER_LEN};
use crate::machine::add_to;
use crate::reply::{Code, Receipt, Refusal, emit_time};
use crate::step::{Answer, Note, Step};
use crate::storage::Metadata;
use crate::token::Span;

/// A download under way.
pub(super) struct Download {
    path: Span,
    offset: u64,
    length: Option<u64>,
    prefix: Option<u32>,
    stage: Stage,
}

// A tag of its own, for the reason told at `Command`.
#[repr(u32)]
enum Stage {
    Open,
    /// Check that the client's first bytes are ours.
    Prefix(Checksum, Metadata),
    /// Read and send; when everything is sent: was it one and the same file?
    Send(Sending),
    /// Nothing of the file is needed any more; an answer may still be owed.
    Close(Option<Refusal>),
}

#[derive(Clone, Copy)]
struct Sending {
    file: Metadata,
    length: u64,
    sent: u64,
    crc: Crc32,
}

const CHANGED_PREFIX: Refusal =
    Refusal::new(Code::Changed, "the file does not begin with the bytes of that checksum");
const CHANGED: Refusal = Refusal::new(Code::Changed, "the file changed while it was sent");

impl Download {
    pub(super) const fn new(
        path: Span,
        offset: u64,
        length: Option<u64>,
        prefix: Option<u32>,
    ) -> Self {
        Self { path, offset, length, prefix, stage: Stage::Open }
    }

    pub(super) fn step<'a>(&mut self, line: &'a [u8], chunk: &'a mut impl Buffer) -> Step<'a> {
        match &self.stage {
            Stage::Open => Step::Open(path_in(self.path, line)),
            Stage::Prefix(checksum, _) => {
                Step::Read { offset: checksum.at(), buffer: checksum.space(chunk.bytes_mut()) }
            }
            Stage::Send(sending) if sending.is_complete() => Step::Recheck,
            Stage::Send(sending) => {
                let offset = self.offset.saturating_add(sending.sent);
                let piece = sending.piece(chunk.bytes().len());
                let buffer = chunk.bytes_mut().get_mut(DATA_START..).unwrap_or(&mut []);
                Step::Read { offset, buffer: buffer.get_mut(..piece).unwrap_or(&mut []) }
            }
            Stage::Close(_) => Step::Close,
        }
    }

    /// What may be said while a step stalls.
    pub(super) const fn sign_of_life(&self) -> &'static [u8] {
        match self.stage {
            Stage::Send(_) => &BUSY,
            Stage::Close(None) => b"",
            Stage::Open | Stage::Prefix(..) | Stage::Close(Some(_)) => b"+ busy\n",
        }
    }

    /// Where to begin with the file that was opened.
    fn begin(&self, file: Metadata) -> Stage {
        match self.prefix {
            Some(_) if self.offset > file.size => Stage::Close(Some(CHANGED_PREFIX)),
            Some(_) if self.offset > 0 => Stage::Prefix(Checksum::new(0, self.offset), file),
            Some(_) => self.after_prefix(&Checksum::new(0, 0), file),
            None if self.offset > file.size => {
                let why = "the offset is past the end of the file";
                Stage::Close(Some(Refusal::new(Code::BadArgument, why)))
            }
            None => self.sending(file),
        }
    }

    /// Where to go on when the first bytes are read, as far as the file has them.
    fn after_prefix(&self, checksum: &Checksum, file: Metadata) -> Stage {
        if checksum.is_complete() && self.prefix == Some(checksum.crc().value()) {
            self.sending(file)
        } else {
            Stage::Close(Some(CHANGED_PREFIX))
        }
    }

    #[inline(never)]
    fn sending(&self, file: Metadata) -> Stage {
        let rest = file.size.saturating_sub(self.offset);
        let length = self.length.map_or(rest, |length| length.min(rest));
        Stage::Send(Sending { file, length, sent: 0, crc: Crc32::new() })
    }
}

impl Sending {
    /// File bytes of the next frame.
    fn piece(&self, buffer_len: usize) -> usize {
        data_len(buffer_len, self.length.saturating_sub(self.sent))
    }

    const fn is_complete(&self) -> bool {
        self.sent >= self.length
    }

    fn is_same(&self, now: &Metadata) -> bool {
        (self.file.size, self.file.stamp, self.file.modified) == (now.size, now.stamp, now.modified)
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(super) fn on_download_answer(&mut self, answer: Answer) -> Result<(), Misuse> {
        let Phase::Download(download) = &mut self.phase else { return Err(Misuse) };
        match (&mut download.stage, answer) {
            (Stage::Open, Answer::Refused(refusal)) => self.refuse(refusal),
            (Stage::Open, Answer::Found(file)) => {
                self.chunk.reserve(Purpose::File);
                let stage = download.begin(file);
                self.enter_download(stage);
            }
            (Stage::Prefix(..), Answer::Refused(refusal)) => {
                download.stage = Stage::Close(Some(refusal));
            }
            (Stage::Prefix(..), Answer::Filled(count)) => self.on_prefix_read(count)?,
            (Stage::Send(_), Answer::Refused(refusal)) => self.fail_download(refusal),
            (Stage::Send(sending), Answer::Filled(count)) if !sending.is_complete() => {
                self.on_download_read(count)?;
            }
            (Stage::Send(sending), Answer::Found(now)) if sending.is_complete() => {
                if !sending.is_same(&now) {
                    self.fail_download(CHANGED);
                    return Ok(());
                }
                let end = End { length: sending.sent, crc: sending.crc.value() };
                download.stage = Stage::Close(None);
                self.result_note = Some(Note::Downloaded { length: end.length });
                self.queue_end(end);
            }
            (Stage::Close(Some(refusal)), Answer::Done | Answer::Refused(_)) => {
                let refusal = *refusal;
                self.refuse(refusal);
            }
            (Stage::Close(None), Answer::Done | Answer::Refused(_)) => {
                self.phase = Phase::Next(Next::Boundary);
            }
            _ => return Err(Misuse),
        }
        Ok(())
    }

    /// Enter a stage, and say what it needs to say.
    fn enter_download(&mut self, stage: Stage) {
        let Phase::Download(download) = &mut self.phase else { return };
        download.stage = stage;
        match &download.stage {
            Stage::Prefix(checksum, _) if checksum.is_long() => self.queue_busy(),
            Stage::Send(Sending { file, length, .. }) => {
                let (length, size, modified) = (*length, file.size, file.modified);
                self.queue_line(|line| {
                    line.bytes(b"ok");
                    line.number_field(length);
                    line.number_field(size);
                    emit_time(line, modified);
                });
            }
            _ => {}
        }
    }

    fn on_prefix_read(&mut self, count: usize) -> Result<(), Misuse> {
        let Phase::Download(download) = &mut self.phase else { return Err(Misuse) };
        let Stage::Prefix(checksum, file) = &mut download.stage else { return Err(Misuse) };
        match checksum.take(count, self.chunk.bytes())? {
            Progress::Over => {
                let (checksum, file) = (*checksum, *file);
                let stage = download.after_prefix(&checksum, file);
                self.enter_download(stage);
            }
            Progress::Slow => self.queue_busy(),
            Progress::More => {}
        }
        Ok(())
    }

    fn on_download_read(&mut self, count: usize) -> Result<(), Misuse> {
        let Phase::Download(Download { stage: Stage::Send(sending), .. }) = &mut self.phase else {
            return Err(Misuse);
        };
        if count > sending.piece(self.chunk.bytes().len()) {
            return Err(Misuse);
        }
        if count == 0 {
            self.fail_download(CHANGED);
            return Ok(());
        }
        let chunk = self.chunk.bytes_mut();
        let frame_len = DATA_START.saturating_add(count);
        sending.crc.update(chunk.get(DATA_START..frame_len).unwrap_or(b""));
        add_to(&mut sending.sent, count as u64);
        if let Some(header) = chunk.first_chunk_mut::<HEADER_LEN>() {
            *header = Frame::Data(count as u32).emit();
        }
        add_to(&mut self.counters.sent, count as u64);
        self.queue_bytes(frame_len);
        Ok(())
    }

    fn queue_end(&mut self, end: Receipt) {
        let frame = end.emit_frame();
        if let Some(to) = self.chunk.bytes_mut().first_chunk_mut() {
            *to = frame;
        }
        self.queue_bytes(frame.len());
    }

    /// Give up after the `ok`: FAIL tells why.
    fn fail_download(&mut self, why: Refusal) {
        let Phase::Download(download) = &mut self.phase else { return };
        download.stage = Stage::Close(None);
        self.result_note = Some(Note::Refused(why));
        let chunk = self.chunk.bytes_mut();
        let Some((header, payload)) = chunk.split_first_chunk_mut::<HEADER_LEN>() else { return };
        let payload = payload.get_mut(..FAIL_MAX).unwrap_or(&mut []);
        let mut text = Emit::new(payload);
        // A message that does not fit is left out: the code comes first.
        why.emit_text(&mut text);
        let len = text.len();
        *header = Frame::Fail(len as u8).emit();
        self.queue_bytes(HEADER_LEN.saturating_add(len));
    }

    /// The client is gone: close what is open.
    pub(super) fn abandon_download(&mut self) {
        let Phase::Download(download) = &mut self.phase else { return };
        match download.stage {
            Stage::Open => self.phase = Phase::Next(Next::Boundary),
            Stage::Prefix(..) | Stage::Close(_) => download.stage = Stage::Close(None),
            Stage::Send(Sending { sent, .. }) => {
                download.stage = Stage::Close(None);
                self.result_note = Some(Note::Abandoned { length: sent });
            }
        }
    }
}
