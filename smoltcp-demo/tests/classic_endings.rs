//! Classic transfers that do not end well, and those who are not meant by them.

mod support;

use coracle::Command;
use smoltcp::time::Duration;
use support::session::{self, list, stat};
use support::{CONTROL, SECOND, Setup, TRANSFER, Version, World, ancestor, payload};

const SIZE: usize = 200_000;

/// The first host is the one whose transfer ends badly, the second is there to look.
fn world(seed: u64) -> (World, Vec<u8>) {
    let mut world = World::serving(seed, Setup::slots(3).classic());
    let file = payload(seed, SIZE);
    let (_, other) = (world.host(), world.host());
    let session = world.session(other, Version::V4);
    world.does(session, [session::upload("old", &file), Command::Exit.into()]);
    world.run_for(SECOND * 3);
    (world, file)
}

/// The connection of an upload that has been asked for.
fn upload(world: &mut World) -> usize {
    assert_eq!(ancestor::ask(world, 0, Version::V4, &format!("upload new {SIZE}")), "ok");
    world.dial(0, Version::V4, TRANSFER)
}

/// The turn, the slots and the port are free, and nothing is left of `new`.
fn is_over(world: &mut World, file: &[u8]) {
    assert_eq!(world.server().server.sessions(), 0);
    let session = world.session(1, Version::V4);
    let answers = world.does(session, [stat("new"), list("/"), Command::Exit.into()]);
    assert_eq!(answers[0].code(), coracle::Code::NotFound);
    assert_eq!(answers[1].lines, ["File old"]);
    world.run_for(SECOND * 3);
    let raw = world.dial(1, Version::V4, TRANSFER);
    world.run_until(SECOND, |world| world.raws[raw].is_lost);
    let again = ancestor::download(world, 1, Version::V4, "old");
    assert!(again.is_ok_and(|again| again == file));
}

#[test]
fn a_client_that_never_dials_loses_its_turn_after_ten_seconds() {
    let (mut world, file) = world(1);
    assert_eq!(ancestor::ask(&mut world, 0, Version::V4, "upload new 5"), "ok");
    world.run_for(SECOND * 9);
    assert_eq!(world.server().server.sessions(), 1);
    world.run_for(SECOND * 3);
    is_over(&mut world, &file);
}

#[test]
fn a_client_that_vanishes_loses_its_turn_by_a_timer() {
    // Before it dials; in the middle of an upload; in the middle of a download; before it
    // listens for one.
    for (case, seconds) in [(0, 12), (1, 82), (2, 82), (3, 12)] {
        let (mut world, file) = world(2);
        match case {
            0 => assert_eq!(ancestor::ask(&mut world, 0, Version::V4, "upload new 5"), "ok"),
            1 => {
                let raw = upload(&mut world);
                world.raws[raw].say(&file[..SIZE / 2]);
            }
            2 => {
                assert_eq!(ancestor::ask(&mut world, 0, Version::V4, "download old"), "200000");
                let raw = world.listen(0, TRANSFER);
                world.raws[raw].reads = false;
            }
            _ => assert_eq!(ancestor::ask(&mut world, 0, Version::V4, "download old"), "200000"),
        }
        world.run_for(SECOND);
        assert_eq!(world.server().server.sessions(), 1, "case {case}");
        world.hosts[0].vanish();
        world.run_for(SECOND * seconds);
        is_over(&mut world, &file);
    }
}

#[test]
fn a_client_that_resets_the_transfer_loses_its_turn_at_once() {
    let (mut world, file) = world(3);
    let raw = upload(&mut world);
    world.raws[raw].say(&file[..SIZE / 2]);
    world.run_for(SECOND);
    let socket = world.raws[raw].socket;
    world.hosts[0].socket(socket).abort();
    world.run_for(SECOND / 10);
    is_over(&mut world, &file);

    assert_eq!(ancestor::ask(&mut world, 0, Version::V4, "download old"), "200000");
    let raw = world.listen(0, TRANSFER);
    world.raws[raw].reads = false;
    world.run_for(SECOND);
    let socket = world.raws[raw].socket;
    world.hosts[0].socket(socket).abort();
    world.run_for(SECOND / 10);
    is_over(&mut world, &file);
}

