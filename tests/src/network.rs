//! Hosts with a network between them, on one machine: network namespaces of Linux.
//!
//! What is said of "another machine" is tested here. It needs root and `ip` (iproute2).

mod namespace;
mod wire;

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

pub use namespace::Namespace;
pub use wire::{Family, TAP, Wire};

/// The variable that names, between commas, what tests must not be skipped for.
const REQUIRE: &str = "CORACLE_REQUIRE";

/// Make something that only root can; `None` where this machine cannot, which is told on
/// standard error.
///
/// # Panics
///
/// Where this machine cannot although `CORACLE_REQUIRE` names `tap`.
pub fn or_skip<T>(make: impl FnOnce() -> io::Result<T>) -> Option<T> {
    match make() {
        Ok(made) => Some(made),
        Err(error) => {
            let required = std::env::var(REQUIRE).unwrap_or_default();
            let message = format!("root, TAP and `ip` (iproute2) are needed: {error}");
            assert!(!required.split(',').any(|word| word == "tap"), "{message}");
            // Past the capture of the test harness, which hides what a passing test prints.
            let _ =
                writeln!(io::stderr(), "SKIPPED: {message} (CORACLE_REQUIRE=tap fails instead)");
            None
        }
    }
}

/// One of two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Has [`SERVER`].
    Server,
    /// Has [`PEER`] and [`STRANGER`].
    Peer,
}

/// The address of the one host.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// An address of the other host.
pub const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// Another address of the other host.
pub const STRANGER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 3);

/// Two hosts; they are gone when this is dropped.
#[derive(Debug)]
pub struct Network {
    server: Namespace,
    peer: Namespace,
}

impl Network {
    /// Make the hosts; `None` where this machine cannot, which is told on standard error.
    ///
    /// # Panics
    ///
    /// Where this machine cannot although `CORACLE_REQUIRE` names `tap`.
    pub fn or_skip() -> Option<Self> {
        or_skip(Self::new)
    }

    /// Make the hosts.
    ///
    /// # Errors
    ///
    /// If `ip` is missing or may not.
    pub fn new() -> io::Result<Self> {
        let (server, peer) = (Namespace::new()?, Namespace::new()?);
        server.ip(&format!("link add wire type veth peer name wire netns {}", peer.name()))?;
        for (host, address) in [(&server, SERVER), (&peer, PEER), (&peer, STRANGER)] {
            host.ip(&format!("address add {address}/24 dev wire"))?;
        }
        for host in [&server, &peer] {
            host.ip("link set wire up")?;
        }
        Ok(Self { server, peer })
    }

    /// A command that runs on a host.
    pub fn command(&self, host: Host, program: &Path) -> Command {
        self.host(host).command(program)
    }

    /// Do something on a host: sockets that are made meanwhile are that host's.
    ///
    /// # Panics
    ///
    /// If `work` does, or the host is gone.
    pub fn on<T: Send>(&self, host: Host, work: impl FnOnce() -> T + Send) -> T {
        self.host(host).on(work)
    }

    fn host(&self, host: Host) -> &Namespace {
        match host {
            Host::Server => &self.server,
            Host::Peer => &self.peer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn hosts_reach_each_other_and_share_no_ports() {
        let Some(network) = Network::or_skip() else { return };
        let bind = || TcpListener::bind((Ipv4Addr::UNSPECIFIED, 2222)).unwrap();
        let server = network.on(Host::Server, bind);
        let _peer = network.on(Host::Peer, bind);
        let stream = network.on(Host::Peer, || TcpStream::connect((SERVER, 2222)).unwrap());
        assert_eq!(server.accept().unwrap().1, stream.local_addr().unwrap());
        assert_eq!(stream.local_addr().unwrap().ip(), PEER);
        let shown = network.command(Host::Server, Path::new("ip")).arg("address").output().unwrap();
        assert!(String::from_utf8(shown.stdout).unwrap().contains("192.0.2.1/24"));
    }
}
