//! The line buffer: the line being answered, and what was read behind it.

use crate::emit::to_front;
use crate::limits::{LINE_MAX, LINE_MIN};

/// Received bytes in the order they came: the current line, then what waits for its turn.
pub(crate) struct Input<const LINE: usize> {
    buffer: [u8; LINE],
    /// Where the current line begins, and where it ends, without its line end.
    line: (u16, u16),
    /// The first byte that nobody took yet.
    next: u16,
    /// Where received bytes end.
    end: u16,
}

/// What the buffer holds at a boundary between lines and frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A whole line, now the current one.
    Line,
    /// The begin of a line, or nothing.
    Incomplete,
    /// A line that is longer than the buffer.
    TooLong,
}

impl<const LINE: usize> Input<LINE> {
    const LONG_ENOUGH: () = assert!(LINE >= LINE_MIN && LINE <= LINE_MAX);

    pub(crate) const fn new() -> Self {
        let () = Self::LONG_ENOUGH;
        Self { buffer: [0; LINE], line: (0, 0), next: 0, end: 0 }
    }

    /// The current line.
    // Neither this nor what waits is inlined: both are looked at in many places.
    #[inline(never)]
    pub(crate) fn line(&self) -> &[u8] {
        let (start, end) = self.line;
        self.buffer.get(usize::from(start)..usize::from(end)).unwrap_or(b"")
    }

    pub(crate) fn line_mut(&mut self) -> &mut [u8] {
        let (start, end) = self.line;
        self.buffer.get_mut(usize::from(start)..usize::from(end)).unwrap_or(&mut [])
    }

    /// The bytes that nobody took yet.
    #[inline(never)]
    pub(crate) fn waiting(&self) -> &[u8] {
        self.buffer.get(usize::from(self.next)..usize::from(self.end)).unwrap_or(b"")
    }

    /// Where more bytes may be received.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.buffer.get_mut(usize::from(self.end)..).unwrap_or(&mut [])
    }

    /// Bytes that fit into [`space`](Self::space).
    pub(crate) fn room(&self) -> usize {
        LINE.saturating_sub(usize::from(self.end))
    }

    /// `count` bytes, at most [`room`](Self::room), were received into [`space`](Self::space).
    pub(crate) fn received(&mut self, count: usize) {
        self.end = usize::from(self.end).saturating_add(count).min(LINE) as u16;
    }

    /// Move waiting bytes to `to`, as many as fit, and say how many.
    pub(crate) fn take(&mut self, to: &mut [u8]) -> usize {
        let from = self.waiting();
        let count = from.len().min(to.len());
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
        self.next = self.next.saturating_add(count as u16);
        count
    }

    /// Forget the current line and make the next waiting one current. Empty lines are dropped.
    pub(crate) fn take_line(&mut self) -> Taken {
        while let Some(end) = self.waiting().iter().position(|&byte| byte == b'\n') {
            let line = self.waiting().get(..end).unwrap_or(b"");
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let is_empty = line.is_empty();
            self.line = (self.next, self.next.saturating_add(line.len() as u16));
            self.next = self.next.saturating_add(end as u16).saturating_add(1);
            if !is_empty {
                return Taken::Line;
            }
        }
        self.compact();
        if self.room() == 0 { Taken::TooLong } else { Taken::Incomplete }
    }

    /// Make all that waits the current line: no more of it will come.
    pub(crate) fn take_rest(&mut self) {
        self.compact();
        self.line = (0, self.end);
        self.next = self.end;
    }

    /// Move what waits to the front, over the current line. That is done only where no whole line
    /// waits: of many lines that come together, none is moved.
    fn compact(&mut self) {
        if self.next > 0 {
            to_front(&mut self.buffer, usize::from(self.next)..usize::from(self.end));
        }
        self.line = (0, 0);
        self.end = self.end.saturating_sub(self.next);
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(bytes: &[u8]) -> Input<640> {
        let mut input = Input::new();
        input.space()[..bytes.len()].copy_from_slice(bytes);
        input.received(bytes.len());
        input
    }

    #[test]
    fn lines_end_with_lf_or_crlf_and_empty_ones_are_dropped() {
        let mut input = filled(b"\n\r\nls\r\nstat a\r\r\n\nrest");
        assert_eq!(input.take_line(), Taken::Line);
        assert_eq!(input.line(), b"ls");
        assert_eq!(input.take_line(), Taken::Line);
        assert_eq!(input.line(), b"stat a\r");
        assert_eq!(input.take_line(), Taken::Incomplete);
        assert_eq!(input.waiting(), b"rest");
        assert_eq!(input.room(), 636);
    }

    #[test]
    fn a_full_buffer_without_a_line_end_is_too_long() {
        let mut input = filled(&[b'x'; 639]);
        assert_eq!(input.take_line(), Taken::Incomplete);
        input.space()[0] = b'\n';
        let mut whole = input;
        whole.received(1);
        assert_eq!(whole.take_line(), Taken::Line);
        assert_eq!(filled(&[b'x'; 640]).take_line(), Taken::TooLong);
    }

    #[test]
    fn the_rest_is_a_line_without_an_end() {
        let mut input = filled(b"ls\nstat a");
        assert_eq!(input.take_line(), Taken::Line);
        input.take_rest();
        assert_eq!((input.line(), input.waiting()), (&b"stat a"[..], &b""[..]));
    }

    #[test]
    fn bytes_behind_a_line_are_taken_in_order() {
        let mut input = filled(b"upload a 3\n\x01\0\0\x03abcnoop\n");
        assert_eq!(input.take_line(), Taken::Line);
        let mut frame = [0; 7];
        assert_eq!(input.take(&mut frame), 7);
        assert_eq!(&frame, b"\x01\0\0\x03abc");
        assert_eq!(input.line(), b"upload a 3");
        assert_eq!(input.take_line(), Taken::Line);
        assert_eq!(input.line(), b"noop");
    }
}
