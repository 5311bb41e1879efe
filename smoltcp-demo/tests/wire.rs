//! The network in memory itself, with plain sockets: what the other tests rely on.

mod support;

use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetFrame, IpEndpoint};
use support::host::address;
use support::raw::Raw;
use support::{Conditions, SECOND, Version, World, payload};

const PORT: u16 = 7;

/// Two hosts and a connection between them: the second host listens.
fn pair(world: &mut World, version: Version) -> (usize, usize) {
    let (dialling, listening) = (world.host(), world.host());
    let there = world.listen(listening, PORT);
    let to = IpEndpoint::new(address(version, 3), PORT);
    let socket = world.hosts[dialling].connect(to);
    // A sender of smoltcp's that was told of a closed window too late stands still without.
    world.hosts[dialling].socket(socket).set_keep_alive(Some(SECOND * 5));
    world.raws.push(Raw::new(dialling, socket));
    (world.raws.len() - 1, there)
}

/// Send so many bytes from one host to another; returns the time it took.
fn transfer(mut world: World, version: Version, ways: Conditions, len: usize) -> Duration {
    let (here, there) = pair(&mut world, version);
    for host in &world.hosts {
        host.device.set(ways, Conditions::default());
    }
    let bytes = payload(1, len);
    world.raws[here].say(&bytes);
    // Not until the end of the stream: smoltcp may lose that for ever.
    world.run_until(SECOND * 600, |world| world.raws[there].received.len() >= len);
    assert!(world.raws[there].received == bytes, "other bytes came");
    world.now - Instant::ZERO
}

#[test]
fn bytes_cross_a_good_wire_in_both_versions_and_take_virtual_time() {
    for version in [Version::V4, Version::V6] {
        let took = transfer(World::new(1), version, Conditions::GOOD, 300_000);
        // 16 KiB of window a round trip of 200 µs: 80 MB/s; and then the hand-shake.
        assert!(took >= Duration::from_millis(3) && took < Duration::from_millis(50), "{took}");
    }
}

#[test]
fn bytes_cross_a_wire_that_does_everything_bad() {
    let bad = Conditions { lost: 3, corrupted: 3, doubled: 3, late: 3, ..Conditions::GOOD };
    let took = transfer(World::new(2), Version::V4, bad, 300_000);
    let good = transfer(World::new(2), Version::V4, Conditions::GOOD, 300_000);
    assert!(took > good, "{took}: nothing bad has happened");
}

#[test]
fn each_fault_happens_as_often_as_it_was_asked_for() {
    let worst = |change: fn(&mut Conditions)| {
        let mut world = World::new(3);
        let (from, to) = (world.host(), world.host());
        let mut ways = Conditions::GOOD;
        change(&mut ways);
        world.hosts[from].device.set(ways, Conditions::default());
        let frame: Vec<u8> = [[2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1]].concat();
        let frame = [frame, vec![0; 50]].concat();
        for _ in 0..1000 {
            world.hosts[from].device.inject(world.now, &frame);
        }
        let later = world.now + SECOND;
        let came: Vec<_> = std::iter::from_fn(|| world.hosts[to].device.take(later)).collect();
        let whole = came.iter().filter(|came| **came == frame).count();
        (came.len(), whole)
    };
    assert_eq!(worst(|_| ()), (1000, 1000));
    let near = |count: usize, wanted: usize| count.abs_diff(wanted) < 80;
    let (count, whole) = worst(|ways| ways.lost = 20);
    assert!(near(count, 800) && whole == count, "{count} {whole}");
    let (count, whole) = worst(|ways| ways.doubled = 20);
    assert!(near(count, 1200) && whole == count, "{count} {whole}");
    // A flipped bit in the address leads nowhere, or is one that nobody looks at.
    let (count, whole) = worst(|ways| ways.corrupted = 20);
    assert!(count == 1000 && near(whole, 800), "{count} {whole}");
}

