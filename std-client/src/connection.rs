//! Finding and reaching a server.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str::FromStr;
use core::time::Duration;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Instant;
use std::vec::IntoIter;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::Deserialize;
use socket2::{Domain, Protocol, Socket, Type};

use crate::failure::Failure;
use crate::watch::Interrupt;

/// The port of the control connection.
const PORT: u16 = 2222;

/// How long the transfer port may take at most: where a firewall swallows it, the connection
/// that is there already will do.
const TRANSFER_PATIENCE: Duration = Duration::from_secs(3);

/// How often a wait looks whether it should end.
const TICK: Duration = Duration::from_millis(100);

/// A server as the user names it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Host {
    /// A name or an address, without brackets.
    pub name: String,
    /// The control port.
    pub port: u16,
}

impl Host {
    /// A name with the usual port.
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), port: PORT }
    }

    /// The name, without brackets, and the port if there is one.
    ///
    /// # Errors
    ///
    /// What was expected instead.
    pub(crate) fn split(text: &str) -> Result<(&str, Option<u16>), String> {
        let (name, port) = if let Some(rest) = text.strip_prefix('[') {
            let (name, port) = rest.split_once(']').ok_or("`[` without `]`")?;
            match port {
                "" => (name, None),
                _ => (name, Some(port.strip_prefix(':').ok_or("expected `:PORT` behind `]`")?)),
            }
        } else if text.parse::<Ipv6Addr>().is_ok() {
            (text, None)
        } else {
            match text.rsplit_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            }
        };
        if name.is_empty() || name.contains([':', ' ', '/']) && name.parse::<IpAddr>().is_err() {
            return Err("expected HOST, HOST:PORT or [IPv6]:PORT".to_owned());
        }
        let number = |port: &str| port.parse().ok().filter(|&port| port > 0);
        let port = port.map(|port| number(port).ok_or("the port is wrong")).transpose()?;
        Ok((name, port))
    }
}

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, port) = Self::split(text)?;
        Ok(Self { name: name.to_owned(), port: port.unwrap_or(PORT) })
    }
}

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, port } = self;
        match name.contains(':') {
            true => write!(f, "[{name}]:{port}"),
            false => write!(f, "{name}:{port}"),
        }
    }
}

/// How connections are made.
#[derive(Clone, Debug)]
pub struct Dialer {
    /// The server.
    pub host: Host,
    /// For each address.
    pub connect_timeout: Duration,
    /// The local port of the control connection, if it matters.
    pub local_port: Option<u16>,
    /// Whether the user has had enough of waiting for an address or for the server.
    pub(crate) interrupt: Interrupt,
}

