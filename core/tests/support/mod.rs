//! What the machine tests share: a RAM disk, links that cut the bytes as asked, scripts.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod classic;
pub mod links;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;

use coracle::poll::{self, Driver, Progress, Stream};
use coracle::{
    Answer, Crc32, End, Event, FixedServer, Frame, Host, Medium, Outcome, RamDisk, RamSession,
    Step, Timeouts,
};

pub type Disk = RamDisk<64, 2048>;

pub fn disk() -> RefCell<Disk> {
    RefCell::new(Disk::new())
}

/// A server with the fixed buffers.
pub fn server() -> FixedServer {
    FixedServer::new(coracle::Config::new(), [0; coracle::limits::CHUNK_BUFFER_LEN])
}

/// A DATA frame.
pub fn data(bytes: &[u8]) -> Vec<u8> {
    let mut frame = Frame::Data(bytes.len() as u32).emit().to_vec();
    frame.extend_from_slice(bytes);
    frame
}

/// Frames of a whole file: DATA of at most `piece` bytes, END.
pub fn frames(bytes: &[u8], piece: usize) -> Vec<u8> {
    let mut out: Vec<u8> = bytes.chunks(piece).flat_map(data).collect();
    out.extend_from_slice(&End { length: bytes.len() as u64, crc: crc(bytes) }.emit_frame());
    out
}

/// A line `upload <path> <size>` and its frames.
pub fn upload(path: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("upload {path} {}\n", bytes.len()).into_bytes();
    out.extend(frames(bytes, 1024));
    out
}

pub fn fail(text: &str) -> Vec<u8> {
    let mut frame = Frame::Fail(text.len() as u8).emit().to_vec();
    frame.extend_from_slice(text.as_bytes());
    frame
}

pub fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(bytes);
    crc.value()
}

/// Deterministic bytes without a short period.
pub fn payload(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

/// A medium that also writes down the events of its session.
pub struct Noting<'a> {
    pub medium: Medium<RamSession<'a, 64, 2048>>,
    pub events: Vec<String>,
}

impl<'a> Noting<'a> {
    pub fn new(disk: &'a RefCell<Disk>) -> Self {
        Self { medium: Medium::new(RamSession::new(disk)), events: Vec::new() }
    }
}

impl Host for Noting<'_> {
    fn answer(&mut self, step: Step<'_>) -> Answer {
        self.medium.answer(step)
    }

    fn event(&mut self, event: Event<'_>) {
        self.events.push(format!("{event:?}"));
    }
}

/// A host that has an answer to a step only when it is asked again.
pub struct Hesitant<H> {
    host: H,
    asked: Option<String>,
}

impl<H: Host> Hesitant<H> {
    pub fn new(host: H) -> Self {
        Self { host, asked: None }
    }
}

impl<H: Host> poll::Host for Hesitant<H> {
    fn answer(&mut self, step: Step<'_>) -> Option<Answer> {
        let asked = format!("{step:?}");
        match self.asked.take() {
            None => {
                self.asked = Some(asked);
                None
            }
            Some(before) => {
                assert_eq!(asked, before, "the same step is asked for again");
                Some(self.host.answer(step))
            }
        }
    }

    fn event(&mut self, event: Event<'_>) {
        assert_eq!(self.asked, None, "nothing else is asked for");
        self.host.event(event);
    }
}

/// A script for a server: bytes that come in, at most `step` at a time, then the end of input
/// or silence; what the server sends is collected, at most `step` bytes at a time.
pub struct Script {
    pub input: VecDeque<u8>,
    pub output: Vec<u8>,
    pub step: usize,
    pub ends: bool,
    /// Every other read finds nothing, so that no driver sees more at hand than another.
    stutter: bool,
}

impl Script {
    pub fn new(input: &[u8], step: usize) -> Self {
        let input = input.iter().copied().collect();
        Self { input, output: Vec::new(), step, ends: true, stutter: false }
    }

