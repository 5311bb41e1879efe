//! The transfer port: open only while a control session has asked for it, or while a classic
//! upload is due.

use std::collections::HashMap;
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
    accept: Accept,
    arrivals: Arc<Arrivals>,
    all: Arc<AllPorts>,
}

/// What the transfer ports of all addresses share. They have the same number: a client on this
/// machine, whose own listener is for every address, and each of them are in one another's way.
#[derive(Default)]
pub(crate) struct AllPorts {
    state: Mutex<State>,
    turns: Arc<Queue<()>>,
}

#[derive(Default)]
struct State {
    listeners: HashMap<IpAddr, Listening>,
    /// Somebody needs the ports closed.
    closed: Weak<()>,
}

/// The listener that is open now, and who accepts from it or from the last one.
#[derive(Default)]
struct Listening {
    open: Weak<Open>,
    accepting: Option<AbortHandle>,
}

/// The listener is open as long as somebody holds a lease.
pub(crate) struct Lease(Arc<Open>);

/// No listener is open, and none opens, as long as somebody holds this.
pub(crate) struct Closed(#[expect(dead_code, reason = "it is held")] Arc<()>);

/// The turn of one classic transfer: the port of the ancestor's programs serves one at a time.
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held")] OwnedMutexGuard<()>);

struct Open {
    port: u16,
    accepting: AbortHandle,
}

impl TransferPort {
    /// The port at this address; 0: each time another one.
    pub(crate) fn new(address: IpAddr, port: u16, accept: Accept, all: Arc<AllPorts>) -> Self {
        let address = SocketAddr::new(address, port);
        Self { address, accept, arrivals: Arc::default(), all }
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
        timeout(patience, Arc::clone(&self.all.turns).lock_owned()).await.ok().map(Turn)
    }

    /// Keep this port closed at every address; `None` if it is open for somebody.
    pub(crate) async fn keep_closed(&self) -> Option<Closed> {
        loop {
            if let Some(closed) = self.try_keep_closed() {
                return closed;
            }
            yield_now().await;
        }
    }

    /// `None` while a listener is still being closed.
    fn try_keep_closed(&self) -> Option<Option<Closed>> {
        let mut state = self.state();
        if state.listeners.values().any(|listening| listening.open.strong_count() > 0) {
            return Some(None);
        }
        if state.listeners.values().any(Listening::is_closing) {
            return None;
        }
        let closed = state.closed.upgrade().unwrap_or_default();
        state.closed = Arc::downgrade(&closed);
        Some(Some(Closed(closed)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.all.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        let State { listeners, closed } = &mut *state;
        let listening = listeners.entry(self.address.ip()).or_default();
        if let Some(shared) = listening.open.upgrade() {
            return Some(Ok(Lease(shared)));
        }
        if listening.is_closing() {
            return None;
        }
        if closed.strong_count() > 0 {
            return Some(Err(io::ErrorKind::AddrInUse.into()));
        }
        let fresh = self.open().map(Arc::new);
        if let Ok(fresh) = &fresh {
            listening.open = Arc::downgrade(fresh);
            listening.accepting = Some(fresh.accepting.clone());
        }
        Some(fresh.map(Lease))
    }

    fn open(&self) -> io::Result<Open> {
        let listener = crate::listener::bind(self.address)?;
        let port = listener.local_addr()?.port();
        Ok(Open { port, accepting: (self.accept)(listener, &self.arrivals) })
    }
}

impl Listening {
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

    fn free_address() -> SocketAddr {
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    fn transfer_port(address: SocketAddr, all: &Arc<AllPorts>) -> TransferPort {
        let accept = |listener: TcpListener, _: &Arc<Arrivals>| {
            let accepting = async move { while listener.accept().await.is_ok() {} };
            tokio::spawn(accepting).abort_handle()
        };
        TransferPort::new(address.ip(), address.port(), Box::new(accept), Arc::clone(all))
    }

    /// A client on this machine listens at every address.
    #[tokio::test(flavor = "multi_thread")]
    async fn no_address_has_the_port_open_while_it_is_kept_closed() {
        let (all, address) = (Arc::default(), free_address());
        let one = transfer_port(address, &all);
        let two = transfer_port(SocketAddr::from(([127, 0, 0, 2], address.port())), &all);
        let lease = two.lease().await.unwrap();
        assert!(one.keep_closed().await.is_none(), "the other one is open");
        drop(lease);
        let closed = one.keep_closed().await.expect("nobody needs it");
        assert!(two.lease().await.is_err() && one.lease().await.is_err(), "they are kept closed");
        let turn = one.turn(Duration::ZERO).await.expect("nobody has it");
        assert!(two.turn(Duration::ZERO).await.is_none(), "there is one for all");
        drop((closed, turn));
        let _both = (one.lease().await.unwrap(), two.lease().await.unwrap());
        two.turn(Duration::ZERO).await.expect("it was let go of");
    }

    /// The port of the last listener is free at once for the next.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_lease_follows_the_last_one_at_once() {
        let address = free_address();
        let transfer = transfer_port(address, &Arc::default());
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
