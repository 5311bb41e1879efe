//! Peers that vanish: they answer nothing any more, wherever they are. Their slot comes back
//! when its timer says so, and not before.

mod support;

use coracle::client::Done;
use smoltcp::socket::tcp::State;
use smoltcp::time::Duration;
use smoltcp::wire::Ipv4Address;
use support::forger::Forger;
use support::session::{download, partial, receipt, upload, upload_rest};
use support::states::{HALF, Place, client_at, file, slot_is_back_after};
use support::{Conditions, SECOND, Setup, Version, World};

/// Within how many seconds the slot comes back.
fn expected(place: Place) -> (u32, u32) {
    match place {
        // Ten seconds, or as soon as somebody else needs the slot.
        Place::HalfOpen => (0, 11),
        // Ten seconds of patience, and up to ten for the last words.
        Place::Silent | Place::FirstLine | Place::Line => (9, 22),
        // Sixty seconds without an answer to anything.
        Place::Idle | Place::Upload | Place::Download => (58, 82),
        // Two seconds, of which one has passed, or as soon as somebody else needs the slot.
        Place::Closing => (0, 3),
    }
}

#[test]
fn a_slot_comes_back_by_its_timer_wherever_its_peer_vanishes() {
    for version in [Version::V4, Version::V6] {
        for place in Place::ALL {
            let (mut world, _) = client_at(place, version, Setup::slots(1));
            world.hosts[0].vanish();
            let took = slot_is_back_after(&mut world, version);
            let (least, most) = expected(place);
            assert!(took >= SECOND * least && took <= SECOND * most, "{place:?}: {took}");
        }
    }
}

#[test]
fn nobody_needs_to_come_for_a_slot_to_be_free_again() {
    for (slots, place) in [1, 2].into_iter().flat_map(|n| Place::ALL.map(|place| (n, place))) {
        let (mut world, _) = client_at(place, Version::V4, Setup::slots(slots));
        world.hosts[0].vanish();
        world.run_for(SECOND * expected(place).1);
        assert_eq!(world.server().server.sessions(), 0, "{place:?}");
        assert!(world.server().server.is_quiet(), "{place:?}");
        world.run_for(SECOND * 2);
        let states = world.server().states();
        let is_free = |state: &State| matches!(state, State::Listen | State::Closed);
        assert!(states.iter().all(is_free), "{place:?}: {states:?}");
    }
}

#[test]
fn a_connection_that_nobody_knows_on_a_machine_that_is_there_is_given_up_in_time() {
    let (mut world, _) = client_at(Place::Idle, Version::V4, Setup::slots(1));
    world.hosts[0].vanish();
    // Somebody has its address, and nothing to say.
    let forger = Forger::new(&world.wire);
    for _ in 0..6 {
        forger.claim(world.now, Ipv4Address::new(192, 168, 69, 2));
        world.run_for(SECOND * 9);
        assert_eq!(world.server().server.sessions(), 1);
    }
    world.run_for(SECOND * 9);
    assert_eq!(world.server().server.sessions(), 0);
}

#[test]
fn a_slot_comes_back_sooner_where_the_timers_are_shorter() {
    let mut setup = Setup::slots(1);
    let times = &mut setup.settings.timeouts;
    (times.first_line, times.line) = (2000, 2000);
    (setup.settings.keep_alive, setup.settings.vanished) = (3000, 9000);
    for place in [Place::Line, Place::Idle, Place::Upload, Place::Download] {
        let (mut world, _) = client_at(place, Version::V4, setup);
        world.hosts[0].vanish();
        let took = slot_is_back_after(&mut world, Version::V4);
        assert!(took <= SECOND * 13, "{place:?}: {took}");
    }
}

/// Somebody else takes over the half upload, and finds all of it.
fn resume(world: &mut World) {
    let session = world.session(1, Version::V4);
    let file = file();
    let answers = world.does(session, [partial("u")]);
    assert_eq!(answers[0].done(), Done::Sum(receipt(&file[..HALF])));
    let answers = world.does(session, [upload_rest("u", &file, HALF as u64), download("u")]);
    assert!(matches!(answers[0].done(), Done::Uploaded(whole, _) if whole == receipt(&file)));
    assert!(answers[1].bytes == file);
}

#[test]
fn what_has_come_of_an_upload_stays_and_is_gone_on_with() {
    let (mut world, _) = client_at(Place::Upload, Version::V4, Setup::slots(1));
    world.hosts[0].vanish();
    slot_is_back_after(&mut world, Version::V4);
    world.run_for(SECOND);
    resume(&mut world);
}

#[test]
fn an_upload_that_makes_no_progress_is_taken_over_at_once_where_there_is_a_slot() {
    let (mut world, _) = client_at(Place::Upload, Version::V4, Setup::slots(2));
    world.hosts[0].vanish();
    world.run_for(SECOND * 5);
    resume(&mut world);
}

#[test]
fn a_cable_that_is_pulled_for_half_a_minute_harms_nobody() {
    let mut world = World::serving(9, Setup::slots(1));
    let host = world.host();
    let slow = Conditions { delay: Duration::from_millis(5), ..Conditions::GOOD };
    world.hosts[host].device.set(slow, slow);
    let session = world.session(host, Version::V4);
    let file = file();
    world.ask(session, [upload("f", &file), download("f")]);
    // In the upload, and in the download.
    for transfer in 0..2 {
        world.run_until(SECOND * 40, |world| {
            let answers = &world.sessions[session].script.answers;
            answers.get(transfer).is_some_and(|answer| transfer == 0 || !answer.bytes.is_empty())
        });
        world.run_for(Duration::from_millis(30));
        assert!(!world.sessions[session].is_through());
        world.hosts[host].device.attach(false);
        world.run_for(SECOND * 30);
        world.hosts[host].device.attach(true);
    }
    let answers = world.finish(session, SECOND * 100);
    assert!(answers[1].bytes == file);
}