    pub fn next(&mut self, buffer: &mut [u8]) -> usize {
        assert!(!buffer.is_empty(), "a lent slice is never empty");
        let count = self.input.len().min(self.step).min(buffer.len());
        buffer.iter_mut().zip(self.input.drain(..count)).for_each(|(to, from)| *to = from);
        count
    }

    pub fn take(&mut self, bytes: &[u8]) -> usize {
        assert!(!bytes.is_empty(), "a lent slice is never empty");
        let count = bytes.len().min(self.step);
        self.output.extend_from_slice(&bytes[..count]);
        count
    }
}

impl Stream for Script {
    type Error = Infallible;

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Infallible> {
        self.stutter = !self.stutter;
        if self.stutter || self.input.is_empty() && !self.ends {
            return Ok(None);
        }
        Ok(Some(self.next(buffer)))
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Infallible> {
        Ok(Some(self.take(bytes)))
    }
}

/// Run a script through the poll driver; time stands still.
pub fn run(disk: &RefCell<Disk>, input: &[u8], step: usize) -> (Vec<u8>, Option<Outcome>) {
    let mut script = Script::new(input, step);
    let outcome = run_script(disk, &mut script);
    (script.output, outcome)
}

/// The same, with every step asked for twice.
pub fn run_hesitant(disk: &RefCell<Disk>, input: &[u8], step: usize) -> (Vec<u8>, Option<Outcome>) {
    let mut script = Script::new(input, step);
    let outcome = drive(&mut script, &mut Hesitant::new(Noting::new(disk)));
    (script.output, outcome)
}

/// The same with a script of one's own; `None` if the server still waits at its end.
pub fn run_script(disk: &RefCell<Disk>, script: &mut Script) -> Option<Outcome> {
    drive(script, &mut Noting::new(disk))
}

fn drive(script: &mut Script, host: &mut impl poll::Host) -> Option<Outcome> {
    let mut server = server();
    let mut driver = Driver::new(Timeouts::DEFAULT, 0);
    let bound = 200 + 20 * script.input.len();
    for _ in 0..bound {
        match poll::serve(&mut server, &mut driver, script, host, 0, 50) {
            Ok(Progress::Done(outcome)) => return Some(outcome),
            Ok(Progress::Waiting { .. }) if script.input.is_empty() && !script.ends => return None,
            Ok(_) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("a session that makes no progress");
}

/// Run a script whole and return the replies as lines, frames shown by their kind.
pub fn replies(disk: &RefCell<Disk>, input: &[u8]) -> Vec<String> {
    show(&run(disk, input, usize::MAX).0)
}

/// Lines as text; frames as `DATA <length>`, `END <length> <crc>`, `FAIL <text>`, `BUSY`.
pub fn show(mut output: &[u8]) -> Vec<String> {
    let mut shown = Vec::new();
    while let Some(&first) = output.first() {
        if !Frame::begins_with(first) {
            let end = output.iter().position(|&byte| byte == b'\n').expect("a whole line");
            shown.push(String::from_utf8_lossy(&output[..end]).into_owned());
            output = &output[end + 1..];
            continue;
        }
        let (header, rest) = output.split_first_chunk().expect("a whole header");
        let (text, len) = match Frame::parse(*header).expect("a frame") {
            Frame::Data(len) => (format!("DATA {len}"), len as usize),
            Frame::End => {
                let end = End::parse_payload(*rest.first_chunk().expect("a whole END"));
                (format!("END {} {:08x}", end.length, end.crc), 12)
            }
            Frame::Fail(len) => {
                let text = String::from_utf8_lossy(&rest[..len.into()]).into_owned();
                (format!("FAIL {text}"), len.into())
            }
            Frame::Busy => ("BUSY".to_owned(), 0),
        };
        shown.push(text);
        output = &rest[len..];
    }
    shown
}
