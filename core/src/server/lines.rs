//! The boundary between two commands: what the next line asks for.

use super::download::Download;
use super::frames::Frames;
use super::input::Taken;
use super::listing::Listing;
use super::sum::Sum;
use super::upload::Upload;
use super::{Next, Outcome, Phase, Server};
use crate::buffer::Buffer;
use crate::classic::NATIVE;
use crate::command::{BadLine, Command, path_in};
use crate::frame::Frame;
use crate::limits::GROUP_FILE_MAX;
use crate::path::Path;
use crate::reply::{Code, Refusal};
use crate::token::Tokens;

pub(crate) const READ_ONLY: Refusal =
    Refusal::new(Code::ReadOnly, "this server serves without writing");
pub(crate) const ROOT_IS_FOLDER: Refusal =
    Refusal::new(Code::IsDirectory, "/ is a folder; name a file");

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    /// The line after which no other is due is answered, or nothing was: what comes next?
    pub(super) fn boundary(&mut self) {
        if let Some(outcome) = self.ending {
            return if self.group > 0 {
                self.after_group(Next::Boundary);
            } else {
                self.chunk.release();
                self.phase = Phase::Closed(outcome);
            };
        }
        let taken = self.input.take_line();
        if self.config.classic && self.line_limit.is_none() && self.is_classic(taken) {
            self.chunk.release();
            return self.phase = Phase::Closed(Outcome::Classic);
        }
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

    /// Whether the first bytes are not, and cannot become, those of a native session. Frames
    /// and reserved bytes are none of the classic dialect either.
    #[inline(never)]
    fn is_classic(&self, taken: Taken) -> bool {
        let is_whole = taken == Taken::Line;
        let bytes = if is_whole { self.input.line() } else { self.input.waiting() };
        match bytes {
            [] | [0x00 | 0x80.., ..] => false,
            [first, ..] if Frame::begins_with(*first) => false,
            _ if is_whole => bytes != b"hello" && !bytes.starts_with(NATIVE),
            _ if bytes == b"\r" || bytes == b"hello\r" => false,
            _ => !NATIVE.starts_with(bytes) && !bytes.starts_with(NATIVE),
        }
    }

    pub(super) fn on_line_received(&mut self, count: usize) {
        self.input.received(count);
        self.phase = Phase::Next(Next::Boundary);
        self.settle();
        let is_line_due = matches!(self.phase, Phase::Line) && self.input.waiting().is_empty();
        if is_line_due && self.group > 0 {
            // Empty lines are no command at hand.
            self.after_group(Next::Boundary);
        }
    }

    fn on_line(&mut self) {
        self.counters.commands = self.counters.commands.saturating_add(1);
        if let Some(next) = self.out_of_place() {
            return self.after_group(next);
        }
        match Command::parse_spans(self.input.line_mut()) {
            Ok(command) => {
                self.command = command;
                self.run_after_group();
            }
            Err(BadLine { refusal, .. }) if self.line_limit.is_none() => {
                self.after_group(Next::Close(refusal));
            }
            Err(BadLine { refusal, frames_follow }) => {
                let frames = frames_follow.then_some(Frames::START);
                self.after_group(Next::Refuse(refusal, frames));
            }
        }
    }

    fn run_after_group(&mut self) {
        match self.command {
            // Small uploads that follow each other are committed together.
            Command::Upload { size: Some(size), resume: None, .. } if size <= GROUP_FILE_MAX => {
                self.run();
            }
            _ => self.after_group(Next::Run),
        }
    }

    /// A session begins with `hello`, whatever is wrong with another line; a second one is
    /// refused, whatever is wrong with it.
    fn out_of_place(&self) -> Option<Next> {
        let is_hello = Tokens::new(self.input.line()).next() == Some(b"hello");
        match (self.line_limit, is_hello) {
            (None, false) => {
                let why = "a session begins with: hello 1";
                Some(Next::Close(Refusal::new(Code::BadCommand, why)))
            }
            (Some(_), true) => {
                let why = "hello opens a session, once";
                Some(Next::Refuse(Refusal::new(Code::BadCommand, why), None))
            }
            _ => None,
        }
    }

    pub(super) fn go_on(&mut self, next: Next) {
        match next {
            Next::Boundary => self.boundary(),
            Next::Run => self.run(),
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
    fn run(&mut self) {
        self.is_begun = true;
        if let Some(refusal) = self.objection() {
            let frames = matches!(self.command, Command::Upload { .. }).then_some(Frames::START);
            return self.after_group(Next::Refuse(refusal, frames));
        }
        match self.command {
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
            Command::Noop => self.reply(|_| {}),
            Command::Help => self.help(),
            Command::Exit => {
                self.reply(|_| {});
                self.ending = Some(Outcome::Exit);
            }
            _ => self.phase = Phase::Simple,
        }
    }

    /// Why a command is refused before the medium is asked.
    fn objection(&self) -> Option<Refusal> {
        if self.config.read_only && self.command.writes() {
            return Some(READ_ONLY);
        }
        let path_in_line = |span| path_in(span, self.input.line());
        let (path, of_root) = match self.command {
            Command::Upload { path, .. } | Command::Partial { path } | Command::Forget { path } => {
                (path, ROOT_IS_FOLDER)
            }
            Command::Remove { path } => {
                (path, Refusal::new(Code::Denied, "the root cannot be removed"))
            }
            Command::MakeFolder { path } => (path, Refusal::new(Code::Exists, "the root exists")),
            Command::Rename { from, to } => {
                return Self::objection_to_renaming(path_in_line(from), path_in_line(to));
            }
            _ => return None,
        };
        path_in_line(path).is_root().then_some(of_root)
    }

    fn objection_to_renaming(from: Path<'_>, to: Path<'_>) -> Option<Refusal> {
        let refusal = |code, why| Some(Refusal::new(code, why));
        if from.is_root() || to.is_root() {
            refusal(Code::Denied, "the root cannot be renamed or replaced")
        } else if from != to && to.is_within(from) {
            refusal(Code::BadArgument, "a folder cannot be moved into itself")
        } else {
            None
        }
    }
}
