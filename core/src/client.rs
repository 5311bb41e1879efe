//! The client's machine: native dialect, no I/O, no clock, no allocation.
//!
//! **The invariant**: exactly one action is outstanding. [`Client::poll`] says what must happen
//! next; do it, report it with the method named at the [`Action`], poll again. Polling twice
//! without a report gives the same action. A wrong report is [`ClientError::Misuse`], never a
//! panic and never a clamp. State changes only in reports and in [`Client::request`], so a driver
//! that is cancelled while it waits loses nothing the link itself does not lose.
//!
//! The machine says `hello` by itself. [`Client::request`] is taken at any time, also before the
//! greeting has come: requests are pipelined as far as the server's window, the queue and the
//! one chunk buffer allow. Replies come in the order of the requests, which are numbered from 1.
//!
//! The drivers [`blocking`], [`poll`] and (feature `async`) `asynch` run the machine over a
//! stream; a [`Handler`] gives them requests, file bytes and an ear for events. They run any
//! [`Machine`]: this one, and that of the classic dialect, [`crate::classic::Client`].

mod action;
#[cfg(feature = "async")]
pub mod asynch;
pub mod blocking;
mod error;
mod frames;
mod handler;
mod input;
mod machine;
mod output;
pub mod poll;
mod told;

use heapless::Deque;

pub use action::{Action, Done, Event, NotNow};
pub use error::{ClientError, PeerError};
pub use handler::{Error, Handler, Supplied, ask};
pub use machine::Machine;

use crate::buffer::{Buffer, Purpose};
use crate::command::{Command, Hello};
use crate::frame::DATA_START;
use crate::limits::{CHUNK_BUFFER_LEN, FAIL_MAX, HEADER_LEN, LINE_MAX, LINE_MIN, PIPELINE_DEFAULT};
use crate::path::Path;
use crate::reply::{Receipt, Refusal};
use input::Input;
use output::{Next, Output, Upload};
use told::Told;

/// A client with the fixed buffers of a chip and four unanswered requests at the most.
pub type FixedClient = Client<[u8; CHUNK_BUFFER_LEN], LINE_MIN, 4>;

/// Bytes of RAM of a client with the fixed buffers, the buffers included.
pub const CLIENT_RAM: usize = size_of::<FixedClient>();

/// A session of a client.
///
/// `C` is the chunk buffer, at least [`CHUNK_BUFFER_LEN`] bytes; file bytes stand in it from
/// offset 4 on, which an owner of aligned memory may want to know. `LINE` is the longest line
/// taken from the server, [`LINE_MIN`] to [`LINE_MAX`]. `DEPTH` is how many requests may be
/// unanswered, `hello` included.
pub struct Client<C: Buffer, const LINE: usize, const DEPTH: usize> {
    /// Input: lines, and what was read behind them, at `start..end`.
    line: [u8; LINE],
    start: usize,
    end: usize,
    /// File bytes from `DATA_START` on; a command line on its way out at the very end.
    chunk: C,
    reserved: Option<Purpose>,
    unanswered: Deque<Request, DEPTH>,
    /// Bytes of the lines of all requests without a reply line.
    window: u32,
    /// How many of the unanswered requests are downloads.
    downloads: u16,
    /// The number of the next request.
    next: u64,
    output: Output,
    input: Input,
    told: Option<Told>,
    peer: Limits,
}

/// What the server takes.
#[derive(Clone, Copy)]
struct Limits {
    line: u16,
    pipeline: u32,
}

/// A request without its final reply.
#[derive(Clone, Copy)]
struct Request {
    /// Bytes of its line; 0 once they do not count for the window any more.
    line: u16,
    kind: Kind,
}

/// What must be remembered of a command to understand its reply.
#[derive(Clone, Copy)]
enum Kind {
    Hello,
    /// Entries told so far.
    List(u64),
    Stat,
    /// `sum` and `partial`.
    Sum,
    Space,
    Stats,
    Plain,
    Exit,
    Download {
        offset: u64,
        /// The most bytes that were asked for.
        most: u64,
    },
    /// An upload whose END has not been queued yet, or that was given up.
    Unfinished,
    /// An upload that was sent whole: what its receipt must say.
    Sent(Receipt),
}