#[test]
fn late_frames_are_overtaken() {
    let mut world = World::new(4);
    let (from, to) = (world.host(), world.host());
    let ways = Conditions { late: 30, ..Conditions::GOOD };
    world.hosts[from].device.set(ways, Conditions::default());
    for number in 0..100 {
        let frame = [[2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1], [number; 6]].concat();
        world.hosts[from].device.inject(world.now, &frame);
    }
    let later = world.now + SECOND;
    let came: Vec<u8> =
        std::iter::from_fn(|| world.hosts[to].device.take(later)).map(|frame| frame[12]).collect();
    assert_eq!(came.len(), 100);
    assert!(!came.is_sorted());
}

#[test]
fn the_same_seed_gives_the_same_frames() {
    let frames = |seed| {
        let mut world = World::new(seed);
        world.wire.record();
        let (here, there) = pair(&mut world, Version::V4);
        let bad = Conditions { lost: 10, late: 10, ..Conditions::GOOD };
        for host in &world.hosts {
            host.device.set(bad, Conditions::default());
        }
        world.raws[here].say(&payload(1, 50_000));
        world.run_until(SECOND * 600, |world| world.raws[there].received.len() == 50_000);
        let frames: Vec<_> =
            world.wire.recorded().iter().map(|sent| (sent.at, sent.frame.clone())).collect();
        frames
    };
    assert!(frames(5) == frames(5));
    assert!(frames(5) != frames(6));
}

#[test]
fn no_frame_is_longer_than_either_end_takes() {
    let mut world = World::new(6);
    world.wire.record();
    let (dialling, listening) = (world.host_with_mtu(1280), world.host_with_mtu(9000));
    let there = world.listen(listening, PORT);
    let to = IpEndpoint::new(address(Version::V6, 3), PORT);
    let socket = world.hosts[dialling].connect(to);
    world.raws.push(Raw::new(dialling, socket));
    world.raws[there].say(&payload(1, 50_000));
    world.raws[there].close();
    world.run_until(SECOND, |world| world.raws[1].is_over());
    assert_eq!(world.raws[1].received.len(), 50_000);
    let longest = world.wire.recorded().iter().map(|sent| sent.frame.len()).max();
    assert_eq!(longest, Some(1280 + 14));
}

#[test]
fn who_has_vanished_answers_nothing_and_is_forgotten_after_its_timeout() {
    let mut world = World::new(7);
    let (here, there) = pair(&mut world, Version::V4);
    world.raws[here].say(b"hello");
    world.run_until(SECOND, |world| world.raws[there].received == b"hello");
    let socket = world.raws[there].socket;
    world.hosts[1].socket(socket).set_timeout(Some(SECOND * 30));
    world.hosts[1].socket(socket).set_keep_alive(Some(SECOND * 10));
    let began = world.now;
    world.hosts[0].vanish();
    world.run_until(SECOND * 100, |world| world.raws[there].is_lost);
    let took = world.now - began;
    assert!(took >= SECOND * 29 && took <= SECOND * 41, "{took}");
}

#[test]
fn a_connection_nobody_takes_is_refused_by_a_frame_that_can_be_seen() {
    let mut world = World::new(8);
    let (dialling, _) = (world.host(), world.host());
    world.wire.record();
    let to = IpEndpoint::new(address(Version::V4, 3), PORT);
    let socket = world.hosts[dialling].connect(to);
    world.raws.push(Raw::new(dialling, socket));
    world.run_until(SECOND, |world| world.raws[0].is_lost);
    assert_eq!(world.hosts[dialling].state(socket), tcp::State::Closed);
    let sources: Vec<_> = world
        .wire
        .recorded()
        .iter()
        .map(|sent| EthernetFrame::new_unchecked(sent.frame.clone()).src_addr())
        .collect();
    assert!(sources.contains(&world.hosts[1].device.address()));
}
