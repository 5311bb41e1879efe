//! Who may use a classic transfer: the address that asked for it, which nothing else proves.

use std::net::{IpAddr, SocketAddr};

use coracle::classic::comes_from;
use coracle_desktop::connection::is_own;

/// The other side of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(SocketAddr);

impl Peer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self(canonical(address))
    }

    /// Whether it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.0.ip().is_loopback() || is_own(self.0.ip())
    }

    /// Whether a connection from there is one of this peer.
    pub(crate) fn is_at(&self, ip: IpAddr) -> bool {
        comes_from(self.0.ip(), ip, is_own)
    }

    /// Its address with another port.
    pub(crate) fn at_port(&self, port: u16) -> SocketAddr {
        let mut address = self.0;
        address.set_port(port);
        address
    }
}

/// An IPv4 address without the disguise it wears on an IPv6 socket. A scope stays.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        Peer::new(SocketAddr::new(text.parse().unwrap(), 40_000))
    }

    fn is_at(peer: Peer, text: &str) -> bool {
        peer.is_at(text.parse().unwrap())
    }

    #[test]
    fn only_its_own_address_is_a_peers() {
        // An address for documentation, which no machine has.
        for there in [peer("203.0.113.5"), peer("::ffff:203.0.113.5")] {
            assert!(!there.is_local());
            assert!(is_at(there, "203.0.113.5") && is_at(there, "::ffff:203.0.113.5"));
            assert!(!is_at(there, "203.0.113.6") && !is_at(there, "127.0.0.1"));
            assert_eq!(there.at_port(3333).to_string(), "203.0.113.5:3333");
        }
    }

    #[test]
    fn a_machine_reaches_itself_by_any_of_its_addresses() {
        for here in [peer("127.0.0.1"), peer("::ffff:127.0.0.1"), peer("::1")] {
            assert!(here.is_local());
            assert!(is_at(here, "127.0.0.2") && is_at(here, "::1"));
            assert!(!is_at(here, "203.0.113.5"));
        }
    }
}
