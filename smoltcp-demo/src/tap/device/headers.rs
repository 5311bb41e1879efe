//! Where TCP stands in a frame, and its checksum.

use smoltcp::wire::{IpAddress, Ipv4Address, Ipv6Address, TcpPacket};

const ETHERNET_LEN: usize = 14;
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const IPV6_LEN: usize = 40;
const HOP_BY_HOP: u8 = 0;
const TCP: u8 = 6;

/// The TCP segment of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Whether it stands in IPv6.
    pub v6: bool,
    /// Where its header begins in the frame.
    pub start: usize,
    end: usize,
}

impl Tcp {
    /// Where in the header the checksum is.
    pub const CHECKSUM: usize = 16;

    /// Find it; `None` where there is none, or a fragment of one.
    pub fn find(frame: &[u8]) -> Option<Self> {
        match frame.get(12..ETHERNET_LEN)? {
            kind if kind == IPV4 => Self::in_v4(frame),
            kind if kind == IPV6 => Self::in_v6(frame),
            _ => None,
        }
    }

    fn in_v4(frame: &[u8]) -> Option<Self> {
        let header = frame.get(ETHERNET_LEN..ETHERNET_LEN + 20)?;
        let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
        if fragment || header[9] != TCP {
            return None;
        }
        let start = ETHERNET_LEN + 4 * usize::from(header[0] & 0x0f);
        let end = ETHERNET_LEN + usize::from(u16::from_be_bytes([header[2], header[3]]));
        Self::at(false, start, end, frame)
    }

    fn in_v6(frame: &[u8]) -> Option<Self> {
        let header = frame.get(ETHERNET_LEN..ETHERNET_LEN + IPV6_LEN)?;
        let mut start = ETHERNET_LEN + IPV6_LEN;
        let end = start + usize::from(u16::from_be_bytes([header[4], header[5]]));
        let mut next = header[6];
        // The only header between that the stack follows to TCP.
        if next == HOP_BY_HOP {
            next = *frame.get(start)?;
            start += 8 + 8 * usize::from(*frame.get(start + 1)?);
        }
        if next == TCP { Self::at(true, start, end, frame) } else { None }
    }

    /// Short frames are padded: the end is where IP says.
    fn at(v6: bool, start: usize, end: usize, frame: &[u8]) -> Option<Self> {
        let fits = start + 20 <= end && end <= frame.len();
        fits.then_some(Self { v6, start, end })
    }

    /// Bytes of its header.
    pub fn header_len(self, frame: &[u8]) -> usize {
        4 * usize::from(frame[self.start + 12] >> 4)
    }

    /// Put the sum of the pseudo-header where the checksum will be: who finishes it adds up
    /// everything from the TCP header on.
    pub fn begin_checksum(self, frame: &mut [u8]) {
        let addresses = if self.v6 { 22..54 } else { 26..34 };
        let length = (self.end - self.start) as u32;
        let begun = fold(sum(u32::from(TCP) + length, &frame[addresses]));
        let place = self.start + Self::CHECKSUM;
        frame[place..place + 2].copy_from_slice(&begun.to_be_bytes());
    }

    /// Whether the checksum is right.
    pub fn is_intact(self, frame: &[u8]) -> bool {
        let (from, to) = self.addresses(frame);
        TcpPacket::new_checked(&frame[self.start..self.end])
            .is_ok_and(|segment| segment.verify_checksum(&from, &to))
    }

    fn addresses(self, frame: &[u8]) -> (IpAddress, IpAddress) {
        if self.v6 {
            let address = |at: usize| {
                let mut octets = [0; 16];
                octets.copy_from_slice(&frame[at..at + 16]);
                Ipv6Address::from(octets).into()
            };
            (address(22), address(38))
        } else {
            let address = |at: usize| {
                let mut octets = [0; 4];
                octets.copy_from_slice(&frame[at..at + 4]);
                Ipv4Address::from(octets).into()
            };
            (address(26), address(30))
        }
    }
}

/// Add up 16-bit words, as all checksums of IP do, onto `begin`. Of up to 64 KiB, the sum fits.
pub fn sum(begin: u32, bytes: &[u8]) -> u32 {
    let (words, odd) = bytes.as_chunks::<2>();
    let odd = odd.first().map_or(0, |last| u32::from(*last) << 8);
    words.iter().fold(begin + odd, |sum, word| sum + u32::from(u16::from_be_bytes(*word)))
}

/// The carries added in.
pub fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

#[cfg(test)]
pub mod tests {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{
        EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol, IpRepr, TcpControl, TcpRepr,
        TcpSeqNumber, UdpPacket, UdpRepr,
    };

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Kind {
        TcpV4,
        TcpV6,
        TcpBehindHopByHop,
        UdpV4,
        Arp,
    }

