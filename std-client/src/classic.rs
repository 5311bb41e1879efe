//! The classic dialect: one command a connection, file bytes over a second one.

mod listener;
mod wire;

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Instant;

use coracle::classic::{Client, Way};
use coracle::client::poll::{self, Waiting};
use coracle::client::{ClientError, Error, Event, Handler, Machine, PeerError, ask};
use coracle_desktop::connection::is_its_own_peer;

use crate::chunk::Chunk;
use crate::cli::{Command, Options};
use crate::connection::Dialer;
use crate::failure::Failure;
use crate::told::NOT_THERE;
use crate::transfer::Queue;
use crate::watch::{Interrupt, Watch};
use crate::watched::Watched;
use listener::Listener;
use wire::Wire;

/// For how long an upload looks for the server's port: it listens only after its `ok`.
const DIAL_PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before the port is tried again.
const DIAL_INTERVAL: Duration = Duration::from_millis(50);

/// What a user should know once.
pub(crate) const NOTE: &str = "the classic dialect has no checksums and no receipts: nothing \
                               proves that the bytes arrive as they were sent";

/// A server that speaks the classic dialect.
pub(crate) struct Classic<'a> {
    pub(crate) dialer: &'a Dialer,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) timeout: Duration,
    /// The port of file bytes, on the side that receives them.
    pub(crate) port: u16,
}

/// Which connection it was that failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Control,
    Download,
    Upload,
}

/// Refuse what the dialect has no words for.
///
/// # Errors
///
/// [`Failure::Usage`].
pub(crate) fn check(command: &Command, options: &Options) -> Result<(), Failure> {
    let is_known =
        matches!(command, Command::Ls { .. } | Command::Download { .. } | Command::Upload { .. });
    let text = match () {
        () if !is_known => "the classic dialect has only ls, download and upload",
        () if options.recursive => "the classic dialect has no folders: leave out --recursive",
        () if options.resume => "the classic dialect cannot continue a file: leave out --continue",
        () if options.one_connection => {
            "the classic dialect has a connection of its own for file bytes: leave out \
             --one-connection"
        }
        () => return Ok(()),
    };
    Err(Failure::Usage(text.to_owned()))
}

