//! The transfer port: open only while a control session has asked for it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// What happens to the listener of a transfer port.
pub(crate) type Accept = Box<dyn Fn(TcpListener) -> AbortHandle + Send + Sync>;

/// The transfer port beside one control port.
pub(crate) struct TransferPort {
    address: SocketAddr,
    open: Mutex<Weak<Open>>,
    accept: Accept,
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
        Self { address, open: Mutex::new(Weak::new()), accept }
    }

    /// Open the listener, or share the open one.
    pub(crate) fn lease(this: &Arc<Self>) -> io::Result<Lease> {
        let mut open = this.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = open.upgrade() {
            return Ok(Lease(shared));
        }
        let listener = crate::listener::bind(this.address)?;
        let port = listener.local_addr()?.port();
        let fresh = Arc::new(Open { port, accepting: (this.accept)(listener) });
        *open = Arc::downgrade(&fresh);
        Ok(Lease(fresh))
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
