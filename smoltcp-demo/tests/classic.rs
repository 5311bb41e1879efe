//! The classic dialect, as the ancestor's client speaks it.

mod support;

use coracle::Command;
use smoltcp::socket::tcp;
use smoltcp::time::Duration;
use smoltcp::wire::{EthernetFrame, Ipv4Packet, TcpPacket};
use support::session::{self, list, make_folder};
use support::{CONTROL, SECOND, Setup, TRANSFER, Version, World, ancestor, payload};

fn world(seed: u64, slots: usize) -> (World, usize) {
    let mut world = World::serving(seed, Setup::slots(slots).classic());
    let host = world.host();
    (world, host)
}

/// Store a file as a native client does.
fn store(world: &mut World, name: &str, file: &[u8]) {
    let session = world.session(0, Version::V4);
    world.does(session, [session::upload(name, file), Command::Exit.into()]);
    world.run_for(SECOND * 3);
}

/// What a native client finds under a name.
fn stored(world: &mut World, name: &str) -> Option<Vec<u8>> {
    let session = world.session(0, Version::V4);
    let answer = world.does(session, [session::download(name)]).remove(0);
    world.does(session, [Command::Exit.into()]);
    answer.result.is_some_and(|result| result.is_ok()).then_some(answer.bytes)
}

#[test]
fn files_go_there_and_back_over_both_versions() {
    for version in [Version::V4, Version::V6] {
        let (mut world, host) = world(1, 3);
        for len in [0, 1, 1023, 1024, 1025, 100_000] {
            let file = payload(len as u64, len);
            let reply = ancestor::upload(&mut world, host, version, ("f.bin", &file));
            assert_eq!(reply, "ok", "{len}");
            assert!(stored(&mut world, "f.bin").as_ref() == Some(&file), "{version:?} {len}");
            let back = ancestor::download(&mut world, host, version, "f.bin");
            assert!(back.as_ref() == Ok(&file), "{version:?} {len}");
            world.run_for(SECOND);
        }
        world.run_for(SECOND * 20);
        assert_eq!(world.server().server.sessions(), 0);
    }
}

#[test]
fn a_listing_is_bare_names_and_then_the_end() {
    let (mut world, host) = world(2, 3);
    let control = ancestor::begin(&mut world, host, Version::V4, "ls");
    world.run_until(SECOND * 5, |world| world.raws[control].is_over());
    assert_eq!(world.raws[control].text(), "");
    store(&mut world, "b", b"1");
    let session = world.session(host, Version::V4);
    world.does(session, [make_folder("a"), session::upload("a/c", b"2")]);
    let control = ancestor::begin(&mut world, host, Version::V4, "ls");
    world.run_until(SECOND * 5, |world| world.raws[control].is_over());
    assert!(world.raws[control].is_ended);
    let text = world.raws[control].text();
    let mut names: Vec<_> = text.split("\\n").collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(ancestor::ask(&mut world, host, Version::V4, "ls a"), "c");
}

#[test]
fn what_is_refused_is_told_as_the_ancestor_does_and_to_people_with_a_reason() {
    let (mut world, host) = world(3, 3);
    store(&mut world, "f", b"1");
    for command in
        ["download none", "ls none", "upload f", "upload /none/f 5", "sing", "upload .. 5"]
    {
        let reply = ancestor::ask(&mut world, host, Version::V4, command);
        assert_eq!(reply, "err", "{command}");
        let reply = ancestor::ask(&mut world, host, Version::V4, &format!("{command}\n"));
        assert!(reply.starts_with("err ") && reply.ends_with('\n'), "{command}: {reply}");
    }
    assert_eq!(stored(&mut world, "f").as_deref(), Some(&b"1"[..]));
    // Nobody listens on the transfer port for what was refused.
    let raw = world.dial(host, Version::V4, TRANSFER);
    world.run_until(SECOND, |world| world.raws[raw].is_lost);
}

#[test]
fn the_end_of_a_download_comes_with_its_last_bytes() {
    for len in [1, 1000, 1460, 1461, 8192, 50_000] {
        let (mut world, host) = world(4, 3);
        let file = payload(4, len);
        store(&mut world, "f", &file);
        world.wire.record();
        assert!(ancestor::download(&mut world, host, Version::V4, "f").as_ref() == Ok(&file));
        world.run_for(SECOND * 20);
        // The segments of the server to the transfer port, with their bytes.
        let segments: Vec<(usize, bool, bool)> = world
            .wire
            .recorded()
            .iter()
            .filter(|sent| sent.from == 0)
            .filter_map(|sent| {
                let ethernet = EthernetFrame::new_unchecked(&sent.frame);
                let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
                let tcp = TcpPacket::new_checked(ip.payload()).ok()?;
                (tcp.dst_port() == TRANSFER).then(|| (tcp.payload().len(), tcp.fin(), tcp.rst()))
            })
            .collect();
        let last = segments.iter().rposition(|&(bytes, ..)| bytes > 0).unwrap();
        assert!(segments[last].1, "{len}: {segments:?}");
        assert!(!segments.iter().any(|&(.., reset)| reset), "{len}: {segments:?}");
        // So it is the server's side that keeps the name of the connection.
        let listener = world.raws.last().unwrap().socket;
        assert_eq!(world.hosts[host].state(listener), tcp::State::Closed, "{len}");
    }
}

