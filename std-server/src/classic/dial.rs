//! The connection to a classic client that waits for its download.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use coracle_desktop::connection::{is_its_own_peer, reset_when_dropped};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// Pauses between two attempts: short at first, since most clients listen at once.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Connect within this time, from the address that the client knows us by where that is possible.
pub(super) async fn dial(
    from: IpAddr,
    to: SocketAddr,
    patience: Duration,
) -> io::Result<TcpStream> {
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
    match timeout(patience, dialling).await {
        Ok(stream) => Ok(stream),
        Err(_) => Err(last),
    }
}

async fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // From another address it may be recognised as well.
    let _best_effort = socket.bind(SocketAddr::new(from, 0));
    let stream = socket.connect(to).await?;
    let _gone = reset_when_dropped(&stream);
    if is_its_own_peer(&stream) {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    // What is written goes at once: only the end of the stream is to wait for bytes.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_meets_itself_is_none() {
        let itself = TcpSocket::new_v4().unwrap();
        itself.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = itself.local_addr().unwrap();
        let stream = itself.connect(address).await.expect("the system allows it");
        assert!(is_its_own_peer(&stream));
        drop(stream);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stream = dial(address.ip(), address, Duration::from_secs(60)).await.unwrap();
        assert!(!is_its_own_peer(&stream));
    }
}
