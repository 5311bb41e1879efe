//! The transfer port: open only while a control session has asked for it, or while a classic
//! upload is due.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Mutex as Queue, OwnedMutexGuard};
use tokio::task::{AbortHandle, yield_now};
use tokio::time::timeout;

use crate::arrivals::Arrivals;

/// What happens to the listener of a transfer port.
pub(crate) type Accept = Box<dyn Fn(TcpListener, &Arc<Arrivals>) -> AbortHandle + Send + Sync>;

/// The transfer port beside the control ports of one address.
pub(crate) struct TransferPort {
    address: SocketAddr,
    state: Mutex<State>,
    accept: Accept,
    arrivals: Arc<Arrivals>,
    turns: Arc<Queue<()>>,
}

/// The listener that is open now, and who accepts from it or from the last one.
#[derive(Default)]
struct State {
    open: Weak<Open>,
    accepting: Option<AbortHandle>,
    /// Somebody needs the port closed.
    closed: Weak<()>,
}

/// The listener is open as long as somebody holds a lease.
pub(crate) struct Lease(Arc<Open>);

/// The listener is closed, and stays so, as long as somebody holds this.
pub(crate) struct Closed(#[expect(dead_code, reason = "it is held")] Arc<()>);

/// The turn of one classic transfer: the port of the ancestor's programs serves one at a time.
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held")] OwnedMutexGuard<()>);

struct Open {
    port: u16,
    accepting: AbortHandle,
}

impl TransferPort {
    /// The port at this address; 0: each time another one.
    pub(crate) fn new(address: IpAddr, port: u16, accept: Accept) -> Self {
        let address = SocketAddr::new(address, port);
        Self {
            address,
            state: Mutex::default(),
            accept,
            arrivals: Arc::default(),
            turns: Arc::default(),
        }
    }

    /// The number of the port; `None` if it is another one each time.
    pub(crate) fn number(&self) -> Option<u16> {
        Some(self.address.port()).filter(|&port| port != 0)
    }

    /// Who waits for a connection on this port.
    pub(crate) fn arrivals(&self) -> &Arc<Arrivals> {
        &self.arrivals
    }

    /// The turn of a classic transfer, if it comes within this time.
    pub(crate) async fn turn(&self, patience: Duration) -> Option<Turn> {
        timeout(patience, Arc::clone(&self.turns).lock_owned()).await.ok().map(Turn)
    }

    /// Keep the listener closed; `None` if it is open for somebody.
    pub(crate) async fn keep_closed(&self) -> Option<Closed> {
        loop {
            if let Some(closed) = self.try_keep_closed() {
                return closed;
            }
            yield_now().await;
        }
    }

    /// `None` while the last listener is still being closed.
    fn try_keep_closed(&self) -> Option<Option<Closed>> {
        let mut state = self.state();
        if state.open.strong_count() > 0 {
            return Some(None);
        }
        if state.is_closing() {
            return None;
        }
        let closed = state.closed.upgrade().unwrap_or_default();
        state.closed = Arc::downgrade(&closed);
        Some(Some(Closed(closed)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Open the listener, or share the open one.
    pub(crate) async fn lease(&self) -> io::Result<Lease> {
        loop {
            if let Some(lease) = self.try_lease() {
                return lease;
            }
            yield_now().await;
        }
    }

    /// `None` while the last listener, which nobody needs any more, is still being closed: the
    /// port would be found taken, by ourselves.
    fn try_lease(&self) -> Option<io::Result<Lease>> {
        let mut state = self.state();
        if let Some(shared) = state.open.upgrade() {
            return Some(Ok(Lease(shared)));
        }
        if state.is_closing() {
            return None;
        }
        if state.closed.strong_count() > 0 {
            return Some(Err(io::ErrorKind::AddrInUse.into()));
        }
        let fresh = self.open().map(Arc::new);
        if let Ok(fresh) = &fresh {
            state.open = Arc::downgrade(fresh);
            state.accepting = Some(fresh.accepting.clone());
        }
        Some(fresh.map(Lease))
    }

    fn open(&self) -> io::Result<Open> {
        let listener = crate::listener::bind(self.address)?;
        let port = listener.local_addr()?.port();
        Ok(Open { port, accepting: (self.accept)(listener, &self.arrivals) })
    }
}

impl State {
    /// Whether the last listener is not closed yet; meant for when nobody needs it.
    fn is_closing(&self) -> bool {
        self.accepting.as_ref().is_some_and(|accepting| !accepting.is_finished())
    }
}

impl Lease {
    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The port of the last listener is free at once for the next.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_lease_follows_the_last_one_at_once() {
        let accept = |listener: TcpListener, _: &Arc<Arrivals>| {
            let accepting = async move { while listener.accept().await.is_ok() {} };
            tokio::spawn(accepting).abort_handle()
        };
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let transfer = TransferPort::new(address.ip(), address.port(), Box::new(accept));
        for _ in 0..1000 {
            assert_eq!(transfer.lease().await.unwrap().port(), address.port());
        }
        for _ in 0..100 {
            let lease = transfer.lease().await.unwrap();
            assert!(transfer.keep_closed().await.is_none(), "it is open");
            drop(lease);
            let closed = transfer.keep_closed().await.expect("nobody needs it");
            // Without SO_REUSEADDR, as the ancestor's client.
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(address).expect("the port is free");
            drop(socket);
            assert!(transfer.lease().await.is_err(), "it is kept closed");
            drop(closed);
        }
    }
}