impl<C: Buffer, const LINE: usize, const DEPTH: usize> Client<C, LINE, DEPTH> {
    /// Bytes of the longest line taken.
    const LINE_TAKEN: usize = if LINE < LINE_MAX { LINE } else { LINE_MAX };

    /// A session that begins: `hello` is the first thing it transmits. `transfer` asks the
    /// server to open its transfer port.
    pub fn new(chunk: C, transfer: bool) -> Self {
        const {
            assert!(LINE >= LINE_MIN && LINE <= u16::MAX as usize, "LINE_MIN bytes or more");
            assert!(DEPTH >= 2 && DEPTH <= 1 << 15, "hello and one request, or more");
        };
        let mut client = Self {
            line: [0; LINE],
            start: 0,
            end: 0,
            chunk,
            reserved: None,
            unanswered: Deque::new(),
            window: 0,
            downloads: 0,
            next: 0,
            output: Output::Idle,
            input: Input::Lines,
            told: None,
            peer: Limits { line: LINE_MIN as u16, pipeline: PIPELINE_DEFAULT as u32 },
        };
        let hello = Hello { line: Self::LINE_TAKEN as u16, transfer, ..Hello::default() };
        if client.queue(Command::Hello(hello)).is_err() {
            // The chunk buffer breaks its promise: nothing can be said.
            client.input = Input::Over;
        }
        client
    }

    /// Give a request; its number comes back. The replies come as [`Event`]s.
    ///
    /// # Errors
    ///
    /// [`NotNow::Wait`] while the server's window, the queue or the buffer are full or an upload
    /// is being sent; an upload also waits until every download is answered.
    /// [`NotNow::TooLong`] for a path whose line the server does not take.
    /// [`NotNow::Hello`] and [`NotNow::Over`] as they say.
    pub fn request(&mut self, command: Command<Path<'_>>) -> Result<u64, NotNow> {
        match command {
            Command::Hello(_) => Err(NotNow::Hello),
            command => self.queue(command),
        }
    }

    /// Whether [`request`](Self::request) has a chance: it saves preparing one.
    pub fn takes_request(&self) -> bool {
        matches!(self.output, Output::Idle)
            && self.is_open()
            && !self.unanswered.is_full()
            && self.window < self.peer.pipeline
    }

