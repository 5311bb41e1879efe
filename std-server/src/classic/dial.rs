//! The connection to a classic client that waits for its download.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// How long the client may take to listen: it does so only after it has read the size.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pauses between two attempts: short at first, since most clients listen at once.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Connect, from the address that the client knows us by where that is possible.
pub(super) async fn dial(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::TimedOut.into();
    let dialling = async {
        let mut pause = FIRST_PAUSE;
        loop {
            match connect(from, to).await {
                Ok(stream) => return stream,
                Err(error) => last = error,
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    };
    match timeout(PATIENCE, dialling).await {
        Ok(stream) => Ok(stream),
        Err(_) => Err(last),
    }
}

async fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // From another address it may be recognised as well.
    let _best_effort = socket.bind(SocketAddr::new(from, 0));
    let stream = socket.connect(to).await?;
    // What is written goes at once: only the end of the stream is to wait for bytes.
    stream.set_nodelay(true)?;
    Ok(stream)
}
