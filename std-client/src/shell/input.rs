//! Where the lines of a shell come from: a person at a terminal, or a pipe.

use std::fs::File;
use std::io::{self, BufRead, BufReader, stdin};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::failure::Failure;
use crate::shell::terminal::Terminal;
use crate::shell::words::{LINE_MAX, too_long};
use crate::watch::{Interrupt, Watch};

/// Where the lines come from.
pub(crate) enum Input {
    Terminal(Box<Terminal>),
    Pipe(Pipe),
}

/// What has come.
pub(crate) enum Read {
    Line(Vec<u8>),
    /// The user does not want this line.
    Dropped,
    End,
}

impl Input {
    pub(crate) const fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    /// The next line, without its end.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] for a line that is too long, [`Failure::Local`] if nothing can be
    /// read, [`Failure::Interrupted`].
    pub(crate) fn read(&mut self, interrupt: &Interrupt) -> Result<Read, Failure> {
        match self {
            Self::Terminal(terminal) => terminal.read(interrupt),
            Self::Pipe(pipe) => pipe.read(interrupt),
        }
    }
}

/// Lines of a pipe or a file: bytes, since names need not be text.
pub(crate) struct Pipe(BufReader<File>);

impl Pipe {
    /// Standard input.
    pub(crate) fn new() -> Result<Self, Failure> {
        let input = stdin().as_fd().try_clone_to_owned().map_err(unreadable)?;
        Ok(Self(BufReader::new(input.into())))
    }

    fn read(&mut self, interrupt: &Interrupt) -> Result<Read, Failure> {
        let mut line = Vec::new();
        let mut is_too_long = false;
        loop {
            self.wait(interrupt)?;
            let bytes = match self.0.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result.map_err(unreadable)?,
            };
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let is_last = end.is_some() || bytes.is_empty();
            if bytes.is_empty() && line.is_empty() && !is_too_long {
                return Ok(Read::End);
            }
            let taken = end.unwrap_or(bytes.len());
            line.extend(&bytes[..taken]);
            self.0.consume(taken + usize::from(end.is_some()));
            if line.len() > LINE_MAX {
                // The rest is skipped, so that the next line is read as what it is.
                is_too_long = true;
                line.clear();
            }
            if is_last {
                line.pop_if(|last| *last == b'\r');
                return if is_too_long { Err(too_long()) } else { Ok(Read::Line(line)) };
            }
        }
    }

    /// Wait until there is something, or a signal.
    fn wait(&self, interrupt: &Interrupt) -> Result<(), Failure> {
        if !self.0.buffer().is_empty() {
            return Ok(());
        }
        let tick = Timespec { tv_sec: 0, tv_nsec: Watch::TICK.subsec_nanos().into() };
        loop {
            if interrupt.is_set() {
                return Err(Failure::Interrupted);
            }
            let mut polled = [PollFd::new(self.0.get_ref(), PollFlags::IN)];
            match poll(&mut polled, Some(&tick)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(unreadable(error.into())),
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` gives")]
fn unreadable(error: io::Error) -> Failure {
    Failure::Local(format!("cannot read standard input: {error}"))
}