    /// Requests without their final reply, `hello` included.
    pub fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// What must happen next.
    pub fn poll(&mut self) -> Action<'_> {
        if matches!(self.input, Input::Over) && self.told.is_none() {
            return Action::Over;
        }
        if self.told.is_some() {
            return self.tell();
        }
        if self.store_is_due() {
            return self.lend_store();
        }
        match self.output {
            Output::Supply(upload) => self.lend_supply(upload),
            Output::Bytes { start, end, .. } => self.lend_exchange(start, end),
            Output::Idle if self.unanswered.is_empty() => Action::Ready(self.lend_receive()),
            Output::Idle => Action::Receive(self.lend_receive()),
        }
    }

    /// The driver cannot go on: a file cannot be read or written. An upload is withdrawn, its
    /// `reason` sent, and answered with a refusal like any other; a download can only be ended
    /// together with the session, which is [over](Action::Over).
    ///
    /// # Errors
    ///
    /// [`ClientError::Misuse`] if neither [`Action::Supply`] nor [`Action::Store`] was asked.
    pub fn failed(&mut self, reason: Refusal) -> Result<(), ClientError> {
        if self.told.is_none() && self.store_is_due() {
            self.input = Input::Over;
            return Ok(());
        }
        match self.output {
            Output::Supply(_) if self.is_open() && self.told.is_none() => {
                self.queue_fail(reason);
                Ok(())
            }
            _ => Err(ClientError::Misuse),
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.input, Input::Lines | Input::Frames(_))
            && !matches!(self.unanswered.back(), Some(Request { kind: Kind::Exit, .. }))
    }

    /// The number of the oldest unanswered request.
    fn front_number(&self) -> u64 {
        self.next.saturating_sub(self.unanswered.len() as u64)
    }

    fn queue(&mut self, command: Command<Path<'_>>) -> Result<u64, NotNow> {
        let upload = Upload::of(&command);
        if !self.is_open() {
            return Err(NotNow::Over);
        }
        if !matches!(self.output, Output::Idle)
            || self.unanswered.is_full()
            || (upload.is_some() && self.downloads > 0)
        {
            return Err(NotNow::Wait);
        }
        let kind = Kind::of(&command);
        self.reserve(kind);
        let (start, end) = self.emit_line(&command)?;
        let request = Request { line: (end - start) as u16, kind };
        self.unanswered.push_back(request).map_err(|_| NotNow::Wait)?;
        self.window = self.window.saturating_add((end - start) as u32);
        self.downloads += u16::from(matches!(kind, Kind::Download { .. }));
        self.output = Output::Bytes { start, end, next: upload.map_or(Next::Nothing, Next::File) };
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        Ok(number)
    }

    /// Put the line at the end of the chunk buffer and say where it stands.
    fn emit_line(&mut self, command: &Command<Path<'_>>) -> Result<(usize, usize), NotNow> {
        // What a download that is unanswered may need meanwhile: its bytes so far, or a FAIL.
        let used = match self.input {
            _ if self.downloads == 0 => 0,
            Input::Frames(frames) => DATA_START + frames.fill().max(FAIL_MAX) + HEADER_LEN,
            _ => DATA_START + FAIL_MAX + HEADER_LEN,
        };
        let bytes = self.chunk.bytes_mut();
        let end = bytes.len();
        let room = bytes.get_mut(used..).unwrap_or(&mut []);
        let room_len = room.len();
        let line_max = usize::from(self.peer.line);
        let room = room.get_mut(..line_max.min(room_len)).unwrap_or(&mut []);
        let Ok(len) = command.emit(room) else {
            // Until the server has said what it takes it may still be enough.
            let is_greeted = self.front_number() > 0;
            let is_final = is_greeted && room_len >= line_max;
            return Err(if is_final { NotNow::TooLong } else { NotNow::Wait });
        };
        let fits = self.window.saturating_add(len as u32) <= self.peer.pipeline;
        if !fits && !self.unanswered.is_empty() {
            return Err(NotNow::Wait);
        }
        let start = end.saturating_sub(len);
        // Its length is known only now. Writing it once more is less than moving it.
        let last = bytes.get_mut(start..).unwrap_or(&mut []);
        command.emit(last).map(|_| (start, end)).map_err(|_| NotNow::Wait)
    }

    /// Have the chunk buffer ready for a request. It is exchanged only while nothing is in it.
    fn reserve(&mut self, kind: Kind) {
        let purpose = match kind {
            Kind::Download { .. } | Kind::Unfinished => Purpose::File,
            _ => Purpose::Lines,
        };
        if self.reserved.is_none() || (self.reserved, purpose) == (LINES, Purpose::File) {
            self.chunk.reserve(purpose);
            self.reserved = Some(purpose);
        }
    }

    /// Give the chunk buffer back once nothing can be in it.
    fn release(&mut self) {
        let idle = self.unanswered.is_empty() && matches!(self.output, Output::Idle);
        if idle && self.told.is_none() && self.reserved.take().is_some() {
            self.chunk.release();
        }
    }
}

const LINES: Option<Purpose> = Some(Purpose::Lines);

impl Kind {
    fn of(command: &Command<Path<'_>>) -> Self {
        match *command {
            Command::Hello(_) => Self::Hello,
            Command::List { .. } => Self::List(0),
            Command::Stat { .. } => Self::Stat,
            Command::Sum { .. } | Command::Partial { .. } => Self::Sum,
            Command::Download { offset, length, .. } => {
                Self::Download { offset, most: length.unwrap_or(u64::MAX) }
            }
            Command::Upload { .. } => Self::Unfinished,
            Command::Space => Self::Space,
            Command::Stats => Self::Stats,
            Command::Exit => Self::Exit,
            Command::Forget { .. }
            | Command::Remove { .. }
            | Command::MakeFolder { .. }
            | Command::Rename { .. }
            | Command::Noop
            | Command::Help => Self::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CLIENT_RAM;

    #[test]
    fn a_client_on_a_chip_fits_two_kibibytes() {
        const { assert!(CLIENT_RAM <= 2048) };
    }
}
