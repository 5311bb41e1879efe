//! One connection through the relay: two sockets, a queue and two threads a direction.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::queue::{LOOK, Piece, Queue};
use super::{Cut, Direction, End, Line, lock};

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// Two sockets and whether they were cut.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    line: Arc<Line>,
    opened: Instant,
    cut: Option<Cut>,
    broken: AtomicBool,
    stalled: AtomicBool,
}

/// Pass on what either side sends, until both are done.
pub(super) fn join(
    client: TcpStream,
    server: TcpStream,
    line: &Arc<Line>,
    cut: Option<Cut>,
) -> io::Result<()> {
    for socket in [&client, &server] {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(LOOK))?;
        socket.set_write_timeout(Some(LOOK))?;
    }
    // The client's first bytes arrive after its handshake.
    let opened = Instant::now() + 2 * line.link.delay;
    let connection = Arc::new(Connection {
        client,
        server,
        line: Arc::clone(line),
        opened,
        cut,
        broken: AtomicBool::new(false),
        stalled: AtomicBool::new(false),
    });
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
            let leaves = Instant::now().max(self.opened) + self.line.link.delay;
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
                if self.stalled.load(Ordering::SeqCst) {
                    return self.end(End::Close);
                }
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(piece.bytes.len());
            let (before, behind) = piece.bytes.split_at(count);
            if !self.write(to, before, direction) {
                return self.end(End::Close);
            }
            left -= count as u64;
            if let Some(cut) = cut.filter(|_| left == 0) {
                if cut.end != End::Stall || !self.stall(queue) {
                    return self.end(cut.end);
                }
                left = u64::MAX;
                if !self.write(to, behind, direction) {
                    return self.end(End::Close);
                }
            }
        }
    }

    /// Hold everything; `true` once it is released, `false` when a side closed before.
    fn stall(&self, queue: &Queue) -> bool {
        self.stalled.store(true, Ordering::SeqCst);
        let mut stalls = lock(&self.line.stalls);
        stalls.begun += 1;
        self.line.stalled.notify_all();
        while !stalls.are_released {
            if self.is_broken() || queue.has_end() {
                return false;
            }
            let waited = self.line.stalled.wait_timeout(stalls, LOOK);
            stalls = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.stalled.store(false, Ordering::SeqCst);
        true
    }

    /// Whether all of `bytes` could be written.
    fn write(&self, mut to: &TcpStream, mut bytes: &[u8], direction: Direction) -> bool {
        while !bytes.is_empty() && !self.is_broken() {
            match to.write(bytes) {
                Ok(count) => {
                    bytes = &bytes[count..];
                    self.line.passed(direction).fetch_add(count as u64, Ordering::SeqCst);
                }
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
                End::Close | End::Stall => socket.shutdown(Shutdown::Both),
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
