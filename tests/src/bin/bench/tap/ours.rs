//! `coracle-tap` with the desktop client.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use coracle_tests::network::{Family, Wire};
use coracle_tests::process::{Server, program};

use crate::ours::Ours;
use crate::peer::{Direction, Folders, Peer, Service};

use super::{Link, SESSIONS, SOCKET_BUFFER};

const PORT: u16 = 2222;

/// Memory of the server for each byte of the files: what is there to be fetched, what was sent,
/// and what is about to replace that, with some room.
const COPIES: u64 = 4;

/// Seconds of the timer of transfers: a stalled one is to stay.
const FOR_EVER: &str = "4000000";

/// What is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// Files in memory.
    Memory,
    /// A folder.
    Folder,
}

/// The programs of this project, on a host and a device of their own.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnTap {
    pub(super) name: &'static str,
    pub(super) link: Link,
    pub(super) served: Served,
    /// Each file by a client of its own, all at once.
    pub(super) is_client_a_file: bool,
    /// There is another session whose peer reads nothing.
    pub(super) is_beside_stalled: bool,
    pub(super) bytes: u64,
}

impl OnTap {
    /// From memory, for so many bytes of files.
    pub(super) fn new(link: Link, bytes: u64) -> Self {
        Self {
            name: "coracle",
            link,
            served: Served::Memory,
            is_client_a_file: false,
            is_beside_stalled: false,
            bytes,
        }
    }

    fn command(&self, wire: &Wire, folders: &Folders) -> io::Result<Command> {
        let mut command = wire.server()?;
        command.stderr(Stdio::null());
        command.args(["--quiet", "--transfer-port", "none", "--transfer-timeout", FOR_EVER]);
        command.args(["--socket-buffer", &SOCKET_BUFFER.to_string()]);
        command.args(["--max-sessions", &(SESSIONS + 2).to_string()]);
        if self.link.offload {
            command.arg("--offload");
        }
        match self.served {
            Served::Memory => {
                command.args(["--ram", &(self.bytes * COPIES).to_string()]);
            }
            Served::Folder => {
                command.arg(&folders.root);
            }
        }
        Ok(command)
    }
}

impl Peer for OnTap {
    fn name(&self) -> &'static str {
        self.name
    }

    fn check(&self) -> io::Result<()> {
        program("coracle-tap").and_then(|_| program("coracle")).map(|_| ())
    }

    fn uses_one_port(&self) -> bool {
        true
    }

    fn serve(&self, folders: &Folders) -> io::Result<Box<dyn Service>> {
        let wire = self.link.wire()?;
        let server = Server::start(self.command(&wire, folders)?)?;
        let mut running = Running { server, stalled: None, wire };
        if self.served == Served::Memory {
            running.fill(folders)?;
        }
        if self.is_beside_stalled {
            running.stalled = Some(running.stall(&folders.names[0])?);
        }
        Ok(Box::new(running))
    }

    fn client(
        &self,
        address: SocketAddr,
        direction: Direction,
        folders: &Folders,
    ) -> io::Result<Command> {
        Ours.client(address, direction, folders)
    }

    fn clients(
        &self,
        address: SocketAddr,
        direction: Direction,
        folders: &Folders,
    ) -> io::Result<Vec<Command>> {
        if !self.is_client_a_file {
            return Ok(vec![self.client(address, direction, folders)?]);
        }
        let one = |name: &String| folders.with(vec![name.clone()]);
        folders.names.iter().map(|name| self.client(address, direction, &one(name))).collect()
    }

    fn keeps(&self, direction: Direction) -> bool {
        self.served == Served::Folder || direction == Direction::Download
    }
}

/// A running server; the client has checked the receipts of what it has in memory.
struct Running {
    server: Server,
    stalled: Option<TcpStream>,
    wire: Wire,
}

impl Running {
    /// Put the files where they lie in a folder as well.
    fn fill(&self, folders: &Folders) -> io::Result<()> {
        for (arguments, folder) in
            [(["mkdir", "down", "up"], None), (["upload", "-r", "down"], Some(&folders.root))]
        {
            let mut client = Command::new(program("coracle")?);
            client.env("CORACLE_CONFIG", "/dev/null").arg("--quiet");
            client.arg(self.address().ip().to_string()).args(arguments);
            if let Some(folder) = folder {
                client.current_dir(folder);
            }
            let status = self.reached_by(client).stdin(Stdio::null()).status()?;
            if !status.success() {
                return Err(io::Error::other(format!("the server was not filled ({status})")));
            }
        }
        Ok(())
    }

    /// A session that asks for a file and does not read it.
    fn stall(&self, name: &str) -> io::Result<TcpStream> {
        let mut stream = self.wire.host.on(|| TcpStream::connect(self.address()))?;
        stream.write_all(format!("hello 1\ndownload down/{name}\n").as_bytes())?;
        let mut greeting = String::new();
        BufReader::with_capacity(256, &stream).read_line(&mut greeting)?;
        if greeting.starts_with("ok ") {
            Ok(stream)
        } else {
            Err(io::Error::other(format!("no session: {}", greeting.escape_debug())))
        }
    }
}

impl Service for Running {
    fn address(&self) -> SocketAddr {
        (Family::V4.server(), PORT).into()
    }

    fn only_process(&self) -> Option<u32> {
        Some(self.server.id())
    }

    fn reached_by(&self, command: Command) -> Command {
        self.wire.host.adopt(&command)
    }
}
