//! A TCP relay on the loopback: a link with delay, and one that breaks on purpose.
//!
//! Bytes leave a fixed time after they came, each direction for itself, at full throughput: many
//! may be on their way at once, up to a bound. The end of one direction is passed on alone.

mod connection;
mod queue;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use connection::join;

/// No stall is waited for longer: a test that waits so long has failed.
const STALL_LIMIT: Duration = Duration::from_secs(60);

/// What the link does.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// Delay in one direction; a round trip takes twice as long. A connection takes one round
    /// trip to open, as on a real link.
    pub delay: Duration,
    /// Where connections break: the first one by the first cut, and so on; those behind the
    /// last cut stay whole.
    pub cuts: Vec<Cut>,
}

/// Where and how a connection breaks.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// The direction whose bytes are counted.
    pub direction: Direction,
    /// Exactly so many bytes are passed on before.
    pub after: u64,
    /// What both sides see.
    pub end: End,
}

/// A direction of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// How a cut connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Orderly, as if the other side had closed.
    Close,
    /// By a reset; bytes on their way may be lost.
    Reset,
    /// Not yet: further bytes are held until [`Relay::release`], or until either side closes;
    /// then they are lost, as with a host that vanishes.
    Stall,
}

/// A running relay; it ends with this value, connections with their peers.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    line: Arc<Line>,
    accepting: Option<JoinHandle<()>>,
}

/// What all connections of a relay share.
#[derive(Debug)]
struct Line {
    target: Mutex<SocketAddr>,
    link: Link,
    connections: AtomicUsize,
    passed_to_server: AtomicU64,
    passed_to_client: AtomicU64,
    stopped: AtomicBool,
    stalls: Mutex<Stalls>,
    stalled: Condvar,
}

#[derive(Debug, Default)]
struct Stalls {
    begun: usize,
    are_released: bool,
}

