//! Connections that come in on the transfer port while a classic upload is due: which of them
//! brings its bytes, and which begins a native session.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::peer::Peer;

/// Connections that may be undecided at once; more are taken for native sessions.
const UNDECIDED_MAX: usize = 64;

/// How a native session begins, up to the digit of its version.
const NATIVE: &[u8] = b"hello ";

/// Who waits for a connection on a transfer port.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    due: Mutex<Option<Due>>,
    undecided: AtomicUsize,
    last: AtomicUsize,
}

/// An upload whose connection is to come.
#[derive(Debug)]
struct Due {
    /// Which of all that ever were.
    number: usize,
    peer: Peer,
    to: oneshot::Sender<Arrival>,
    /// Dropped with the rest: whoever hopes to be the connection hears of it.
    over: watch::Sender<()>,
}

/// A connection, and what was read of it.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) stream: TcpStream,
    pub(crate) begun: Vec<u8>,
}

/// The connection of a due upload, to be waited for; it is due as long as this lives.
#[derive(Debug)]
pub(crate) struct Expected {
    arrivals: Arc<Arrivals>,
    number: usize,
    arrival: oneshot::Receiver<Arrival>,
}

/// A connection that may be the one of a due upload.
#[derive(Debug)]
pub(crate) struct Candidate {
    arrivals: Arc<Arrivals>,
    number: usize,
    over: watch::Receiver<()>,
}

impl Arrivals {
    /// An upload of this peer is due. One at a time: an earlier one is forgotten.
    pub(crate) fn expect(self: &Arc<Self>, peer: Peer) -> Expected {
        let (to, arrival) = oneshot::channel();
        let (over, _) = watch::channel(());
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        *self.due() = Some(Due { number, peer, to, over });
        Expected { arrivals: Arc::clone(self), number, arrival }
    }

    /// Whether a connection from there may be the one that is due.
    pub(crate) fn candidate(self: &Arc<Self>, ip: IpAddr) -> Option<Candidate> {
        let due = self.due();
        let due = due.as_ref().filter(|due| due.peer.is_at(ip))?;
        if self.undecided.load(Ordering::Relaxed) >= UNDECIDED_MAX {
            return None;
        }
        self.undecided.fetch_add(1, Ordering::Relaxed);
        let (number, over) = (due.number, due.over.subscribe());
        Some(Candidate { arrivals: Arc::clone(self), number, over })
    }

    fn due(&self) -> std::sync::MutexGuard<'_, Option<Due>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, number: usize) -> Option<Due> {
        self.due().take_if(|due| due.number == number)
    }
}

impl Expected {
    /// The connection, if it comes within this time.
    pub(crate) async fn within(mut self, patience: Duration) -> Option<Arrival> {
        timeout(patience, &mut self.arrival).await.ok()?.ok()
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.arrivals.take(self.number);
    }
}

impl Candidate {
    /// Wait for the first bytes; give back a connection that is not the one that is due.
    pub(crate) async fn sort(mut self, stream: TcpStream) -> Option<Arrival> {
        let mut arrival = Arrival { stream, begun: Vec::with_capacity(NATIVE.len() + 1) };
        let is_due = loop {
            let decided = tokio::select! {
                read = arrival.read() => read,
                // The upload has its connection, or waits no more.
                _ = self.over.changed() => return Some(arrival),
            };
            match decided {
                Ok(Some(is_native)) => break !is_native,
                Ok(None) => {}
                // It is gone, without a byte of its own.
                Err(_) if arrival.begun.is_empty() => return None,
                Err(_) => break true,
            }
        };
        let due = if is_due { self.arrivals.take(self.number) } else { None };
        match due {
            Some(due) => due.to.send(arrival).err(),
            None => Some(arrival),
        }
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        self.arrivals.undecided.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Arrival {
    /// Read on; whether it is a native session, once that is known.
    async fn read(&mut self) -> io::Result<Option<bool>> {
        loop {
            self.stream.readable().await?;
            let mut bytes = [0; NATIVE.len() + 1];
            let room = bytes.len() - self.begun.len();
            match self.stream.try_read(&mut bytes[..room]) {
                Ok(0) => return Ok(Some(false)),
                Ok(count) => {
                    self.begun.extend_from_slice(&bytes[..count]);
                    return Ok(is_native(&self.begun));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// `None`: one cannot tell yet.
fn is_native(begun: &[u8]) -> Option<bool> {
    match begun.strip_prefix(NATIVE) {
        Some([first, ..]) => Some(first.is_ascii_digit()),
        Some([]) => None,
        None if NATIVE.starts_with(begun) => None,
        None => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_native_session_says_hello_and_a_number() {
        for undecided in [&b""[..], b"h", b"hello", b"hello "] {
            assert_eq!(is_native(undecided), None);
        }
        assert_eq!(is_native(b"hello 1"), Some(true));
        for other in [&b"x"[..], b"help", b"hello\n", b"hello w", b"\0"] {
            assert_eq!(is_native(other), Some(false));
        }
    }

    #[test]
    fn strangers_are_no_candidates() {
        let arrivals = Arc::<Arrivals>::default();
        let peer = |ip: &str| Peer::new(SocketAddr::new(ip.parse().unwrap(), 1));
        let is_candidate = |ip: &str| arrivals.candidate(ip.parse().unwrap()).is_some();
        assert!(!is_candidate("127.0.0.1"), "nothing is due");
        let expected = arrivals.expect(peer("203.0.113.5"));
        assert!(is_candidate("203.0.113.5") && is_candidate("::ffff:203.0.113.5"));
        assert!(!is_candidate("203.0.113.6") && !is_candidate("127.0.0.1"));
        drop(expected);
        assert!(!is_candidate("203.0.113.5"), "nothing is due any more");
    }
}
