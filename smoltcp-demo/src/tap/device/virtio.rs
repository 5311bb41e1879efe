//! The header that stands before each frame where the kernel and the program leave checksums and
//! the cutting into segments to each other: `struct virtio_net_hdr` of `linux/virtio_net.h`.

use std::num::NonZeroU16;

use super::headers::{Tcp, fold, sum};

/// Bytes of the header; the form without a count of merged buffers is what TAP devices use.
pub const HEADER_LEN: usize = 10;

/// The checksum field holds the sum of the pseudo-header: the rest is still to be done.
const NEEDS_CHECKSUM: u8 = 1;
/// Somebody, a network card for instance, has checked the checksum.
const CHECKED: u8 = 2;

const ONE_SEGMENT: u8 = 0;
const MANY_TCP_V4: u8 = 1;
const MANY_TCP_V6: u8 = 4;

/// What is known of a frame besides its bytes. Numbers are in the order of this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    flags: u8,
    kind: u8,
    headers_len: u16,
    segment_len: u16,
    checksum_start: u16,
    checksum_offset: u16,
}

impl Header {
    /// Read one.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Self {
        let [flags, kind, bytes @ ..] = *bytes;
        let number = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        Self {
            flags,
            kind,
            headers_len: number(0),
            segment_len: number(2),
            checksum_start: number(4),
            checksum_offset: number(6),
        }
    }

    /// Write it.
    pub fn emit(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [self.flags, self.kind, 0, 0, 0, 0, 0, 0, 0, 0];
        let numbers =
            [self.headers_len, self.segment_len, self.checksum_start, self.checksum_offset];
        for (place, number) in bytes[2..].chunks_exact_mut(2).zip(numbers) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
        bytes
    }

    /// The header for a frame on its way out, whose TCP checksum, if it has one, the kernel is to
    /// finish; with `segment`, it is also to be cut into segments with so many bytes each.
    pub fn for_sending(frame: &mut [u8], segment: Option<NonZeroU16>) -> Self {
        let Some(tcp) = Tcp::find(frame) else { return Self::default() };
        tcp.begin_checksum(frame);
        let (kind, segment_len) = match segment {
            None => (ONE_SEGMENT, 0),
            Some(len) if tcp.v6 => (MANY_TCP_V6, len.get()),
            Some(len) => (MANY_TCP_V4, len.get()),
        };
        Self {
            flags: NEEDS_CHECKSUM,
            kind,
            headers_len: (tcp.start + tcp.header_len(frame)) as u16,
            segment_len,
            checksum_start: tcp.start as u16,
            checksum_offset: Tcp::CHECKSUM as u16,
        }
    }

    /// Whether a frame that came with this header is intact, as far as the stack will not look
    /// itself: it verifies all checksums but those of TCP.
    ///
    /// The checksum of TCP is unfinished in what this kernel's own sockets send, and has never
    /// left memory: nothing to verify. What comes from other machines through this kernel says
    /// whether a network card has verified it; if none has, it is done here. Checksums of other
    /// protocols that are unfinished (UDP of this machine) are finished, so that the stack finds
    /// them right.
    pub fn settle(&self, frame: &mut [u8]) -> bool {
        let tcp = Tcp::find(frame);
        if self.flags & NEEDS_CHECKSUM != 0 {
            return tcp.is_some() || self.finish_checksum(frame).is_some();
        }
        self.flags & CHECKED != 0 || tcp.is_none_or(|tcp| tcp.is_intact(frame))
    }

    fn finish_checksum(&self, frame: &mut [u8]) -> Option<()> {
        let start = usize::from(self.checksum_start);
        let checksum = match !fold(sum(0, frame.get(start..)?)) {
            // Of UDP, 0 says that there is none.
            0 => 0xffff,
            checksum => checksum,
        };
        let place = start + usize::from(self.checksum_offset);
        frame.get_mut(place..place + 2)?.copy_from_slice(&checksum.to_be_bytes());
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::device::headers::tests::{Kind, frame};

    const PARTIAL: Header =
        Header { flags: NEEDS_CHECKSUM, checksum_start: 34, checksum_offset: 6, ..NONE };
    const NONE: Header = Header {
        flags: 0,
        kind: ONE_SEGMENT,
        headers_len: 0,
        segment_len: 0,
        checksum_start: 0,
        checksum_offset: 0,
    };

    /// What the kernel does with a frame whose checksum it is to finish.
    fn finish(header: Header, frame: &mut [u8]) {
        let start = usize::from(header.checksum_start);
        let checksum = !fold(sum(0, &frame[start..]));
        let place = start + usize::from(header.checksum_offset);
        frame[place..place + 2].copy_from_slice(&checksum.to_be_bytes());
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let header = Header {
            flags: 1,
            kind: 4,
            headers_len: 0x1234,
            segment_len: 1440,
            checksum_start: 54,
            checksum_offset: 16,
        };
        assert_eq!(Header::parse(&header.emit()), header);
        let mut expected = vec![1, 4];
        for number in [0x1234_u16, 1440, 54, 16] {
            expected.extend(number.to_ne_bytes());
        }
        assert_eq!(header.emit().as_slice(), expected);
    }

    #[test]
    fn a_segment_sent_says_where_its_checksum_is_and_what_to_cut() {
        for (kind, many, start) in [(Kind::TcpV4, MANY_TCP_V4, 34), (Kind::TcpV6, MANY_TCP_V6, 54)]
        {
            let mut sent = frame(kind, 3001);
            let header = Header::for_sending(&mut sent, NonZeroU16::new(1000));
            let lengths = (header.headers_len, header.segment_len);
            assert_eq!((header.flags, header.kind, lengths), (1, many, (start + 20, 1000)));
            assert_eq!((header.checksum_start, header.checksum_offset), (start, 16));

            let mut whole = frame(kind, 3001);
            let header = Header::for_sending(&mut whole, None);
            assert_eq!((header.kind, header.segment_len), (ONE_SEGMENT, 0));
            assert_ne!(whole, frame(kind, 3001), "the checksum is begun anew");
            finish(header, &mut whole);
            assert_eq!(whole, frame(kind, 3001), "the checksum as smoltcp computes it");
        }
    }

    #[test]
    fn other_frames_are_sent_as_they_are() {
        for kind in [Kind::UdpV4, Kind::Arp] {
            let mut sent = frame(kind, 100);
            assert_eq!(Header::for_sending(&mut sent, None), NONE);
            assert_eq!(sent, frame(kind, 100));
        }
    }

    #[test]
    fn damage_is_noticed_where_nobody_has_looked_before() {
        for kind in [Kind::TcpV4, Kind::TcpV6, Kind::TcpBehindHopByHop] {
            let mut intact = frame(kind, 1001);
            assert!(NONE.settle(&mut intact), "{kind:?}");
            // The minimum of Ethernet: what is behind IP's end does not count.
            intact.extend([0xee; 7]);
            assert!(NONE.settle(&mut intact), "{kind:?}");

            let mut damaged = frame(kind, 1001);
            *damaged.last_mut().unwrap() ^= 0x10;
            assert!(!NONE.settle(&mut damaged), "{kind:?}");
            assert!(Header { flags: CHECKED, ..NONE }.settle(&mut damaged), "{kind:?}");
            // Never left memory: the field is not a checksum.
            assert!(Header { flags: NEEDS_CHECKSUM, ..NONE }.settle(&mut damaged), "{kind:?}");
        }
        // These the stack verifies itself.
        for kind in [Kind::UdpV4, Kind::Arp] {
            assert!(NONE.settle(&mut frame(kind, 100)));
        }
    }

    #[test]
    fn an_unfinished_checksum_of_udp_is_finished() {
        let whole = frame(Kind::UdpV4, 101);
        let mut begun = whole.clone();
        let pseudo = fold(sum(17 + 8 + 101, &whole[26..34]));
        begun[40..42].copy_from_slice(&pseudo.to_be_bytes());
        assert_ne!(begun, whole);
        assert!(PARTIAL.settle(&mut begun));
        assert_eq!(begun, whole);
        let beyond = Header { checksum_start: 1000, ..PARTIAL };
        assert!(!beyond.settle(&mut begun), "a header that points behind the frame");
    }

    #[test]
    fn no_frame_is_too_short_or_too_odd() {
        for kind in [Kind::TcpV4, Kind::TcpV6, Kind::TcpBehindHopByHop, Kind::UdpV4] {
            let whole = frame(kind, 40);
            for len in 0..whole.len() {
                for header in [NONE, PARTIAL, Header { checksum_start: 0, ..PARTIAL }] {
                    header.settle(&mut whole[..len].to_vec());
                }
                Header::for_sending(&mut whole[..len].to_vec(), None);
                for value in [0, 0xff] {
                    let mut odd = whole.clone();
                    odd[len] = value;
                    NONE.settle(&mut odd);
                    PARTIAL.settle(&mut odd);
                    Header::for_sending(&mut odd, NonZeroU16::new(1));
                }
            }
        }
    }
}
