//! A peer that behaves as the programs of the protocol's ancestor do: no line ends, one read of
//! a reply, sockets without SO_REUSEADDR, closed as soon as all bytes are there.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use coracle_tests::restart::restarted;
use rustix::net::sockopt::{Timeout, set_socket_linger, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, listen, socket_with};

use super::{Daemon, PATIENCE};

/// Where a classic client finds a server.
pub struct Classic {
    pub control: SocketAddr,
    pub transfer: u16,
}

/// A daemon on free ports, and the way to it.
pub fn start(options: &[&str]) -> (Daemon, Classic) {
    let transfer = free_port();
    let port = transfer.to_string();
    let options: Vec<_> = ["--transfer-port", &port].iter().chain(options).copied().collect();
    let daemon = Daemon::start_with(&options);
    let control = daemon.address;
    (daemon, Classic { control, transfer })
}

/// A free port that no connection of another test is given meanwhile as its own: one below
/// those that systems give. Each test process begins elsewhere, each test gets another.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    (0..10_000)
        .map(|_| start.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % 20_000 + 10_000)
        .map(|port| u16::try_from(port).expect("below 30,000"))
        .find(|&port| listen_plainly(port).is_ok())
        .expect("a free port")
}

/// Listen without SO_REUSEADDR, which std would set.
pub fn listen_plainly(port: u16) -> io::Result<TcpListener> {
    let fd = stream_socket()?;
    bind(&fd, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    listen(&fd, 1)?;
    set_socket_timeout(&fd, Timeout::Recv, Some(PATIENCE))?;
    Ok(TcpListener::from(fd))
}

/// A socket that no server inherits which another test starts meanwhile: it would keep the port.
fn stream_socket() -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

/// Connect from another address of this machine.
pub fn connect_from(from: IpAddr, to: SocketAddr) -> TcpStream {
    let fd = stream_socket().unwrap();
    bind(&fd, &SocketAddr::new(from, 0)).unwrap();
    connect(&fd, &to).unwrap();
    patient(TcpStream::from(fd))
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Close with a reset.
pub fn reset(stream: TcpStream) {
    set_socket_linger(&stream, Some(std::time::Duration::ZERO)).unwrap();
}

/// Until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "never so: {what}");
        std::thread::yield_now();
    }
}

/// Bytes without a short period.
pub fn payload(len: usize) -> Vec<u8> {
    (0..len as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

/// The content of a file once it has so many bytes.
pub fn stored(daemon: &Daemon, name: &str, len: usize) -> Vec<u8> {
    let path = daemon.root.path().join(name);
    until("the upload is stored", || {
        fs::metadata(&path).is_ok_and(|file| file.len() == len as u64)
    });
    fs::read(&path).unwrap()
}

/// Wait until a due upload has its connection. To try to connect would be to offer another one.
pub fn until_no_listener(address: SocketAddr) {
    until("nobody listens", || TcpListener::bind(address).is_ok());
}

impl Classic {
    /// Send a command and read the reply with one read; the connection stays open.
    pub fn ask(&self, command: &[u8]) -> (TcpStream, String) {
        self.try_ask(command).expect("a reply")
    }

    fn try_ask(&self, command: &[u8]) -> io::Result<(TcpStream, String)> {
        let mut control = patient(TcpStream::connect(self.control).expect("a listener"));
        control.write_all(command)?;
        let mut reply = [0; 128];
        let count = restarted(|| control.read(&mut reply))?;
        Ok((control, String::from_utf8_lossy(&reply[..count]).into_owned()))
    }

    /// Send bytes, half-close, and read all that comes.
    pub fn exchange(&self, bytes: &[u8]) -> String {
        let mut control = patient(TcpStream::connect(self.control).expect("a listener"));
        control.write_all(bytes).unwrap();
        control.shutdown(Shutdown::Write).unwrap();
        let mut reply = String::new();
        control.read_to_string(&mut reply).expect("an orderly close");
        reply
    }

    /// Everything until the server closes, without a sign of an end of ours.
    pub fn list(&self, command: &[u8]) -> String {
        let mut control = patient(TcpStream::connect(self.control).expect("a listener"));
        control.write_all(command).unwrap();
        let mut names = String::new();
        control.read_to_string(&mut names).expect("an orderly close");
        names
    }

    pub fn data(&self) -> TcpStream {
        let address = SocketAddr::new(self.control.ip(), self.transfer);
        patient(TcpStream::connect(address).expect("the transfer port is open before the reply"))
    }

    /// Listens only when the size is known, closes as soon as the last byte is there.
    pub fn download(&self, name: &str) -> Result<Vec<u8>, String> {
        let (control, reply) = self.ask(format!("download {name}").as_bytes());
        let size: usize = reply.parse().map_err(|_| reply)?;
        drop(control);
        let listener = listen_plainly(self.transfer).expect("no failed bind");
        let (mut data, _) = restarted(|| listener.accept()).expect("the server dials");
        data.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut bytes = vec![0; size];
        let mut total = 0;
        while total < size {
            let chunk = &mut bytes[total..(total + 1024).min(size)];
            match restarted(|| data.read(chunk)) {
                Ok(0) => return Err(format!("the end after {total} bytes")),
                Ok(count) => total += count,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(bytes)
    }

    /// Does not wait for anything after the last byte. A server that turns too many away at once
    /// resets without a word, which is an error here.
    pub fn upload(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let command = format!("upload {name} {}", bytes.len());
        let (control, reply) =
            self.try_ask(command.as_bytes()).map_err(|error| error.to_string())?;
        drop(control);
        if reply != "ok" {
            return Err(reply);
        }
        self.data().write_all(bytes).map_err(|error| error.to_string())
    }
}
