//! Two hosts with a network between them, on one machine: network namespaces of Linux.
//!
//! What is said of "another machine" is tested here. It needs root and `ip` (iproute2).

use std::fs::File;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The variable that names, between commas, what tests must not be skipped for.
const REQUIRE: &str = "CORACLE_REQUIRE";

/// Where `ip` keeps the namespaces it has named.
const NAMESPACES: &str = "/run/netns";

/// One of the two hosts.
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

/// The hosts; they are gone when this is dropped.
#[derive(Debug)]
pub struct Network {
    id: String,
}

impl Network {
    /// Make the hosts; `None` where this machine cannot, which is told on standard error.
    ///
    /// # Panics
    ///
    /// Where this machine cannot although `CORACLE_REQUIRE` names `tap`.
    pub fn or_skip() -> Option<Self> {
        match Self::new() {
            Ok(network) => Some(network),
            Err(error) => {
                let required = std::env::var(REQUIRE).unwrap_or_default();
                let message = format!("root and `ip` (iproute2) are needed: {error}");
                assert!(!required.split(',').any(|word| word == "tap"), "{message}");
                // Past the capture of the test harness, which hides what a passing test prints.
                let _ = writeln!(io::stderr(), "SKIPPED: {message}");
                None
            }
        }
    }

    /// Make the hosts.
    ///
    /// # Errors
    ///
    /// If `ip` is missing or may not.
    pub fn new() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let network = Self { id: format!("coracle-{}-{number}", process::id()) };
        let (server, peer) = (network.name(Host::Server), network.name(Host::Peer));
        ip(&format!("netns add {server}"))?;
        ip(&format!("netns add {peer}"))?;
        ip(&format!("-n {server} link add wire type veth peer name wire netns {peer}"))?;
        for (name, address) in [(&server, SERVER), (&peer, PEER), (&peer, STRANGER)] {
            ip(&format!("-n {name} address add {address}/24 dev wire"))?;
        }
        for name in [&server, &peer] {
            ip(&format!("-n {name} link set lo up"))?;
            ip(&format!("-n {name} link set wire up"))?;
        }
        Ok(network)
    }

    /// A command that runs on a host.
    pub fn command(&self, host: Host, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(host)]).arg(program);
        command
    }

    /// Do something on a host: sockets that are made meanwhile are that host's.
    ///
    /// # Panics
    ///
    /// If `work` does, or the host is gone.
    pub fn on<T: Send>(&self, host: Host, work: impl FnOnce() -> T + Send) -> T {
        let path: PathBuf = [NAMESPACES, &self.name(host)].iter().collect();
        let work = || {
            let namespace = File::open(path).expect("the host is there");
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), kind).expect("root may enter it");
            work()
        };
        // A thread of its own: one that has moved never comes back.
        thread::scope(|scope| match scope.spawn(work).join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    fn name(&self, host: Host) -> String {
        match host {
            Host::Server => format!("{}-server", self.id),
            Host::Peer => format!("{}-peer", self.id),
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in [Host::Server, Host::Peer] {
            // Of a network that could not be made, only a part is there.
            let _ = ip(&format!("netns delete {}", self.name(host)));
        }
    }
}

fn ip(arguments: &str) -> io::Result<()> {
    let output = Command::new("ip").args(arguments.split(' ')).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("ip {arguments}: {}", said.trim())))
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
