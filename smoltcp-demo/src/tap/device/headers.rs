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
