//! One connection, from accept to close.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use coracle::limits::LINE_MAX;
use coracle::{Config, Outcome, Server};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::host::Host;
use crate::link::Link;
use crate::pool::{CHUNK_LEN, Chunk};
use crate::service::{SendStorage, Shared};
use crate::transfer::TransferPort;

/// How long a closing side reads and discards, so that a reset does not destroy its last line.
const LINGER: Duration = Duration::from_secs(2);

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

/// Serve one connection to its end.
pub(crate) async fn serve<S>(
    shared: Arc<Shared>,
    stream: TcpStream,
    address: SocketAddr,
    port: Port,
    storage: S,
) where
    S: SendStorage,
{
    let id = shared.counters.session();
    let transfer = match &port {
        Port::Control(transfer) => transfer.clone(),
        Port::Transfer => None,
    };
    let name = if transfer.is_some() { "control" } else { "single" };
    let name = if matches!(port, Port::Transfer) { "transfer" } else { name };
    tracing::info!(session = id, peer = %address, port = name, "connected");

    let mut link = Link::new(stream, Arc::clone(&shared.pool));
    let outcome = drive(&shared, id, &mut link, transfer, storage).await;
    match outcome {
        Ok(outcome) => log_end(id, outcome),
        Err(error) => tracing::info!(session = id, %error, "connection lost"),
    }
    close(link.into_stream(), &port).await;
}

async fn drive<S>(
    shared: &Arc<Shared>,
    id: u64,
    link: &mut Link,
    transfer: Option<Arc<TransferPort>>,
    storage: S,
) -> Result<Outcome, coracle::Error<std::io::Error>>
where
    S: SendStorage,
{
    let config = Config {
        chunk: CHUNK_LEN as u32,
        pipeline: PIPELINE,
        busy: u16::try_from(shared.timeouts.busy / 1000).unwrap_or(u16::MAX),
        sessions: Some(u32::try_from(shared.max_sessions).unwrap_or(u32::MAX)),
        read_only: shared.read_only,
    };
    let mut server = Server::<Chunk, LINE_MAX>::new(config, Chunk::new(&shared.pool));
    let mut host = Host::new(Arc::clone(shared), id, storage, transfer);
    let clock = &shared.clock;
    coracle::asynch::serve(&mut server, link, &mut host, clock, shared.timeouts).await
}

fn log_end(session: u64, outcome: Outcome) {
    match outcome {
        Outcome::Exit | Outcome::Ended => tracing::info!(session, "closed"),
        Outcome::Lost => tracing::info!(session, "connection lost"),
        Outcome::Refused(refusal) => {
            tracing::info!(session, code = %refusal.code, reason = refusal.message, "closed");
        }
        other => tracing::info!(session, outcome = ?other, "closed"),
    }
}

/// Close so that the peer gets the last line.
pub(crate) async fn close(mut stream: TcpStream, port: &Port) {
    if matches!(port, Port::Control(_)) {
        // It may be closed already: then nothing is left to be told.
        let _best_effort = stream.shutdown().await;
    }
    let ended = timeout(LINGER, async {
        let mut rest = [0; 1024];
        loop {
            stream.readable().await?;
            match stream.try_read(&mut rest) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    });
    let ended = matches!(ended.await, Ok(Ok(())));
    if matches!(port, Port::Transfer) && !ended {
        // No TIME_WAIT on the transfer port: others must be able to bind it.
        let _best_effort = stream.set_zero_linger();
    }
}
