//! The server's machine of the classic dialect.

mod download;
mod listing;
mod machine;
mod output;
mod upload;

use crate::buffer::Buffer;
use crate::limits::{CHUNK_BUFFER_LEN, LINE_MIN};
use crate::machine::{Counters, Misuse, Outcome};
use crate::path::Path;
use crate::reply::{Code, Refusal};
use crate::server;
use crate::server::input::{Input, Taken};
use crate::server::output::Output;
use crate::step::Note;

use super::Way;
use super::command::Command;
use download::Download;
use listing::Listing;
use upload::Upload;

/// A server with the fixed buffers of a chip.
pub type FixedServer = Server<[u8; CHUNK_BUFFER_LEN], LINE_MIN>;

/// Bytes of RAM for one connection with the fixed buffers, the buffers included.
pub const SESSION_RAM: usize = size_of::<FixedServer>();

/// The machine of one classic connection, made from a native one that ended with
/// [`Outcome::Classic`]. `C` and `LINE` are as in [`Server`](server::Server).
///
/// A driver serves it on the connection of the command, the control connection. `ls`, and
/// whatever is refused, ends there. A transfer begins with
/// [`Step::Prepare`](crate::Step::Prepare), before the medium is asked for the file: there the
/// host waits for the turn of this transfer, since two machines have ports for one at a time, and
/// opens its listener for an upload. It keeps both until the transfer is over; any other outcome
/// than [`Outcome::Transfer`] means that there is none, and that both are to be let go of at once.
/// After [`Outcome::Transfer`] the owner
///
/// 1. half-closes the control connection and goes on without it: the peer may close it too;
/// 2. makes the connection for the file: for a [`Way::Download`] to the transfer port of the
///    peer's address, which the peer may open late; for a [`Way::Upload`] it takes the next
///    connection that [comes from](super::comes_from) the peer;
/// 3. calls [`connected`](Self::connected), and has the same machine driven on that connection;
/// 4. after [`Outcome::Ended`] closes it, as the sender at once, as the receiver knowing that
///    the peer closed first; after anything else resets it, which tells the peer.
///
/// A sender closes together with its last bytes, which are those behind which the machine says
/// [`Flush`](crate::Action::Flush): then it is the ancestor's client whose side closes last, and
/// whose port is free again at once. Without a connection the owner calls
/// [`refused`](Self::refused) or [`lost`](crate::Machine::lost), and has the machine driven once
/// more, on any link: nothing but steps is left.
///
/// The command is complete at its LF, at the end of the input, or when a form of it that may be
/// whole is followed by [quiet](crate::Machine::quiet), which the blocking driver cannot tell.
pub struct Server<C: Buffer, const LINE: usize> {
    read_only: bool,
    input: Input<LINE>,
    chunk: C,
    output: Output,
    phase: Phase,
    manner: Manner,
    command_note: Option<Command>,
    result_note: Option<Note>,
    counters: Counters,
}

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// As the ancestor's programs expect: no line ends, and no more than they can read.
    Bare,
    /// A line end came with the command: in lines, for a person or a newer program.
    Lines,
}

enum Phase {
    /// Receive the (rest of the) command.
    Line,
    Listing(Listing),
    Download(Download),
    Upload(Upload),
    Closed(Outcome),
}

/// How it ends once what is open was put away.
#[derive(Clone, Copy)]
enum End {
    /// With this answer.
    Answer(Refusal),
    /// Without a word: it is too late for an answer.
    Refused(Refusal),
    /// The peer vanished after so many file bytes.
    Lost(u64),
    /// All names are sent.
    Listed,
    /// So many file bytes are sent.
    Downloaded(u64),
}

impl<C: Buffer, const LINE: usize> From<server::Server<C, LINE>> for Server<C, LINE> {
    /// Take over the buffers and the bytes received so far. A session that did not end with
    /// [`Outcome::Classic`] gives one that is over, by [`Outcome::Misuse`].
    fn from(native: server::Server<C, LINE>) -> Self {
        let server::Parts { read_only, input, chunk, is_classic } = native.into_parts();
        let mut server = Self {
            read_only,
            input,
            chunk,
            output: Output::Clear,
            phase: if is_classic { Phase::Line } else { Phase::Closed(Outcome::Misuse) },
            manner: Manner::Bare,
            command_note: None,
            result_note: None,
            counters: Counters::NONE,
        };
        if is_classic && !server.input.line().is_empty() {
            server.manner = Manner::Lines;
            server.begin();
        } else if is_classic && server.input.room() == 0 {
            server.refuse(TOO_LONG);
        }
        server
    }
}

