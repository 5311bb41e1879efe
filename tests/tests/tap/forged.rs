//! TCP segments that no socket has sent: from any address, with nobody behind them.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use coracle_tests::network::{Family, Wire};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};
use socket2::{Domain, Protocol, Socket, Type};

/// The protocol number with which a raw socket sends packets with their IP headers.
const RAW: i32 = 255;

/// The window that is told: any will do.
const WINDOW: u16 = 64_000;

/// Sends forged segments to the server.
pub struct Forger {
    socket: Socket,
    server: Ipv4Addr,
}

impl Forger {
    /// On the host of this wire.
    pub fn on(wire: &Wire) -> Self {
        let make = || Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(RAW))).unwrap();
        let std::net::IpAddr::V4(server) = Family::V4.server() else { unreachable!("it is IPv4") };
        Self { socket: wire.host.on(make), server }
    }

    /// A connection is asked for; the answer reaches nobody.
    pub fn syn(&self, from: SocketAddrV4, port: u16) {
        self.send(from, port, TcpControl::Syn, None);
    }

    /// A reset, as the answer to a segment that the receiver never sent, or as one that stands
    /// alone.
    pub fn reset(&self, from: SocketAddrV4, port: u16, answers: Option<i32>) {
        self.send(from, port, TcpControl::Rst, answers);
    }

    fn send(&self, from: SocketAddrV4, port: u16, control: TcpControl, answers: Option<i32>) {
        let segment = TcpRepr {
            src_port: from.port(),
            dst_port: port,
            control,
            seq_number: TcpSeqNumber(i32::from(from.port()) << 8),
            ack_number: answers.map(TcpSeqNumber),
            window_len: WINDOW,
            window_scale: None,
            max_seg_size: (control == TcpControl::Syn).then_some(1460),
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: &[],
        };
        let packet = Ipv4Repr {
            src_addr: *from.ip(),
            dst_addr: self.server,
            next_header: IpProtocol::Tcp,
            payload_len: segment.buffer_len(),
            hop_limit: 64,
        };
        let checksums = ChecksumCapabilities::default();
        let mut bytes = vec![0; packet.buffer_len() + segment.buffer_len()];
        packet.emit(&mut Ipv4Packet::new_unchecked(&mut bytes[..]), &checksums);
        let mut payload = TcpPacket::new_unchecked(&mut bytes[packet.buffer_len()..]);
        let ends: [IpAddress; 2] = [(*from.ip()).into(), self.server.into()];
        segment.emit(&mut payload, &ends[0], &ends[1], &checksums);
        let to = SocketAddr::from((self.server, 0));
        self.socket.send_to(&bytes, &to.into()).unwrap();
    }
}
