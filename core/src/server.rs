//! The server's machine: one session of the native dialect, without I/O, heap or clock.

mod checksum;
mod commit;
mod download;
mod ending;
mod frames;
mod input;
mod listing;
mod opening;
mod output;
mod simple;
mod sum;
mod upload;

use crate::buffer::Buffer;
use crate::command::{BadLine, Command};
use crate::frame::Frame;
use crate::limits::{
    BUSY_SECONDS, CHUNK_BUFFER_LEN, CHUNK_LEN, GROUP_FILE_MAX, LINE_MIN, PIPELINE_DEFAULT,
};
use crate::reply::{Code, Refusal};
use crate::step::{Answer, Event, Step};
use crate::token::Span;
use commit::Commit;
use download::Download;
use frames::Frames;
use input::{Input, Taken};
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

/// The machine of one session. `C` is the chunk buffer, `LINE` the bytes of the line buffer.
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

    /// What to do next: the same answer until it was reported.
    pub fn poll(&mut self) -> Action<'_> {
        if self.command_note.is_some() || self.result_note.is_some() {
            return Action::Report(self.note());
        }
        match self.output {
            Output::Bytes { start, end, .. } => {
                let bytes = self.chunk.bytes().get(start as usize..end as usize);
                return Action::Transmit(bytes.unwrap_or(b""));
            }
            Output::Flush => return Action::Flush,
            Output::Clear | Output::Gone => {}
        }
        if matches!(self.phase, Phase::Line) {
            let space = self.input.space();
            return if self.group > 0 { Action::TryReceive(space) } else { Action::Receive(space) };
        }
        let line = self.input.line();
        match &mut self.phase {
            Phase::Opening(opening) => Action::Step(opening.step()),
            Phase::Simple(command) => Action::Step(simple::step(*command, line, &mut self.chunk)),
            Phase::Listing(listing) => Action::Step(listing.step(line, &mut self.chunk)),
            Phase::Sum(sum) => Action::Step(sum.step(line, &mut self.chunk)),
            Phase::Download(download) => Action::Step(download.step(line, &mut self.chunk)),
            Phase::Upload(upload) => upload.action(line, &mut self.chunk),
            Phase::Drain(frames) => Action::Receive(upload::drain_space(frames, &mut self.chunk)),
            Phase::Commit(commit) => Action::Step(commit.step()),
            Phase::Closed(outcome) => Action::Done(*outcome),
            // `settle` leaves the one whenever nothing stands before it; the other was above.
            Phase::Next(_) | Phase::Line => Action::Done(Outcome::Misuse),
        }
    }

    /// `count` bytes were received into the memory lent; 0: the peer closed its side.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if nothing was to be received, or not as much.
    pub fn received(&mut self, count: usize) -> Result<(), Misuse> {
        self.check_settled()?;
        match &mut self.phase {
            Phase::Line if count > self.input.room() => return Err(Misuse),
            Phase::Line if count == 0 => self.on_end_of_input(),
            Phase::Line => {
                self.input.received(count);
                self.phase = Phase::Next(Next::Boundary);
            }
            Phase::Upload(_) => self.on_upload_received(count)?,
            Phase::Drain(_) => self.on_drained(count)?,
            _ => return Err(Misuse),
        }
        self.settle();
        Ok(())
    }

    /// Nothing is at hand to be received now.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if [`Action::TryReceive`] is not outstanding.
    pub fn quiet(&mut self) -> Result<(), Misuse> {
        self.check_settled()?;
        if !matches!(self.phase, Phase::Line) || self.group == 0 {
            return Err(Misuse);
        }
        self.after_group(Next::Boundary);
        self.settle();
        Ok(())
    }

    /// The first `count` bytes to transmit are sent, or kept by the driver.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if there were fewer to transmit.
    pub fn transmitted(&mut self, count: usize) -> Result<(), Misuse> {
        self.check_reported()?;
        self.output.transmitted(count)?;
        self.counters.output = self.counters.output.saturating_add(count as u64);
        self.settle();
        Ok(())
    }

    /// All that was transmitted is on its way.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if [`Action::Flush`] is not outstanding.
    pub fn flushed(&mut self) -> Result<(), Misuse> {
        self.check_reported()?;
        self.output.flushed()?;
        self.settle();
        Ok(())
    }

    /// The event was logged, or not.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if [`Action::Report`] is not outstanding.
    pub fn reported(&mut self) -> Result<(), Misuse> {
        if self.command_note.take().is_none() {
            self.result_note.take().ok_or(Misuse)?;
        }
        self.settle();
        Ok(())
    }

    /// The step was done, or refused.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if no step is outstanding or the answer does not belong to it.
    pub fn answered(&mut self, answer: Answer) -> Result<(), Misuse> {
        self.check_settled()?;
        match &self.phase {
            Phase::Opening(_) => self.on_opening_answer(answer)?,
            Phase::Simple(command) => self.on_simple_answer(*command, answer)?,
            Phase::Listing(_) => self.on_listing_answer(answer)?,
            Phase::Sum(_) => self.on_sum_answer(answer)?,
            Phase::Download(_) => self.on_download_answer(answer)?,
            Phase::Upload(_) => self.on_upload_answer(answer)?,
            Phase::Commit(_) => self.on_commit_answer(answer)?,
            _ => return Err(Misuse),
        }
        self.settle();
        Ok(())
    }

    /// What is waited for now, for the timers of a driver.
    pub fn waiting(&self) -> Waiting {
        match self.phase {
            _ if !self.output.is_clear() => Waiting::Peer,
            Phase::Line if !self.input.waiting().is_empty() => {
                Waiting::Line(self.counters.commands)
            }
            Phase::Line if self.line_limit.is_none() => Waiting::FirstLine,
            Phase::Line => Waiting::Idle,
            Phase::Upload(ref upload) if upload.receives() => Waiting::Peer,
            Phase::Drain(_) => Waiting::Peer,
            _ => Waiting::Step,
        }
    }

    /// What was moved so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Bytes to send while the outstanding step stalls, so that the peer knows that we live:
    /// at least every 10 s. Empty where nothing may be said.
    pub fn sign_of_life(&self) -> &'static [u8] {
        match &self.phase {
            _ if !self.output.is_clear() || self.output.is_gone() => b"",
            Phase::Download(download) => download.sign_of_life(),
            Phase::Closed(_) | Phase::Next(_) | Phase::Drain(_) | Phase::Line => b"",
            _ => b"+ busy\n",
        }
    }

    /// The line after which no other is due is answered, or nothing was: what comes next?
    fn boundary(&mut self) {
        if let Some(outcome) = self.ending {
            return if self.group > 0 {
                self.after_group(Next::Boundary);
            } else {
                self.chunk.release();
                self.phase = Phase::Closed(outcome);
            };
        }
        let taken = self.input.take_line();
        let first = match taken {
            Taken::Line => self.input.line().first(),
            Taken::Incomplete | Taken::TooLong => self.input.waiting().first(),
        };
        match (first, taken) {
            (Some(0x00 | 0x80..), _) if self.line_limit.is_none() => {
                self.phase = Phase::Closed(Outcome::Reserved);
            }
            (Some(&first), _) if Frame::begins_with(first) => {
                let why = "a frame came where a command was due";
                self.after_group(Next::Close(Refusal::new(Code::BadCommand, why)));
            }
            (_, Taken::Line) => self.on_line(),
            (_, Taken::TooLong) => {
                let why = "the line is longer than line= of hello allows";
                self.after_group(Next::Close(Refusal::new(Code::TooLong, why)));
            }
            (_, Taken::Incomplete) => {
                self.chunk.release();
                self.phase = Phase::Line;
            }
        }
    }

    fn on_line(&mut self) {
        match Command::parse_spans(self.input.line_mut()) {
            // Small uploads that follow each other are committed together.
            Ok(command @ Command::Upload { size: Some(size), resume: None, .. })
                if size <= GROUP_FILE_MAX =>
            {
                self.run(command);
            }
            Ok(command) => self.after_group(Next::Run(command)),
            Err(BadLine { refusal, .. }) if self.line_limit.is_none() => {
                self.after_group(Next::Close(refusal));
            }
            Err(BadLine { refusal, frames_follow }) => {
                let frames = frames_follow.then_some(Frames::START);
                self.after_group(Next::Refuse(refusal, frames));
            }
        }
    }

    fn go_on(&mut self, next: Next) {
        match next {
            Next::Boundary => self.boundary(),
            Next::Run(command) => self.run(command),
            Next::Refuse(refusal, frames) => {
                self.refuse(refusal);
                if let Some(frames) = frames {
                    self.phase = Phase::Drain(frames);
                }
            }
            Next::Close(refusal) => {
                self.refuse(refusal);
                self.ending = self.ending.or(Some(Outcome::Refused(refusal)));
            }
        }
    }

    /// Begin a command; the group is committed unless this is one more upload for it.
    fn run(&mut self, command: Command<Span>) {
        self.counters.commands = self.counters.commands.saturating_add(1);
        self.command_note = Some(Begun::new(&command));
        if self.line_limit.is_none() && !matches!(command, Command::Hello(_)) {
            let why = "a session begins with: hello 1";
            return self.go_on(Next::Close(Refusal::new(Code::BadCommand, why)));
        }
        if let Some(refusal) = self.objection(&command) {
            let frames = matches!(command, Command::Upload { .. }).then_some(Frames::START);
            return self.after_group(Next::Refuse(refusal, frames));
        }
        match command {
            Command::Hello(hello) => self.open(hello),
            Command::List { path } => self.phase = Phase::Listing(Listing::new(path)),
            Command::Sum { path, offset, length } => {
                self.phase = Phase::Sum(Sum::of_file(path, offset, length));
            }
            Command::Partial { path } => self.phase = Phase::Sum(Sum::of_partial(path)),
            Command::Download { path, offset, length, prefix } => {
                self.phase = Phase::Download(Download::new(path, offset, length, prefix));
            }
            Command::Upload { path, size, resume, modified } => {
                self.phase = Phase::Upload(Upload::new(path, size, resume, modified));
            }
            Command::Noop => self.reply(|line| line.bytes(b"ok")),
            Command::Help => self.help(),
            Command::Exit => {
                self.reply(|line| line.bytes(b"ok"));
                self.ending = Some(Outcome::Exit);
            }
            one_step => self.phase = Phase::Simple(one_step),
        }
    }

    /// Why a command is refused before the medium is asked.
    fn objection(&self, command: &Command<Span>) -> Option<Refusal> {
        let refusal = |code, why| Some(Refusal::new(code, why));
        let line = self.input.line();
        match command.with_paths(line) {
            command if self.config.read_only && command.writes() => {
                refusal(Code::ReadOnly, "this server serves without writing")
            }
            Command::Hello(_) if self.line_limit.is_some() => {
                refusal(Code::BadCommand, "hello opens a session, once")
            }
            Command::Upload { path, .. } if path.is_root() => {
                refusal(Code::IsDirectory, "/ is a folder; name a file")
            }
            Command::Remove { path } if path.is_root() => {
                refusal(Code::Denied, "the root cannot be removed")
            }
            Command::Rename { from, to } if from.is_root() || to.is_root() => {
                refusal(Code::Denied, "the root cannot be renamed or replaced")
            }
            Command::Rename { from, to } if from != to && to.is_within(from) => {
                refusal(Code::BadArgument, "a folder cannot be moved into itself")
            }
            Command::MakeFolder { path } if path.is_root() => {
                refusal(Code::Exists, "the root exists")
            }
            Command::Partial { path } | Command::Forget { path } if path.is_root() => {
                refusal(Code::IsDirectory, "/ is a folder; name a file")
            }
            _ => None,
        }
    }

    /// Go on as long as nothing is to be sent, reported or waited for.
    fn settle(&mut self) {
        while self.check_settled().is_ok() {
            if let Phase::Next(next) = self.phase {
                self.phase = Phase::Next(Next::Boundary);
                self.go_on(next);
            } else if !self.feed_frames() {
                return;
            }
        }
    }

    fn check_settled(&self) -> Result<(), Misuse> {
        self.check_reported()?;
        if self.output.is_clear() { Ok(()) } else { Err(Misuse) }
    }

    fn check_reported(&self) -> Result<(), Misuse> {
        let silent = self.command_note.is_none() && self.result_note.is_none();
        if silent { Ok(()) } else { Err(Misuse) }
    }

    fn note(&self) -> Event<'_> {
        if let Some(begun) = self.command_note {
            return begun.event(self.input.line());
        }
        match self.result_note {
            Some(event) => event,
            None => Event::Abandoned { length: 0 },
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
