//! The server's machine: one session of the native dialect, without I/O, heap or clock.

mod checksum;
mod commit;
mod download;
mod drain;
mod ending;
mod frames;
pub(crate) mod input;
mod lines;
mod listing;
mod machine;
mod opening;
pub(crate) mod output;
mod simple;
mod sum;
mod upload;

use crate::buffer::Buffer;
use crate::command::Command;
use crate::limits::{BUSY_SECONDS, CHUNK_BUFFER_LEN, CHUNK_LEN, LINE_MIN, PIPELINE_DEFAULT};
use crate::machine::{Action, Counters, Machine, Misuse, Outcome, Waiting};
use crate::reply::Refusal;
use crate::step::Note;
use crate::token::Span;
use commit::Commit;
use download::Download;
use frames::Frames;
use input::Input;
use listing::Listing;
use opening::Opening;
use output::Output;
use sum::Sum;
use upload::Upload;

pub(crate) use lines::{READ_ONLY, ROOT_IS_FOLDER};
pub(crate) use upload::CORRUPT_LENGTH;

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
    /// Whether a connection that does not begin as a native session ends with
    /// [`Outcome::Classic`], for a [`classic::Server`](crate::classic::Server) to go on with.
    pub classic: bool,
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
            classic: false,
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
    /// What is being answered, or waits until the group before it is committed.
    command: Command<Span>,
    /// That the command begins is still to be reported.
    is_begun: bool,
    result_note: Option<Note>,
    counters: Counters,
}

/// What the session is in the middle of.
// A tag of its own, for the reason told at `Command`.
#[repr(u32)]
enum Phase {
    /// Go on with this as soon as nothing is left to send or report.
    Next(Next),
    /// Receive the (rest of the) next line.
    Line,
    Opening(Opening),
    /// One step, then the reply.
    Simple,
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
// A tag of its own, for the reason told at `Command`.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Next {
    /// With the next line.
    Boundary,
    /// With the command.
    Run,
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
            command: Command::Noop,
            is_begun: false,
            result_note: None,
            counters: Counters::NONE,
        }
    }
}

/// What a machine of the other dialect goes on with.
pub(crate) struct Parts<C, const LINE: usize> {
    pub(crate) read_only: bool,
    pub(crate) input: Input<LINE>,
    pub(crate) chunk: C,
    /// Whether this session ended with [`Outcome::Classic`].
    pub(crate) is_classic: bool,
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(crate) fn into_parts(self) -> Parts<C, LINE> {
        let is_classic = matches!(self.phase, Phase::Closed(Outcome::Classic));
        let Self { config, input, chunk, .. } = self;
        Parts { read_only: config.read_only, input, chunk, is_classic }
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
