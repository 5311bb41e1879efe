//! Who may use a transfer: the address that the control connection has, which nothing else
//! proves.

use core::net::IpAddr;

/// Whether a connection from `from` may be the one for a file of `peer`, the other side of the
/// control connection. Servers and clients have one rule.
///
/// A machine may use any of its own addresses to reach itself, so all of them are the peer if
/// the peer is one of them. `is_own` says whether an address other than a loopback one is of the
/// machine that asks. An IPv4 address is the same one in the disguise that it wears on an IPv6
/// socket (`::ffff:192.0.2.1`).
pub fn comes_from(peer: IpAddr, from: IpAddr, is_own: impl Fn(IpAddr) -> bool) -> bool {
    let (peer, from) = (peer.to_canonical(), from.to_canonical());
    let is_local = |ip: IpAddr| ip.is_loopback() || is_own(ip);
    peer == from || is_local(peer) && is_local(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_who_has_neither_the_address_nor_the_machine() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let is_own = |ip: IpAddr| ip == address("192.0.2.5") || ip == address("2001:db8::5");
        let comes = |peer: &str, from: &str| comes_from(address(peer), address(from), is_own);
        for (peer, from) in [
            ("198.51.100.1", "198.51.100.1"),
            ("198.51.100.1", "::ffff:198.51.100.1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "192.0.2.5"),
            ("127.0.0.1", "::1"),
            ("::1", "2001:db8::5"),
            ("::ffff:127.0.0.1", "192.0.2.5"),
            ("192.0.2.5", "127.0.1.1"),
            ("192.0.2.5", "2001:db8::5"),
        ] {
            assert!(comes(peer, from), "{from} for {peer}");
        }
        for (peer, from) in [
            ("198.51.100.1", "198.51.100.2"),
            ("198.51.100.1", "127.0.0.1"),
            ("198.51.100.1", "192.0.2.5"),
            ("127.0.0.1", "198.51.100.1"),
            ("192.0.2.5", "192.0.2.6"),
            ("::1", "2001:db8::6"),
        ] {
            assert!(!comes(peer, from), "{from} for {peer}");
        }
    }
}
