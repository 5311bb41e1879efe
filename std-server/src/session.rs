//! One connection, from accept to close.

use std::future::{Future, poll_fn, ready};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use coracle::asynch::{Clock as _, serve_until_idle};
use coracle::limits::LINE_MAX;
use coracle::{Config, Error, Outcome, Server, Timers};
use coracle_desktop::connection::close_in_order;
use coracle_desktop::journal::{self, Journal};
use coracle_desktop::pool::Chunk;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::arrivals::Arrival;
use crate::classic::{Addresses, Classic};
use crate::clock::Clock;
use crate::host::Host;
use crate::link::Link;
use crate::service::{SendStorage, Shared};
use crate::transfer::TransferPort;

/// File bytes in a frame of this server. Measured on loopback: 64 KiB is a few percent slower
/// (more system calls), 1 MiB no faster (it leaves the second-level cache).
pub(crate) const CHUNK_LEN: usize = 256 << 10;

/// How long a closing side reads and discards, so that a reset does not destroy its last line.
pub(crate) const LINGER: Duration = Duration::from_secs(2);

/// Bytes of command lines a client may leave unanswered: a thousand small files in flight fill
/// a link with a round trip of tens of milliseconds.
const PIPELINE: u32 = 64 << 10;

/// Which port a session came in by.
#[derive(Clone)]
pub(crate) enum Port {
    /// The control port, with its transfer port if there is one.
    Control(Option<Arc<TransferPort>>),
    /// The transfer port.
    Transfer,
}

impl Port {
    fn kind(&self) -> journal::Port {
        match self {
            Self::Control(_) => journal::Port::Control,
            Self::Transfer => journal::Port::Transfer,
        }
    }

    /// The transfer port of this control port.
    fn transfer(&self) -> Option<Arc<TransferPort>> {
        match self {
            Self::Control(transfer) => transfer.clone(),
            Self::Transfer => None,
        }
    }
}

/// Serve one connection to its end. `ticket` is its place among the sessions.
///
/// Not an `async fn`: that would keep room for its arguments beside what they become, for every
/// idle session.
pub(crate) fn serve<S: SendStorage, T: Send + 'static>(
    shared: Arc<Shared>,
    arrival: Arrival,
    port: Port,
    storage: S,
    ticket: T,
) -> impl Future<Output = ()> + Send {
    let Arrival { stream, begun } = arrival;
    let peer = stream.peer_addr();
    let journal = Journal::begin(&shared.counters, &peer, port.kind());
    let is_control = matches!(port, Port::Control(_));
    let classic = is_control && peer.is_ok_and(|peer| shared.classic.allows(peer));
    let config = Config {
        chunk: CHUNK_LEN as u32,
        pipeline: PIPELINE,
        busy: u16::try_from(shared.timeouts.busy / 1000).unwrap_or(u16::MAX),
        sessions: Some(u32::try_from(shared.max_sessions).unwrap_or(u32::MAX)),
        read_only: shared.read_only,
        classic,
    };
    let mut server = Server::<Chunk, LINE_MAX>::new(config, Chunk::new(&shared.pool));
    let mut link = Link::begun(stream, Arc::clone(&shared.pool), &begun);
    let mut host = Host::new(Arc::clone(&shared), journal, storage, port.transfer());
    async move {
        let mut timers = Timers::new(shared.timeouts, shared.clock.now());
        match drive(&shared.clock, &mut server, &mut link, &mut host, &mut timers).await {
            Ok(Outcome::Classic) => {
                let transfer = port.transfer();
                return hand_over(shared, server, link, host, transfer, timers).await;
            }
            ended => host.journal().end(&ended),
        }
        host.end();
        Box::pin(close(link.stream_mut(), port)).await;
        drop(ticket);
    }
}

/// Go on in the classic dialect. Not an `async fn`, and in a box, for the same reason.
fn hand_over<S: SendStorage>(
    shared: Arc<Shared>,
    native: Server<Chunk, LINE_MAX>,
    mut link: Link,
    host: Host<S>,
    transfer: Option<Arc<TransferPort>>,
    timers: Timers,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    match Addresses::of(link.stream_mut()) {
        Ok(addresses) => {
            let classic = Classic::new(shared, native, addresses, host, transfer);
            Box::pin(classic.serve(link, timers))
        }
        Err(error) => {
            host.journal().end(&Err(Error::Link(error)));
            Box::pin(ready(()))
        }
    }
}

/// Serve until the session is over. While it is idle it holds nothing but its state: the
/// driver's future lives only while a command is answered.
#[expect(clippy::manual_async_fn, reason = "it would keep room for its arguments twice")]
fn drive<S: SendStorage>(
    clock: &Clock,
    server: &mut Server<Chunk, LINE_MAX>,
    link: &mut Link,
    host: &mut Host<S>,
    timers: &mut Timers,
) -> impl Future<Output = Result<Outcome, Error<io::Error>>> {
    async move {
        loop {
            let busy = serve_until_idle(server, link, host, clock, timers);
            if let Some(outcome) = Box::pin(busy).await? {
                return Ok(outcome);
            }
            let deadline = timers.deadline(server, clock.now()).unwrap_or(u64::MAX);
            match readable_before(link, pin!(clock.until(deadline))).await {
                Some(ready) => ready.map_err(Error::Link)?,
                None if !clock.closing() && clock.now() >= deadline => timers.ran_out(server)?,
                None => {}
            }
        }
    }
}

/// Wait until there is something to read; `None` if the alarm comes first. By hand, because
/// each byte counts in a future that every idle session has.
fn readable_before(
    link: &Link,
    mut alarm: Pin<&mut impl Future<Output = ()>>,
) -> impl Future<Output = Option<io::Result<()>>> {
    poll_fn(move |context| match link.poll_readable(context) {
        Poll::Ready(ready) => Poll::Ready(Some(ready)),
        Poll::Pending => alarm.as_mut().poll(context).map(|()| None),
    })
}

/// Close so that the peer gets the last line.
pub(crate) async fn close(stream: &mut TcpStream, port: Port) {
    if matches!(port, Port::Control(_)) {
        // It may be closed already: then nothing is left to be told.
        let _best_effort = stream.shutdown().await;
    }
    let ended = drained(stream, LINGER).await;
    if matches!(port, Port::Transfer) && ended {
        let _gone = close_in_order(stream);
    }
}

/// Read and discard until the peer closes its side; whether it did so in time.
pub(crate) async fn drained(stream: &mut TcpStream, patience: Duration) -> bool {
    let ended = timeout(patience, async {
        let mut rest = [0; 1024];
        loop {
            stream.readable().await?;
            match stream.try_read(&mut rest) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    });
    matches!(ended.await, Ok(Ok(())))
}
