//! The server as a whole: listeners, limits, shutting down.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coracle::{Code, Refusal, Storage, Timeouts};
use coracle_desktop::connection::reset_when_dropped;
use coracle_desktop::counters::Counters;
use coracle_desktop::journal;
use coracle_desktop::pool::Pool;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::arrivals::{Arrival, Arrivals};
use crate::classic::ClassicChoice;
use crate::clock::Clock;
use crate::listener::accept;
use crate::session::{self, CHUNK_LEN, Port};
use crate::threads::Threads;
use crate::transfer::{AllPorts, TransferPort};

/// Connections that are told `limit` at one time; more are closed without a word.
const MOST_TURNED_AWAY: usize = 64;

/// What the operator decides.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Sessions that may be open at once.
    pub max_sessions: usize,
    /// Sessions that may be open at once from one address.
    pub max_sessions_per_peer: usize,
    /// Refuse every command that writes.
    pub read_only: bool,
    /// Who may speak the classic dialect.
    pub classic: ClassicChoice,
    /// Whether a commit waits for the disk.
    pub flushes: bool,
    /// How long sessions may wait for their peer.
    pub timeouts: Timeouts,
    /// The port for transfers; `None`: there is none; 0: any free one.
    pub transfer_port: Option<u16>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_sessions: 4096,
            max_sessions_per_peer: 4096,
            read_only: false,
            classic: ClassicChoice::default(),
            flushes: true,
            timeouts: Timeouts::DEFAULT,
            transfer_port: Some(0),
        }
    }
}

/// What all sessions share.
pub(crate) struct Shared {
    pub(crate) classic: ClassicChoice,
    pub(crate) clock: Clock,
    pub(crate) counters: Arc<Counters>,
    pub(crate) flushes: bool,
    pub(crate) max_sessions: usize,
    pub(crate) pool: Arc<Pool>,
    pub(crate) read_only: bool,
    pub(crate) threads: Threads,
    pub(crate) timeouts: Timeouts,
    max_sessions_per_peer: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
    open_sessions: AtomicUsize,
    turned_away: AtomicUsize,
    all_closed: Notify,
}

/// A server over any storage: each session gets one value of the factory.
pub struct Service<F> {
    shared: Arc<Shared>,
    factory: Arc<F>,
    transfer_port: Option<u16>,
    /// One for each address: control ports of the same address share it.
    transfers: HashMap<IpAddr, Arc<TransferPort>>,
    all_transfers: Arc<AllPorts>,
    listeners: Vec<AbortHandle>,
}

/// A storage whose sessions may move between threads.
pub trait SendStorage:
    Storage<File: Send, Folder: Send, Staged: Send, Error: Send> + Send + 'static
{
}

impl<S> SendStorage for S where
    S: Storage<File: Send, Folder: Send, Staged: Send, Error: Send> + Send + 'static
{
}

/// The right to have one session open.
struct Ticket {
    shared: Arc<Shared>,
    ip: IpAddr,
}

impl<F, S> Service<F>
where
    F: Fn() -> S + Send + Sync + 'static,
    S: SendStorage,
{
    /// A server that listens nowhere yet.
    pub fn new(settings: Settings, factory: F) -> Self {
        let shared = Shared {
            classic: settings.classic,
            clock: Clock::start(),
            counters: Arc::default(),
            flushes: settings.flushes,
            max_sessions: settings.max_sessions,
            pool: Arc::new(Pool::new(CHUNK_LEN)),
            read_only: settings.read_only,
            threads: Threads::new(),
            timeouts: settings.timeouts,
            max_sessions_per_peer: settings.max_sessions_per_peer,
            open: Mutex::default(),
            open_sessions: AtomicUsize::new(0),
            turned_away: AtomicUsize::new(0),
            all_closed: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
            factory: Arc::new(factory),
            transfer_port: settings.transfer_port,
            transfers: HashMap::new(),
            all_transfers: Arc::default(),
            listeners: Vec::new(),
        }
    }

    /// Serve a control port at this address; returns the address with the port that was taken.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on.
    pub fn listen(&mut self, address: SocketAddr) -> std::io::Result<SocketAddr> {
        let listener = crate::listener::bind(address)?;
        let address = listener.local_addr()?;
        let transfer = self.transfer_port.map(|port| {
            let fresh = || {
                let (shared, factory) = (Arc::clone(&self.shared), Arc::clone(&self.factory));
                let accept = move |listener, arrivals: &Arc<Arrivals>| {
                    let (shared, factory) = (Arc::clone(&shared), Arc::clone(&factory));
                    sort_all(listener, Arc::clone(arrivals), shared, factory)
                };
                let all = Arc::clone(&self.all_transfers);
                Arc::new(TransferPort::new(address.ip(), port, Box::new(accept), all))
            };
            Arc::clone(self.transfers.entry(address.ip()).or_insert_with(fresh))
        });
        let port = Port::Control(transfer);
        let (shared, factory) = (Arc::clone(&self.shared), Arc::clone(&self.factory));
        self.listeners.push(accept_all(listener, port, shared, factory));
        Ok(address)
    }

    /// Take no new sessions, end idle ones, and give the others so long to finish their
    /// command. Returns whether all did.
    pub async fn shut_down(self, grace: Duration) -> bool {
        self.listeners.iter().for_each(AbortHandle::abort);
        self.shared.clock.close();
        let all_closed = async {
            loop {
                let word = self.shared.all_closed.notified();
                if self.shared.open_sessions.load(Ordering::Acquire) == 0 {
                    return;
                }
                word.await;
            }
        };
        timeout(grace, all_closed).await.is_ok()
    }
}

