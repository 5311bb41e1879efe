//! A TCP relay on the loopback: a link with delay, and one that breaks on purpose.
//!
//! Bytes leave a fixed time after they came, each direction for itself, at full throughput: many
//! may be on their way at once, up to a bound. The end of one direction is passed on alone.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// Bytes on their way in one direction: 1 GB/s with 10 ms of delay fit.
const WINDOW: usize = 16 << 20;

/// How often a thread that waits looks whether the connection was cut.
const LOOK: Duration = Duration::from_millis(20);

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
}

/// A running relay; it ends with this value, connections with their peers.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
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
        let connections = Arc::new(AtomicUsize::new(0));
        let stopped = Arc::new(AtomicBool::new(false));
        let accepting = {
            let (connections, stopped) = (Arc::clone(&connections), Arc::clone(&stopped));
            thread::spawn(move || accept(&listener, target, &link, &connections, &stopped))
        };
        Ok(Self { address, connections, stopped, accepting: Some(accepting) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections it has taken so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread; if it cannot be reached it has ended.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(
    listener: &TcpListener,
    target: SocketAddr,
    link: &Link,
    connections: &AtomicUsize,
    stopped: &AtomicBool,
) {
    for client in listener.incoming() {
        if stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        let number = connections.fetch_add(1, Ordering::SeqCst);
        // A target that does not answer looks to the client like one that closes at once.
        let Ok(server) = TcpStream::connect(target) else { continue };
        // Without options the relay still works, only later or never cut: not worth an end.
        let _ = join(client, server, link.delay, link.cuts.get(number).copied());
    }
}

/// Two sockets and whether they were cut.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    opened: Instant,
    delay: Duration,
    cut: Option<Cut>,
    broken: AtomicBool,
}

fn join(client: TcpStream, server: TcpStream, delay: Duration, cut: Option<Cut>) -> io::Result<()> {
    for socket in [&client, &server] {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(LOOK))?;
        socket.set_write_timeout(Some(LOOK))?;
    }
    // The client's first bytes arrive after its handshake.
    let opened = Instant::now() + 2 * delay;
    let broken = AtomicBool::new(false);
    let connection = Arc::new(Connection { client, server, opened, delay, cut, broken });
    for direction in [Direction::ToServer, Direction::ToClient] {
        let queue = Arc::new(Queue::default());
        let (reading, filled) = (Arc::clone(&connection), Arc::clone(&queue));
        thread::spawn(move || reading.fill(direction, &filled));
        let writing = Arc::clone(&connection);
        thread::spawn(move || writing.drain(direction, &queue));
    }
    Ok(())
}

impl Connection {
    fn ends(&self, direction: Direction) -> (&TcpStream, &TcpStream) {
        match direction {
            Direction::ToServer => (&self.client, &self.server),
            Direction::ToClient => (&self.server, &self.client),
        }
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    /// Read what comes, stamped with the time at which it may leave.
    fn fill(&self, direction: Direction, queue: &Queue) {
        let (mut from, _) = self.ends(direction);
        let mut piece = vec![0; PIECE];
        while !self.is_broken() {
            let bytes = match from.read(&mut piece) {
                Ok(count) => piece[..count].to_vec(),
                Err(error) if is_passing(&error) => continue,
                // A reset cannot be passed on as such without losing bytes on their way.
                Err(_) => Vec::new(),
            };
            let last = bytes.is_empty();
            let leaves = Instant::now().max(self.opened) + self.delay;
            if self.is_broken() || !queue.push(Piece { leaves, bytes }, &self.broken) || last {
                return;
            }
        }
    }

    /// Write what is due, up to the cut.
    fn drain(&self, direction: Direction, queue: &Queue) {
        let (_, to) = self.ends(direction);
        let cut = self.cut.filter(|cut| cut.direction == direction);
        let mut left = cut.map_or(u64::MAX, |cut| cut.after);
        while let Some(piece) = queue.pop(&self.broken) {
            thread::sleep(piece.leaves.saturating_duration_since(Instant::now()));
            if piece.bytes.is_empty() {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(piece.bytes.len());
            if !self.write(to, &piece.bytes[..count]) {
                return self.end(End::Close);
            }
            left -= count as u64;
            if let Some(cut) = cut.filter(|_| left == 0) {
                return self.end(cut.end);
            }
        }
    }

    /// Whether all of `bytes` could be written.
    fn write(&self, mut to: &TcpStream, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() && !self.is_broken() {
            match to.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_passing(&error) => {}
                Err(_) => return false,
            }
        }
        bytes.is_empty()
    }

    /// End both sockets: they close when the last of the four threads is gone.
    fn end(&self, how: End) {
        // First, so that no thread takes the end of its reading for one to be passed on.
        self.broken.store(true, Ordering::SeqCst);
        for socket in [&self.client, &self.server] {
            // Each may be gone already, which is what is wanted.
            let _ = match how {
                End::Close => socket.shutdown(Shutdown::Both),
                // Shutting down the reading side sends nothing: the reset comes with the close.
                End::Reset => socket2::SockRef::from(socket)
                    .set_linger(Some(Duration::ZERO))
                    .and_then(|()| socket.shutdown(Shutdown::Read)),
            };
        }
    }
}

/// The wait for a socket was over before anything happened.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Bytes on their way; none at all is the end.
struct Piece {
    leaves: Instant,
    bytes: Vec<u8>,
}

/// The bytes of one direction that have not left yet.
#[derive(Default)]
struct Queue {
    pieces: Mutex<(VecDeque<Piece>, usize)>,
    changed: Condvar,
}

impl Queue {
    /// Add a piece when there is room; `false` if the connection broke meanwhile.
    fn push(&self, piece: Piece, broken: &AtomicBool) -> bool {
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        while pieces.1 >= WINDOW {
            if broken.load(Ordering::SeqCst) {
                return false;
            }
            pieces =
                self.changed.wait_timeout(pieces, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        pieces.1 += piece.bytes.len();
        pieces.0.push_back(piece);
        self.changed.notify_all();
        true
    }

    /// Take the oldest piece; `None` if the connection broke.
    fn pop(&self, broken: &AtomicBool) -> Option<Piece> {
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        while !broken.load(Ordering::SeqCst) {
            if let Some(piece) = pieces.0.pop_front() {
                pieces.1 -= piece.bytes.len();
                self.changed.notify_all();
                return Some(piece);
            }
            pieces =
                self.changed.wait_timeout(pieces, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        None
    }
}

#[cfg(test)]
mod tests {
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
}
