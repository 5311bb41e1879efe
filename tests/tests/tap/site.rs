//! A host with a wire to a server of its own, and the client on that host.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use coracle_tests::network::{Family, Namespace, Wire, or_skip};
use coracle_tests::process::{Server, program};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::link::Link;
use crate::support::raw::Raw;
use crate::support::{PATIENCE, Ran, Running};

/// The control port and the transfer port.
pub const CONTROL: u16 = 2222;
pub const TRANSFER: u16 = 3333;

/// Bytes of one frame on the wire, without those of its link.
pub const MTU: u16 = 1500;

/// What is served.
pub const FOLDER: &[&str] = &[];
pub const RAM: &[&str] = &["--ram", "16M"];

/// The word without which nothing is served to other machines.
pub const ANYONE: &str = "--insecure-anyone-can-read-and-write";

/// A wire, the server at its far end, a folder that may be served, and one in which the client
/// runs.
pub struct Site {
    pub server: Server,
    link: Option<Link>,
    pub root: TempDir,
    pub local: TempDir,
    pub wire: Wire,
    options: Vec<OsString>,
}

impl Site {
    /// Serve an empty folder, or memory where the options say so; `None` if this machine cannot.
    pub fn start(options: &[&str]) -> Option<Self> {
        Self::start_on(or_skip(|| Wire::new(MTU))?, options)
    }

    /// Serve on this wire.
    pub fn start_on(wire: Wire, options: &[&str]) -> Option<Self> {
        Some(Self::serve(wire, None, options))
    }

    /// Serve at the far end of this link.
    pub fn start_over(wire: Wire, link: Link, options: &[&str]) -> Self {
        Self::serve(wire, Some(link), options)
    }

    fn serve(wire: Wire, link: Option<Link>, options: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut all: Vec<OsString> = options.iter().map(OsString::from).collect();
        if !options.contains(&"--ram") {
            all.push(root.path().into());
        }
        let server = start_server(link.as_ref().map_or(&wire.host, |link| &link.far), &all);
        let local = tempfile::tempdir().unwrap();
        Self { server, link, root, local, wire, options: all }
    }

    /// End the server as a power cut would and start another one in its place.
    pub fn replace_server(&mut self) {
        self.server.kill().unwrap();
        let host = self.link.as_ref().map_or(&self.wire.host, |link| &link.far);
        self.server = start_server(host, &self.options);
    }

    /// Where a file lies on the server.
    pub fn there(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.root.path().join(name.as_ref())
    }

    /// Where a file lies here.
    pub fn here(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.local.path().join(name.as_ref())
    }

    /// The client, with what follows the host.
    pub fn client<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        self.client_by(Family::V4, arguments)
    }

    /// The client by one family of addresses.
    pub fn client_by<A: AsRef<OsStr>>(&self, family: Family, arguments: &[A]) -> Command {
        let mut command = self.wire.host.command(&program("coracle").unwrap());
        command.arg(family.server().to_string()).args(arguments);
        command.current_dir(self.local.path()).env("CORACLE_CONFIG", "/dev/null");
        command.stdin(Stdio::null());
        command
    }

    /// Run the client to its end.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ran {
        Running::of(&mut self.client(arguments)).finish()
    }

    /// Start the client.
    pub fn begin<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Running {
        Running::of(&mut self.client(arguments))
    }

    /// A connection from an address of the host to a port of the server.
    pub fn connect(&self, from: u8, port: u16) -> io::Result<TcpStream> {
        let socket = self.wire.host.on(|| Socket::new(Domain::IPV4, Type::STREAM, None))?;
        socket.bind(&SocketAddr::from((Family::V4.host(from), 0)).into())?;
        let server = SocketAddr::from((Family::V4.server(), port));
        socket.connect_timeout(&server.into(), PATIENCE)?;
        Ok(socket.into())
    }

    /// Whether a newcomer gets a place. One who gets none is told; or, where many are told at the
    /// same time, reset, which is no silence either.
    pub fn has_place(&self) -> bool {
        match self.first_reply(2) {
            Ok(reply) if reply.starts_with("ok 1 ") => true,
            Ok(reply) => {
                assert!(reply.starts_with("err limit "), "{reply:?}");
                false
            }
            Err(error) => {
                let kinds = [ErrorKind::ConnectionReset, ErrorKind::ConnectionRefused];
                assert!(kinds.contains(&error.kind()), "{error:?}");
                false
            }
        }
    }

    /// What a newcomer gets for an answer.
    pub fn first_reply(&self, from: u8) -> io::Result<String> {
        let mut stream = self.connect(from, CONTROL)?;
        stream.set_read_timeout(Some(SOON))?;
        stream.write_all(b"hello 1\n")?;
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply)?;
        Ok(reply)
    }

    /// A connection that has said nothing yet.
    pub fn raw(&self, from: u8) -> Raw {
        Raw::from(self.connect(from, CONTROL).unwrap())
    }

    /// A session after its `hello`.
    pub fn session(&self, from: u8) -> Raw {
        let mut raw = self.raw(from);
        let greeting = raw.ask("hello 1");
        assert!(greeting.starts_with("ok 1 "), "{greeting:?}");
        raw
    }
}

/// Start the server; it is called ready when it says so.
fn start_server(host: &Namespace, options: &[OsString]) -> Server {
    let mut command = Wire::server_on(host).unwrap();
    command.arg("--quiet").args(options);
    let server = Server::start(command).unwrap();
    assert_eq!(server.address().port(), CONTROL);
    server
}

/// Whether two files hold the same bytes.
pub fn same(one: impl AsRef<Path>, other: impl AsRef<Path>) -> bool {
    std::fs::read(one).unwrap() == std::fs::read(other).unwrap()
}

/// A deadline that is generous beside the timers of a test and short beside the usual ones.
pub const SOON: Duration = Duration::from_secs(20);
