//! The transfer port: open while somebody has asked for it.

mod support;

use coracle::Command;
use coracle_smoltcp::Port;
use support::session::{download, list, upload};
use support::{CONTROL, SECOND, Setup, TRANSFER, Version, World, payload};

/// Whether somebody listens on a port, and hangs up.
fn is_open(world: &mut World, host: usize, port: u16) -> bool {
    let raw = world.dial(host, Version::V4, port);
    world.raws[raw].say(b"hello 1\n");
    world.run_until(SECOND * 3, |world| {
        world.raws[raw].is_lost || world.raws[raw].text().ends_with("\\n")
    });
    let is_open = !world.raws[raw].is_lost;
    assert!(!is_open || world.raws[raw].text().starts_with("ok 1 "), "{}", world.raws[raw].text());
    world.raws[raw].close();
    world.run_for(SECOND);
    is_open
}

#[test]
fn the_transfer_port_is_closed_until_a_session_asks_and_after_the_last_that_did() {
    let mut world = World::serving(1, Setup::slots(6));
    let host = world.host();
    assert!(is_open(&mut world, host, CONTROL));
    assert!(!is_open(&mut world, host, TRANSFER));
    let asks_nothing = world.session(host, Version::V4);
    world.does(asks_nothing, []);
    assert!(!is_open(&mut world, host, TRANSFER));
    let sessions = [0, 1].map(|_| world.session_at(host, Version::V4, CONTROL, true));
    for session in sessions {
        world.does(session, []);
        let greeting = world.sessions[session].script.greeting.unwrap();
        assert_eq!(greeting.transfer, Some(TRANSFER));
        assert!(is_open(&mut world, host, TRANSFER));
    }
    world.does(sessions[0], [Command::Exit.into()]);
    world.run_for(SECOND);
    assert!(is_open(&mut world, host, TRANSFER), "one that asked is still there");
    world.does(sessions[1], [Command::Exit.into()]);
    world.run_for(SECOND);
    assert!(!is_open(&mut world, host, TRANSFER));
    world.does(asks_nothing, [Command::Noop.into()]);
}

#[test]
fn it_is_open_before_the_reply_says_so() {
    for version in [Version::V4, Version::V6] {
        let mut world = World::serving(2, Setup::default());
        let host = world.host();
        let control = world.session_at(host, version, CONTROL, true);
        world.run_until(SECOND, |world| world.sessions[control].script.greeting.is_some());
        // In the very moment in which the reply is read.
        let transfer = world.session_at(host, version, TRANSFER, false);
        world.does(transfer, [Command::Noop.into()]);
    }
}

#[test]
fn files_move_on_one_connection_and_lists_on_the_other() {
    let mut world = World::serving(3, Setup::default());
    let host = world.host();
    let control = world.session_at(host, Version::V6, CONTROL, true);
    world.does(control, []);
    let transfer = world.session_at(host, Version::V6, TRANSFER, false);
    let file = payload(3, 400_000);
    world.ask(transfer, [upload("f", &file), download("f"), Command::Exit.into()]);
    world.run_for(SECOND / 1000);
    for _ in 0..5 {
        world.does(control, [list("/")]);
        assert!(!world.sessions[transfer].is_through(), "a listing waits for a transfer");
    }
    let answers = world.finish(transfer, SECOND * 10);
    assert!(answers[1].bytes == file);
    let begun = &world.server().server.owner().begun;
    assert_eq!(
        begun.iter().map(|session| session.port).collect::<Vec<_>>(),
        [Port::Control, Port::Transfer]
    );
}

#[test]
fn a_transfer_goes_on_when_the_session_that_opened_the_port_has_ended() {
    let mut world = World::serving(4, Setup::default());
    let host = world.host();
    let control = world.session_at(host, Version::V4, CONTROL, true);
    world.does(control, []);
    let transfer = world.session_at(host, Version::V4, TRANSFER, false);
    let file = payload(4, 300_000);
    world.does(transfer, [Command::Noop.into()]);
    world.ask(transfer, [upload("f", &file)]);
    world.does(control, [Command::Exit.into()]);
    world.run_for(SECOND / 1000);
    assert!(!is_open(&mut world, host, TRANSFER));
    world.does(transfer, [download("f")]);
    assert!(world.sessions[transfer].script.answers[2].bytes == file);
}

#[test]
fn a_session_that_vanishes_closes_the_port_it_asked_for() {
    let mut world = World::serving(5, Setup::default());
    let (host, other) = (world.host(), world.host());
    let control = world.session_at(host, Version::V4, CONTROL, true);
    world.does(control, []);
    assert!(is_open(&mut world, other, TRANSFER));
    world.hosts[host].vanish();
    world.run_for(SECOND * 100);
    assert!(!is_open(&mut world, other, TRANSFER));
}

#[test]
fn without_a_transfer_port_none_is_named() {
    let mut setup = Setup::default();
    setup.settings.transfer_port = None;
    let mut world = World::serving(6, setup);
    let host = world.host();
    let control = world.session_at(host, Version::V4, CONTROL, true);
    world.does(control, [Command::Noop.into()]);
    assert_eq!(world.sessions[control].script.greeting.unwrap().transfer, None);
    assert!(!is_open(&mut world, host, TRANSFER));
}

#[test]
fn no_transfer_port_is_named_where_no_slot_is_left_for_it() {
    for slots in 1..=4 {
        let mut world = World::serving(7, Setup::slots(slots));
        let host = world.host();
        let control = world.session_at(host, Version::V4, CONTROL, true);
        world.does(control, []);
        // One slot has the session, and the last one is for newcomers on the control port.
        let port = world.sessions[control].script.greeting.unwrap().transfer;
        assert_eq!(port, (slots >= 3).then_some(TRANSFER), "{slots} slots");
        let raw = world.dial(host, Version::V4, TRANSFER);
        world.raws[raw].say(b"hello 1\n");
        world.run_until(SECOND * 3, |world| {
            world.raws[raw].is_lost || world.raws[raw].text().ends_with("\\n")
        });
        let raw = &world.raws[raw];
        let is_served = raw.text().starts_with("ok 1 ");
        assert_eq!(is_served, port.is_some(), "{slots} slots: {}", raw.text());
        world.does(control, [Command::Noop.into()]);
    }
}
