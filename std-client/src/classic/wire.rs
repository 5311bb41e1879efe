//! A connection of the classic dialect: bare bytes, whose end says that they are whole.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;

use coracle::poll::Stream;
use coracle_desktop::connection;

use crate::link::Link;
use crate::watch::Watch;

/// Bytes that are kept back until the end of the stream can leave with them, in one segment:
/// less than any segment holds. A receiver that has the last byte then has the end too, and so
/// is not the side that closes first, whose port would be in use for a minute.
const TAIL_LEN: u64 = 512;

/// A connection; a transfer that is not closed in order is reset.
pub(super) struct Wire {
    link: Link,
    watch: Rc<Watch>,
    /// Bytes that leave at once.
    free: u64,
    /// What comes behind them.
    tail: Vec<u8>,
}

impl Wire {
    /// A control connection.
    pub(super) fn new(stream: TcpStream, watch: Rc<Watch>) -> Self {
        Self { link: Link::new(stream, Rc::clone(&watch)), watch, free: u64::MAX, tail: Vec::new() }
    }

    /// A transfer connection, over which so many bytes will be sent.
    pub(super) fn for_file(stream: TcpStream, watch: Rc<Watch>, size: u64) -> io::Result<Self> {
        connection::reset_when_dropped(&stream)?;
        Ok(Self { free: size.saturating_sub(TAIL_LEN), ..Self::new(stream, watch) })
    }

    pub(super) const fn watch(&self) -> &Rc<Watch> {
        &self.watch
    }

    /// Wait for bytes to read, or, if `write`, for room to write.
    pub(super) fn wait(&mut self, write: bool) -> io::Result<bool> {
        self.link.wait(true, write)
    }

    /// Send the last bytes and the end of the stream together.
    pub(super) fn half_close(&mut self) -> io::Result<()> {
        self.link.flush_all()?;
        cork(self.link.stream())?;
        let tail = core::mem::take(&mut self.tail);
        if !tail.is_empty() {
            // It was flushed: there is room.
            self.link.try_write(&tail)?;
            self.link.flush_all()?;
        }
        self.link.stream().shutdown(Shutdown::Write)
    }

    /// All is well: no reset.
    pub(super) fn close_in_order(&self) -> io::Result<()> {
        connection::close_in_order(self.link.stream())
    }
}

impl Stream for Wire {
    type Error = io::Error;

    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        self.link.try_read(buffer)
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        if self.free == 0 {
            self.tail.extend_from_slice(bytes);
            return Ok(Some(bytes.len()));
        }
        let count = usize::try_from(self.free).map_or(bytes.len(), |free| free.min(bytes.len()));
        let written = self.link.try_write(&bytes[..count])?;
        self.free -= written.unwrap_or(0) as u64;
        Ok(written)
    }
}

/// Keep back what fills no segment.
#[cfg(target_os = "linux")]
fn cork(stream: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_tcp_cork(stream, true)?)
}

/// Elsewhere the end of the stream follows its last bytes as fast as it can.
#[cfg(not(target_os = "linux"))]
fn cork(_stream: &TcpStream) -> io::Result<()> {
    Ok(())
}
