//! The classic dialect between two machines, and strangers on them.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;

use coracle_tests::ancestor::{Client, Fault};
use coracle_tests::network::{Host, Network, PEER, SERVER, STRANGER};
use coracle_tests::process::{self, program};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use super::{End, content, end_of, pour, visible};
use crate::support::raw::Raw;
use crate::support::{PATIENCE, Running};

const CONTROL: SocketAddr = SocketAddr::new(IpAddr::V4(SERVER), 2222);
const TRANSFER: SocketAddr = SocketAddr::new(IpAddr::V4(SERVER), 3333);

/// File bytes that fill one segment of the network to the last.
const SEGMENT: usize = 1448;

/// Our server on the one host, with its usual ports.
struct Remote {
    server: process::Server,
    root: TempDir,
    network: Network,
}

impl Remote {
    fn start(options: &[&str]) -> Option<Self> {
        let network = Network::or_skip()?;
        let root = tempfile::tempdir().unwrap();
        let mut command = network.command(Host::Server, &program("coracled").unwrap());
        command.args(["--quiet", "--insecure-anyone-can-read-and-write"]);
        command.args(options).arg(root.path());
        let server = process::Server::start(command).unwrap();
        assert_eq!(server.address().port(), CONTROL.port());
        Some(Self { server, root, network })
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.root.path().join(name), bytes).unwrap();
    }

    /// Connect from the other host.
    fn connect(&self, from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
        let socket = self.network.on(Host::Peer, || Socket::new(Domain::IPV4, Type::STREAM, None));
        let socket = socket.unwrap();
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect_timeout(&to.into(), PATIENCE)?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Ok(stream)
    }

    fn ask(&self, command: &str) -> Raw {
        let mut control = Raw::from(self.connect(PEER, CONTROL).unwrap());
        control.send(command);
        control
    }

    /// The ancestor's client on the other host.
    fn on_peer<T: Send>(&self, work: impl FnOnce(Client) -> T + Send) -> T {
        self.network.on(Host::Peer, || work(Client::new(CONTROL, TRANSFER.port())))
    }
}

#[test]
fn other_machines_are_not_spoken_to_unless_it_is_asked_for() {
    let Some(remote) = Remote::start(&["--listen", "192.0.2.1:2222"]) else { return };
    remote.put("file", "abc");
    for command in ["ls\n", "download file\n", "upload file 3\n"] {
        assert!(remote.ask(command).line().starts_with("err bad-command "), "{command:?}");
    }
    assert!(remote.ask("hello 1\n").line().starts_with("ok 1 "));
    assert!(remote.connect(PEER, TRANSFER).is_err());
    drop(remote.server);
}

#[test]
fn every_transfer_between_two_machines() {
    let around = (1..=10).flat_map(|count| (SEGMENT * count - 1)..=(SEGMENT * count + 1));
    let sizes: Vec<_> = [0, 1, 1_000_000].into_iter().chain(around).collect();
    thread::scope(|scope| {
        for sizes in sizes.chunks(7) {
            scope.spawn(move || transfers_between_two_machines(sizes));
        }
    });
}

fn transfers_between_two_machines(sizes: &[usize]) {
    let options = ["--listen", "192.0.2.1:2222", "--classic", "on"];
    let Some(remote) = Remote::start(&options) else { return };
    remote.on_peer(|client| {
        for &size in sizes {
            client.upload("file", &content(size)).unwrap();
            assert!(client.download("file").unwrap() == content(size), "{size} bytes");
        }
        assert_eq!(client.ls().unwrap(), "file");
        assert!(matches!(client.download("missing"), Err(Fault::Refused)));
    });
}

#[test]
fn peers_of_a_listener_for_both_families_are_who_they_are() {
    let options = ["--listen", "[::]:2222"];
    let Some(remote) = Remote::start(&options) else { return };
    remote.network.on(Host::Server, || {
        let client = Client::new((Ipv4Addr::LOCALHOST, 2222).into(), TRANSFER.port());
        client.upload("file", b"abc").unwrap();
        assert_eq!(client.download("file").unwrap(), b"abc");
    });
    assert!(remote.ask("ls\n").line().starts_with("err bad-command "), "it is not this machine");
}

#[test]
fn strangers_come_first_and_get_nothing() {
    let options = ["--listen", "192.0.2.1:2222", "--classic", "on"];
    let Some(remote) = Remote::start(&options) else { return };
    let mut control = remote.ask("upload file 4\n");
    assert_eq!(control.line(), "ok");
    let neighbour = remote.network.on(Host::Server, || TcpStream::connect(TRANSFER).unwrap());
    neighbour.set_read_timeout(Some(PATIENCE)).unwrap();
    for stranger in [remote.connect(STRANGER, TRANSFER).unwrap(), neighbour] {
        pour(&stranger, b"evil");
        let _ended = stranger.shutdown(Shutdown::Write);
        let mut told = Vec::new();
        let _reset = (&stranger).read_to_end(&mut told);
        assert!(told.is_empty() || told.starts_with(b"err "), "{}", told.escape_ascii());
    }
    assert_eq!(visible(remote.root.path()), [] as [&str; 0]);
    let mut stream = remote.connect(PEER, TRANSFER).unwrap();
    stream.write_all(b"good").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(end_of(stream), End::Closed);
    assert_eq!(fs::read(remote.root.path().join("file")).unwrap(), b"good");
}

#[test]
fn our_client_on_another_machine() {
    let options = ["--listen", "192.0.2.1:2222", "--classic", "on"];
    let Some(remote) = Remote::start(&options) else { return };
    let local = tempfile::tempdir().unwrap();
    for number in 1..=10 {
        fs::write(local.path().join("file"), content(SEGMENT * number)).unwrap();
        for arguments in [&["upload", "file"][..], &["download", "file", "back"]] {
            let mut command = remote.network.command(Host::Peer, &program("coracle").unwrap());
            command.args(["--classic", "192.0.2.1"]).args(arguments).current_dir(local.path());
            Running::of(command.stdin(Stdio::null())).finish().succeeded();
        }
        assert!(fs::read(local.path().join("back")).unwrap() == content(SEGMENT * number));
    }
}

#[test]
fn our_client_takes_a_file_from_its_server_only() {
    let Some(network) = Network::or_skip() else { return };
    let listener = network.on(Host::Server, || TcpListener::bind(CONTROL).unwrap());
    let local = tempfile::tempdir().unwrap();
    let mut command = network.command(Host::Peer, &program("coracle").unwrap());
    command.args(["--classic", "192.0.2.1", "download", "file"]).current_dir(local.path());
    let running = Running::of(command.stdin(Stdio::null()));

    let (mut control, _) = listener.accept().unwrap();
    assert!(control.read(&mut [0; 128]).unwrap() > 0, "it listens before it asks");
    let transfer = SocketAddr::from((PEER, 3333));
    let stranger = network.on(Host::Peer, || TcpStream::connect(transfer).unwrap());
    pour(&stranger, b"evil");
    let _ended = stranger.shutdown(Shutdown::Write);
    control.write_all(b"4").unwrap();
    let mut stream = network.on(Host::Server, || TcpStream::connect(transfer).unwrap());
    stream.write_all(b"good").unwrap();
    drop(stream);
    running.finish().succeeded();
    assert_eq!(fs::read(local.path().join("file")).unwrap(), b"good");
}