fn accept_all<F, S>(
    listener: TcpListener,
    port: Port,
    shared: Arc<Shared>,
    factory: Arc<F>,
) -> AbortHandle
where
    F: Fn() -> S + Send + Sync + 'static,
    S: SendStorage,
{
    let accepting = async move {
        loop {
            let (stream, address) = accept(&listener).await;
            admit(&shared, &*factory, address, port.clone(), Arrival { stream, begun: Vec::new() });
        }
    };
    tokio::spawn(accepting).abort_handle()
}

/// Accept on the transfer port, where a connection may be one that a classic upload waits for.
fn sort_all<F, S>(
    listener: TcpListener,
    arrivals: Arc<Arrivals>,
    shared: Arc<Shared>,
    factory: Arc<F>,
) -> AbortHandle
where
    F: Fn() -> S + Send + Sync + 'static,
    S: SendStorage,
{
    let accepting = async move {
        loop {
            let (stream, address) = accept(&listener).await;
            // If it cannot be set, the connection is gone already.
            let _gone = reset_when_dropped(&stream);
            let Some(candidate) = arrivals.candidate(address.ip()) else {
                let arrival = Arrival { stream, begun: Vec::new() };
                admit(&shared, &*factory, address, Port::Transfer, arrival);
                continue;
            };
            let (shared, factory) = (Arc::clone(&shared), Arc::clone(&factory));
            tokio::spawn(async move {
                if let Some(arrival) = candidate.sort(stream).await {
                    admit(&shared, &*factory, address, Port::Transfer, arrival);
                }
            });
        }
    };
    tokio::spawn(accepting).abort_handle()
}

/// Begin a session, if there is room for one.
fn admit<F, S>(shared: &Arc<Shared>, factory: &F, address: SocketAddr, port: Port, arrival: Arrival)
where
    F: Fn() -> S,
    S: SendStorage,
{
    let shared = Arc::clone(shared);
    match Ticket::new(&shared, address.ip()) {
        Ok(ticket) => {
            tokio::spawn(session::serve(shared, arrival, port, factory(), ticket));
        }
        Err(refusal) => turn_away(shared, arrival.stream, address, port, refusal),
    }
}

/// Tell a newcomer why it is not served, unless that too is asked too often.
fn turn_away(
    shared: Arc<Shared>,
    mut stream: TcpStream,
    address: SocketAddr,
    port: Port,
    refusal: Refusal,
) {
    journal::turned_away(&shared.counters, address, &refusal);
    if shared.turned_away.fetch_add(1, Ordering::Relaxed) >= MOST_TURNED_AWAY {
        shared.turned_away.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    tokio::spawn(async move {
        let mut line = [0; 256];
        let len = refusal.emit(&mut line).unwrap_or(0);
        // An empty send buffer takes a line whole; if not, the peer is gone.
        let _best_effort = stream.try_write(&line[..len]);
        session::close(&mut stream, port).await;
        shared.turned_away.fetch_sub(1, Ordering::Relaxed);
    });
}

impl Ticket {
    fn new(shared: &Arc<Shared>, ip: IpAddr) -> Result<Self, Refusal> {
        // An IPv4 peer is the same one in the disguise it wears on an IPv6 listener.
        let ip = ip.to_canonical();
        let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.open_sessions.load(Ordering::Relaxed) >= shared.max_sessions {
            return Err(Refusal::new(Code::Limit, "the server has as many sessions as it may"));
        }
        let of_peer = open.entry(ip).or_insert(0);
        if *of_peer >= shared.max_sessions_per_peer {
            let why = "your address has as many sessions as it may";
            return Err(Refusal::new(Code::Limit, why));
        }
        *of_peer += 1;
        shared.open_sessions.fetch_add(1, Ordering::Relaxed);
        Ok(Self { shared: Arc::clone(shared), ip })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_peer) = open.get_mut(&self.ip) {
            *of_peer -= 1;
            if *of_peer == 0 {
                open.remove(&self.ip);
            }
        }
        drop(open);
        if self.shared.open_sessions.fetch_sub(1, Ordering::Release) == 1 {
            self.shared.all_closed.notify_waiters();
        }
    }
}
