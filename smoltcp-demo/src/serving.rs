//! A session: its machine, and the connection it is driven on.

use coracle::poll::{self, Driver, Progress};
use coracle::{Error, Machine, Outcome, Server, classic};
use smoltcp::socket::tcp::Socket;

use crate::classic::Classic;
use crate::owner::{Owner, Port, Session};
use crate::stream::{Lost, Stream};
use crate::surroundings::{Held, Shared, Surroundings};
use crate::transfer::Dialling;

/// Actions of one session before the others have their turn: with the chunk buffer of a chip some
/// ten KiB.
const BUDGET: usize = 32;

/// A session.
pub(crate) struct Serving<O: Owner, const LINE: usize> {
    pub(crate) session: Session,
    pub(crate) dialect: Dialect<O::Chunk, LINE>,
    pub(crate) host: O::Host,
    pub(crate) driver: Driver<Lost>,
    pub(crate) held: Held,
    pub(crate) stage: Stage,
}

/// The machine of either dialect.
pub(crate) enum Dialect<C: coracle::Buffer, const LINE: usize> {
    Native(Server<C, LINE>),
    Classic(Classic, classic::Server<C, LINE>),
}

/// How far a session is with its connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The machine is driven on the connection of the commands.
    Commands,
    /// A classic upload waits for its connection until then.
    Awaiting { until: u64 },
    /// A classic download is connecting to its client, or will try again.
    Dialling(Dialling),
    /// The machine is driven on the connection of a file, which it sends.
    Sending { is_empty: bool },
    /// The same, for a file that it receives.
    Receiving,
    /// There is no connection for the file: what is open is put away.
    Unconnected,
}

impl<O: Owner, const LINE: usize> Serving<O, LINE> {
    /// A session whose connection is there.
    pub(crate) fn new(session: Session, owner: &mut O, shared: &Shared, now: u64) -> Self {
        let config = coracle::Config {
            classic: shared.settings.config.classic
                && session.port == Port::Control
                && Classic::built_in().is_some(),
            ..shared.settings.config
        };
        Self {
            session,
            dialect: Dialect::Native(Server::new(config, owner.chunk())),
            host: owner.begin(&session),
            driver: Driver::new(shared.settings.timeouts, now),
            held: Held::default(),
            stage: Stage::Commands,
        }
    }

    /// Do what its machine can do now.
    pub(crate) fn drive(
        &mut self,
        socket: &mut Socket<'_>,
        shared: &mut Shared,
        now: u64,
    ) -> Result<Progress, Error<Lost>> {
        let mut link = match self.stage {
            Stage::Unconnected => Link::Nowhere,
            _ => Link::Socket(Stream(socket)),
        };
        let is_closing = shared.is_closing;
        let mut surroundings = Surroundings {
            host: &mut self.host,
            shared,
            held: &mut self.held,
            number: self.session.number,
            peer: self.session.peer,
            now,
        };
        let driver = &mut self.driver;
        match &mut self.dialect {
            Dialect::Native(server) => {
                run(server, driver, &mut link, &mut surroundings, now, is_closing)
            }
            Dialect::Classic(proof, server) => {
                proof.holds();
                run(server, driver, &mut link, &mut surroundings, now, is_closing)
            }
        }
    }

    /// Go on in the classic dialect.
    pub(crate) fn into_classic(self) -> Self {
        let dialect = match (self.dialect, Classic::built_in()) {
            (Dialect::Native(server), Some(proof)) => Dialect::Classic(proof, server.into()),
            (dialect, _) => dialect,
        };
        Self { dialect, ..self }
    }

    /// The classic machine; only such a one ends with [`Outcome::Transfer`].
    pub(crate) fn classic(&mut self) -> Option<&mut classic::Server<O::Chunk, LINE>> {
        match &mut self.dialect {
            Dialect::Native(_) => None,
            Dialect::Classic(proof, server) => {
                proof.holds();
                Some(server)
            }
        }
    }

    /// Give the host back to the owner.
    pub(crate) fn end(
        mut self,
        owner: &mut O,
        shared: &mut Shared,
        ended: Result<Outcome, Error<Lost>>,
    ) {
        shared.release(self.session.number, &mut self.held);
        owner.end(&self.session, self.host, ended);
    }
}

fn run<M: Machine, H: poll::Host>(
    server: &mut M,
    driver: &mut Driver<Lost>,
    link: &mut Link<'_, '_>,
    host: &mut Surroundings<'_, H>,
    now: u64,
    is_closing: bool,
) -> Result<Progress, Error<Lost>> {
    if is_closing {
        // Refused while a command is being answered: said again after it.
        let _later = server.shut_down();
    }
    poll::serve(server, driver, link, host, now, BUDGET)
}

/// What a machine is driven on.
enum Link<'s, 'b> {
    Socket(Stream<'s, 'b>),
    /// Nothing is received or sent any more.
    Nowhere,
}

impl poll::Stream for Link<'_, '_> {
    type Error = Lost;

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Lost> {
        match self {
            Self::Socket(stream) => stream.try_read(buffer),
            Self::Nowhere => Ok(Some(0)),
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Lost> {
        match self {
            Self::Socket(stream) => stream.try_write(bytes),
            Self::Nowhere => Ok(Some(bytes.len())),
        }
    }
}
