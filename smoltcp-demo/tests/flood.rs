//! Floods of connections that are begun and never finished.

mod support;

use coracle::Command;
use smoltcp::time::Duration;
use smoltcp::wire::{Ipv4Address, TcpControl};
use support::forger::{Forger, Segment};
use support::session::{download, list, upload};
use support::{CONTROL, Conditions, SECOND, Setup, TRANSFER, Version, World, payload};

/// Where the forged connections come from.
#[derive(Clone, Copy, Debug)]
enum From {
    /// One address that is there, and answers nothing more.
    One,
    /// Addresses that nobody has.
    Nobody,
    /// Addresses that are all somebody's, who answers nothing more.
    Many,
    /// Addresses of the wide world, behind a gateway.
    Afar,
}

impl From {
    fn address(self, number: u32) -> Ipv4Address {
        match self {
            Self::One => GATEWAY,
            Self::Afar => Ipv4Address::new(10, 0, (number >> 8) as u8, number as u8),
            Self::Nobody | Self::Many => Ipv4Address::new(192, 168, 69, 100 + (number % 150) as u8),
        }
    }
}

const COUNT: u32 = 1000;

/// Begin the connection with this number.
fn forge(world: &World, forger: &Forger, from: From, number: u32, port: u16) {
    let address = from.address(number);
    if matches!(from, From::Many) {
        forger.claim(world.now, address);
    }
    let from = (address, 10_000 + number as u16);
    let segment = Segment { from, port, control: TcpControl::Syn, seq: number as i32, ack: None };
    forger.send(world.now, segment);
}

fn forger(world: &mut World, from: From) -> Forger {
    let forger = Forger::new(&world.wire);
    if matches!(from, From::One | From::Afar) {
        forger.claim(world.now, GATEWAY);
        let routes = world.server().interface.routes_mut();
        routes.add_default_ipv4_route(GATEWAY).unwrap();
    }
    forger
}

const GATEWAY: Ipv4Address = Ipv4Address::new(192, 168, 69, 200);

/// A world with a client that moves files for longer than a flood lasts.
fn busy(seed: u64, slots: usize) -> (World, usize, Vec<u8>) {
    let mut world = World::serving(seed, Setup::slots(slots));
    let host = world.host();
    let slow = Conditions { delay: Duration::from_millis(10), ..Conditions::GOOD };
    world.hosts[host].device.set(slow, slow);
    let session = world.session(host, Version::V4);
    let file = payload(seed, 2_000_000 / 2);
    world.ask(session, [upload("f", &file), download("f")]);
    world.run_for(SECOND / 10);
    (world, session, file)
}

#[test]
fn a_transfer_goes_on_through_a_flood_and_newcomers_get_in_during_and_after() {
    for from in [From::One, From::Nobody, From::Many, From::Afar] {
        let (mut world, session, file) = busy(1, 4);
        let forger = forger(&mut world, from);
        let newcomer = world.host();
        for number in 0..COUNT {
            forge(&world, &forger, from, number, CONTROL);
            world.run_for(Duration::from_millis(1));
            if number == COUNT / 2 {
                let during = world.session(newcomer, Version::V4);
                world.ask(during, [list("/"), Command::Exit.into()]);
            }
        }
        assert!(!world.sessions[session].is_through(), "the flood is to end before the transfer");
        let during = &world.sessions[1];
        let is_served = during.script.answers.first().is_some_and(|answer| answer.result.is_some());
        assert!(is_served, "{from:?}: {}", during.sight(&world.hosts));
        let after = world.session(newcomer, Version::V4);
        world.does(after, [list("/")]);
        let answers = world.finish(session, SECOND * 30);
        assert!(answers[1].bytes == file, "{from:?}");
        let begun = world.server().server.owner().begun.len();
        assert_eq!(begun, 3, "{from:?}: nobody else gets a session");
    }
}

#[test]
fn a_thousand_at_once_and_then_silence_leave_room_after_a_moment() {
    for from in [From::One, From::Nobody, From::Many, From::Afar] {
        let (mut world, session, file) = busy(2, 4);
        let forger = forger(&mut world, from);
        for number in 0..COUNT {
            forge(&world, &forger, from, number, CONTROL);
        }
        let newcomer = world.host();
        world.run_for(SECOND * 4);
        let after = world.session(newcomer, Version::V4);
        world.ask(after, [list("/")]);
        world.finish(after, SECOND * 4);
        let answers = world.finish(session, SECOND * 30);
        assert!(answers[1].bytes == file, "{from:?}");
    }
}

#[test]
fn a_flood_of_both_ports_that_does_not_end_leaves_sessions_in_peace() {
    let (mut world, session, file) = busy(3, 4);
    let control = world.session_at(0, Version::V4, CONTROL, true);
    world.does(control, []);
    let from = From::One;
    let forger = forger(&mut world, from);
    let newcomer = world.host();
    // Less than the time between two segments of a hand-shake on this wire.
    let mut number = 0;
    let mut served = 0;
    while !world.sessions[session].is_through() {
        assert!(number < 200_000, "the transfer does not end");
        forge(&world, &forger, from, number % 50_000, [CONTROL, TRANSFER][number as usize % 2]);
        forger.received(world.now);
        world.run_for(Duration::from_micros(500));
        number += 1;
        if number % 1000 == 0 {
            let session = world.session(newcomer, Version::V4);
            world.ask(session, [Command::Noop.into(), Command::Exit.into()]);
            served += 1;
        }
    }
    let answers = world.finish(session, SECOND);
    assert!(answers[1].bytes == file);
    assert!(served >= 2);
    world.does(control, [Command::Noop.into()]);
}

#[test]
fn half_open_connections_alone_hold_no_slot_against_a_client() {
    // Three slots half open, and doors: a client that comes then is not turned away for ever.
    let mut world = World::serving(4, Setup::slots(3));
    let forger = forger(&mut world, From::One);
    for number in 0..3 {
        forge(&world, &forger, From::One, number, CONTROL);
    }
    let host = world.host();
    world.run_for(SECOND * 4);
    let session = world.session(host, Version::V4);
    world.ask(session, [Command::Noop.into()]);
    world.finish(session, SECOND * 3);
}
