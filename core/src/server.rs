//! The server's machine: one session of the native dialect, without I/O, heap or clock.

mod checksum;
mod commit;
mod download;
mod drain;
mod ending;
mod frames;
mod input;
mod lines;
mod listing;
mod machine;
mod opening;
mod output;
mod simple;
mod sum;
mod upload;

use crate::buffer::Buffer;
use crate::command::Command;
use crate::limits::{BUSY_SECONDS, CHUNK_BUFFER_LEN, CHUNK_LEN, LINE_MIN, PIPELINE_DEFAULT};
use crate::reply::Refusal;
use crate::step::{Event, Step};
use crate::token::Span;
use commit::Commit;
use download::Download;
use frames::Frames;
use input::Input;
use listing::Listing;
use opening::Opening;
use output::Output;
use simple::Begun;
use sum::Sum;
use upload::Upload;

/// A server with the fixed buffers of a chip.
pub type FixedServer = Server<[u8; CHUNK_BUFFER_LEN], LINE_MIN>;

/// Bytes of RAM for one session with the fixed buffers, the buffers included.
pub const SESSION_RAM: usize = size_of::<FixedServer>();

/// What a server tells of itself, and what it allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    /// Bytes of file data in a frame, as told in `hello`: what the chunk buffer holds.
    pub chunk: u32,
    /// Bytes of command lines that a client may leave unanswered.
    pub pipeline: u32,
    /// Seconds for which signs of life count as progress.
    pub busy: u16,
    /// Sessions that may be open at once, if limited.
    pub sessions: Option<u32>,
    /// Refuse every command that writes.
    pub read_only: bool,
}

impl Config {
    /// The configuration of a chip with the fixed buffers.
    pub const fn new() -> Self {
        Self {
            chunk: CHUNK_LEN as u32,
            pipeline: PIPELINE_DEFAULT as u32,
            busy: BUSY_SECONDS,
            sessions: None,
            read_only: false,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// The machine of one session. `C` is the chunk buffer, `LINE` the bytes of the line buffer:
/// [`LINE_MIN`] to [`LINE_MAX`](crate::limits::LINE_MAX).
pub struct Server<C: Buffer, const LINE: usize> {
    config: Config,
    input: Input<LINE>,
    chunk: C,
    output: Output,
    phase: Phase,
    /// Longest line the client takes; `None` until its `hello`.
    line_limit: Option<u16>,
    /// Uploads that are finished and wait for the commit.
    group: u16,
    /// How the session ends once what is running was put away.
    ending: Option<Outcome>,
    command_note: Option<Begun>,
    result_note: Option<Event<'static>>,
    counters: Counters,
}

/// The one thing to do next.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Action<'a> {
    /// Receive into this memory, never empty, and wait for it; then [`Server::received`].
    Receive(&'a mut [u8]),
    /// Receive what is at hand without waiting: then [`Server::received`], or
    /// [`Server::quiet`] if nothing is. A driver that cannot tell calls `quiet` at once.
    TryReceive(&'a mut [u8]),
    /// Send these bytes, or some, or keep them to send with later ones; then
    /// [`Server::transmitted`]. What a driver keeps it sends before it waits in
    /// [`Receive`](Self::Receive), at [`Flush`](Self::Flush), and at [`Done`](Self::Done).
    Transmit(&'a [u8]),
    /// Send all that was transmitted: the next step may take long. Then [`Server::flushed`].
    Flush,
    /// Do this step; then [`Server::answered`].
    Step(Step<'a>),
    /// Write this to the log, or not; then [`Server::reported`].
    Report(Event<'a>),
    /// The session is over: send what was kept, half-close, discard what still comes for at
    /// most 2 s, close.
    Done(Outcome),
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Outcome {
    /// By `exit`.
    Exit,
    /// The client closed the stream between two commands.
    Ended,
    /// The client closed the stream within a line or a transfer, or the link failed.
    Lost,
    /// The server closed, for this reason.
    Refused(Refusal),
    /// The first byte belongs to something that may lie under a session and is not there.
    Reserved,
    /// The driver reported something that was not asked for, or lent too small a buffer.
    Misuse,
}

/// A report that does not fit the outstanding [`Action`]: a defect of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Misuse;

impl core::fmt::Display for Misuse {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a report that does not fit the outstanding action")
    }
}

impl core::error::Error for Misuse {}

/// What a session is waiting for, for those who measure time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Waiting {
    /// The first line.
    FirstLine,
    /// A command: nothing is under way.
    Idle,
    /// The rest of a started line, after so many commands.
    Line(u32),
    /// Frames of an upload, or the peer reading what is sent to it.
    Peer,
    /// A step.
    Step,
}

/// What was moved so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counters {
    /// Commands begun.
    pub commands: u32,
    /// File bytes received.
    pub received: u64,
    /// File bytes handed to the link.
    pub sent: u64,
    /// Signs of life without file bytes (BUSY frames).
    pub signs: u64,
    /// Bytes handed to the link, file bytes included.
    pub output: u64,
}

/// What the session is in the middle of.
enum Phase {
    /// Go on with this as soon as nothing is left to send or report.
    Next(Next),
    /// Receive the (rest of the) next line.
    Line,
    Opening(Opening),
    /// One step, then the reply.
    Simple(Command<Span>),
    Listing(Listing),
    Sum(Sum),
    Download(Download),
    Upload(Upload),
    /// Drop the frames of an upload that was refused.
    Drain(Frames),
    Commit(Commit),
    Closed(Outcome),
}

/// Where to go on.
#[derive(Clone, Copy)]
enum Next {
    /// With the next line.
    Boundary,
    /// With this command.
    Run(Command<Span>),
    /// With this answer to a command; the frames of an upload may have to be dropped.
    Refuse(Refusal, Option<Frames>),
    /// With this last answer.
    Close(Refusal),
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    /// A session that waits for its first line.
    pub const fn new(config: Config, chunk: C) -> Self {
        Self {
            config,
            input: Input::new(),
            chunk,
            output: Output::Clear,
            phase: Phase::Line,
            line_limit: None,
            group: 0,
            ending: None,
            command_note: None,
            result_note: None,
            counters: Counters { commands: 0, received: 0, sent: 0, signs: 0, output: 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_fits_two_kibibytes() {
        const { assert!(SESSION_RAM <= 2048) };
    }
}
