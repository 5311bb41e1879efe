//! Clients that close their side: between two commands, within a line, within a file.

mod support;

use coracle::client::Done;
use coracle::{Command, Error, Outcome};
use support::raw::{data, frames};
use support::session::{partial, receipt, upload};
use support::{CONTROL, Conditions, SECOND, Setup, TRANSFER, Version, World, ancestor, payload};

/// Say something and close at once; what came, and how the session ended.
fn say(world: &mut World, port: u16, bytes: &[u8]) -> (String, Outcome) {
    let raw = world.dial(0, Version::V4, port);
    world.raws[raw].say(bytes);
    world.raws[raw].close();
    world.run_until(SECOND * 5, |world| world.raws[raw].is_over());
    assert!(world.raws[raw].is_ended, "the server closes in order: {}", world.raws[raw].text());
    world.run_for(SECOND);
    let (_, ended) = *world.server().server.owner().ended.last().unwrap();
    (world.raws[raw].text(), ended.unwrap_or_else(|error: Error<_>| panic!("{error:?}")))
}

fn world(seed: u64) -> World {
    let mut world = World::serving(seed, Setup::slots(3));
    world.host();
    world
}

#[test]
fn what_was_asked_before_the_end_is_answered() {
    let mut world = world(1);
    let bytes = payload(1, 30_000);
    let line = format!("hello 1\nupload f {}\n", bytes.len()).into_bytes();
    let all = [line, frames(&bytes), b"ls\nstat f\ndownload f\nnoop\n".to_vec()].concat();
    let (text, outcome) = say(&mut world, CONTROL, &all);
    assert_eq!(outcome, Outcome::Ended);
    assert!(
        text.contains("\\n- f 30000 - f\\nok 1\\nok f 30000 -\\nok 30000 30000 -\\n"),
        "{text}"
    );
    assert!(text.ends_with("ok\\n"), "{text}");
    assert_eq!(world.server().server.sessions(), 0);
}

#[test]
fn a_line_or_a_file_that_is_cut_is_not_answered() {
    let mut world = world(2);
    let (text, outcome) = say(&mut world, CONTROL, b"hello 1\nrm f");
    assert!(text.starts_with("ok 1 ") && text.matches("\\n").count() == 1, "{text}");
    assert_eq!(outcome, Outcome::Lost);
    let bytes = payload(2, 5000);
    let cut = [b"hello 1\nupload f 9999\n".to_vec(), data(&bytes)].concat();
    let (_, outcome) = say(&mut world, CONTROL, &cut);
    assert_eq!(outcome, Outcome::Lost);
    let session = world.session(0, Version::V4);
    let answers = world.does(session, [partial("f")]);
    assert_eq!(answers[0].done(), Done::Sum(receipt(&bytes)));
}

#[test]
fn who_says_nothing_and_closes_leaves_nothing() {
    let mut world = world(3);
    for _ in 0..20 {
        let raw = world.dial(0, Version::V4, CONTROL);
        world.raws[raw].close();
        world.run_until(SECOND, |world| world.raws[raw].is_over());
    }
    world.run_for(SECOND);
    assert_eq!(world.server().server.sessions(), 0);
    let session = world.session(0, Version::V4);
    world.does(session, [upload("f", b"1")]);
}

#[test]
fn on_the_transfer_port_the_client_closes_first_and_keeps_the_name() {
    let mut world = world(4);
    let control = world.session_at(0, Version::V4, CONTROL, true);
    world.does(control, []);
    let raw = world.dial(0, Version::V4, TRANSFER);
    world.raws[raw].say(b"hello 1\nnoop\nexit\n");
    world.run_until(SECOND, |world| world.raws[raw].text().ends_with("ok\\nok\\n"));
    world.run_for(SECOND / 2);
    assert!(!world.raws[raw].is_over(), "the server waits for the client to close");
    world.raws[raw].close();
    world.run_for(SECOND);
    let socket = world.raws[raw].socket;
    assert_eq!(world.hosts[0].state(socket), smoltcp::socket::tcp::State::TimeWait);
    // A client that does not close is reset, and its slot is free.
    let raw = world.dial(0, Version::V4, TRANSFER);
    world.raws[raw].say(b"hello 1\nexit\n");
    world.run_until(SECOND * 4, |world| world.raws[raw].is_lost);
}

#[test]
fn the_last_word_arrives_at_a_client_that_sends_all_it_has_before_it_reads() {
    let mut world = world(5);
    let raw = world.dial(0, Version::V4, CONTROL);
    world.raws[raw].reads = false;
    // Nothing that is a command, and much more behind it.
    world.raws[raw].say(b"hello 1\n");
    world.raws[raw].say(&[0x07; 500_000]);
    world.raws[raw].close();
    world.run_until(SECOND * 5, |world| world.raws[raw].is_said());
    world.raws[raw].reads = true;
    world.run_until(SECOND * 5, |world| world.raws[raw].is_over());
    let text = world.raws[raw].text();
    assert!(world.raws[raw].is_ended && text.contains("\\nerr bad-command "), "{text}");
}

#[test]
fn the_last_bytes_have_the_time_they_need() {
    // All of the file is in the server's buffer when its session is over, and takes half a
    // minute to arrive: 16 KiB a round trip.
    for classic in [false, true] {
        let mut setup = Setup { buffer: 500_000, ..Setup::slots(3) };
        setup.settings.config.classic = true;
        let mut world = World::serving(6, setup);
        let (far, near) = (world.host(), world.host());
        let slow = Conditions { delay: SECOND * 2 / 5, ..Conditions::GOOD };
        world.hosts[far].device.set(slow, slow);
        let file = payload(6, 400_000);
        let session = world.session(near, Version::V4);
        world.does(session, [upload("f", &file), Command::Exit.into()]);
        if classic {
            assert_eq!(ancestor::ask(&mut world, far, Version::V4, "download f"), "400000");
            assert!(ancestor::receive(&mut world, far, 400_000) == file, "classic");
        } else {
            let raw = world.dial(far, Version::V4, CONTROL);
            world.raws[raw].say(b"hello 1\ndownload f\nexit\n");
            world.run_until(SECOND * 100, |world| world.raws[raw].is_over());
            let raw = &world.raws[raw];
            assert!(raw.is_ended && raw.received.len() > 400_000, "{}", raw.received.len());
        }
    }
}

#[test]
fn the_last_bytes_on_the_transfer_port_have_it_as_well() {
    let mut world = World::serving(7, Setup { buffer: 500_000, ..Setup::slots(4) });
    let (far, near) = (world.host(), world.host());
    let slow = Conditions { delay: SECOND * 2 / 5, ..Conditions::GOOD };
    world.hosts[far].device.set(slow, slow);
    let control = world.session_at(near, Version::V4, CONTROL, true);
    world.does(control, [upload("f", &payload(7, 400_000))]);
    let raw = world.dial(far, Version::V4, TRANSFER);
    world.raws[raw].say(b"hello 1\ndownload f\nexit\n");
    let is_whole = |received: &[u8]| received.len() > 400_000 && received.ends_with(b"ok\n");
    world.run_until(SECOND * 100, |world| is_whole(&world.raws[raw].received));
}