impl Relay {
    /// Pass connections on to `target` over `link`.
    ///
    /// # Errors
    ///
    /// If there is no port to listen on.
    pub fn start(target: SocketAddr, link: Link) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let line = Arc::new(Line {
            target: Mutex::new(target),
            link,
            connections: AtomicUsize::new(0),
            passed_to_server: AtomicU64::new(0),
            passed_to_client: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            stalls: Mutex::default(),
            stalled: Condvar::new(),
        });
        let accepting = {
            let line = Arc::clone(&line);
            thread::spawn(move || accept(&listener, &line))
        };
        Ok(Self { address, line, accepting: Some(accepting) })
    }

    /// From now on pass new connections on to another target: the server came back elsewhere.
    pub fn set_target(&self, target: SocketAddr) {
        *lock(&self.line.target) = target;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections it has taken so far.
    pub fn connections(&self) -> usize {
        self.line.connections.load(Ordering::SeqCst)
    }

    /// Bytes it has passed on in one direction so far, over all connections.
    pub fn passed(&self, direction: Direction) -> u64 {
        self.line.passed(direction).load(Ordering::SeqCst)
    }

    /// Wait until so many connections have stalled, at most a minute; whether they have.
    pub fn await_stalls(&self, count: usize) -> bool {
        let stalls = lock(&self.line.stalls);
        let waited =
            self.line.stalled.wait_timeout_while(stalls, STALL_LIMIT, |now| now.begun < count);
        waited.unwrap_or_else(PoisonError::into_inner).0.begun >= count
    }

    /// Let go what was held, and stall no more.
    pub fn release(&self) {
        lock(&self.line.stalls).are_released = true;
        self.line.stalled.notify_all();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.line.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread; if it cannot be reached it has ended.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Line {
    fn passed(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToServer => &self.passed_to_server,
            Direction::ToClient => &self.passed_to_client,
        }
    }
}

fn accept(listener: &TcpListener, line: &Arc<Line>) {
    for client in listener.incoming() {
        if line.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        let number = line.connections.fetch_add(1, Ordering::SeqCst);
        let target = *lock(&line.target);
        // A target that does not answer looks to the client like one that closes at once.
        let Ok(server) = TcpStream::connect(target) else { continue };
        // Without options the relay still works, only later or never cut: not worth an end.
        let _ = join(client, server, line, line.link.cuts.get(number).copied());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::Shutdown;
    use std::time::Instant;

    use crate::payload;

    use super::*;

    /// A server that answers everything it got, in one piece, after the end of its input.
    fn echo_after_end() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut bytes = Vec::new();
                    if stream.read_to_end(&mut bytes).is_ok() {
                        let _ = stream.write_all(&bytes);
                    }
                });
            }
        });
        address
    }

    /// Send `length` bytes and their end, and read until the connection ends.
    fn exchange(relay: &Relay, length: usize) -> (Vec<u8>, io::Result<usize>) {
        let mut stream = TcpStream::connect(relay.address()).unwrap();
        let mut writer = stream.try_clone().unwrap();
        let writing = thread::spawn(move || {
            // A cut makes this fail: what arrived is what counts.
            let _ = writer.write_all(&payload::bytes(1, length));
            let _ = writer.shutdown(Shutdown::Write);
        });
        let mut answer = Vec::new();
        let result = stream.read_to_end(&mut answer);
        writing.join().unwrap();
        (answer, result)
    }

    #[test]
    fn everything_passes_and_ends_are_passed_on_alone() {
        let relay = Relay::start(echo_after_end(), Link::default()).unwrap();
        for length in [0, 1, 3 << 20] {
            let (answer, result) = exchange(&relay, length);
            assert_eq!(result.unwrap(), length);
            assert!(answer == payload::bytes(1, length));
        }
        assert_eq!(relay.connections(), 3);
    }

    #[test]
    fn delay_is_added_in_each_direction_and_to_opening() {
        let delay = Duration::from_millis(30);
        let link = Link { delay, cuts: Vec::new() };
        let relay = Relay::start(echo_after_end(), link).unwrap();
        let start = Instant::now();
        let (answer, _) = exchange(&relay, 3 << 20);
        assert_eq!(answer.len(), 3 << 20);
        assert!(start.elapsed() >= 4 * delay);
    }

    #[test]
    fn cuts_are_exact_and_count_per_connection() {
        let cut = |direction, after, end| Cut { direction, after, end };
        let cuts = vec![
            cut(Direction::ToClient, 100_001, End::Close),
            cut(Direction::ToClient, 70_000, End::Reset),
            cut(Direction::ToServer, 5, End::Reset),
        ];
        let link = Link { delay: Duration::ZERO, cuts };
        let relay = Relay::start(echo_after_end(), link).unwrap();
        let (answer, result) = exchange(&relay, 1 << 20);
        assert_eq!((answer.len(), result.unwrap()), (100_001, 100_001));
        for most in [70_000, 0] {
            let (answer, result) = exchange(&relay, 1 << 20);
            assert!(answer.len() <= most);
            assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
        let (answer, _) = exchange(&relay, 1 << 20);
        assert_eq!(answer.len(), 1 << 20);
    }

    #[test]
    fn a_stall_holds_everything_until_it_is_released() {
        let cuts = vec![Cut { direction: Direction::ToServer, after: 1000, end: End::Stall }];
        let relay = Relay::start(echo_after_end(), Link { cuts, ..Link::default() }).unwrap();
        let mut stream = TcpStream::connect(relay.address()).unwrap();
        let bytes = payload::bytes(2, 2000);
        stream.write_all(&bytes).unwrap();
        assert!(relay.await_stalls(1));
        assert_eq!(relay.passed(Direction::ToServer), 1000);
        relay.release();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, bytes);
        let (answer, _) = exchange(&relay, 1 << 20);
        assert!(answer == payload::bytes(1, 1 << 20));
    }
}
