//! A session: the client's machine on a connection, until its requests are answered.

use core::time::Duration;
use std::io;
use std::net::TcpStream;
use std::rc::Rc;

use coracle::client::poll::{self, Waiting};
use coracle::client::{Client, ClientError, Error, Event, Handler, NotNow, PeerError};
use coracle::limits::LINE_MAX;
use coracle::{Code, Command, Greeting, Path, Refusal};

use crate::chunk::Chunk;
use crate::failure::Failure;
use crate::link::Link;
use crate::print::Shown;
use crate::watch::{Interrupt, Watch};
use crate::watched::Watched;

/// Requests that may be unanswered: the window of the server is the real limit.
const DEPTH: usize = 1024;

/// How long the answer to `exit` may take where a user waits for it.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Sessions of a client that moves files: one kept for other commands, and the two of a transfer.
const SESSIONS_ENOUGH: u64 = 3;

/// A session with a server.
pub(crate) struct Session {
    client: Box<Client<Chunk, LINE_MAX, DEPTH>>,
    link: Link,
    watch: Rc<Watch>,
    timeout: Duration,
    told: Told,
}

/// What the server told of the session itself.
#[derive(Debug, Default)]
struct Told {
    greeting: Option<Greeting>,
    refusal: Option<Failure>,
    farewell: Option<String>,
}

impl Session {
    /// A session on a new connection; `transfer` asks for the transfer port to be opened.
    pub(crate) fn new(
        stream: TcpStream,
        transfer: bool,
        interrupt: &Interrupt,
        timeout: Duration,
    ) -> Self {
        let watch = Rc::new(Watch::new(interrupt.clone(), timeout));
        Self {
            client: Box::new(Client::new(Chunk::default(), transfer)),
            link: Link::new(stream, Rc::clone(&watch)),
            watch,
            timeout,
            told: Told::default(),
        }
    }

    /// Wait for the greeting.
    pub(crate) fn greet(&mut self) -> Result<Greeting, Failure> {
        self.run(&mut Single { command: None })?;
        Ok(self.told.greeting.unwrap_or_default())
    }

    /// Run until every request of the handler is answered.
    ///
    /// # Errors
    ///
    /// Why the session ended before. Where the handler ended it, the handler knows better.
    pub(crate) fn run(&mut self, handler: &mut impl Handler) -> Result<(), Failure> {
        let (watch, told) = (&self.watch, &mut self.told);
        let mut watched = Watched::new(handler, watch, |event| told.hear(event, watch));
        let result = drive(&mut self.client, &mut self.link, &mut watched);
        if result.is_err() {
            // What has come is kept, whatever became of the connection. If even that fails,
            // the first failure says more.
            poll::settle::<()>(&mut *self.client, &mut watched).ok();
        }
        result.map_err(|error| self.failure(error))
    }

    /// Be so patient from now on. A session that was not used for a while needs it told before
    /// it is used again: nobody was to blame for that while.
    pub(crate) fn begin(&mut self, timeout: Duration) {
        self.timeout = timeout;
        self.watch.begin(timeout);
    }

    /// Whether the server has left an unused session as it was: one that it closed meanwhile is
    /// of no use any more.
    pub(crate) fn is_alive(&self) -> bool {
        // What it said last may have come long before the end of the stream does.
        self.told.farewell.is_none() && self.link.is_quiet()
    }

    /// End the session in order: the server is told and its answer awaited, so that it is this
    /// side that closes first.
    pub(crate) fn close(mut self) {
        // All is done and proven; how the session ends does not matter any more.
        self.run(&mut Single { command: Some(Command::Exit) }).ok();
    }

    /// Whether the server has so few sessions that none should be kept while files are moved.
    pub(crate) fn is_scarce(&self) -> bool {
        let sessions = self.told.greeting.as_ref().and_then(|greeting| greeting.sessions);
        sessions.is_some_and(|sessions| sessions < SESSIONS_ENOUGH)
    }

    /// As [`close`](Self::close), for a user who waits: not for long.
    pub(crate) fn leave(mut self) {
        self.begin(LEAVE_TIMEOUT);
        self.close();
    }

    fn failure(&mut self, error: Error<io::Error>) -> Failure {
        if let Some(refusal) = self.told.refusal.take() {
            return refusal;
        }
        match error {
            Error::Link(error) => match error.kind() {
                io::ErrorKind::Interrupted => Failure::Interrupted,
                io::ErrorKind::TimedOut => Failure::Silent(self.timeout.as_secs()),
                _ => Failure::Connection(format!("the connection failed: {error}")),
            },
            Error::Client(ClientError::Peer(PeerError::Closed)) => {
                let farewell = self.told.farewell.take();
                let why = farewell.unwrap_or_else(|| PeerError::Closed.message().to_owned());
                Failure::Connection(why)
            }
            Error::Client(ClientError::Peer(error)) => Failure::Protocol(error),
            error => Failure::Local(error.to_string()),
        }
    }
}

fn drive(
    client: &mut Client<Chunk, LINE_MAX, DEPTH>,
    link: &mut Link,
    handler: &mut impl Handler,
) -> Result<(), Error<io::Error>> {
    loop {
        let waiting = poll::advance(client, link, handler)?;
        let is_ready = match waiting {
            Waiting::Readable => link.wait(true, false),
            Waiting::Either => link.wait(true, true),
            Waiting::Request if link.flush().map_err(Error::Link)? => return Ok(()),
            Waiting::Request => link.wait(false, true),
            // Over; what else there is belongs to the classic dialect.
            _ => return Err(ClientError::Peer(PeerError::Closed).into()),
        };
        if !is_ready.map_err(Error::Link)? {
            poll::settle(client, handler)?;
        }
    }
}

impl Told {
    /// Take note of what concerns the session. The answer to `hello` may end it.
    fn hear<'e>(&mut self, event: Event<'e>, watch: &Watch) -> Result<Event<'e>, Refusal> {
        match event {
            Event::Greeting(greeting) => {
                watch.set_busy(greeting.busy);
                self.greeting = Some(greeting);
            }
            Event::Refused { request: 0, code, message } => {
                self.refusal = Some(Failure::refused(code, message));
                return Err(Refusal::new(Code::Aborted, "the server refuses the session"));
            }
            Event::Farewell { message, .. } => {
                let message = Shown(message);
                self.farewell = Some(format!("the server ended the session: {message}"));
            }
            _ => {}
        }
        Ok(event)
    }
}

/// One request whose answer does not matter, or none.
struct Single {
    command: Option<Command<Path<'static>>>,
}

impl Handler for Single {
    fn next_request(&mut self) -> Option<Command<Path<'_>>> {
        self.command
    }

    fn requested(&mut self, _outcome: Result<u64, NotNow>) {
        self.command = None;
    }

    fn event(&mut self, _event: Event<'_>) -> Result<(), Refusal> {
        Ok(())
    }
}
