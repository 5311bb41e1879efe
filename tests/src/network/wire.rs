//! A host with one end of a wire: whoever opens the TAP device holds the other.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;

use crate::process::program;

use super::Namespace;

/// The name of the device. Each host has its own.
pub const TAP: &str = "tap0";

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The address at the far end.
    pub fn server(self) -> IpAddr {
        self.address(1)
    }

    /// An address of the host: it may have all from 2 to 254.
    pub fn host(self, number: u8) -> IpAddr {
        self.address(number)
    }

    fn address(self, number: u8) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::new(192, 168, 69, number).into(),
            Self::V6 => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number.into()).into(),
        }
    }

    fn prefix(self) -> u8 {
        match self {
            Self::V4 => 24,
            Self::V6 => 64,
        }
    }

    /// The address at the far end, with the length of its network.
    pub fn server_network(self) -> String {
        format!("{}/{}", self.server(), self.prefix())
    }
}

/// A host, and its TAP device if it has one; both are gone when this is dropped.
#[derive(Debug)]
pub struct Wire {
    /// The host.
    pub host: Namespace,
}

impl Wire {
    /// A host with a TAP device that is up and has address 2 in both families.
    ///
    /// # Errors
    ///
    /// If `ip` is missing or may not.
    pub fn new(mtu: u16) -> io::Result<Self> {
        let wire = Self { host: Namespace::new()? };
        wire.host.ip(&format!("tuntap add dev {TAP} mode tap"))?;
        wire.host.ip(&format!("link set {TAP} mtu {mtu} up"))?;
        wire.add_address(2)?;
        Ok(wire)
    }

    /// The command that runs `coracle-tap` at the far end; what it serves is to be added.
    ///
    /// # Errors
    ///
    /// If it was not built.
    pub fn server(&self) -> io::Result<Command> {
        Self::server_on(&self.host)
    }

    /// The same for the device of a host that leads here by other ways.
    ///
    /// # Errors
    ///
    /// If it was not built.
    pub fn server_on(host: &Namespace) -> io::Result<Command> {
        let mut command = host.command(&program("coracle-tap")?);
        command.args(["--tap", TAP]);
        for family in [Family::V4, Family::V6] {
            command.args(["--addr", &family.server_network()]);
        }
        Ok(command)
    }

    /// Let so many frames wait for the far end before more are lost.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_queue(&self, frames: u32) -> io::Result<()> {
        self.host.ip(&format!("link set {TAP} txqueuelen {frames}"))
    }

    /// Give the host another address in both families.
    ///
    /// # Errors
    ///
    /// If it is no number of an address, or there already.
    pub fn add_address(&self, number: u8) -> io::Result<()> {
        for family in [Family::V4, Family::V6] {
            let (address, prefix) = (family.host(number), family.prefix());
            // Nobody else is on the wire: the search for a second owner would only take time.
            let nodad = if family == Family::V6 { " nodad" } else { "" };
            self.host.ip(&format!("address add {address}/{prefix} dev {TAP}{nodad}"))?;
        }
        Ok(())
    }

    /// From now on nothing leaves the host from this address, no reset either: whoever used it
    /// has vanished.
    ///
    /// # Errors
    ///
    /// If the system has no routing rules.
    pub fn silence(&self, number: u8) -> io::Result<()> {
        self.host.ip(&format!("-4 rule add from {} blackhole", Family::V4.host(number)))?;
        self.host.ip(&format!("-6 rule add from {} blackhole", Family::V6.host(number)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use crate::network::or_skip;

    use super::*;

    #[test]
    fn a_silenced_address_sends_nothing_any_more() {
        let Some(wire) = or_skip(|| Wire::new(1500)) else { return };
        wire.add_address(5).unwrap();
        for family in [Family::V4, Family::V6] {
            let bind = |number| UdpSocket::bind((family.host(number), 0)).unwrap();
            let [silenced, other] = wire.host.on(|| [bind(5), bind(2)]);
            let send = |socket: &UdpSocket| socket.send_to(b"x", (family.server(), 9));
            send(&silenced).unwrap();
            wire.silence(5).unwrap();
            assert!(send(&silenced).is_err());
            send(&other).unwrap();
            wire.host.ip(&format!("-4 rule del from {}", Family::V4.host(5))).unwrap();
            wire.host.ip(&format!("-6 rule del from {}", Family::V6.host(5))).unwrap();
        }
    }
}
