//! Peers that reset, and resets for connections that nobody has.

mod support;

use coracle::Command;
use coracle::client::Done;
use smoltcp::wire::{Ipv4Address, TcpControl};
use support::forger::{Forger, Segment};
use support::session::{download, partial, receipt, upload, upload_rest};
use support::states::{HALF, Place, client_at, file, slot_is_back_after};
use support::{CONTROL, SECOND, Setup, TRANSFER, Version, World, payload};

#[test]
fn a_slot_comes_back_at_once_wherever_its_peer_resets() {
    for version in [Version::V4, Version::V6] {
        for place in Place::ALL {
            let (mut world, raw) = client_at(place, version, Setup::slots(1));
            let socket = world.raws[raw].socket;
            world.hosts[0].socket(socket).abort();
            world.run_for(SECOND / 100);
            assert_eq!(world.server().server.sessions(), 0, "{place:?}");
            let took = slot_is_back_after(&mut world, version);
            assert!(took <= SECOND, "{place:?}: {took}");
        }
    }
}

#[test]
fn what_has_come_of_an_upload_stays_and_is_gone_on_with() {
    let (mut world, raw) = client_at(Place::Upload, Version::V4, Setup::slots(1));
    let socket = world.raws[raw].socket;
    world.hosts[0].socket(socket).abort();
    world.run_for(SECOND / 100);
    let session = world.session(1, Version::V4);
    let file = file();
    let answers =
        world.does(session, [partial("u"), upload_rest("u", &file, HALF as u64), download("u")]);
    assert_eq!(answers[0].done(), Done::Sum(receipt(&file[..HALF])));
    assert!(answers[2].bytes == file);
}

const STRANGER: Ipv4Address = Ipv4Address::new(192, 168, 69, 66);

/// A stranger who has an address and sends segments.
fn stranger(world: &World) -> Forger {
    let forger = Forger::new(&world.wire);
    forger.claim(world.now, STRANGER);
    forger
}

fn segment(port: u16, control: TcpControl, seq: i32, ack: Option<i32>) -> Segment {
    Segment { from: (STRANGER, 5000), port, control, seq, ack }
}

#[test]
fn a_half_open_connection_that_is_reset_gives_its_slot_back() {
    let mut world = World::serving(1, Setup { doors: 0, ..Setup::slots(1) });
    let host = world.host();
    let forger = stranger(&world);
    for round in 0..20 {
        world.run_for(SECOND / 100);
        forger.send(world.now, segment(CONTROL, TcpControl::Syn, 1000, None));
        world.run_for(SECOND / 100);
        let received = forger.received(world.now);
        assert!(
            received.iter().any(|&(_, control, ack, _)| control == TcpControl::Syn && ack),
            "round {round}: {received:?}"
        );
        forger.send(world.now, segment(CONTROL, TcpControl::Rst, 1001, None));
    }
    let session = world.session(host, Version::V4);
    world.does(session, [Command::Noop.into()]);
}

#[test]
fn resets_and_nonsense_to_listening_sockets_change_nothing() {
    let mut world = World::serving(2, Setup::slots(3));
    let host = world.host();
    let control = world.session_at(host, Version::V4, CONTROL, true);
    world.does(control, []);
    let forger = stranger(&world);
    let controls =
        [TcpControl::Rst, TcpControl::Fin, TcpControl::None, TcpControl::Psh, TcpControl::Rst];
    for (number, control) in controls.into_iter().cycle().take(500).enumerate() {
        let ack = (number % 2 == 0).then_some(number as i32 * 77);
        let port = if number % 3 == 0 { TRANSFER } else { CONTROL };
        forger.send(world.now, segment(port, control, number as i32 * 991, ack));
        world.run_for(SECOND / 1000);
    }
    // Nobody was answered as if there were a connection, and everybody else is served.
    let received = forger.received(world.now);
    assert!(received.iter().all(|&(_, control, ..)| control == TcpControl::Rst), "{received:?}");
    let transfer = world.session_at(host, Version::V4, TRANSFER, false);
    world.does(transfer, [upload("f", &payload(1, 10_000)), download("f")]);
    world.does(control, [Command::Noop.into()]);
    assert_eq!(world.server().server.owner().begun.len(), 2);
}

#[test]
fn resets_that_are_guessed_end_no_session() {
    let mut world = World::serving(3, Setup::slots(1));
    let host = world.host();
    let session = world.session(host, Version::V4);
    let file = payload(3, 200_000);
    world.ask(session, [upload("f", &file), download("f")]);
    let forger = Forger::new(&world.wire);
    let client = Ipv4Address::new(192, 168, 69, 2);
    for guess in 0..200 {
        let seq = i32::wrapping_mul(guess, 0x0100_0193);
        let from = (client, 49_152);
        let control = TcpControl::Rst;
        forger.send(world.now, Segment { from, port: CONTROL, control, seq, ack: None });
        world.run_for(SECOND / 10_000);
    }
    let answers = world.finish(session, SECOND * 10);
    assert!(answers[1].bytes == file);
}
