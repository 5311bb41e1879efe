//! Somebody on the wire who writes frames by hand: segments of connections that nobody has,
//! from addresses that are not his.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::time::Instant;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpAddress, IpProtocol, IpRepr, Ipv4Address, Ipv4Packet, TcpControl, TcpPacket,
    TcpRepr, TcpSeqNumber,
};

use super::host::{Version, address};
use super::wire::{End, Wire};

/// One end of the wire, without a stack.
pub struct Forger {
    end: End,
    server: EthernetAddress,
}

/// A TCP segment without bytes.
#[derive(Clone, Copy)]
pub struct Segment {
    pub from: (Ipv4Address, u16),
    pub port: u16,
    pub control: TcpControl,
    pub seq: i32,
    pub ack: Option<i32>,
}

impl Forger {
    /// The server must have been the first on the wire.
    pub fn new(wire: &Wire) -> Self {
        Self { end: wire.attach(1500), server: Wire::address(0) }
    }

    /// Claim an address: the server sends here what it has for it.
    pub fn claim(&self, now: Instant, claimed: Ipv4Address) {
        let arp = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: self.end.address(),
            source_protocol_addr: claimed,
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: server(),
        };
        let mut frame = self.frame(EthernetProtocol::Arp, arp.buffer_len());
        let mut ethernet = EthernetFrame::new_unchecked(&mut frame);
        arp.emit(&mut ArpPacket::new_unchecked(ethernet.payload_mut()));
        self.end.inject(now, &frame);
    }

    pub fn send(&self, now: Instant, segment: Segment) {
        let tcp = TcpRepr {
            src_port: segment.from.1,
            dst_port: segment.port,
            control: segment.control,
            seq_number: TcpSeqNumber(segment.seq),
            ack_number: segment.ack.map(TcpSeqNumber),
            window_len: 4096,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: b"",
        };
        let (from, to) = (IpAddress::Ipv4(segment.from.0), IpAddress::Ipv4(server()));
        let ip = IpRepr::new(from, to, IpProtocol::Tcp, tcp.buffer_len(), 64);
        let mut frame = self.frame(EthernetProtocol::Ipv4, ip.buffer_len());
        let mut ethernet = EthernetFrame::new_unchecked(&mut frame);
        let checksums = ChecksumCapabilities::default();
        ip.emit(ethernet.payload_mut(), &checksums);
        let payload = &mut ethernet.payload_mut()[ip.header_len()..];
        tcp.emit(&mut TcpPacket::new_unchecked(payload), &from, &to, &checksums);
        self.end.inject(now, &frame);
    }

    /// The segments that have come from the server: to whom, what, and its sequence number.
    pub fn received(&self, now: Instant) -> Vec<(u16, TcpControl, bool, i32)> {
        let frames = std::iter::from_fn(|| self.end.take(now));
        frames.filter_map(|frame| segment(&frame)).collect()
    }

    fn frame(&self, protocol: EthernetProtocol, len: usize) -> Vec<u8> {
        let repr = EthernetRepr {
            src_addr: self.end.address(),
            dst_addr: self.server,
            ethertype: protocol,
        };
        let mut frame = vec![0; repr.buffer_len() + len];
        repr.emit(&mut EthernetFrame::new_unchecked(&mut frame));
        frame
    }
}

fn server() -> Ipv4Address {
    match address(Version::V4, 1) {
        IpAddress::Ipv4(address) => address,
        IpAddress::Ipv6(_) => unreachable!(),
    }
}

/// The TCP segment in a frame: its destination port, control, whether it acknowledges, and its
/// sequence number.
fn segment(frame: &[u8]) -> Option<(u16, TcpControl, bool, i32)> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    (ethernet.ethertype() == EthernetProtocol::Ipv4 && ip.next_header() == IpProtocol::Tcp)
        .then_some(())?;
    let tcp = TcpPacket::new_checked(ip.payload()).ok()?;
    let control = match (tcp.syn(), tcp.rst(), tcp.fin()) {
        (true, _, _) => TcpControl::Syn,
        (_, true, _) => TcpControl::Rst,
        (_, _, true) => TcpControl::Fin,
        _ => TcpControl::None,
    };
    Some((tcp.dst_port(), control, tcp.ack(), tcp.seq_number().0))
}
