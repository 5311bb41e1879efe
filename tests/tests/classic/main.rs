//! The classic dialect: our programs with those of the ancestor, with each other, and with
//! peers of no good will.

mod asked;
mod due;
mod hostile;
mod hosts;
mod lines;
mod served;
mod specification;
#[path = "../support/mod.rs"]
mod support;
mod together;
mod waits;

use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use coracle_tests::ancestor::{Client, TransferPort};
use coracle_tests::payload;
use coracle_tests::restart::restarted;
use socket2::SockRef;

use support::raw::Raw;
use support::{PATIENCE, Site, names, until};

/// File bytes that fill one segment of the loopback to the last; the end of a file is delicate
/// where it meets the end of a segment.
const SEGMENT: usize = 65_483;

/// Around every limit of a step on the way.
fn sizes() -> Vec<usize> {
    let around = |count: usize| (count * SEGMENT - 1)..=(count * SEGMENT + count + 1);
    let mut sizes = vec![0, 1, 1023, 1024, 1025];
    sizes.extend((1..=3).flat_map(around));
    sizes.push((1 << 20) + 7);
    sizes
}

/// A server of ours, its transfer port, and the ancestor's client.
struct Served {
    site: Site,
    port: TransferPort,
    client: Client,
}

impl Served {
    fn start(options: &[&str]) -> Self {
        let port = TransferPort::reserve().unwrap();
        let number = port.number().to_string();
        let site = Site::start(&[options, &["--transfer-port", &number]].concat());
        let client = Client::new(site.address(), port.number());
        Self { site, port, client }
    }

    /// Put a file into the served folder.
    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.site.there(name), bytes).unwrap();
    }

    fn transfer_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port.number()).into()
    }

    /// What the server answers until it closes.
    fn answer(&self, command: impl AsRef<[u8]>) -> String {
        let mut control = Raw::connect(self.site.address());
        control.send(command);
        String::from_utf8(control.rest()).unwrap()
    }

    /// Announce an upload, as a person would. The control connection may stay or go.
    fn announce(&self, name: &str, size: usize) -> Raw {
        let mut control = Raw::connect(self.site.address());
        assert_eq!(control.ask(&format!("upload {name} {size}")), "ok");
        control
    }

    fn dial(&self) -> TcpStream {
        let stream = TcpStream::connect(self.transfer_address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Whether this is all there is, and it holds this. A classic transfer waits for those
    /// before it: what they leave is there now.
    #[track_caller]
    fn holds_only(&self, name: &str, bytes: &[u8]) {
        assert!(self.client.download(name).unwrap() == bytes, "{name} is another one");
        assert_eq!(visible(self.site.root.path()), [name]);
    }

    /// Wait until nothing listens on the transfer port; a connection might be taken for a file.
    #[track_caller]
    fn until_closed(&self) {
        let address = self.transfer_address();
        until("the transfer port is closed", || TcpListener::bind(address).is_ok());
    }
}

/// Do something with every size, each with a server of its own, all at the same time: most of it
/// is waiting for the quiet behind a command.
fn with_each_size(work: impl Fn(&Served, usize) + Sync) {
    thread::scope(|scope| {
        for size in sizes() {
            let work = &work;
            scope.spawn(move || work(&Served::start(&[]), size));
        }
    });
}

/// How the other side ends a connection.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

/// Wait for the end of a connection on which nothing is to come.
#[track_caller]
fn end_of(mut stream: TcpStream) -> End {
    match restarted(|| stream.read(&mut [0])) {
        Ok(0) => End::Closed,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
        other => panic!("{other:?} instead of an end"),
    }
}

/// Vanish: bytes on their way are lost, and the other side learns it by a reset.
fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Send as much as the other side takes: it may end the connection at any time.
fn pour(mut stream: &TcpStream, bytes: &[u8]) {
    let _refused = stream.write_all(bytes);
}

/// How the other side ends a connection while these bytes, then the end, are sent to it: a reset
/// is told once, to the write or to the read.
fn end_under(mut stream: TcpStream, bytes: &[u8]) -> End {
    let sent = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    if sent.is_ok() { end_of(stream) } else { End::Reset }
}

/// Names in a folder that somebody may see; staged files begin with a dot.
fn visible(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| !name.starts_with('.')).collect()
}

/// The content of a file of this size.
fn content(size: usize) -> Vec<u8> {
    payload::bytes(size as u64, size)
}
