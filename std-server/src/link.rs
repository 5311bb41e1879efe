//! A TCP connection as the core's driver wants it: small moves gathered, large ones direct.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};

use coracle_desktop::pool::{Block, LINES_LEN, Pool};
use embedded_io::{ErrorType, ReadReady};
use embedded_io_async::{Read, Write};
use tokio::net::TcpStream;

/// Moves of fewer bytes go through a buffer: a copy is cheaper than a system call.
const DIRECT: usize = 4096;

/// A connection. It holds buffers only while bytes wait in them.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    pool: Arc<Pool>,
    input: Waiting,
    output: Waiting,
}

/// Bytes on their way, if any.
#[derive(Debug, Default)]
struct Waiting {
    block: Option<Block>,
    start: usize,
    end: usize,
}

impl Waiting {
    fn bytes(&self) -> &[u8] {
        self.block.as_ref().map_or(&[], |block| &block.bytes()[self.start..self.end])
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

impl Link {
    pub(crate) fn new(stream: TcpStream, pool: Arc<Pool>) -> Self {
        Self { stream, pool, input: Waiting::default(), output: Waiting::default() }
    }

    /// A connection whose first bytes were read already, at most [`LINES_LEN`].
    pub(crate) fn begun(stream: TcpStream, pool: Arc<Pool>, begun: &[u8]) -> Self {
        let mut link = Self::new(stream, pool);
        if !begun.is_empty() {
            let mut block = Block::take(&link.pool);
            block.bytes_mut()[..begun.len()].copy_from_slice(begun);
            link.input = Waiting { block: Some(block), start: 0, end: begun.len() };
        }
        link
    }

    pub(crate) fn stream_mut(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether something can be read, or the end of the stream has come.
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read_ready(context)
    }

    /// Receive into the buffer without waiting; `None` if nothing is there.
    fn try_fill(&mut self) -> io::Result<Option<usize>> {
        let mut block = Block::take(&self.pool);
        match self.stream.try_read(block.bytes_mut()) {
            Ok(0) => Ok(Some(0)),
            Ok(end) => {
                self.input = Waiting { block: Some(block), start: 0, end };
                Ok(Some(end))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.input.bytes().len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.input.bytes()[..count]);
        self.input.consume(count);
        count
    }

    fn gather(&mut self, bytes: &[u8]) -> bool {
        let end = self.output.end + bytes.len();
        if bytes.len() >= DIRECT || end > LINES_LEN {
            return false;
        }
        let block = self.output.block.get_or_insert_with(|| Block::take(&self.pool));
        block.bytes_mut()[self.output.end..end].copy_from_slice(bytes);
        self.output.end = end;
        true
    }

    /// Send what was gathered and then `bytes`, in one system call, and say how many of `bytes`
    /// went.
    async fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let gathered = self.output.bytes();
            let sent = if gathered.is_empty() {
                self.stream.try_write(bytes)
            } else {
                self.stream.try_write_vectored(&[IoSlice::new(gathered), IoSlice::new(bytes)])
            };
            match sent {
                Ok(count) => {
                    let gathered = gathered.len().min(count);
                    self.output.consume(gathered);
                    if count > gathered || self.output.is_empty() && bytes.is_empty() {
                        return Ok(count - gathered);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stream.writable().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl ErrorType for Link {
    type Error = io::Error;
}

impl Read for Link {
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.input.is_empty() {
                return Ok(self.take(buffer));
            }
            let received = if buffer.len() >= DIRECT {
                self.stream.try_read(buffer)
            } else {
                match self.try_fill()? {
                    Some(0) => return Ok(0),
                    Some(_) => continue,
                    None => Err(io::ErrorKind::WouldBlock.into()),
                }
            };
            match received {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stream.readable().await?;
                }
                done => return done,
            }
        }
    }
}

impl ReadReady for Link {
    /// Also true at the end of the stream.
    fn read_ready(&mut self) -> io::Result<bool> {
        Ok(!self.input.is_empty() || self.try_fill()?.is_some())
    }
}

impl Write for Link {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gather(bytes) {
            return Ok(bytes.len());
        }
        self.send(bytes).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        if !self.output.is_empty() {
            self.send(&[]).await?;
        }
        Ok(())
    }
}

/// No link at all: for a machine that only has steps left.
pub(crate) struct Nowhere;

impl ErrorType for Nowhere {
    type Error = io::Error;
}

impl Read for Nowhere {
    async fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl ReadReady for Nowhere {
    fn read_ready(&mut self) -> io::Result<bool> {
        Ok(true)
    }
}

impl Write for Nowhere {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