#[test]
fn an_upload_that_is_shorter_or_longer_than_announced_leaves_nothing() {
    for len in [SIZE - 1, SIZE + 1, 0] {
        let (mut world, file) = world(4);
        let raw = upload(&mut world);
        let longer = [&file[..], b"x"].concat();
        world.raws[raw].say(&longer[..len]);
        world.raws[raw].close();
        world.run_until(SECOND * 30, |world| world.raws[raw].is_over());
        world.run_for(SECOND * 3);
        is_over(&mut world, &file);
    }
}

#[test]
fn an_upload_of_one_machine_takes_no_bytes_of_another() {
    let (mut world, file) = world(5);
    assert_eq!(ancestor::ask(&mut world, 0, Version::V4, &format!("upload new {SIZE}")), "ok");
    let stranger = world.dial(1, Version::V4, TRANSFER);
    world.raws[stranger].say(&payload(99, SIZE));
    world.raws[stranger].close();
    world.run_for(Duration::from_millis(50));
    let right = ancestor::send(&mut world, 0, Version::V4, &file);
    world.run_until(SECOND * 30, |world| world.raws[right].is_over());
    world.run_for(SECOND);
    let session = world.session(1, Version::V4);
    let answers = world.does(session, [session::download("new")]);
    assert!(answers[0].bytes == file);
}

#[test]
fn a_native_session_on_the_transfer_port_is_none_of_the_classic_upload() {
    let (mut world, file) = world(6);
    assert_eq!(ancestor::ask(&mut world, 0, Version::V4, &format!("upload new {SIZE}")), "ok");
    let native = world.session_at(0, Version::V4, TRANSFER, false);
    world.does(native, [list("/")]);
    let right = ancestor::send(&mut world, 0, Version::V4, &file);
    world.run_until(SECOND * 30, |world| world.raws[right].is_over());
    world.run_for(SECOND);
    let answers = world.does(native, [session::download("new")]);
    assert!(answers[0].bytes == file);
}

#[test]
fn silent_connections_do_not_keep_an_upload_out() {
    let mut world = World::serving(8, Setup::slots(7).classic());
    let host = world.host();
    assert_eq!(ancestor::ask(&mut world, host, Version::V4, "upload new 5"), "ok");
    let silent: Vec<_> = (0..9).map(|_| world.dial(host, Version::V4, TRANSFER)).collect();
    // One that is reset is nobody's.
    let socket = world.raws[silent[8]].socket;
    world.hosts[host].socket(socket).abort();
    world.run_for(SECOND / 10);
    let right = ancestor::send(&mut world, host, Version::V4, b"12345");
    world.run_until(SECOND * 5, |world| world.raws[right].is_over());
    let gone = silent.iter().filter(|&&raw| world.raws[raw].is_lost).count();
    assert!(gone >= 4, "{gone}");
    let session = world.session(host, Version::V4);
    let answers = world.does(session, [session::download("new")]);
    assert!(answers[0].bytes == b"12345");
}

#[test]
fn with_one_slot_listings_work_and_transfers_are_refused_in_time() {
    let mut world = World::serving(7, Setup::slots(1).classic());
    let host = world.host();
    assert_eq!(ancestor::ask(&mut world, host, Version::V4, "upload f 5"), "err");
    world.run_for(SECOND * 3);
    let control = ancestor::begin(&mut world, host, Version::V4, "ls");
    world.run_until(SECOND * 5, |world| world.raws[control].is_over());
    assert_eq!(world.raws[control].text(), "");
    world.raws[control].close();
    world.run_for(SECOND);
    let session = world.session_at(host, Version::V4, CONTROL, false);
    world.does(session, [Command::Noop.into()]);
}

#[test]
fn while_all_slots_are_taken_a_transfer_waits_for_one() {
    let (mut world, file) = world(8);
    let busy = [0, 1].map(|_| world.session(1, Version::V4));
    for session in busy {
        world.does(session, []);
    }
    let control = ancestor::begin(&mut world, 0, Version::V4, "download old");
    world.run_for(SECOND * 2);
    assert_eq!(world.raws[control].text(), "", "there is no slot for the file");
    world.does(busy[0], [Command::Exit.into()]);
    assert_eq!(ancestor::reply(&mut world, control), "200000");
    assert!(ancestor::receive(&mut world, 0, SIZE) == file);
}
