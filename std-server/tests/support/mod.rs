//! A real `coracled` and a raw connection to it.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod classic;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use coracle::{Crc32, End, Frame};
use tempfile::TempDir;

/// No answer takes this long; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running server on a free port, with a folder of its own; it ends with the value.
pub struct Daemon {
    pub child: Child,
    pub root: TempDir,
    pub address: SocketAddr,
    pub stdout: BufReader<ChildStdout>,
}

impl Daemon {
    pub fn start(options: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), options)
    }

    pub fn start_in(root: TempDir, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coracled"));
        command.args(["--listen", "127.0.0.1:0", "--transfer-port", "0"]).args(options);
        Self::spawn(command, root)
    }

    /// With a transfer port of the caller's choice.
    pub fn start_with(options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coracled"));
        command.args(["--listen", "127.0.0.1:0"]).args(options);
        Self::spawn(command, tempfile::tempdir().expect("a folder"))
    }

    /// Run a prepared command, to which the root is added.
    pub fn spawn(mut command: Command, root: TempDir) -> Self {
        command.stderr(Stdio::null());
        Self::spawn_logging(command, root)
    }

    /// The same; records go where the command says.
    pub fn spawn_logging(mut command: Command, root: TempDir) -> Self {
        let mut child = command
            .arg(root.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("coracled starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let port = read_line(&mut stdout);
        let port = port.strip_prefix("Server Port: ").expect("the port").parse().expect("a port");
        assert_eq!(read_line(&mut stdout), "The server is ready to receive");
        Self { child, root, address: SocketAddr::from(([127, 0, 0, 1], port)), stdout }
    }

    /// A connection that has said nothing yet.
    pub fn connect(&self) -> Client {
        Client::to(self.address)
    }

    /// A session after its `hello`.
    pub fn session(&self) -> Client {
        let mut client = self.connect();
        assert!(client.ask("hello 1").starts_with("ok 1 "));
        client
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let done = Command::new("kill").args(["-s", name, &pid]).status().expect("kill");
        assert!(done.success());
    }

    /// Open file descriptors of the server.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("a running server").count()
    }

    /// Resident memory in bytes, without what belongs to files.
    pub fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("a running server");
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("RssAnon");
        let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    }

    /// User and system time in clock ticks (1/100 s).
    pub fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    pub fn names(&self) -> Vec<String> {
        names(self.root.path())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Names in a folder, sorted, staged files included.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn read_line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).expect("a line");
    line.trim_end().to_owned()
}

/// One connection, line by line and byte by byte.
pub struct Client {
    pub stream: BufReader<TcpStream>,
}

impl Client {
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a listener");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server reads");
    }

    /// The next line without LF; empty at the end of the stream.
    pub fn line(&mut self) -> String {
        read_line(&mut self.stream)
    }

    /// The next line that is no sign of life.
    pub fn reply(&mut self) -> String {
        loop {
            let line = self.line();
            if line != "+ busy" {
                return line;
            }
        }
    }

    pub fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\n").as_bytes());
        self.reply()
    }

    /// Everything until the server closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("an orderly close");
        rest
    }

    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).expect("as many bytes");
        bytes
    }

    pub fn finish_sending(&mut self) {
        self.stream.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
    }
}

pub fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(bytes);
    crc.value()
}

pub fn data(bytes: &[u8]) -> Vec<u8> {
    [&Frame::Data(bytes.len() as u32).emit()[..], bytes].concat()
}

pub fn end(bytes: &[u8]) -> Vec<u8> {
    End { length: bytes.len() as u64, crc: crc(bytes) }.emit_frame().to_vec()
}

/// `upload <path> <size>` and its frames.
pub fn upload(path: &str, bytes: &[u8]) -> Vec<u8> {
    let mut all = format!("upload {path} {}\n", bytes.len()).into_bytes();
    bytes.chunks(1 << 20).for_each(|piece| all.extend(data(piece)));
    all.extend(end(bytes));
    all
}