impl Dialer {
    /// Reach the control port, at the first address of the name that answers.
    ///
    /// # Errors
    ///
    /// [`Failure::Connection`] that names every address and what was wrong with it;
    /// [`Failure::Interrupted`].
    pub fn control(&self) -> Result<TcpStream, Failure> {
        let addresses = self.addresses().map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => Failure::Interrupted,
            _ => {
                let name = &self.host.name;
                Failure::Connection(format!("cannot find the address of {name}: {error}"))
            }
        })?;
        self.first_of(addresses)
    }

    /// The addresses of the server; a literal one is taken as it is. Resolvers cannot be told
    /// to stop: one whose answer nobody waits for any more is left to itself.
    fn addresses(&self) -> io::Result<IntoIter<SocketAddr>> {
        let Host { name, port } = self.host.clone();
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)].into_iter());
        }
        let (sender, found) = sync_channel(1);
        let resolve = move || {
            // Nobody may want to know any more.
            sender.send((name.as_str(), port).to_socket_addrs()).ok();
        };
        thread::Builder::new().name("resolver".to_owned()).spawn(resolve)?;
        loop {
            match found.recv_timeout(TICK) {
                Ok(addresses) => return addresses,
                Err(RecvTimeoutError::Timeout) if !self.interrupt.is_set() => {}
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::Interrupted.into()),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }

    fn first_of(&self, addresses: impl Iterator<Item = SocketAddr>) -> Result<TcpStream, Failure> {
        let mut reasons = Vec::new();
        for address in addresses {
            match self.connect(address, self.local_port, self.connect_timeout) {
                Ok(stream) => return Ok(stream),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    return Err(Failure::Interrupted);
                }
                Err(error) => reasons.push(format!("{address}: {error}")),
            }
        }
        if reasons.is_empty() {
            reasons.push("the name has no address".to_owned());
        }
        let name = &self.host.name;
        Err(Failure::Connection(format!("cannot connect to {name}: {}", reasons.join("; "))))
    }

    /// Reach another port of the very address the control connection leads to.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub fn transfer(&self, control: SocketAddr, port: u16) -> io::Result<TcpStream> {
        let mut address = control;
        address.set_port(port);
        self.connect(address, None, self.connect_timeout.min(TRANSFER_PATIENCE))
    }

    fn connect(
        &self,
        address: SocketAddr,
        local_port: Option<u16>,
        timeout: Duration,
    ) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if let Some(port) = local_port {
            socket.set_reuse_address(true)?;
            let any: IpAddr = match address {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            socket.bind(&SocketAddr::new(any, port).into())?;
        }
        // Lines are small and answered at once; what is large is gathered before it is written.
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {
                self.await_answer(&socket, timeout)?;
            }
            result => result?,
        }
        Ok(socket.into())
    }

    /// Wait until a connection stands, or is known not to.
    fn await_answer(&self, socket: &Socket, timeout: Duration) -> io::Result<()> {
        let until = Instant::now() + timeout;
        loop {
            if self.interrupt.is_set() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let tick = Timespec { tv_sec: 0, tv_nsec: left.min(TICK).subsec_nanos().into() };
            match poll(&mut [PollFd::new(socket, PollFlags::OUT)], Some(&tick)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return socket.take_error()?.map_or(Ok(()), Err),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_tried_and_every_reason_told() {
        let bind = || std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let open = bind();
        let closed = [bind(), bind()].map(|listener| listener.local_addr().unwrap());
        let open_address = open.local_addr().unwrap();
        let dialer = Dialer {
            host: Host { name: "boat".to_owned(), port: 1 },
            connect_timeout: Duration::from_secs(5),
            local_port: None,
            interrupt: Interrupt::default(),
        };
        let stream = dialer.first_of(closed.into_iter().chain([open_address])).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open_address);
        let failure = dialer.first_of(closed.into_iter()).unwrap_err().to_string();
        assert!(closed.iter().all(|address| failure.contains(&address.to_string())), "{failure}");
    }

    #[test]
    fn the_user_need_not_wait_for_a_server_that_is_silent() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap();
        // Once this queue is full, whoever else knocks gets no answer.
        let knocking = [(); 4].map(|()| {
            let guest = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            guest.set_nonblocking(true).unwrap();
            guest.connect(&address).ok();
            guest
        });
        let dialer = Dialer {
            host: address.as_socket().unwrap().to_string().parse().unwrap(),
            connect_timeout: Duration::from_secs(60),
            local_port: None,
            interrupt: Interrupt::default(),
        };
        let interrupt = dialer.interrupt.clone();
        let waiting = thread::spawn(move || dialer.control());
        interrupt.set();
        let result = waiting.join().unwrap();
        assert!(matches!(result, Err(Failure::Interrupted)), "{result:?}");
        drop(knocking);
    }

    #[test]
    fn hosts_with_and_without_ports() {
        for (text, name, port) in [
            ("boat", "boat", 2222),
            ("boat:7", "boat", 7),
            ("10.0.0.1:2223", "10.0.0.1", 2223),
            ("::1", "::1", 2222),
            ("[::1]", "::1", 2222),
            ("[::1]:2222", "::1", 2222),
            ("[fe80::1]:9", "fe80::1", 9),
        ] {
            let host = Host { name: name.to_owned(), port };
            assert_eq!(text.parse::<Host>(), Ok(host), "{text}");
        }
        for bad in ["", ":5", "a:b", "a:0", "a:65536", "[::1", "[::1]5", "[]:5", "a b", "x:y:5"] {
            assert!(bad.parse::<Host>().is_err(), "{bad}");
        }
    }
}
