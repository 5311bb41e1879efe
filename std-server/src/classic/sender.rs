//! The sending side of a classic download: its last bytes and the end of the stream go in one
//! segment.

use std::io;
use std::time::Duration;

use coracle_desktop::connection::close_in_order;
use embedded_io::{ErrorType, ReadReady};
use embedded_io_async::{Read, Write};
use rustix::net::{Shutdown, shutdown};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::link::Link;
use crate::session::{LINGER, drained};

/// Bytes kept for the last segment: fewer than any link has in one, so that they are not split.
const LAST: u64 = 512;

/// How long a client that awaits no byte may take to close first. The end of the stream has no
/// byte to go with, and who closes first keeps the port, unless a reset follows, as it does when
/// the connection is dropped; one that reads to the end would take that for a failure.
const EMPTY: Duration = Duration::from_millis(250);

/// A link that sends so many bytes, and ends the stream together with the last.
///
/// The ancestor's client closes as soon as it has as many bytes as were announced. If the end of
/// the stream came behind them, it would be the side that closes first; its port 3333 would then
/// be taken for a minute, and its next download would fail.
pub(crate) struct Sender {
    link: Link,
    /// Bytes that are still to be given to [`write`](Write::write).
    left: u64,
    /// The last bytes, until the end of the stream goes with them.
    last: Vec<u8>,
    is_ended: bool,
}

impl Sender {
    pub(crate) fn new(link: Link, size: u64) -> Self {
        Self { link, left: size, last: Vec::new(), is_ended: size == 0 }
    }

    pub(crate) fn stream_mut(&mut self) -> &mut TcpStream {
        self.link.stream_mut()
    }

    /// All is sent: wait for the client to close.
    pub(crate) async fn close(mut self, size: u64) {
        let stream = self.stream_mut();
        if size == 0 {
            if drained(stream, EMPTY).await {
                return;
            }
            // If it fails, the client is gone.
            let _gone = stream.shutdown().await;
        }
        // The end is on its way, so that the port is not kept; and the client may take its time
        // beyond ours to read.
        let _gone = close_in_order(stream);
        drained(stream, LINGER).await;
    }
}

async fn send(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
            done => return done,
        }
    }
}

impl ErrorType for Sender {
    type Error = io::Error;
}

impl Read for Sender {
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.link.read(buffer).await
    }
}

impl ReadReady for Sender {
    fn read_ready(&mut self) -> io::Result<bool> {
        self.link.read_ready()
    }
}

impl Write for Sender {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let before_last = usize::try_from(self.left.saturating_sub(LAST)).unwrap_or(usize::MAX);
        let count = if before_last > 0 {
            send(self.link.stream_mut(), &bytes[..bytes.len().min(before_last)]).await?
        } else {
            self.last.extend_from_slice(bytes);
            bytes.len()
        };
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }

    /// Does nothing before the last byte: earlier ones are on their way.
    async fn flush(&mut self) -> io::Result<()> {
        if self.left > 0 || self.is_ended {
            return Ok(());
        }
        #[cfg(target_os = "linux")]
        rustix::net::sockopt::set_tcp_cork(self.link.stream_mut(), true)?;
        let Self { link, last, .. } = self;
        while !last.is_empty() {
            let count = send(link.stream_mut(), last).await?;
            last.drain(..count);
        }
        shutdown(link.stream_mut(), Shutdown::Write)?;
        self.is_ended = true;
        Ok(())
    }
}
