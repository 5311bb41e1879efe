//! A server that is a script, and a handler that writes down what it is told.

use core::convert::Infallible;
use core::fmt::Write as _;
use std::collections::VecDeque;

use coracle::client::{Done, Event, Handler, NotNow, Supplied};
use coracle::poll::Stream;
use coracle::{Command, Path, Refusal};

pub(crate) type Client = coracle::client::Client<[u8; 1028], 640, 8>;

/// A link to a scripted server: so many bytes at a time each way.
pub(crate) struct Script {
    /// Bytes of the server, each part readable once the client has sent so many bytes.
    parts: VecDeque<(usize, VecDeque<u8>)>,
    /// Whether the stream ends behind the last part.
    ends: bool,
    cut: usize,
    /// Whether what the server said is read before more is sent.
    eager: bool,
    asked: bool,
    pub(crate) sent: Vec<u8>,
}

impl Script {
    pub(crate) fn new(parts: &[(usize, &[u8])], cut: usize) -> Self {
        let parts = parts.iter().map(|&(at, bytes)| (at, bytes.iter().copied().collect()));
        Self {
            parts: parts.collect(),
            ends: true,
            cut,
            eager: false,
            asked: false,
            sent: Vec::new(),
        }
    }

    pub(crate) fn eager(self) -> Self {
        Self { eager: true, ..self }
    }

    /// A server that keeps the stream open behind its last byte.
    pub(crate) fn open(self) -> Self {
        Self { ends: false, ..self }
    }

    /// Whether there is something to read, be it the end of the stream.
    pub(crate) fn is_readable(&mut self) -> bool {
        self.readable().is_some() || self.ends && self.parts.is_empty()
    }

    fn readable(&mut self) -> Option<&mut VecDeque<u8>> {
        while self.parts.front().is_some_and(|(_, bytes)| bytes.is_empty()) {
            self.parts.pop_front();
        }
        let sent = self.sent.len();
        self.parts.front_mut().filter(|(at, _)| *at <= sent).map(|(_, bytes)| bytes)
    }
}

impl Stream for Script {
    type Error = Infallible;

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Infallible> {
        assert!(!buffer.is_empty(), "an empty lend looks like the end of the stream");
        self.asked = true;
        let cut = self.cut;
        if let Some(bytes) = self.readable() {
            let count = bytes.len().min(buffer.len()).min(cut);
            for (to, from) in buffer.iter_mut().zip(bytes.drain(..count)) {
                *to = from;
            }
            return Ok(Some(count));
        }
        Ok((self.ends && self.parts.is_empty()).then_some(0))
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Infallible> {
        assert!(!bytes.is_empty());
        if self.eager && !self.asked && self.readable().is_some() {
            return Ok(None);
        }
        self.asked = false;
        let count = bytes.len().min(self.cut);
        self.sent.extend(&bytes[..count]);
        Ok(Some(count))
    }
}

impl embedded_io::ErrorType for Script {
    type Error = Infallible;
}

impl embedded_io::Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.try_read(buffer)?.unwrap_or(0))
    }
}

impl embedded_io::Write for Script {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(self.try_write(bytes)?.unwrap_or(0))
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(feature = "async")]
impl embedded_io_async::Read for Script {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.try_read(buffer)?.unwrap_or(0))
    }
}

#[cfg(feature = "async")]
impl embedded_io_async::Write for Script {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(self.try_write(bytes)?.unwrap_or(0))
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Requests to be made, bytes to be uploaded; everything that is told as text.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) requests: VecDeque<Command<Path<'static>>>,
    pub(crate) upload: Vec<u8>,
    pub(crate) stored: Vec<u8>,
    pub(crate) events: String,
}

impl Notes {
    pub(crate) fn asking(requests: &[Command<Path<'static>>]) -> Self {
        Self { requests: requests.iter().copied().collect(), ..Self::default() }
    }
}

impl Handler for Notes {
    fn next_request(&mut self) -> Option<Command<Path<'_>>> {
        self.requests.front().copied()
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        self.requests.pop_front();
        if let Err(why) = outcome {
            writeln!(self.events, "not taken: {why:?}").unwrap();
        }
    }

    fn supply(&mut self, _request: u64, offset: u64, buffer: &mut [u8]) -> Supplied {
        assert!(!buffer.is_empty());
        let rest = self.upload.get(offset as usize..).unwrap_or(&[]);
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Supplied::Bytes(count)
    }

    fn store(&mut self, _request: u64, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        assert!(!data.is_empty());
        assert!(offset as usize >= self.stored.len(), "nothing is stored twice");
        self.stored.resize(offset as usize, b'.');
        self.stored.extend(data);
        Ok(())
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), Refusal> {
        if let Event::Begins { .. } = event {
            self.stored.clear();
        }
        let text = String::from_utf8_lossy;
        match event {
            Event::Greeting(_) => writeln!(self.events, "greeting"),
            Event::Entry { request, entry } => {
                writeln!(self.events, "{request} entry {:?} {}", entry.metadata, text(entry.name))
            }
            Event::Name { request, name } => writeln!(self.events, "{request} name {}", text(name)),
            Event::Info { request, text: line } => {
                writeln!(self.events, "{request} info {}", text(line))
            }
            Event::Done { request, done: Done::Stats(fields) } => {
                writeln!(self.events, "{request} stats {}", text(fields))
            }
            Event::Refused { request, code, message } => {
                writeln!(self.events, "{request} refused {code:?} {}", text(message))
            }
            Event::Farewell { code, message } => {
                writeln!(self.events, "farewell {code:?} {}", text(message))
            }
            other => writeln!(self.events, "{other:?}"),
        }
        .unwrap();
        Ok(())
    }
}

pub(crate) fn path(text: &'static str) -> Path<'static> {
    Path::new(text.as_bytes()).unwrap()
}

pub(crate) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes().to_vec();
    frame[0] = kind;
    frame.extend(payload);
    frame
}

pub(crate) fn end(data: &[u8]) -> Vec<u8> {
    end_of(data.len() as u64, crc(data))
}

pub(crate) fn end_of(length: u64, crc: u32) -> Vec<u8> {
    let mut payload = length.to_be_bytes().to_vec();
    payload.extend(crc.to_be_bytes());
    frame(2, &payload)
}

pub(crate) fn crc(data: &[u8]) -> u32 {
    let mut crc = coracle::Crc32::new();
    crc.update(data);
    crc.value()
}

pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}
