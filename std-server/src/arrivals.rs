//! Connections that come in on the transfer port while a classic upload is due: which of them
//! brings its bytes, and which begins a native session.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coracle::classic::{ARRIVAL_LEN, begins_native};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::peer::Peer;

/// Connections that may be undecided at once. If there are more, the oldest is taken for a native
/// session: silent ones must not keep out the one that is due.
const UNDECIDED_MAX: usize = 64;

/// Who waits for a connection on a transfer port.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    due: Mutex<Option<Due>>,
    last: AtomicUsize,
}

/// An upload whose connection is to come.
#[derive(Debug)]
struct Due {
    /// Which of all that ever were.
    number: usize,
    peer: Peer,
    to: oneshot::Sender<Arrival>,
    /// Who hopes to be the connection hears it when this is dropped.
    undecided: VecDeque<oneshot::Sender<Never>>,
}

/// What is never sent.
#[derive(Debug, PartialEq, Eq)]
enum Never {}

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
    /// Ends when it cannot be the one any more.
    over: oneshot::Receiver<Never>,
}

impl Arrivals {
    /// An upload of this peer is due. One at a time: an earlier one is forgotten.
    pub(crate) fn expect(self: &Arc<Self>, peer: Peer) -> Expected {
        let (to, arrival) = oneshot::channel();
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        *self.due() = Some(Due { number, peer, to, undecided: VecDeque::new() });
        Expected { arrivals: Arc::clone(self), number, arrival }
    }

    /// Whether a connection from there may be the one that is due.
    pub(crate) fn candidate(self: &Arc<Self>, ip: IpAddr) -> Option<Candidate> {
        let mut due = self.due();
        let due = due.as_mut().filter(|due| due.peer.is_at(ip))?;
        due.undecided.retain(|one| !one.is_closed());
        if due.undecided.len() >= UNDECIDED_MAX {
            due.undecided.pop_front();
        }
        let (hope, over) = oneshot::channel();
        due.undecided.push_back(hope);
        Some(Candidate { arrivals: Arc::clone(self), number: due.number, over })
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
        let mut arrival = Arrival { stream, begun: Vec::with_capacity(ARRIVAL_LEN) };
        let is_due = loop {
            let decided = tokio::select! {
                read = arrival.read() => read,
                // The upload has its connection, or waits no more, or not for this one.
                _ = &mut self.over => return Some(arrival),
            };
            match decided {
                Ok(Some(is_native)) => break !is_native,
                Ok(None) => {}
                // It is gone. What it came for is lost, as the upload will find out.
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

impl Arrival {
    /// Read on; whether it is a native session, once that is known.
    async fn read(&mut self) -> io::Result<Option<bool>> {
        loop {
            self.stream.readable().await?;
            let mut bytes = [0; ARRIVAL_LEN];
            let room = bytes.len() - self.begun.len();
            match self.stream.try_read(&mut bytes[..room]) {
                Ok(0) => return Ok(Some(false)),
                Ok(count) => {
                    self.begun.extend_from_slice(&bytes[..count]);
                    return Ok(begins_native(&self.begun));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

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

    #[test]
    fn the_oldest_of_too_many_that_say_nothing_is_given_up() {
        let arrivals = Arc::<Arrivals>::default();
        let peer = SocketAddr::from(([203, 0, 113, 5], 1));
        let candidate = || arrivals.candidate(peer.ip()).expect("something is due");
        let is_over = |of: &mut Candidate| of.over.try_recv() == Err(TryRecvError::Closed);
        let expected = arrivals.expect(Peer::new(peer));
        let mut silent: Vec<_> = (0..UNDECIDED_MAX).map(|_| candidate()).collect();
        assert!(!silent.iter_mut().any(is_over));
        silent.push(candidate());
        let given_up: Vec<_> = silent.iter_mut().map(is_over).collect();
        assert_eq!(given_up.iter().filter(|&&over| over).count(), 1);
        assert!(given_up[0], "the oldest");
        // One that is decided makes room.
        drop(silent.remove(1));
        silent.push(candidate());
        assert!(!silent[1..].iter_mut().any(is_over));
        drop(expected);
        assert!(silent.iter_mut().all(is_over), "nothing is due any more");
    }
}
