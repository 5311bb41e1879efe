//! Frames that go through the kernel to another machine, or come from one: there the checksums
//! that were left to the kernel have to be right, and those that nobody has verified are.

use coracle_smoltcp::tap::device::Tap;
use coracle_smoltcp::tap::setup::Setup;
use coracle_tests::payload;
use smoltcp::phy::{ChecksumCapabilities, Device as _, RxToken as _, TxToken as _};
use smoltcp::socket::tcp::State;
use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol, IpRepr, Ipv4Address, TcpControl,
    TcpPacket, TcpRepr, TcpSeqNumber,
};

use super::stack::{PORT, Stack, cidr};
use super::{Alone, run};

const NEAR: Ipv4Address = Ipv4Address::new(10, 0, 1, 1);
const NEAR_HOST: Ipv4Address = Ipv4Address::new(10, 0, 1, 2);
const FAR: Ipv4Address = Ipv4Address::new(10, 0, 2, 1);
const FAR_HOST: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

/// A device with offload, and one without, with the kernel between them as a router.
fn devices() -> (Tap, Tap) {
    run("echo 1 > /proc/sys/net/ipv4/ip_forward");
    let make = |name: &str, host, offload| {
        let host = vec![cidr(host)];
        Setup { name: name.into(), host, offload, mtu: None }.create().unwrap()
    };
    (make("near", "10.0.1.2/24", true), make("far", "10.0.2.2/24", false))
}

#[test]
fn what_the_kernel_cuts_and_sums_up_another_machine_finds_right() {
    let Some(host) = Alone::or_skip() else { return };
    host.run(|| {
        let (near, far) = devices();
        let mut near = Stack::new(near, &["10.0.1.1/24"]);
        let mut far = Stack::new(far, &["10.0.2.1/24"]);
        near.route(NEAR_HOST);
        far.route(FAR_HOST);
        far.socket().listen(PORT).unwrap();
        near.connect((FAR, PORT), 40_000);

        let sent = payload::bytes(5, 8 << 20);
        let (mut gone, mut come) = (0, Vec::new());
        while come.len() < sent.len() {
            if near.socket().can_send() {
                gone += near.socket().send_slice(&sent[gone..]).unwrap();
            }
            near.poll();
            far.poll();
            while far.socket().can_recv() {
                far.socket().recv(|bytes| (bytes.len(), come.extend_from_slice(bytes))).unwrap();
            }
        }
        assert!(come == sent, "seed 5");
        // As many acknowledgements as there were frames at most: the frames were long.
        let forwarded = forwarded_packets();
        assert!(forwarded < sent.len() / 1460, "{forwarded}");
    });
}

/// How many packets the kernel of this thread's namespace has forwarded, before cutting them.
fn forwarded_packets() -> usize {
    let text = run("cat /proc/thread-self/net/snmp");
    let mut lines = text.lines().filter(|line| line.starts_with("Ip:"));
    let (names, numbers) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names.split(' ').position(|word| word == "ForwDatagrams").unwrap();
    numbers.split(' ').nth(at).unwrap().parse().unwrap()
}

#[test]
fn a_damaged_segment_from_another_machine_is_not_taken() {
    let Some(host) = Alone::or_skip() else { return };
    host.run(|| {
        let (near, mut far) = devices();
        let mut near = Stack::new(near, &["10.0.1.1/24"]);
        near.route(NEAR_HOST);
        near.socket().listen(PORT).unwrap();
        let router = sender(&mut far);
        for (from, damage) in [(40_001, 1), (40_002, 0)] {
            let mut frame = greeting(router, from);
            *frame.last_mut().unwrap() ^= damage;
            let token = far.transmit(Instant::ZERO).unwrap();
            token.consume(frame.len(), |room| room.copy_from_slice(&frame));
        }
        while near.socket().state() == State::Listen {
            near.poll();
            near.wait();
        }
        // Were the first one taken, the socket would be its.
        assert_eq!(near.socket().remote_endpoint().unwrap().port, 40_002);
        drop(near);
    });
}

/// The address that the kernel sends from on this device: of whatever it says first.
fn sender(tap: &mut Tap) -> EthernetAddress {
    loop {
        if let Some((token, _)) = tap.receive(Instant::ZERO) {
            return token.consume(|frame| EthernetFrame::new_unchecked(frame).src_addr());
        }
    }
}

/// The first segment of a connection, with some bytes in it.
fn greeting(router: EthernetAddress, from: u16) -> Vec<u8> {
    let segment = TcpRepr {
        src_port: from,
        dst_port: PORT,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(1),
        ack_number: None,
        window_len: 1000,
        window_scale: None,
        max_seg_size: Some(1460),
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: b"hello",
    };
    let checksums = ChecksumCapabilities::default();
    let ip = IpRepr::new(FAR.into(), NEAR.into(), IpProtocol::Tcp, segment.buffer_len(), 64);
    let mut frame = EthernetFrame::new_unchecked(vec![0; 14 + ip.buffer_len()]);
    frame.set_src_addr(EthernetAddress([2, 0, 0, 0, 0, 9]));
    frame.set_dst_addr(router);
    frame.set_ethertype(EthernetProtocol::Ipv4);
    ip.emit(frame.payload_mut(), &checksums);
    let mut packet = TcpPacket::new_unchecked(&mut frame.payload_mut()[ip.header_len()..]);
    segment.emit(&mut packet, &FAR.into(), &NEAR.into(), &checksums);
    frame.into_inner()
}
