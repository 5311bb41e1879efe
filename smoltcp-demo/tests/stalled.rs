//! Clients that do not read, and a medium that does not answer: they slow nobody else.

mod support;

use coracle::Command;
use smoltcp::time::Duration;
use support::session::{download, list, upload};
use support::{CONTROL, Conditions, SECOND, Setup, Version, World, payload};

/// A server with a large file, and a host.
fn world(seed: u64, slots: usize) -> (World, usize) {
    let mut world = World::serving(seed, Setup::slots(slots));
    let host = world.host();
    let session = world.session(host, Version::V4);
    world.does(session, [upload("big", &payload(9, 900_000)), Command::Exit.into()]);
    world.run_for(SECOND * 3);
    (world, host)
}

/// Connections that ask for the large file and read nothing of it.
fn stalled(world: &mut World, host: usize, count: usize) -> Vec<usize> {
    let raws = (0..count).map(|_| {
        let raw = world.dial(host, Version::V4, CONTROL);
        world.raws[raw].reads = false;
        world.raws[raw].say(b"hello 1\ndownload big\n");
        raw
    });
    let raws: Vec<_> = raws.collect();
    world.run_for(SECOND);
    raws
}

/// How long an upload and a download take.
fn time(world: &mut World, host: usize) -> Duration {
    let session = world.session(host, Version::V4);
    let began = world.now;
    let file = payload(1, 200_000);
    let answers = world.does(session, [upload("f", &file), download("f"), Command::Exit.into()]);
    assert!(answers[1].bytes == file);
    world.now - began
}

#[test]
fn a_window_that_stays_closed_slows_no_other_session() {
    let (mut world, host) = world(1, 4);
    let slow = Conditions { delay: Duration::from_millis(1), ..Conditions::GOOD };
    let other = world.host();
    world.hosts[other].device.set(slow, slow);
    let alone = time(&mut world, other);
    let raws = stalled(&mut world, host, 3);
    let beside = time(&mut world, other);
    assert!(beside <= alone + alone / 10, "{beside} beside stalled clients, {alone} alone");
    for &raw in &raws {
        assert!(world.raws[raw].received.is_empty() && !world.raws[raw].is_over());
    }
}

#[test]
fn a_reader_that_goes_on_in_time_gets_everything() {
    let (mut world, host) = world(2, 2);
    let raw = stalled(&mut world, host, 1)[0];
    world.run_for(SECOND * 50);
    world.raws[raw].reads = true;
    world.raws[raw].close();
    world.run_until(SECOND * 200, |world| world.raws[raw].is_ended);
    assert!(world.raws[raw].received.len() > 900_000, "{}", world.raws[raw].received.len());
}

#[test]
fn a_reader_that_does_not_go_on_loses_its_slot_after_its_time() {
    let (mut world, host) = world(3, 1);
    let raw = stalled(&mut world, host, 1)[0];
    world.run_for(SECOND * 55);
    assert_eq!(world.server().server.sessions(), 1);
    world.run_for(SECOND * 30);
    assert_eq!(world.server().server.sessions(), 0);
    let other = world.host();
    let session = world.session(other, Version::V4);
    world.does(session, [Command::Noop.into()]);
    world.raws[raw].reads = true;
    world.run_until(SECOND, |world| world.raws[raw].is_over());
}

#[test]
fn a_reader_of_one_byte_at_a_time_slows_no_other_session() {
    let (mut world, host) = world(4, 2);
    let raw = stalled(&mut world, host, 1)[0];
    let other = world.host();
    let session = world.session(other, Version::V4);
    let file = payload(4, 400_000);
    world.ask(session, [upload("f", &file), download("f")]);
    let socket = world.raws[raw].socket;
    let began = world.now;
    while !world.sessions[session].is_through() {
        let mut byte = [0];
        let _none = world.hosts[host].socket(socket).recv_slice(&mut byte);
        world.run_for(Duration::from_micros(200));
        assert!(world.now - began < SECOND);
    }
    assert!(world.finish(session, SECOND)[1].bytes == file);
}

#[test]
fn a_medium_that_stalls_is_waited_for_and_its_client_hears_of_it() {
    let (mut world, host) = world(5, 2);
    let session = world.session(host, Version::V4);
    world.does(session, []);
    let stalls = world.server().server.owner().is_stalled.clone();
    stalls.set(true);
    world.ask(session, [list("/"), upload("f", &payload(5, 50_000)), download("f")]);
    world.run_for(SECOND * 45);
    assert!(world.sessions[session].end.is_none(), "{:?}", world.sessions[session].script.farewell);
    assert!(world.sessions[session].script.busy >= 3, "{}", world.sessions[session].script.busy);
    stalls.set(false);
    world.server().wake();
    let answers = world.finish(session, SECOND * 10);
    assert_eq!(answers[0].lines, ["File big"]);
    assert!(answers[2].bytes == payload(5, 50_000));
}

#[test]
fn a_medium_that_stalls_costs_no_processor_time() {
    let (mut world, host) = world(6, 2);
    let session = world.session(host, Version::V4);
    world.does(session, []);
    let stalls = world.server().server.owner().is_stalled.clone();
    stalls.set(true);
    world.ask(session, [list("/")]);
    world.run_for(SECOND);
    let before = world.server().polls;
    world.run_for(SECOND * 30);
    let polls = world.server().polls - before;
    assert!(polls < 40, "{polls} polls in 30 s");
}