#[test]
fn a_listener_that_comes_late_is_dialled_again_and_one_that_never_comes_is_given_up() {
    let (mut world, host) = world(5, 3);
    let file = payload(5, 20_000);
    store(&mut world, "f", &file);
    let reply = ancestor::ask(&mut world, host, Version::V4, "download f");
    assert_eq!(reply, "20000");
    world.run_for(SECOND * 4);
    assert!(ancestor::receive(&mut world, host, 20_000) == file);
    world.run_for(SECOND * 15);

    ancestor::ask(&mut world, host, Version::V4, "download f");
    world.run_for(SECOND * 12);
    assert_eq!(world.server().server.sessions(), 0);
    assert!(stored(&mut world, "f").is_some());
}

#[test]
fn two_transfers_at_once_take_turns() {
    let (mut world, first) = world(6, 6);
    let second = world.host();
    let files = [payload(1, 300_000), payload(2, 300_000)];
    let begun = [
        ancestor::begin(&mut world, first, Version::V4, "upload a 300000"),
        ancestor::begin(&mut world, second, Version::V4, "upload b 300000"),
    ];
    // One is asked for its bytes; the other waits for its reply.
    world.run_until(SECOND, |world| begun.iter().any(|&raw| !world.raws[raw].received.is_empty()));
    world.run_for(SECOND);
    let order = match world.raws[begun[0]].received.is_empty() {
        false => [0, 1],
        true => [1, 0],
    };
    assert_eq!(world.raws[begun[order[1]]].text(), "", "both at once");
    for n in order {
        assert_eq!(ancestor::reply(&mut world, begun[n]), "ok");
        let transfer = ancestor::send(&mut world, [first, second][n], Version::V4, &files[n]);
        world.run_until(SECOND * 30, |world| world.raws[transfer].is_over());
    }
    world.run_for(SECOND);
    assert!(stored(&mut world, "a").as_ref() == Some(&files[0]));
    assert!(stored(&mut world, "b").as_ref() == Some(&files[1]));
}

#[test]
fn a_download_and_an_upload_at_once_take_turns() {
    let (mut world, first) = world(7, 6);
    let second = world.host();
    let file = payload(7, 100_000);
    store(&mut world, "old", &file);
    let download = ancestor::begin(&mut world, first, Version::V4, "download old");
    assert_eq!(ancestor::reply(&mut world, download), "100000");
    let upload = ancestor::begin(&mut world, second, Version::V4, "upload new 100000");
    world.run_for(SECOND);
    assert_eq!(world.raws[upload].text(), "");
    assert!(ancestor::receive(&mut world, first, 100_000) == file);
    assert_eq!(ancestor::reply(&mut world, upload), "ok");
    let transfer = ancestor::send(&mut world, second, Version::V4, &file);
    world.run_until(SECOND * 30, |world| world.raws[transfer].is_over());
    world.run_for(SECOND);
    assert!(stored(&mut world, "new").as_ref() == Some(&file));
}

#[test]
fn where_it_is_not_allowed_it_is_refused() {
    let mut world = World::serving(8, Setup::slots(2));
    let host = world.host();
    for command in ["ls\n", "download f\n", "upload f 5\n"] {
        let raw = world.dial(host, Version::V4, CONTROL);
        world.raws[raw].say(command.as_bytes());
        world.run_until(SECOND * 20, |world| world.raws[raw].is_over());
        assert!(
            world.raws[raw].text().starts_with("err bad-command "),
            "{}",
            world.raws[raw].text()
        );
        world.raws[raw].close();
        world.run_for(SECOND);
    }
    // Without a line end it is half a line, which takes ten seconds.
    let reply = ancestor::ask(&mut world, host, Version::V4, "ls");
    assert!(reply.starts_with("err "), "{reply}");
}

#[test]
fn without_a_transfer_port_files_are_refused_and_listings_are_not() {
    let mut setup = Setup::slots(3).classic();
    setup.settings.transfer_port = None;
    let mut world = World::serving(9, setup);
    let host = world.host();
    store(&mut world, "f", b"1");
    assert_eq!(ancestor::ask(&mut world, host, Version::V4, "ls"), "f");
    assert_eq!(ancestor::ask(&mut world, host, Version::V4, "upload g 5"), "err");
}

#[test]
fn commands_that_come_in_pieces_are_whole_after_a_moment_of_quiet() {
    let (mut world, host) = world(10, 3);
    store(&mut world, "some", b"12345");
    let control = ancestor::begin(&mut world, host, Version::V4, "down");
    for piece in ["load", " so", "me"] {
        world.run_for(Duration::from_millis(100));
        world.raws[control].say(piece.as_bytes());
    }
    world.run_for(Duration::from_millis(200));
    assert_eq!(world.raws[control].text(), "");
    assert_eq!(ancestor::reply(&mut world, control), "5");
    assert!(ancestor::receive(&mut world, host, 5) == b"12345");
    let session = world.session(host, Version::V4);
    world.does(session, [list("/")]);
}
