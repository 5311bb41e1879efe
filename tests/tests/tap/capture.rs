//! `--pcap`: what it writes is what went over the wire, in a form that others read.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use coracle_tests::payload;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, Ipv4Packet, TcpPacket, TcpRepr,
};

use crate::forged::Forger;
use crate::site::{ANYONE, CONTROL, MTU, Site, TRANSFER, same};
use crate::support::until;

/// The first bytes of such a file: its magic number for times in microseconds.
const MAGIC: u32 = 0xa1b2_c3d4;

const HEADER: usize = 24;
const RECORD: usize = 16;

/// The number of Ethernet among the kinds of links.
const ETHERNET: u32 = 1;

/// Bytes of the longest frame.
const WHOLE: usize = MTU as usize + 14;

const SIZE: u64 = 1 << 20;

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The frames of a capture.
fn frames(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    assert_eq!((word(&bytes, 0), word(&bytes, 20)), (MAGIC, ETHERNET));
    let (mut frames, mut rest) = (Vec::new(), &bytes[HEADER..]);
    let mut last = (0, 0);
    while !rest.is_empty() {
        let time = (word(rest, 0), word(rest, 4));
        assert!(time >= last && time.1 < 1_000_000, "{time:?} behind {last:?}");
        last = time;
        let (stored, whole) = (word(rest, 8) as usize, word(rest, 12) as usize);
        assert_eq!(stored, whole, "nothing is cut off");
        frames.push(rest[RECORD..RECORD + stored].to_vec());
        rest = &rest[RECORD + stored..];
    }
    frames
}

/// Bytes of TCP over IPv4 in a capture, by source port. Every segment must hold.
fn bytes_from(frames: &[Vec<u8>]) -> BTreeMap<u16, u64> {
    let mut bytes = BTreeMap::new();
    for frame in frames {
        let frame = EthernetFrame::new_checked(frame).unwrap();
        if frame.ethertype() != EthernetProtocol::Ipv4 {
            continue;
        }
        let packet = Ipv4Packet::new_checked(frame.payload()).unwrap();
        assert!(packet.verify_checksum());
        assert_eq!(packet.next_header(), IpProtocol::Tcp);
        let ends: [IpAddress; 2] = [packet.src_addr().into(), packet.dst_addr().into()];
        let segment = TcpPacket::new_checked(packet.payload()).unwrap();
        // The kernel leaves checksums of what it sends to the device to the device.
        let checksums = ChecksumCapabilities::ignored();
        let repr = TcpRepr::parse(&segment, &ends[0], &ends[1], &checksums).unwrap();
        *bytes.entry(repr.src_port).or_default() += repr.payload.len() as u64;
    }
    bytes
}

#[test]
fn a_capture_holds_what_went_over_the_wire() {
    for (options, is_offloaded) in [(&[][..], false), (&["--offload"], true)] {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("wire.pcap");
        let pcap = ["--pcap", path.to_str().unwrap()];
        let Some(mut site) = Site::start(&[options, &pcap].concat()) else { return };
        payload::write_file(&site.here("x"), 1, SIZE).unwrap();
        site.run(&["upload", "x"]).succeeded();
        site.run(&["download", "x", "y"]).succeeded();
        assert!(same(site.here("x"), site.here("y")));
        site.server.terminate().unwrap();
        assert_eq!(site.server.wait().unwrap().code(), Some(0));
        let frames = frames(&path);
        // With offload the kernel cuts segments, and puts them together, on the other side.
        assert_eq!(frames.iter().any(|frame| frame.len() > WHOLE), is_offloaded);
        let bytes = bytes_from(&frames);
        // On two connections: files come by the transfer port, answers by the other as well.
        assert!(bytes[&TRANSFER] > SIZE, "{bytes:?}");
        assert!((1..SIZE).contains(&bytes[&CONTROL]), "{bytes:?}");
        let sent: u64 = bytes.values().sum();
        assert!(sent > 2 * SIZE, "{bytes:?}");
    }
}

#[test]
fn a_capture_is_whole_whenever_it_is_looked_at() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("wire.pcap");
    let Some(mut site) = Site::start(&["--pcap", path.to_str().unwrap()]) else { return };
    let mut session = site.session(2);
    assert_eq!(session.ask("noop"), "ok");
    // A server without work has written all of it.
    until("it holds the answer", || {
        let bytes = fs::read(&path).unwrap();
        bytes.windows(4).any(|part| part == b"noop")
    });
    site.server.kill().unwrap();
    assert!(bytes_from(&frames(&path))[&CONTROL] > 0);
}

#[test]
fn a_forged_connection_is_answered_and_half_open() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("wire.pcap");
    let options = ["--pcap", path.to_str().unwrap(), "--gateway", "192.168.69.2", ANYONE];
    let Some(site) = Site::start(&options) else { return };
    let nobody = SocketAddrV4::new(Ipv4Addr::new(10, 99, 0, 1), 4711);
    Forger::on(&site.wire).syn(nobody, CONTROL);
    // Its ports and, further on, its flags: SYN and ACK.
    let ports = [CONTROL.to_be_bytes(), nobody.port().to_be_bytes()].concat();
    let is_answer = |segment: &[u8]| segment[..4] == ports && segment[13] == 0x12;
    let is_there = |bytes: Vec<u8>| bytes.windows(14).any(is_answer);
    until("it is answered", || fs::read(&path).is_ok_and(is_there));
}
