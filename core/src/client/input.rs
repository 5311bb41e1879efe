//! The receiving half of a client's machine: reply lines, and the frames of downloads.

use super::frames::Frames;
use super::told::{Told, What};
use super::{Action, Client, ClientError, Done, Kind, Limits, Output, PeerError, Request};
use crate::buffer::Buffer;
use crate::emit::to_front;
use crate::frame::Frame;
use crate::greeting::Greeting;
use crate::limits::{LINE_MAX, LINE_MIN};
use crate::reply::{Code, Entry, Reply, fields};
use crate::storage::Metadata;
use crate::token::{Span, Tokens};

#[derive(Clone, Copy)]
pub(super) enum Input {
    Lines,
    Frames(Frames),
    /// The server said farewell: only the end of the stream may follow.
    Ending,
    Over,
}

/// A line, sorted; what is text in it is a range of the line buffer.
enum Line {
    Entry(Metadata, Span),
    Info(Span),
    Ok(Span),
    Err(Option<Code>, Span),
}

impl<C: Buffer, const LINE: usize, const DEPTH: usize> Client<C, LINE, DEPTH> {
    /// So many bytes from the server are in the slice; 0 is the end of the stream. Within a
    /// download, what was gathered is to be stored before the end is believed: it is then told
    /// once more.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`] if no bytes were awaited, or so many do not fit;
    /// [`ClientError::Peer`] if the server broke the protocol: the session is over then.
    pub fn received(&mut self, count: usize) -> Result<(), ClientError> {
        if !self.may_exchange() || matches!(self.output, Output::Supply(_)) {
            return Err(ClientError::Misuse);
        }
        let (start, end) = self.wanted();
        if count > end.saturating_sub(start) {
            return Err(ClientError::Misuse);
        }
        if count == 0 {
            return self.on_closed();
        }
        if let Input::Frames(frames) = &mut self.input {
            let bytes = self.chunk.bytes().get(start..start + count);
            frames.on_bytes(bytes.unwrap_or(b""));
        } else {
            self.end += count;
        }
        self.advance()
    }

    /// The event was seen.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`] if there was none; [`ClientError::Peer`] if what had come behind
    /// it breaks the protocol.
    pub fn seen(&mut self) -> Result<(), ClientError> {
        self.told.take().ok_or(ClientError::Misuse)?;
        self.advance()
    }

    /// Whether the outstanding action may be one that moves bytes.
    pub(super) fn may_exchange(&self) -> bool {
        self.told.is_none() && !self.store_is_due() && !matches!(self.input, Input::Over)
    }

    pub(super) fn lend_receive(&mut self) -> &mut [u8] {
        let (start, end) = self.wanted();
        let buffer = match self.input {
            Input::Frames(_) => self.chunk.bytes_mut(),
            _ => self.line.as_mut_slice(),
        };
        buffer.get_mut(start..end).unwrap_or(&mut [])
    }

