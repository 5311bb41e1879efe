//! The transfer port: open only while a control session has asked for it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::net::TcpListener;
use tokio::task::{AbortHandle, yield_now};

/// What happens to the listener of a transfer port.
pub(crate) type Accept = Box<dyn Fn(TcpListener) -> AbortHandle + Send + Sync>;

/// The transfer port beside the control ports of one address.
pub(crate) struct TransferPort {
    address: SocketAddr,
    state: Mutex<State>,
    accept: Accept,
}

/// The listener that is open now, and who accepts from it or from the last one.
#[derive(Default)]
struct State {
    open: Weak<Open>,
    accepting: Option<AbortHandle>,
}

/// The listener is open as long as somebody holds a lease.
pub(crate) struct Lease(Arc<Open>);

struct Open {
    port: u16,
    accepting: AbortHandle,
}

impl TransferPort {
    /// The port at this address; 0: each time another one.
    pub(crate) fn new(address: IpAddr, port: u16, accept: Accept) -> Self {
        let address = SocketAddr::new(address, port);
        Self { address, state: Mutex::default(), accept }
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
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = state.open.upgrade() {
            return Some(Ok(Lease(shared)));
        }
        if state.accepting.as_ref().is_some_and(|accepting| !accepting.is_finished()) {
            return None;
        }
        let fresh = self.open().map(Arc::new);
        if let Ok(fresh) = &fresh {
            *state =
                State { open: Arc::downgrade(fresh), accepting: Some(fresh.accepting.clone()) };
        }
        Some(fresh.map(Lease))
    }

    fn open(&self) -> io::Result<Open> {
        let listener = crate::listener::bind(self.address)?;
        let port = listener.local_addr()?.port();
        Ok(Open { port, accepting: (self.accept)(listener) })
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
        let accept = |listener: TcpListener| {
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
    }
}
