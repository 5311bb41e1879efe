//! A server that is a script per connection, and the program run against it.

#![allow(dead_code, reason = "each test program uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use coracle_tests::restart::restarted;
pub use tempfile::tempdir;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub const GREETING: &str =
    "ok 1 chunk=1024 line=1024 name=255 path=512 pipeline=4096 busy=60 case=sensitive atomic=yes\n";

/// What a fake server does with one connection.
pub type Script = Box<dyn FnOnce(&mut Peer) + Send>;

pub fn script(run: impl FnOnce(&mut Peer) + Send + 'static) -> Script {
    Box::new(run)
}

/// A server on a free port that runs one script per connection, in order.
pub struct Fake {
    pub address: SocketAddr,
    thread: JoinHandle<()>,
}

impl Fake {
    pub fn start(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            for script in scripts {
                let (stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                script(&mut Peer(BufReader::new(stream)));
            }
        });
        Self { address, thread }
    }

    /// As [`start`](Self::start), but a script does not wait for the one before.
    pub fn beside(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let run = |script: Script| {
                let (stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                thread::spawn(move || script(&mut Peer(BufReader::new(stream))))
            };
            let threads: Vec<_> = scripts.into_iter().map(run).collect();
            for thread in threads {
                if let Err(panic) = thread.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        });
        Self { address, thread }
    }

    /// Every script ran to its end.
    pub fn finish(self) {
        // Unblocks an accept that nobody came for: its script then fails on the empty line.
        drop(TcpStream::connect(self.address));
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// A client, seen from the server.
pub struct Peer(BufReader<TcpStream>);

impl Peer {
    /// The next line, without its end; empty at the end of the stream.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    /// A command of the classic dialect, as its server reads it: at once, without an end.
    pub fn command(&mut self, command: &str) {
        let mut buffer = [0; 128];
        let count = restarted(|| self.0.get_mut().read(&mut buffer)).unwrap();
        assert_eq!(String::from_utf8_lossy(&buffer[..count]), command);
    }

    pub fn expect(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }

    pub fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// As [`say`](Self::say), to a client that may have gone.
    pub fn try_say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// The session is opened and greeted; transfers come on this connection.
    pub fn greet(&mut self) {
        assert!(self.line().starts_with("hello 1"));
        self.say(GREETING);
    }

    /// An upload's frames up to END or FAIL: the bytes, and the kind of the last frame.
    pub fn frames(&mut self) -> (Vec<u8>, u8) {
        let mut data = Vec::new();
        loop {
            let mut header = [0; 4];
            self.0.read_exact(&mut header).unwrap();
            let kind = std::mem::take(&mut header[0]);
            let mut payload = vec![0; u32::from_be_bytes(header) as usize];
            self.0.read_exact(&mut payload).unwrap();
            match kind {
                1 => data.extend(payload),
                4 => {}
                _ => return (data, kind),
            }
        }
    }

    /// So many bytes of whatever comes.
    pub fn take(&mut self, count: usize) {
        self.0.read_exact(&mut vec![0; count]).unwrap();
    }

    /// `exit`, answered.
    pub fn exit(&mut self) {
        self.expect("exit");
        self.say("ok\n");
    }

    /// Take what comes until the client has closed, and say nothing.
    pub fn silent(&mut self) {
        let _ = self.0.read_to_end(&mut Vec::new());
    }

    /// Wait until the client has closed.
    pub fn gone(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = self.0.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
    }
}

/// The program, in `folder`, with what it printed.
pub fn coracle(folder: &Path, host: SocketAddr, arguments: &[&str]) -> Outcome {
    coracle_with(folder, host, arguments, b"")
}

pub fn coracle_with(folder: &Path, host: SocketAddr, arguments: &[&str], input: &[u8]) -> Outcome {
    let mut child = command(folder, host, arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    Outcome::of(&child.wait_with_output().unwrap())
}

pub fn command(folder: &Path, host: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coracle"));
    // Whoever runs the tests may have a configuration file.
    command.env("CORACLE_CONFIG", "/dev/null");
    command.current_dir(folder).arg(host.to_string()).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Outcome {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

pub fn crc(data: &[u8]) -> u32 {
    let mut crc = coracle::Crc32::new();
    crc.update(data);
    crc.value()
}

/// DATA frames of a file.
pub fn data(bytes: &[u8]) -> Vec<u8> {
    let frame = |piece: &[u8]| {
        let header = coracle::Frame::Data(piece.len() as u32).emit();
        [header.as_slice(), piece].concat()
    };
    bytes.chunks(1000).flat_map(frame).collect()
}

/// The END frame of a file.
pub fn end(bytes: &[u8]) -> Vec<u8> {
    coracle::End { length: bytes.len() as u64, crc: crc(bytes) }.emit_frame().to_vec()
}

/// The answer to a download of all of `bytes`.
pub fn download(bytes: &[u8]) -> Vec<u8> {
    let reply = format!("ok {0} {0} 86400\n", bytes.len());
    [reply.as_bytes(), &data(bytes), &end(bytes)].concat()
}

pub fn receipt(bytes: &[u8]) -> String {
    format!("ok {} {:08x} flushed\n", bytes.len(), crc(bytes))
}

pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// The names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The staged files in a folder.
pub fn staged(folder: &Path) -> Vec<PathBuf> {
    let is_staged = |name: &String| name.ends_with(".coracle-part");
    names(folder).into_iter().filter(is_staged).map(|name| folder.join(name)).collect()
}

/// Wait until `condition` holds.
pub fn until(mut condition: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain");
        thread::sleep(Duration::from_millis(5));
    }
}