impl Classic<'_> {
    /// Move all files of the queue, each over connections of its own; none is tried twice.
    pub(crate) fn run(&self, queue: &mut impl Queue) {
        while !queue.is_done() {
            let result = self.ask(queue);
            let stopped = queue.take_stop();
            queue.disconnected();
            match result {
                Ok(()) => {}
                Err(_) if stopped => {}
                Err(
                    failure @ (Failure::Connection(_) | Failure::Silent(_) | Failure::Interrupted),
                ) => queue.give_up(&failure),
                Err(failure) => queue.blame(failure),
            }
        }
    }

    /// Have the next request of the handler answered that the dialect can express.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(crate) fn ask(&self, handler: &mut impl Handler) -> Result<(), Failure> {
        let mut client = Client::new(Chunk::default());
        ask(&mut client, handler);
        if client.takes_request() {
            // There is none left.
            return Ok(());
        }
        let stream = self.dialer.control()?;
        let server = stream.peer_addr();
        let server = server.map_err(|error| self.failure(Error::Link(error), Stage::Control))?;
        let listener = match client.way() {
            // Before it is asked: the server dials at once, and once.
            Some(Way::Download) => Some(Listener::open(server, self.port, self.interrupt)?),
            _ => None,
        };
        let mut control = Wire::new(stream, self.watch());
        let waiting = self.advance(&mut client, &mut control, handler);
        let Waiting::Transfer(way) =
            waiting.map_err(|error| self.failure(error, Stage::Control))?
        else {
            return Ok(());
        };
        // Its only command is answered.
        drop(control);
        let (stream, stage) = match listener {
            Some(listener) => {
                let patience = self.dialer.connect_timeout;
                (listener.accept(patience, self.interrupt)?, Stage::Download)
            }
            None => (self.dial(server)?, Stage::Upload),
        };
        let result = self.transfer(&mut client, stream, way, handler);
        result.map_err(|error| self.failure(error, stage))
    }

    fn transfer(
        &self,
        client: &mut Client<Chunk>,
        stream: TcpStream,
        way: Way,
        handler: &mut impl Handler,
    ) -> Result<(), Error<io::Error>> {
        let size = match way {
            Way::Download => 0,
            Way::Upload => client.size(),
        };
        let mut wire = Wire::for_file(stream, self.watch(), size).map_err(Error::Link)?;
        client.connected()?;
        match (way, self.advance(client, &mut wire, handler)?) {
            (Way::Upload, Waiting::HalfClose) => {
                wire.half_close().map_err(Error::Link)?;
                client.half_closed()?;
                self.advance(client, &mut wire, handler)?;
            }
            // It was withdrawn: the reset says so.
            (Way::Upload, _) => return Ok(()),
            (Way::Download, _) => {}
        }
        wire.close_in_order().map_err(Error::Link)
    }

    /// Run the machine until it waits for something that is not on this connection.
    fn advance(
        &self,
        client: &mut Client<Chunk>,
        wire: &mut Wire,
        handler: &mut impl Handler,
    ) -> Result<Waiting, Error<io::Error>> {
        let watch = Rc::clone(wire.watch());
        let way = client.way();
        let mut handler = Watched::new(handler, &watch, |event| Ok(explained(event, way)));
        let mut since = Instant::now();
        loop {
            let is_ready = match poll::advance(client, wire, &mut handler)? {
                Waiting::Readable => wire.wait(false),
                Waiting::Either => wire.wait(true),
                waiting => return Ok(waiting),
            };
            let patience = client.patience().map(|millis| Duration::from_millis(millis.into()));
            if is_ready.map_err(Error::Link)? {
                since = Instant::now();
            } else if patience.is_some_and(|patience| since.elapsed() >= patience) {
                client.quiet()?;
            } else {
                poll::settle(client, &mut handler)?;
            }
        }
    }

    /// Reach the port that the server opens for an upload.
    fn dial(&self, server: SocketAddr) -> Result<TcpStream, Failure> {
        let until = Instant::now() + DIAL_PATIENCE;
        loop {
            let error = match self.dialer.transfer(server, self.port) {
                Ok(stream) if !is_its_own_peer(&stream) => return Ok(stream),
                Ok(_) => io::ErrorKind::ConnectionRefused.into(),
                Err(error) => error,
            };
            if Instant::now() >= until {
                let port = self.port;
                let text = format!("the server does not open its port {port}: {error}");
                return Err(Failure::Connection(text));
            }
            self.interrupt.sleep(DIAL_INTERVAL)?;
        }
    }

    fn watch(&self) -> Rc<Watch> {
        Rc::new(Watch::new(self.interrupt.clone(), self.timeout))
    }

    fn failure(&self, error: Error<io::Error>, stage: Stage) -> Failure {
        match error {
            Error::Link(error) => match error.kind() {
                io::ErrorKind::Interrupted => Failure::Interrupted,
                io::ErrorKind::TimedOut => Failure::Silent(self.timeout.as_secs()),
                // The only way in which a classic server can say that it does not want a file.
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
                    if stage == Stage::Upload =>
                {
                    Failure::refused(None, b"the server broke the transfer off")
                }
                _ => Failure::Connection(format!("the connection failed: {error}")),
            },
            Error::Client(ClientError::Peer(PeerError::Closed)) => {
                let text = match stage {
                    Stage::Upload => "the server closed the connection before it had the file",
                    _ => PeerError::Closed.message(),
                };
                Failure::Connection(text.to_owned())
            }
            Error::Client(ClientError::Peer(error)) => Failure::Protocol(error),
            error => Failure::Local(error.to_string()),
        }
    }
}

/// What a bare `err` may mean.
fn explained(event: Event<'_>, way: Option<Way>) -> Event<'_> {
    let Event::Refused { request, code: None, message: b"" } = event else { return event };
    let message: &[u8] = match way {
        Some(Way::Download) => NOT_THERE.as_bytes(),
        Some(Way::Upload) => b"the server answers `err`: it takes no such file",
        None => b"the server answers `err`: no such folder there?",
    };
    Event::Refused { request, code: None, message }
}
