//! The server ends: what is running is finished, what is idle is ended, nothing begins.

mod support;

use coracle::Code;
use smoltcp::time::Duration;
use support::session::{download, upload};
use support::{CONTROL, Conditions, SECOND, Setup, TRANSFER, Version, World, ancestor, payload};

/// A world with a slow cable, so that transfers last.
fn world(seed: u64, setup: Setup) -> (World, usize) {
    let mut world = World::serving(seed, setup);
    let host = world.host();
    let slow = Conditions { delay: Duration::from_millis(5), ..Conditions::GOOD };
    world.hosts[host].device.set(slow, slow);
    (world, host)
}

fn shut_down(world: &mut World) {
    world.server().server.shut_down();
    world.server().wake();
}

#[test]
fn idle_sessions_end_at_once_and_are_told() {
    let (mut world, host) = world(1, Setup::slots(3));
    let sessions: Vec<_> = (0..2).map(|_| world.session(host, Version::V4)).collect();
    for &session in &sessions {
        world.does(session, []);
    }
    shut_down(&mut world);
    world.run_for(SECOND / 10);
    for &session in &sessions {
        let session = &world.sessions[session];
        assert!(session.end.is_some() && session.script.farewell.is_some());
    }
    assert_eq!(world.server().server.sessions(), 0);
    world.run_for(SECOND * 3);
    assert!(world.server().server.is_quiet());
    // The names of connections are kept for ten seconds.
    world.run_for(SECOND * 10);
    let now = world.now;
    assert_eq!(world.server().due(now), None, "nothing is left to do");
}

#[test]
fn running_transfers_are_finished_first() {
    let (mut world, host) = world(2, Setup::slots(3));
    let file = payload(2, 300_000);
    let first = world.session(host, Version::V4);
    world.does(first, [upload("old", &file)]);
    let second = world.session(host, Version::V4);
    world.ask(first, [download("old")]);
    world.ask(second, [upload("new", &file)]);
    world.run_for(SECOND / 10);
    assert!(!world.sessions[first].is_through() && !world.sessions[second].is_through());
    shut_down(&mut world);
    world.run_until(SECOND * 60, |world| {
        world.sessions[first].end.is_some() && world.sessions[second].end.is_some()
    });
    assert!(world.sessions[first].script.answers[1].bytes == file);
    assert!(world.sessions[first].script.answers[1].done() != coracle::client::Done::Plain);
    assert!(matches!(
        world.sessions[second].script.answers[0].done(),
        coracle::client::Done::Uploaded(..)
    ));
    assert_eq!(world.server().server.sessions(), 0);
}

#[test]
fn nobody_new_gets_in() {
    let (mut world, host) = world(3, Setup::slots(3));
    let file = payload(3, 300_000);
    let session = world.session_at(host, Version::V4, CONTROL, true);
    world.ask(session, [upload("f", &file)]);
    world.run_for(SECOND / 10);
    shut_down(&mut world);
    world.run_for(SECOND / 100);
    for port in [CONTROL, TRANSFER] {
        let raw = world.dial(host, Version::V4, port);
        world.run_until(SECOND * 5, |world| world.raws[raw].is_over());
        let raw = &world.raws[raw];
        assert!(raw.is_lost || raw.text().starts_with("err "), "{port}: {}", raw.text());
    }
    world.run_until(SECOND * 60, |world| world.sessions[session].end.is_some());
    world.sessions[session].script.answers[0].done();
    // Not even when all slots are free again.
    world.run_for(SECOND * 5);
    let raw = world.dial(host, Version::V4, CONTROL);
    world.run_until(SECOND, |world| world.raws[raw].is_lost);
}

#[test]
fn who_is_half_way_in_is_not_forgotten() {
    let (mut world, host) = world(4, Setup::slots(3));
    let session = world.session(host, Version::V4);
    // The SYN has come, its answer is on its way.
    world.run_for(Duration::from_millis(35));
    shut_down(&mut world);
    world.run_until(SECOND * 20, |world| world.sessions[session].end.is_some());
    assert_eq!(world.server().server.sessions(), 0);
    world.run_for(SECOND * 30);
    assert!(world.server().server.is_quiet());
}

#[test]
fn a_classic_transfer_is_finished_too() {
    let (mut world, host) = world(5, Setup::slots(3).classic());
    let file = payload(5, 300_000);
    let reply = ancestor::ask(&mut world, host, Version::V4, "upload f 300000");
    assert_eq!(reply, "ok");
    let transfer = ancestor::send(&mut world, host, Version::V4, &file);
    world.run_for(SECOND / 10);
    shut_down(&mut world);
    world.run_until(SECOND * 60, |world| world.raws[transfer].is_over());
    assert!(world.raws[transfer].is_ended);
    world.run_for(SECOND);
    let ended = world.server().server.owner().ended.last().copied();
    assert!(matches!(ended, Some((_, Ok(coracle::Outcome::Ended)))), "{ended:?}");
}

#[test]
fn the_reason_is_that_the_server_ends() {
    let (mut world, host) = world(6, Setup::slots(1));
    let session = world.session(host, Version::V4);
    world.does(session, []);
    shut_down(&mut world);
    world.run_until(SECOND, |world| world.sessions[session].end.is_some());
    let (code, message) = world.sessions[session].script.farewell.clone().unwrap();
    assert!(code.is_some_and(|code| code != Code::Timeout), "{code:?} {message}");
}
