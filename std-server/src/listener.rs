//! Listening, and accepting without a busy loop when descriptors run out.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;

/// Connections the kernel holds for us; it caps the number by itself.
const BACKLOG: u32 = 4096;

/// How long to wait when a connection cannot be taken for want of descriptors or memory: they
/// come back when sessions end.
const OUT_OF_RESOURCES: Duration = Duration::from_millis(100);

/// Listen on an address, also while connections of a former server linger in TIME_WAIT.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The next connection, whatever befalls single ones.
pub(crate) async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut told = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Replies are gathered before they are sent; waiting for more only delays.
                let _best_effort = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if !told {
                    tracing::warn!(%error, "cannot accept; waiting");
                }
                told = true;
                sleep(OUT_OF_RESOURCES).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
