//! A TCP connection as the machine's stream: never waits, gathers what is small.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;

use coracle::poll::Stream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::watch::Watch;

/// Bytes of either buffer: some hundred replies or small files.
const BUFFER_LEN: usize = 128 * 1024;

/// Slices of this length or more go to the kernel directly: a copy would cost more than the
/// call it saves.
const DIRECT_LEN: usize = 16 * 1024;

/// A connection with its buffers.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    watch: Rc<Watch>,
    input: Pending,
    output: Pending,
    /// Why nothing can be written any more.
    broken: Option<io::Error>,
}

/// Bytes of a buffer that are on their way.
#[derive(Debug, Default)]
struct Pending {
    memory: Vec<u8>,
    start: usize,
    end: usize,
}

impl Link {
    /// `stream` is in non-blocking mode.
    pub(crate) fn new(stream: TcpStream, watch: Rc<Watch>) -> Self {
        let (input, output) = (Pending::default(), Pending::default());
        Self { stream, watch, input, output, broken: None }
    }

    /// Write what was gathered, as far as the kernel takes it. Returns whether it took all.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        while !self.output.is_empty() {
            let written = now(self.stream.write(self.output.bytes()));
            match self.written(written)? {
                Some(count) => self.output.start += count,
                None => return Ok(false),
            }
        }
        self.output.clear();
        Ok(true)
    }

    /// Write all that was gathered, however long the watch lets it take.
    pub(crate) fn flush_all(&mut self) -> io::Result<()> {
        while !self.flush()? {
            if let Some(error) = self.broken.take() {
                return Err(error);
            }
            self.wait(false, true)?;
        }
        Ok(())
    }

    pub(crate) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// A server that closes may have said why: what it sent is read before a failed write is
    /// believed.
    fn written(&mut self, result: io::Result<Option<usize>>) -> io::Result<Option<usize>> {
        match result {
            Ok(Some(0)) => Err(io::ErrorKind::WriteZero.into()),
            Ok(None) => Ok(None),
            Ok(count) => {
                self.watch.progress();
                Ok(count)
            }
            Err(error) => {
                self.broken = Some(error);
                Ok(None)
            }
        }
    }

    /// Whether nothing has come, neither bytes nor the end of the stream.
    pub(crate) fn is_quiet(&self) -> bool {
        let nothing_yet = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        self.broken.is_none()
            && self.input.is_empty()
            && self.stream.peek(&mut [0]).is_err_and(nothing_yet)
    }

    fn read(&mut self, direct: Option<&mut [u8]>) -> io::Result<Option<usize>> {
        let buffer = direct.unwrap_or_else(|| self.input.room());
        match (now(self.stream.read(buffer)), self.broken.take()) {
            (Ok(Some(count)), broken) if count > 0 => {
                self.broken = broken;
                Ok(Some(count))
            }
            (_, Some(broken)) => Err(broken),
            (result, None) => result,
        }
    }

    /// Wait until the connection can be read, or written if `write` says so or bytes are still
    /// gathered; at most a [`Watch::TICK`]. Returns whether it can.
    pub(crate) fn wait(&mut self, read: bool, write: bool) -> io::Result<bool> {
        self.watch.check()?;
        if self.broken.is_some() {
            return Ok(true);
        }
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, read);
        flags.set(PollFlags::OUT, write || !self.output.is_empty());
        let mut polled = [PollFd::new(&self.stream, flags)];
        let tick = Timespec { tv_sec: 0, tv_nsec: Watch::TICK.subsec_nanos().into() };
        match poll(&mut polled, Some(&tick)) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Stream for Link {
    type Error = io::Error;

    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if self.input.is_empty() {
            // From here on we depend on the peer, who must have all that we said.
            self.flush()?;
            self.watch.check()?;
            if buffer.len() >= DIRECT_LEN {
                return self.read(Some(buffer));
            }
            self.input.clear();
            match self.read(None)? {
                Some(count) if count > 0 => self.input.end = count,
                other => return Ok(other),
            }
        }
        let bytes = self.input.bytes();
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.input.start += count;
        Ok(Some(count))
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let is_direct = bytes.len() >= DIRECT_LEN;
        if is_direct || self.output.room().len() < bytes.len() {
            self.watch.check()?;
            if !self.flush()? {
                return Ok(None);
            }
        }
        if is_direct {
            let written = now(self.stream.write(bytes));
            return self.written(written);
        }
        self.output.room()[..bytes.len()].copy_from_slice(bytes);
        self.output.end += bytes.len();
        Ok(Some(bytes.len()))
    }
}

/// `None` where the call would have waited.
fn now(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        },
    }
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    /// What is free behind the bytes. The memory is taken at the first use.
    fn room(&mut self) -> &mut [u8] {
        if self.memory.is_empty() {
            self.memory = vec![0; BUFFER_LEN];
        }
        &mut self.memory[self.end..]
    }

    fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }
}
