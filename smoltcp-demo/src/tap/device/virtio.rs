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
