//! The skeleton on a host: a controller of two queues, and a clock that runs while it sleeps.

extern crate std;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::vec::Vec;

use coracle_skeleton::{
    Connections, FRAME_MAX, Mac, RamBlocks, Sessions, Shared, millisecond, node, now, shared,
};
use coracle_storage::block::BlockDevice;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Ipv4Address,
};
use static_cell::StaticCell;

const NODE: Ipv4Address = Ipv4Address::new(192, 168, 69, 1);
const HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 1];
const PEER: ([u8; 6], Ipv4Address) = ([2, 0, 0, 0, 0, 2], Ipv4Address::new(192, 168, 69, 2));

/// Frames for the node, and from it.
type Cable = Arc<Mutex<[VecDeque<Vec<u8>>; 2]>>;

struct Queues(Cable);

impl Mac for Queues {
    fn hardware(&self) -> [u8; 6] {
        HARDWARE
    }

    fn has_frame(&mut self) -> bool {
        !self.0.lock().unwrap()[0].is_empty()
    }

    fn receive(&mut self, frame: &mut [u8; FRAME_MAX]) -> Option<usize> {
        let came = self.0.lock().unwrap()[0].pop_front()?;
        frame.get_mut(..came.len())?.copy_from_slice(&came);
        Some(came.len())
    }

    fn is_free(&mut self) -> bool {
        true
    }

    fn send(&mut self, frame: &[u8]) {
        self.0.lock().unwrap()[1].push_back(frame.to_vec());
    }

    fn random(&mut self) -> u64 {
        4
    }

    fn wait(&mut self) {
        millisecond();
    }

    fn feed(&mut self) {}
}

/// The question who has the address of the node.
fn question() -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: EthernetAddress(PEER.0),
        source_protocol_addr: PEER.1,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: NODE,
    };
    let mut bytes = std::vec![0; EthernetFrame::<&[u8]>::header_len() + arp.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    frame.set_src_addr(EthernetAddress(PEER.0));
    frame.set_dst_addr(EthernetAddress::BROADCAST);
    frame.set_ethertype(EthernetProtocol::Arp);
    arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    bytes
}

#[test]
fn a_node_answers_and_sleeps() {
    static FILES: StaticCell<Shared<RamBlocks<64>>> = StaticCell::new();
    static CONNECTIONS: StaticCell<Connections> = StaticCell::new();
    static SESSIONS: StaticCell<Sessions<RamBlocks<64>>> = StaticCell::new();
    let cable = Cable::default();
    let mut node = node(
        Queues(cable.clone()),
        FILES.init_with(|| shared(RamBlocks::new())),
        CONNECTIONS.init_with(Connections::new),
        SESSIONS.init_with(Sessions::new),
        NODE,
    );
    cable.lock().unwrap()[0].push_back(question());
    node.turn();
    let answer = cable.lock().unwrap()[1].pop_front().expect("an answer");
    let frame = EthernetFrame::new_checked(&answer).unwrap();
    assert_eq!(frame.src_addr(), EthernetAddress(HARDWARE));
    let arp = ArpRepr::parse(&ArpPacket::new_checked(frame.payload()).unwrap()).unwrap();
    let ArpRepr::EthernetIpv4 { operation, source_protocol_addr, .. } = arp else { panic!() };
    assert_eq!((operation, source_protocol_addr), (ArpOperation::Reply, NODE));
    // Nothing to do: it sleeps, and goes round now and then.
    let before = now();
    node.turn();
    assert!(now() > before);
}

#[test]
fn blocks_end_where_they_end() {
    let mut blocks = RamBlocks::<4>::new();
    assert_eq!(blocks.count(), Ok(4));
    blocks.write(2, &[[7; 512]; 2]).unwrap();
    let mut back = [[0; 512]; 2];
    blocks.read(1, &mut back).unwrap();
    assert_eq!(back, [[0; 512], [7; 512]]);
    assert!(blocks.write(3, &[[7; 512]; 2]).is_err());
    assert!(blocks.read(u32::MAX, &mut back).is_err());
}
