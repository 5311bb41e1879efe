//! What a classic transfer wants to know of a TCP connection of the system, whichever side makes
//! it: transfers have a port of their own, which is not to stay in use, and no keys but addresses.

use std::io;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::SockRef;

/// Whether this machine has the address: connected to it, it is met by itself. Nothing is sent.
///
/// That a socket can be bound to it proves nothing, for a system may allow that with any address
/// (`ip_nonlocal_bind`). With IPv4 it is needed all the same, since an interface that has several
/// would use its first one; with IPv6 it would hide that the address is another's.
pub fn is_own(ip: IpAddr) -> bool {
    let from = match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let met = UdpSocket::bind((from, 0)).and_then(|socket| {
        // Any port will do.
        socket.connect((ip, 9))?;
        socket.local_addr()
    });
    met.is_ok_and(|own| own.ip() == ip)
}

/// Where nobody listens at a port of this machine, a connection may by chance come from that
/// very port and so meet itself.
pub fn is_its_own_peer(stream: &impl AsFd) -> bool {
    let stream = SockRef::from(stream);
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(own), Ok(peer)) if own == peer)
}

/// Have the connection reset by whatever ends it, be it that this process is killed, unless it is
/// [closed in order](close_in_order): the side that closes first would keep the port for a minute
/// (TIME_WAIT), and a peer must not take a part of a file for the whole.
///
/// # Errors
///
/// If the connection is gone already.
pub fn reset_when_dropped(stream: &impl AsFd) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

/// All is well: no reset.
///
/// # Errors
///
/// If the connection is gone already.
pub fn close_in_order(stream: &impl AsFd) -> io::Result<()> {
    SockRef::from(stream).set_linger(None)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

    use socket2::{Domain, Socket, Type};

    use super::*;

    #[test]
    fn the_system_knows_its_addresses() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()));
        assert!(!is_own(Ipv4Addr::new(192, 0, 2, 1).into()), "reserved for documentation");
    }

    /// Both ends of a connection.
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (stream, listener.accept().unwrap().0)
    }

    #[test]
    fn a_connection_can_meet_itself() {
        let itself = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        itself.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        itself.connect(&itself.local_addr().unwrap()).expect("the system allows it");
        assert!(is_its_own_peer(&itself));
        let (here, there) = pair();
        assert!(!is_its_own_peer(&here) && !is_its_own_peer(&there));
    }

    #[test]
    fn what_is_not_closed_in_order_is_reset() {
        let (here, mut there) = pair();
        reset_when_dropped(&here).unwrap();
        drop(here);
        let error = there.read(&mut [0]).expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let (here, mut there) = pair();
        reset_when_dropped(&here).unwrap();
        close_in_order(&here).unwrap();
        drop(here);
        assert_eq!(there.read(&mut [0]).unwrap(), 0, "the end of the stream");
    }
}