    const TCP_REPR: TcpRepr<'_> = TcpRepr {
        src_port: 40_000,
        dst_port: 2222,
        control: TcpControl::Psh,
        seq_number: TcpSeqNumber(0x0102_0304),
        ack_number: Some(TcpSeqNumber(0x0506_0708)),
        window_len: 0xfff0,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };

    /// A frame as smoltcp makes it, with right checksums.
    pub fn frame(kind: Kind, payload_len: usize) -> Vec<u8> {
        let payload: Vec<u8> = (0..payload_len).map(|at| (at * 7 + at / 256) as u8).collect();
        match kind {
            Kind::TcpV4 => tcp(&payload, EthernetProtocol::Ipv4, "192.0.2.2", "192.0.2.1"),
            Kind::TcpV6 => tcp(&payload, EthernetProtocol::Ipv6, "fd00::2", "fd00::1"),
            Kind::TcpBehindHopByHop => {
                let mut frame = tcp(&payload, EthernetProtocol::Ipv6, "fd00::2", "fd00::1");
                let length = u16::from_be_bytes([frame[18], frame[19]]) + 8;
                frame[18..20].copy_from_slice(&length.to_be_bytes());
                frame[20] = HOP_BY_HOP;
                // TCP follows; a padding of 4 bytes.
                frame.splice(54..54, [TCP, 0, 1, 4, 0, 0, 0, 0]);
                frame
            }
            Kind::UdpV4 => udp(&payload),
            Kind::Arp => ethernet(EthernetProtocol::Arp, payload_len, |body| {
                body.copy_from_slice(&payload);
            }),
        }
    }

    fn tcp(payload: &[u8], protocol: EthernetProtocol, from: &str, to: &str) -> Vec<u8> {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let repr = TcpRepr { payload, ..TCP_REPR };
        let ip = IpRepr::new(from, to, IpProtocol::Tcp, repr.buffer_len(), 64);
        let capabilities = ChecksumCapabilities::default();
        ethernet(protocol, ip.buffer_len(), |body| {
            ip.emit(&mut *body, &capabilities);
            let mut packet = TcpPacket::new_unchecked(&mut body[ip.header_len()..]);
            repr.emit(&mut packet, &from, &to, &capabilities);
        })
    }

    fn udp(payload: &[u8]) -> Vec<u8> {
        let (from, to) = ("192.0.2.2".parse().unwrap(), "192.0.2.1".parse().unwrap());
        let repr = UdpRepr { src_port: 67, dst_port: 68 };
        let ip = IpRepr::new(from, to, IpProtocol::Udp, repr.header_len() + payload.len(), 64);
        let capabilities = ChecksumCapabilities::default();
        ethernet(EthernetProtocol::Ipv4, ip.buffer_len(), |body| {
            ip.emit(&mut *body, &capabilities);
            let mut packet = UdpPacket::new_unchecked(&mut body[ip.header_len()..]);
            let fill = |bytes: &mut [u8]| bytes.copy_from_slice(payload);
            repr.emit(&mut packet, &from, &to, payload.len(), fill, &capabilities);
        })
    }

    fn ethernet(protocol: EthernetProtocol, len: usize, fill: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut frame = EthernetFrame::new_unchecked(vec![0; ETHERNET_LEN + len]);
        frame.set_src_addr(EthernetAddress([2, 0, 0, 0, 0, 2]));
        frame.set_dst_addr(EthernetAddress([2, 0, 0, 0, 0, 1]));
        frame.set_ethertype(protocol);
        fill(frame.payload_mut());
        frame.into_inner()
    }

    #[test]
    fn tcp_is_found_in_what_is_not_a_fragment() {
        let found = |frame: &[u8]| Tcp::find(frame).map(|tcp| (tcp.v6, tcp.start, tcp.end));
        assert_eq!(found(&frame(Kind::TcpV4, 100)), Some((false, 34, 154)));
        assert_eq!(found(&frame(Kind::TcpV6, 100)), Some((true, 54, 174)));
        assert_eq!(found(&frame(Kind::TcpBehindHopByHop, 100)), Some((true, 62, 182)));
        assert_eq!(found(&frame(Kind::UdpV4, 100)), None);
        assert_eq!(found(&frame(Kind::Arp, 100)), None);
        for place in [20, 21] {
            let mut fragment = frame(Kind::TcpV4, 100);
            fragment[place] |= 0x20;
            assert_eq!(found(&fragment), None, "more fragments, or not the first");
        }
    }
}
