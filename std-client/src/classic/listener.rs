//! The port at which a classic server delivers a download.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use coracle::classic::comes_from;
use coracle_desktop::connection::{is_own, reset_when_dropped};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Protocol, Socket, Type};

use crate::failure::Failure;
use crate::watch::{Interrupt, Watch};

/// Connections that may wait: strangers must not keep the server out.
const BACKLOG: i32 = 64;

/// For how long the port may be taken: a server on this machine listens there for an upload, and
/// may close its listener a moment after the connection, which is all that we see of its end.
const BIND_PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait before the port is tried again.
const BIND_INTERVAL: Duration = Duration::from_millis(20);

/// The port, open until the server's connection is there.
pub(super) struct Listener {
    listener: TcpListener,
    server: IpAddr,
    port: u16,
}

impl Listener {
    /// Open the port for the server at this address.
    pub(super) fn open(
        server: SocketAddr,
        port: u16,
        interrupt: &Interrupt,
    ) -> Result<Self, Failure> {
        let server = server.ip().to_canonical();
        let until = Instant::now() + BIND_PATIENCE;
        loop {
            let error = match listen(server, port) {
                Ok(listener) => return Ok(Self { listener, server, port }),
                Err(error) => error,
            };
            if error.kind() != io::ErrorKind::AddrInUse || Instant::now() >= until {
                return Err(Failure::Connection(format!(
                    "cannot listen at port {port}, to which the server brings the file: {error}; \
                     a coracle client or server on this machine that is in the midst of a \
                     transfer may hold it; --classic-port chooses another one, if the server \
                     does too"
                )));
            }
            interrupt.sleep(BIND_INTERVAL)?;
        }
    }

    /// Wait for the connection of the server; all others are dropped. The port is closed then.
    pub(super) fn accept(
        self,
        patience: Duration,
        interrupt: &Interrupt,
    ) -> Result<TcpStream, Failure> {
        let port = self.port;
        let failed = |error: io::Error| {
            Failure::Connection(format!("cannot take a connection at port {port}: {error}"))
        };
        let until = Instant::now() + patience;
        while !interrupt.is_set() {
            match self.listener.accept() {
                Ok((stream, from)) => {
                    // A stranger's connection ends with a reset as well: were it closed in order,
                    // the port would be in use for a minute by what is left of it.
                    reset_when_dropped(&stream).map_err(failed)?;
                    if comes_from(self.server, from.ip(), is_own) {
                        stream.set_nonblocking(true).map_err(failed)?;
                        return Ok(stream);
                    }
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(failed(error)),
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let seconds = patience.as_secs();
                return Err(Failure::Connection(format!(
                    "the server did not bring the file to port {port} within {seconds} s: a \
                     classic server connects to the name of its own host, so that its downloads \
                     work only on the machine it runs on"
                )));
            }
            self.wait(left.min(Watch::TICK)).map_err(failed)?;
        }
        Err(Failure::Interrupted)
    }

    fn wait(&self, time: Duration) -> io::Result<()> {
        let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&self.listener, PollFlags::IN)], Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn listen(server: IpAddr, port: u16) -> io::Result<TcpListener> {
    // A server that was reached over IPv6 may still come over IPv4.
    let (domain, any) = match server {
        IpAddr::V4(_) => (Domain::IPV4, IpAddr::from(Ipv4Addr::UNSPECIFIED)),
        IpAddr::V6(_) => (Domain::IPV6, IpAddr::from(Ipv6Addr::UNSPECIFIED)),
    };
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(false)?;
    }
    // What is left of earlier connections must not keep the port.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::new(any, port).into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Whether another connection may still be taken.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted | ConnectionAborted | ConnectionReset)
}