const TOO_LONG: Refusal = Refusal::new(Code::TooLong, "the command is too long");

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    /// The connection for the file is there.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if the session did not end with [`Outcome::Transfer`].
    pub fn connected(&mut self) -> Result<(), Misuse> {
        self.awaited().ok_or(Misuse)?;
        match &mut self.phase {
            Phase::Download(_) => self.begin_sending(),
            _ => self.begin_receiving(),
        }
        Ok(())
    }

    /// There is no connection for the file, for this reason.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if the session did not end with [`Outcome::Transfer`].
    pub fn refused(&mut self, why: Refusal) -> Result<(), Misuse> {
        self.awaited().ok_or(Misuse)?;
        self.end(End::Refused(why));
        Ok(())
    }

    /// Bytes of the file, once [`Outcome::Transfer`] was said.
    pub fn size(&self) -> u64 {
        match &self.phase {
            Phase::Download(download) => download.size(),
            Phase::Upload(upload) => upload.size(),
            Phase::Line | Phase::Listing(_) | Phase::Closed(_) => 0,
        }
    }

    /// The connection that the owner is to make.
    fn awaited(&self) -> Option<Way> {
        match &self.phase {
            Phase::Download(download) if download.connects() => Some(Way::Download),
            Phase::Upload(upload) if upload.connects() => Some(Way::Upload),
            _ => None,
        }
        .filter(|_| self.check_settled().is_ok())
    }

    fn on_line_received(&mut self, count: usize) {
        self.input.received(count);
        match self.input.take_line() {
            Taken::Line => {
                self.manner = Manner::Lines;
                self.begin();
            }
            Taken::Incomplete => {}
            Taken::TooLong => self.refuse(TOO_LONG),
        }
    }

    /// Nothing more of the command will come.
    fn on_end_of_line(&mut self) {
        self.input.take_rest();
        self.begin();
    }

    /// Whether what was received may be the whole command.
    fn is_whole(&self) -> bool {
        Command::ends_with_quiet(self.input.waiting())
    }

    /// Begin the command that is the current line.
    fn begin(&mut self) {
        self.counters.commands = 1;
        let command = match Command::parse(self.input.line()) {
            Ok(command) => command,
            Err(refusal) => return self.refuse(refusal),
        };
        let path = command.path().of(self.input.line());
        let path = if path.is_empty() { Ok(Path::ROOT) } else { Path::new(path) };
        match path {
            Err(error) => return self.refuse(Refusal::new(Code::BadPath, error.message())),
            Ok(path) => {
                if let Some(refusal) = self.objection(command, path) {
                    self.command_note = Some(command);
                    return self.refuse(refusal);
                }
            }
        }
        self.command_note = Some(command);
        self.phase = match command {
            Command::List(path) => Phase::Listing(Listing::new(path)),
            Command::Download(path) => Phase::Download(Download::new(path)),
            Command::Upload(path, size) => Phase::Upload(Upload::new(path, size)),
        };
    }

    /// Why a command is refused before the medium is asked.
    fn objection(&self, command: Command, path: Path<'_>) -> Option<Refusal> {
        match command {
            Command::Upload(..) if self.read_only => Some(server::READ_ONLY),
            Command::Upload(..) if path.is_root() => Some(server::ROOT_IS_FOLDER),
            _ => None,
        }
    }

    /// Put away what is open, and end so.
    fn end(&mut self, end: End) {
        let is_open = match &mut self.phase {
            Phase::Line => false,
            Phase::Listing(listing) => listing.put_away(end),
            Phase::Download(download) => download.put_away(end),
            Phase::Upload(upload) => upload.put_away(end),
            Phase::Closed(_) => return,
        };
        if !is_open {
            self.finish(end);
        }
    }

    /// Everything is put away.
    fn finish(&mut self, end: End) {
        let (outcome, event) = match end {
            End::Answer(refusal) => return self.refuse(refusal),
            End::Refused(refusal) => (Outcome::Refused(refusal), Some(Note::Refused(refusal))),
            End::Lost(length) => {
                let is_file = matches!(self.phase, Phase::Download(_) | Phase::Upload(_));
                (Outcome::Lost, is_file.then_some(Note::Abandoned { length }))
            }
            End::Listed => (Outcome::Ended, None),
            End::Downloaded(length) => (Outcome::Ended, Some(Note::Downloaded { length })),
        };
        self.result_note = event;
        self.phase = Phase::Closed(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_fits_two_kibibytes() {
        const { assert!(SESSION_RAM <= 2048) };
    }
}
