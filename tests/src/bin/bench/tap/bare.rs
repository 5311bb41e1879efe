//! Bytes from memory, and bytes that are forgotten, over a bare smoltcp: the example `bare` of its
//! package, with a bare program on the host's side.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use coracle_tests::network::{Family, TAP, Wire};
use coracle_tests::process::program;

use crate::peer::{Direction, Folders, Peer, Service};

use super::{Link, SOCKET_BUFFER};

/// Where the example is built.
const PROGRAM: &str = "examples/bare";

/// Its two ports.
const SOURCE: u16 = 7001;
const SINK: u16 = 7002;

/// Bytes of one send or receive on the host's side.
const PIECE: usize = 1 << 20;

/// What it says when it serves.
const READY: &str = "ready";

/// The bare stack, on a host and a device of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct BareStack {
    pub(super) link: Link,
    pub(super) bytes: u64,
    /// The host's side reads from a file and writes to one, as the client does.
    pub(super) has_files: bool,
}

impl Peer for BareStack {
    fn name(&self) -> &'static str {
        if self.has_files { "bare+file" } else { "bare" }
    }

    fn check(&self) -> io::Result<()> {
        let build = "cargo build --release --package coracle-smoltcp --example bare";
        let missing = |_| io::Error::other(format!("{PROGRAM} is missing: run `{build}` first"));
        program(PROGRAM).map(|_| ()).map_err(missing)
    }

    fn uses_one_port(&self) -> bool {
        false
    }

    fn serve(&self, _: &Folders) -> io::Result<Box<dyn Service>> {
        let wire = self.link.wire()?;
        let mut command = wire.host.command(&program(PROGRAM)?);
        command.args(["--tap", TAP, "--addr", &Family::V4.server_network()]);
        command.args(["--source", &SOURCE.to_string(), "--sink", &SINK.to_string()]);
        command.args(["--bytes", &self.bytes.to_string()]);
        command.args(["--socket-buffer", &SOCKET_BUFFER.to_string()]);
        if self.link.offload {
            command.arg("--offload");
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut running = Running { child, wire };
        running.wait_until_ready()?;
        Ok(Box::new(running))
    }

    fn client(
        &self,
        address: SocketAddr,
        direction: Direction,
        folders: &Folders,
    ) -> io::Result<Command> {
        let (mode, port, folder) = match direction {
            Direction::Download => ("bare-stack-receive", SOURCE, &folders.downloaded),
            Direction::Upload => ("bare-stack-send", SINK, &folders.source),
        };
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(mode).arg(SocketAddr::new(address.ip(), port).to_string());
        command.arg(self.bytes.to_string());
        if self.has_files {
            command.args(folders.names.iter().map(|name| folder.join(name)));
        }
        Ok(command)
    }

    fn keeps(&self, _: Direction) -> bool {
        false
    }
}

struct Running {
    child: Child,
    wire: Wire,
}

impl Running {
    fn wait_until_ready(&mut self) -> io::Result<()> {
        let Some(stdout) = self.child.stdout.take() else { return Ok(()) };
        let mut lines = BufReader::new(stdout).lines();
        match lines.next() {
            Some(line) if line.as_ref().is_ok_and(|line| line == READY) => {}
            _ => return Err(io::Error::other(format!("{PROGRAM} does not serve"))),
        }
        // What it counts on each connection is read, or it would wait for that.
        thread::spawn(move || lines.count());
        Ok(())
    }
}

impl Service for Running {
    fn address(&self) -> SocketAddr {
        (Family::V4.server(), SINK).into()
    }

    fn only_process(&self) -> Option<u32> {
        Some(self.child.id())
    }

    fn reached_by(&self, command: Command) -> Command {
        self.wire.host.adopt(&command)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // If it ended already there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The host's side that receives so many bytes, and forgets or stores them.
pub(crate) fn receive(address: SocketAddr, bytes: u64, file: Option<&Path>) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    let mut file = file.map(File::create).transpose()?;
    let (mut piece, mut received) = (vec![0; PIECE], 0);
    loop {
        let count = stream.read(&mut piece)?;
        if count == 0 && received == bytes {
            return Ok(());
        }
        if count == 0 {
            return Err(io::Error::other(format!("{received} bytes came of {bytes}")));
        }
        if let Some(file) = &mut file {
            file.write_all(&piece[..count])?;
        }
        received += count as u64;
    }
}

/// The host's side that sends so many bytes, from memory or from a file; it ends when all of them
/// were received.
pub(crate) fn send(address: SocketAddr, bytes: u64, file: Option<&Path>) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    let mut file = file.map(File::open).transpose()?;
    let (mut piece, mut left) = (vec![0x5a; PIECE], bytes);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let count = match &mut file {
            Some(file) => file.read(&mut piece[..most])?,
            None => most,
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        stream.write_all(&piece[..count])?;
        left -= count as u64;
    }
    stream.shutdown(Shutdown::Write)?;
    stream.read_to_end(&mut Vec::new()).map(|_| ())
}
