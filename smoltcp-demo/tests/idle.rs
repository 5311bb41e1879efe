//! Time: peers that are alive and say nothing, and a server that has nothing to do.

mod support;

use coracle::{Code, Command};
use smoltcp::time::Duration;
use support::session::{list, upload};
use support::states::{Place, client_at};
use support::{CONTROL, SECOND, Setup, Version, World, payload};

#[test]
fn a_server_without_clients_sleeps_until_a_frame_comes() {
    for doors in [0, 2] {
        let mut world = World::serving(1, Setup { doors, ..Setup::default() });
        world.run_for(SECOND);
        let server = world.server();
        assert_eq!(server.due(smoltcp::time::Instant::from_secs(1)), None);
        let before = server.polls;
        world.run_for(SECOND * 100);
        assert_eq!(world.server().polls, before);
    }
}

#[test]
fn an_idle_session_costs_a_few_polls() {
    let mut world = World::serving(2, Setup::slots(4));
    let host = world.host();
    let sessions: Vec<_> = (0..4).map(|_| world.session(host, Version::V4)).collect();
    for session in sessions {
        world.does(session, [list("/")]);
    }
    world.run_for(SECOND);
    let before = world.server().polls;
    world.run_for(SECOND * 100);
    let polls = world.server().polls - before;
    // A question every 20 s for each, its answer, and the neighbour that is asked for.
    assert!(polls <= 4 * 5 * 4, "{polls} polls in 100 s");
    assert_eq!(world.server().server.sessions(), 4);
}

#[test]
fn after_sessions_have_ended_the_server_sleeps_again() {
    let mut world = World::serving(3, Setup::default());
    let host = world.host();
    for _ in 0..10 {
        let session = world.session(host, Version::V4);
        world.does(session, [upload("f", &payload(3, 5000)), Command::Exit.into()]);
    }
    world.run_for(SECOND * 30);
    let before = world.server().polls;
    world.run_for(SECOND * 100);
    assert_eq!(world.server().polls, before);
    assert!(world.server().server.is_quiet());
}

#[test]
fn a_peer_that_is_alive_stays_and_is_asked_for_signs_of_life() {
    let mut world = World::serving(4, Setup::slots(1));
    let host = world.host();
    let session = world.session(host, Version::V4);
    for _ in 0..3 {
        world.does(session, [Command::Noop.into()]);
        world.wire.record();
        let before = world.wire.recorded().len();
        world.run_for(SECOND * 290);
        let frames = world.wire.recorded().len() - before;
        assert!((20..200).contains(&frames), "{frames} frames in 290 s");
    }
    world.does(session, [Command::Noop.into()]);
}

#[test]
fn a_peer_that_vanishes_goes_and_one_beside_it_stays() {
    let mut world = World::serving(5, Setup::slots(2));
    let (alive, gone) = (world.host(), world.host());
    let stays = world.session(alive, Version::V6);
    let goes = world.session(gone, Version::V6);
    world.does(stays, []);
    world.does(goes, []);
    world.hosts[gone].vanish();
    world.run_for(SECOND * 58);
    assert_eq!(world.server().server.sessions(), 2);
    world.run_for(SECOND * 25);
    assert_eq!(world.server().server.sessions(), 1);
    world.does(stays, [Command::Noop.into()]);
}

#[test]
fn a_peer_that_is_alive_and_idle_is_sent_away_after_its_time() {
    let mut world = World::serving(6, Setup::slots(1));
    let host = world.host();
    let session = world.session(host, Version::V4);
    world.does(session, [Command::Noop.into()]);
    let began = world.now;
    world.run_until(SECOND * 400, |world| world.sessions[session].end.is_some());
    let took = world.now - began;
    assert!(took >= SECOND * 299 && took <= SECOND * 302, "{took}");
    let told = world.sessions[session].script.farewell.as_ref().map(|(code, _)| *code);
    assert_eq!(told, Some(Some(Code::Timeout)));
    world.run_for(SECOND);
    let session = world.session(host, Version::V4);
    world.does(session, [Command::Noop.into()]);
}

/// A client that is somewhere and goes on in no way, though its stack is alive: after how long it
/// was told what, and closed.
fn sent_away(place: Place) -> (Duration, String) {
    let (mut world, raw) = client_at(place, Version::V4, Setup::slots(1));
    let began = world.now;
    world.run_until(SECOND * 400, |world| world.server().server.sessions() == 0);
    let took = world.now - began;
    world.raws[raw].reads = true;
    world.run_until(SECOND * 20, |world| world.raws[raw].is_over());
    (took, world.raws[raw].text())
}

#[test]
fn who_begins_nothing_or_does_not_go_on_is_told_so_in_time() {
    for (place, seconds) in [
        (Place::Silent, 8..=11),
        (Place::FirstLine, 8..=11),
        (Place::Line, 8..=11),
        (Place::Upload, 58..=61),
    ] {
        let (took, text) = sent_away(place);
        assert!(seconds.contains(&took.secs()), "{place:?}: {took}");
        assert!(text.contains("err timeout "), "{place:?}: {text}");
    }
    let (took, _) = sent_away(Place::Download);
    assert!((58..=72).contains(&took.secs()), "{took}");
}

#[test]
fn one_byte_a_while_keeps_no_line_open() {
    let mut world = World::serving(7, Setup::slots(1));
    let host = world.host();
    let raw = world.dial(host, Version::V4, CONTROL);
    let began = world.now;
    for _ in 0..30 {
        world.raws[raw].say(b"h");
        world.run_for(SECOND);
        if world.raws[raw].is_over() {
            break;
        }
    }
    let took = world.now - began;
    assert!(took <= SECOND * 13, "{took}");
    assert!(world.raws[raw].text().contains("err "), "{}", world.raws[raw].text());
}