    pub(super) fn lend_exchange(&mut self, start: usize, end: usize) -> Action<'_> {
        let (from, to) = self.wanted();
        let is_frames = matches!(self.input, Input::Frames(_));
        let bytes = self.chunk.bytes_mut();
        let (front, tail) = bytes.split_at_mut_checked(start).unwrap_or((&mut [], &mut []));
        let transmit = tail.get(..end.saturating_sub(start)).unwrap_or(b"");
        let receive = if is_frames { front } else { self.line.as_mut_slice() };
        Action::Exchange { transmit, receive: receive.get_mut(from..to).unwrap_or(&mut []) }
    }

    /// Bytes of the chunk buffer that a download may use: all but a line on its way out.
    pub(super) fn limit(&self) -> usize {
        match self.output {
            Output::Bytes { start, .. } => start,
            _ => self.chunk.bytes().len(),
        }
    }

    pub(super) fn wanted(&self) -> (usize, usize) {
        match self.input {
            Input::Frames(frames) => frames.wanted(self.limit()),
            _ => (self.end, LINE),
        }
    }

    fn on_closed(&mut self) -> Result<(), ClientError> {
        self.settle();
        if self.store_is_due() {
            // What came is stored first. The link tells its end again when it is asked again.
            return Ok(());
        }
        let in_order = self.unanswered.is_empty() && self.start == self.end;
        self.input = Input::Over;
        if in_order { Ok(()) } else { Err(PeerError::Closed.into()) }
    }

    /// Go through what has come until there is something to tell, to store or to wait for.
    pub(super) fn advance(&mut self) -> Result<(), ClientError> {
        while self.may_exchange() {
            let went_on = match self.input {
                Input::Lines => self.on_lines(),
                Input::Frames(frames) => self.on_frames(frames),
                Input::Ending if self.start < self.end => Err(PeerError::Unasked),
                Input::Ending | Input::Over => Ok(false),
            };
            match went_on {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.input = Input::Over;
                    return Err(error.into());
                }
            }
        }
        if self.told.is_none() && self.start > 0 {
            // Only now does no event point into the buffer.
            to_front(&mut self.line, self.start..self.end);
            self.end -= self.start;
            self.start = 0;
        }
        self.release();
        Ok(())
    }

    /// Take the next whole line, if there is one.
    fn on_lines(&mut self) -> Result<bool, PeerError> {
        let buffered = self.line.get(self.start..self.end).unwrap_or(b"");
        let Some(&first) = buffered.first() else { return Ok(false) };
        if Frame::begins_with(first) {
            return Err(PeerError::Frame);
        }
        let Some(len) = buffered.iter().position(|&byte| byte == b'\n') else {
            let is_full = buffered.len() >= Self::LINE_TAKEN;
            return if is_full { Err(PeerError::LineTooLong) } else { Ok(false) };
        };
        if len >= Self::LINE_TAKEN {
            return Err(PeerError::LineTooLong);
        }
        let text = buffered.get(..len).unwrap_or(b"");
        let text_len = text.strip_suffix(b"\r").unwrap_or(text).len();
        let span = Span::new(self.start, self.start + text_len);
        self.start += len + 1;
        if text_len > 0 {
            let line = Line::parse(&mut self.line, span).ok_or(PeerError::NotAReply)?;
            self.on_line(line)?;
        }
        Ok(true)
    }

    fn on_line(&mut self, line: Line) -> Result<(), PeerError> {
        let request = self.front_number();
        let Some(front) = self.unanswered.front_mut() else {
            let Line::Err(code, message) = line else { return Err(PeerError::Unasked) };
            self.input = Input::Ending;
            return self.note(request, What::Farewell(code, message));
        };
        match (line, &mut front.kind) {
            (Line::Entry(metadata, name), Kind::List(told)) => {
                *told = told.saturating_add(1);
                self.note(request, What::Entry(metadata, name))
            }
            (Line::Entry(..), _) => Err(PeerError::StrayEntry),
            (Line::Info(text), _) => {
                let is_busy = text.of(&self.line) == b"busy";
                self.note(request, if is_busy { What::Busy } else { What::Info(text) })
            }
            (Line::Err(code, message), _) => {
                let is_running = matches!(front.kind, Kind::Unfinished);
                self.answered();
                if is_running && self.unanswered.is_empty() {
                    self.stop_upload();
                }
                self.note(request, What::Refused(code, message))
            }
            (Line::Ok(fields), &mut Kind::Download { offset, most }) => {
                let begins = self.begin_download(fields, offset, most)?;
                self.note(request, begins)
            }
            (Line::Ok(fields), &mut kind) => {
                let what = self.on_ok(kind, fields)?;
                self.answered();
                self.note(request, what)
            }
        }
    }

    fn on_ok(&mut self, kind: Kind, span: Span) -> Result<What, PeerError> {
        let text = span.of(&self.line);
        let what = match kind {
            Kind::Hello => return self.on_greeting(span),
            Kind::List(told) => {
                let (entries, skipped) = fields::listed(text).ok_or(PeerError::Fields)?;
                if entries != told {
                    return Err(PeerError::Count);
                }
                Some(Done::Listed { entries, skipped })
            }
            Kind::Stat => fields::metadata(text).map(Done::Found),
            Kind::Sum => fields::receipt(text).map(Done::Sum),
            Kind::Space => fields::space(text).map(Done::Space),
            Kind::Stats => return Ok(What::Stats(span)),
            Kind::Plain | Kind::Exit | Kind::Download { .. } => Some(Done::Plain),
            Kind::Unfinished => return Err(PeerError::TooEarly),
            Kind::Sent(sent) => {
                let (stored, durability) = fields::stored(text).ok_or(PeerError::Fields)?;
                if stored != sent {
                    return Err(PeerError::Receipt);
                }
                Some(Done::Uploaded(stored, durability))
            }
        };
        what.map(What::Done).ok_or(PeerError::Fields)
    }

    fn on_greeting(&mut self, span: Span) -> Result<What, PeerError> {
        let mut tokens = Tokens::new(span.of(&self.line));
        if tokens.next() != Some(b"1") {
            return Err(PeerError::Version);
        }
        let greeting = Greeting::parse(tokens.rest());
        let line = greeting.line.clamp(LINE_MIN as u64, LINE_MAX as u64) as u16;
        self.peer = Limits { line, pipeline: greeting.pipeline.try_into().unwrap_or(u32::MAX) };
        let rest = tokens.rest().len();
        let end = span.of(&self.line).len();
        Ok(What::Greeting(span.tail(end - rest)))
    }

    /// The oldest request has its final reply.
    pub(super) fn answered(&mut self) {
        if let Some(Request { line, kind }) = self.unanswered.pop_front() {
            self.window = self.window.saturating_sub(line.into());
            let was_download = matches!(kind, Kind::Download { .. });
            self.downloads = self.downloads.saturating_sub(was_download.into());
        }
    }

    pub(super) fn note(&mut self, request: u64, what: What) -> Result<(), PeerError> {
        self.told = Some(Told { request, what });
        Ok(())
    }
}

impl Line {
    /// Sort the line at `span` of the buffer.
    fn parse(buffer: &mut [u8], span: Span) -> Option<Self> {
        let line = span.of_mut(buffer);
        let len = line.len();
        // The name is the last token; it is decoded where it stands.
        let name_at = line.iter().rposition(|&byte| byte == b' ').map_or(0, |space| space + 1);
        let rest = |text: &[u8]| span.tail(len.saturating_sub(text.len()));
        Some(match Reply::parse(line)? {
            Reply::Entry(Entry { metadata, name }) => {
                Self::Entry(metadata, span.tail(name_at).shortened(name.len()))
            }
            Reply::Info(text) => Self::Info(rest(text)),
            Reply::Ok(fields) => Self::Ok(rest(fields)),
            Reply::Err { code, message } => Self::Err(code, rest(message)),
        })
    }
}
