//! A classic connection, from where the native machine hands it over: the command, and then the
//! connection for the file.

mod dial;
mod host;
mod sender;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use coracle::asynch::{serve as serve_all, serve_until_idle};
use coracle::classic::Server;
use coracle::limits::LINE_MAX;
use coracle::{Code, Error, Outcome, Refusal, Timers};
use coracle_desktop::connection::close_in_order;
use coracle_desktop::pool::Chunk;
use tokio::net::TcpStream;

use self::dial::dial;
use self::host::{ClassicHost, Prepared, Receiving, Sending};
use self::sender::Sender;
use crate::host::Host;
use crate::link::{Link, Nowhere};
use crate::peer::{Peer, canonical};
use crate::service::{SendStorage, Shared};
use crate::session::{self, Port};
use crate::transfer::TransferPort;

/// How long a client may take to connect for its upload, if the time without progress is not
/// shorter.
const ARRIVAL: Duration = Duration::from_secs(10);

/// How long a client may take to listen for its download, likewise: it does so only after it has
/// read the size.
const LISTENING: Duration = Duration::from_secs(5);

const NO_ARRIVAL: Refusal =
    Refusal::new(Code::Timeout, "no connection came for the bytes of the upload");
const NO_LISTENER: Refusal =
    Refusal::new(Code::Timeout, "the client takes no connection on the transfer port");
const UNPREPARED: Refusal = Refusal::new(Code::Io, "internal: no connection was prepared");

type Ended = Result<Outcome, Error<io::Error>>;

/// One connection.
pub(crate) struct Classic<S: SendStorage> {
    shared: Arc<Shared>,
    server: Server<Chunk, LINE_MAX>,
    host: ClassicHost<S>,
    addresses: Addresses,
}

/// Of the control connection.
#[derive(Clone, Copy)]
pub(crate) struct Addresses {
    peer: Peer,
    local: IpAddr,
}

impl Addresses {
    /// # Errors
    ///
    /// If the connection is gone.
    pub(crate) fn of(stream: &TcpStream) -> io::Result<Self> {
        let peer = Peer::new(stream.peer_addr()?);
        let local = canonical(stream.local_addr()?).ip();
        Ok(Self { peer, local })
    }
}

impl<S: SendStorage> Classic<S> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        native: coracle::Server<Chunk, LINE_MAX>,
        addresses: Addresses,
        host: Host<S>,
        transfer: Option<Arc<TransferPort>>,
    ) -> Self {
        let host = ClassicHost::new(host, transfer, addresses.peer);
        Self { shared, server: Server::from(native), host, addresses }
    }

    /// Serve it to its end, and close it. The timers have run since it was accepted.
    pub(crate) async fn serve(mut self, mut link: Link, mut timers: Timers) {
        let ended = self.answer(&mut link, &mut timers).await;
        if !matches!(ended, Ok(Outcome::Transfer(_))) {
            self.host.pass();
        }
        let close = session::close(link.stream_mut(), Port::Control(None));
        let ended = if let Ok(Outcome::Transfer(_)) = ended {
            // The client may close its side now or later.
            tokio::join!(close, self.transfer()).1
        } else {
            close.await;
            ended
        };
        self.host.end(&ended);
    }

    async fn answer(&mut self, link: &mut Link, timers: &mut Timers) -> Ended {
        loop {
            let (server, host) = (&mut self.server, &mut self.host);
            let clock = &self.shared.clock;
            // It waits for its one command, or for nothing: it is never idle.
            if let Some(outcome) = serve_until_idle(server, link, host, clock, timers).await? {
                return Ok(outcome);
            }
        }
    }

    async fn transfer(&mut self) -> Ended {
        match self.host.prepared() {
            Some(Prepared::Sending(sending)) => self.send(sending).await,
            Some(Prepared::Receiving(receiving)) => self.receive(receiving).await,
            None => self.give_up(UNPREPARED).await,
        }
    }

    async fn send(&mut self, Sending { turn, port, closed }: Sending) -> Ended {
        let patience = LISTENING.min(self.patience());
        let Addresses { peer, local } = self.addresses;
        let Ok(stream) = dial(local, peer.at_port(port), patience).await else {
            return self.give_up(NO_LISTENER).await;
        };
        drop(closed);
        self.server.connected()?;
        let link = Link::new(stream, Arc::clone(&self.shared.pool));
        let size = self.server.size();
        let mut link = Sender::new(link, size);
        let ended = self.drive(&mut link).await;
        if let Ok(Outcome::Ended) = ended {
            link.close(size).await;
        }
        drop(turn);
        ended
    }

    async fn receive(&mut self, receiving: Receiving) -> Ended {
        let Receiving { turn, lease, expected } = receiving;
        let arrival = expected.within(ARRIVAL.min(self.patience())).await;
        drop(lease);
        let ended = match arrival {
            None => self.give_up(NO_ARRIVAL).await,
            Some(arrival) => {
                self.server.connected()?;
                let pool = Arc::clone(&self.shared.pool);
                let mut link = Link::begun(arrival.stream, pool, &arrival.begun);
                let ended = self.drive(&mut link).await;
                if let Ok(Outcome::Ended) = ended {
                    let _gone = close_in_order(link.stream_mut());
                }
                ended
            }
        };
        drop(turn);
        ended
    }

    /// How long a transfer may be without progress.
    fn patience(&self) -> Duration {
        Duration::from_millis(self.shared.timeouts.transfer.into())
    }

    async fn drive<L>(&mut self, link: &mut L) -> Ended
    where
        L: embedded_io_async::Read + embedded_io_async::Write + embedded_io::ReadReady,
        L: embedded_io::ErrorType<Error = io::Error>,
    {
        let Self { shared, server, host, .. } = self;
        serve_all(server, link, host, &shared.clock, shared.timeouts).await
    }

    /// There is no connection for the file: put away what is open.
    async fn give_up(&mut self, why: Refusal) -> Ended {
        self.server.refused(why)?;
        self.drive(&mut Nowhere).await
    }
}

/// Where classic is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ClassicChoice {
    /// With every peer.
    On,
    /// With none.
    Off,
    /// With peers whose address is a loopback one.
    #[default]
    Loopback,
}

impl ClassicChoice {
    /// Whether a peer at this address may speak it.
    pub(crate) fn allows(self, peer: SocketAddr) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::Loopback => peer.ip().to_canonical().is_loopback(),
        }
    }
}
