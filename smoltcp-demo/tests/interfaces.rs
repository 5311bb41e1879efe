//! Interfaces, devices, sockets and clocks of all kinds.

mod support;

use coracle::Command;
use coracle::client::Done;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpCidr};
use support::host::{address, socket};
use support::session::{download, list, receipt, upload};
use support::{Conditions, SECOND, Setup, Version, World, payload};

/// Move a file there and back, and look.
fn exchange(world: &mut World, host: usize, len: usize) {
    let session = world.session(host, Version::V4);
    let file = payload(1, len);
    let answers = world.does(session, [upload("f", &file), list("/"), download("f")]);
    assert!(matches!(answers[0].done(), Done::Uploaded(whole, _) if whole == receipt(&file)));
    assert!(answers[2].bytes == file);
    world.does(session, [Command::Exit.into()]);
    world.run_for(SECOND);
}

#[test]
fn a_small_segment_size_and_a_large_one_serve_alike() {
    for mtu in [576, 1280, 9000, 65_521] {
        let mut world = World::serving(1, Setup { mtu, ..Setup::default() });
        let host = world.host_with_mtu(mtu);
        exchange(&mut world, host, 200_000);
    }
}

#[test]
fn sockets_with_little_memory_and_with_much_serve_alike() {
    for buffer in [300, 1024, 1460, 70_000, 1 << 20] {
        let mut world = World::serving(2, Setup { buffer, ..Setup::default() });
        let host = world.host();
        exchange(&mut world, host, 100_000);
    }
}

#[test]
fn a_device_with_room_for_a_frame_or_two_serves_several_at_once() {
    for room in [1, 2, 5] {
        let mut world = World::serving(3, Setup::slots(4));
        world.server().device.set_room(room);
        let sessions: Vec<_> = (0..4)
            .map(|n| {
                let host = world.host();
                let session = world.session(host, Version::V4);
                let name = format!("f{n}");
                world.ask(session, [upload(&name, &payload(n, 50_000)), download(&name)]);
                session
            })
            .collect();
        for (n, session) in sessions.into_iter().enumerate() {
            let answers = world.finish(session, SECOND * 60);
            assert!(answers[1].bytes == payload(n as u64, 50_000), "room for {room}");
        }
    }
}

#[test]
fn after_fifty_days_the_clock_goes_on() {
    // 2^32 milliseconds, and microseconds beyond what a 32-bit number of milliseconds holds.
    for start in [(1_i64 << 32) - 5000, 1 << 33] {
        let mut world = World::serving(4, Setup::slots(2));
        world.now = Instant::from_millis(start);
        let host = world.host();
        let session = world.session(host, Version::V4);
        for _ in 0..5 {
            world.does(session, [Command::Noop.into(), upload("f", b"1")]);
            world.run_for(SECOND * 5);
        }
        let before = world.server().polls;
        world.run_for(SECOND * 100);
        assert!(world.server().polls - before < 40);
        world.run_for(SECOND * 300);
        assert_eq!(world.server().server.sessions(), 0, "the idle session is ended");
    }
}

#[test]
fn an_address_that_is_taken_away_ends_its_sessions_and_another_one_serves() {
    let mut world = World::serving(5, Setup::slots(2));
    let host = world.host();
    let session = world.session(host, Version::V4);
    let file = payload(5, 900_000);
    let slow = Conditions { delay: SECOND / 200, ..Conditions::GOOD };
    world.hosts[host].device.set(slow, slow);
    world.ask(session, [upload("f", &file)]);
    world.run_for(SECOND / 10);
    world.server().interface.update_ip_addrs(|addresses| {
        addresses[0] = IpCidr::new(IpAddress::v4(192, 168, 69, 99), 24);
    });
    world.server().wake();
    world.run_for(SECOND);
    assert_eq!(world.server().server.sessions(), 0);
    // What had come is kept, and the other version of IP goes on.
    let session = world.session(host, Version::V6);
    let answers = world.does(session, [support::session::partial("f")]);
    assert!(matches!(answers[0].done(), Done::Sum(part) if part.length > 0));
    let raw = world.dial_to(host, IpAddress::v4(192, 168, 69, 99), 2222);
    world.raws[raw].say(b"hello 1\n");
    world.run_until(SECOND * 5, |world| world.raws[raw].text().starts_with("ok 1 "));
}

#[test]
fn a_server_without_an_address_waits_for_one() {
    let mut world = World::serving(6, Setup::slots(2));
    let host = world.host();
    world.server().interface.update_ip_addrs(|addresses| addresses.clear());
    let session = world.session(host, Version::V4);
    world.ask(session, [list("/")]);
    world.run_for(SECOND * 10);
    assert!(!world.sessions[session].is_through());
    world.server().interface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(address(Version::V4, 1), 24)).unwrap();
    });
    world.finish(session, SECOND * 40);
}

#[test]
fn sockets_of_the_owner_are_served_and_left_alone() {
    let mut world = World::serving(7, Setup::slots(2));
    let mut own = socket(2048);
    own.listen(7).unwrap();
    let own: SocketHandle = world.server().sockets.add(own);
    let host = world.host();
    let raw = world.dial(host, Version::V4, 7);
    world.raws[raw].say(b"ping");
    world.run_for(SECOND);
    let socket = world.server().sockets.get_mut::<tcp::Socket<'_>>(own);
    let mut bytes = [0; 4];
    assert_eq!(socket.recv_slice(&mut bytes), Ok(4));
    socket.send_slice(b"pong").unwrap();
    world.server().wake();
    world.run_until(SECOND, |world| world.raws[raw].received == b"pong");
    exchange(&mut world, host, 10_000);
    world.run_for(SECOND * 100);
    let socket = world.server().sockets.get_mut::<tcp::Socket<'_>>(own);
    assert_eq!(socket.state(), tcp::State::Established);
}
