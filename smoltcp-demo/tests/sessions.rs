//! Several sessions at once, and what newcomers find when there is no place for one more.

mod support;

use coracle::{Code, Command};
use smoltcp::socket::tcp;
use smoltcp::time::Duration;
use support::session::{download, list, receipt, sum, upload};
use support::{CONTROL, Conditions, SECOND, Setup, Version, World, payload};

#[test]
fn eight_clients_at_once_move_their_files_both_ways() {
    let mut world = World::serving(1, Setup::slots(8));
    let files: Vec<_> = (0..8).map(|n| payload(n, 60_000 + 7 * n as usize)).collect();
    let sessions: Vec<_> = (0..8)
        .map(|n| {
            let host = world.host();
            world.session(host, if n % 2 == 0 { Version::V4 } else { Version::V6 })
        })
        .collect();
    for (n, &session) in sessions.iter().enumerate() {
        let name = format!("f{n}");
        let tasks =
            [upload(&name, &files[n]), sum(&name), download(&name), upload("same", &files[n])];
        world.ask(session, tasks);
    }
    for (n, &session) in sessions.iter().enumerate() {
        let answers = world.finish(session, SECOND * 60);
        assert_eq!(answers[1].done(), coracle::client::Done::Sum(receipt(&files[n])));
        assert!(answers[2].bytes == files[n], "client {n}");
        // All write one file: whoever is late is told so, and nothing is mixed.
        match answers[3].result {
            Some(Ok(_)) => {}
            other => assert_eq!(other, Some(Err(Some(Code::Busy)))),
        }
    }
    let answers = world.does(sessions[0], [download("same"), list("/")]);
    assert!(files.contains(&answers[0].bytes));
    assert_eq!(answers[1].lines.len(), 9);
    assert_eq!(world.server().server.sessions(), 8);
}

#[test]
fn uploads_and_downloads_at_once_do_not_wait_for_each_other() {
    let mut world = World::serving(2, Setup::slots(4));
    let file = payload(1, 300_000);
    let hosts: Vec<_> = (0..4).map(|_| world.host()).collect();
    let first = world.session(hosts[0], Version::V4);
    world.does(first, [upload("old", &file)]);
    let others: Vec<_> = hosts[1..].iter().map(|&host| world.session(host, Version::V4)).collect();
    world.ask(first, [download("old")]);
    world.ask(others[0], [upload("new", &file)]);
    world.ask(others[1], [download("old")]);
    let began = world.now;
    world.run_until(SECOND, |world| world.sessions[first].script.answers.len() == 2);
    // In the middle of all that, one that asks little is answered at once.
    world.does(others[2], [list("/")]);
    let took = world.now - began;
    assert!(took < Duration::from_millis(5), "{took}");
    for &session in &others[..2] {
        assert!(world.sessions[session].script.answers.iter().all(|a| a.result.is_none()));
    }
    for session in [first, others[0], others[1]] {
        world.finish(session, SECOND * 10);
    }
    assert!(world.sessions[first].script.answers[1].bytes == file);
    assert!(world.sessions[others[1]].script.answers[0].bytes == file);
}

#[test]
fn who_finds_no_slot_is_told_so_and_is_served_once_there_is_one() {
    for version in [Version::V4, Version::V6] {
        let mut world = World::serving(3, Setup::slots(2));
        let hosts: Vec<_> = (0..5).map(|_| world.host()).collect();
        let served: Vec<_> = hosts[..2].iter().map(|&host| world.session(host, version)).collect();
        for &session in &served {
            world.does(session, [Command::Noop.into()]);
        }
        // More than there are doors, one after the other and at once.
        for round in 0..3 {
            let late: Vec<_> =
                hosts[2..].iter().map(|&host| world.session(host, version)).collect();
            for &session in &late {
                world.ask(session, [Command::Noop.into()]);
            }
            let is_told = |world: &World, session: usize| world.sessions[session].end.is_some();
            world.run_until(SECOND * 20, |world| late.iter().all(|&late| is_told(world, late)));
            for &session in &late {
                let script = &world.sessions[session].script;
                let told = script.farewell.as_ref().map(|(code, _)| *code);
                assert_eq!(told, Some(Some(Code::Limit)), "round {round}: {:?}", script.farewell);
            }
        }
        assert_eq!(world.server().server.owner().turned_away.len(), 9);
        world.does(served[0], [Command::Noop.into(), Command::Exit.into()]);
        world.run_for(SECOND);
        let newcomer = world.session(hosts[2], version);
        world.does(newcomer, [Command::Noop.into()]);
        world.does(served[1], [Command::Noop.into()]);
    }
}

#[test]
fn a_newcomer_without_manners_reads_the_reason_and_the_end() {
    let mut world = World::serving(4, Setup::slots(1));
    let (first, second) = (world.host(), world.host());
    let session = world.session(first, Version::V4);
    world.does(session, []);
    // It says nothing, or much, before it listens.
    for says in [&b""[..], b"hello 1\nls\n", &[b'x'; 3000]] {
        let raw = world.dial(second, Version::V4, CONTROL);
        world.raws[raw].say(says);
        world.run_until(SECOND * 5, |world| world.raws[raw].is_ended);
        let text = world.raws[raw].text();
        assert!(text.starts_with("err limit ") && text.ends_with("\\n"), "{text}");
        world.raws[raw].close();
        world.run_for(SECOND);
    }
}

#[test]
fn without_doors_a_newcomer_is_refused_at_once() {
    let setup = Setup { doors: 0, ..Setup::slots(1) };
    let mut world = World::serving(5, setup);
    let (first, second) = (world.host(), world.host());
    let session = world.session(first, Version::V4);
    world.does(session, []);
    let raw = world.dial(second, Version::V4, CONTROL);
    world.run_until(SECOND, |world| world.raws[raw].is_lost);
}

#[test]
fn connections_that_come_in_the_same_poll_are_all_taken_while_slots_are_free() {
    let mut world = World::serving(6, Setup::slots(6));
    let hosts: Vec<_> = (0..6).map(|_| world.host()).collect();
    // Neighbours know each other already, so that the six come at the same time.
    for &host in &hosts {
        let raw = world.dial(host, Version::V4, 9);
        world.run_until(SECOND, |world| world.raws[raw].is_lost);
    }
    let polls = world.server().polls;
    let raws: Vec<_> = hosts.iter().map(|&host| world.dial(host, Version::V4, CONTROL)).collect();
    world.run_for(Duration::from_micros(100));
    // They have arrived, all at once, and been looked at: an answer is on its way to each.
    let server = world.server();
    assert!(server.polls - polls <= 2, "{} polls", server.polls - polls);
    world.run_for(Duration::from_micros(200));
    for &raw in &raws {
        let (host, socket) = (world.raws[raw].host, world.raws[raw].socket);
        assert_eq!(world.hosts[host].state(socket), tcp::State::Established);
    }
    for &raw in &raws {
        world.raws[raw].say(b"hello 1\nnoop\n");
    }
    world.run_until(SECOND, |world| {
        raws.iter().all(|&raw| world.raws[raw].text().ends_with("ok\\n"))
    });
    assert_eq!(world.server().server.sessions(), 6);
}

#[test]
fn a_host_that_comes_again_and_again_is_served_each_time() {
    let mut world = World::serving(7, Setup::slots(2));
    let host = world.host();
    for _ in 0..50 {
        let session = world.session(host, Version::V4);
        world.does(session, [Command::Noop.into(), Command::Exit.into()]);
        world.run_until(SECOND, |world| world.sessions[session].end.is_some());
    }
    assert_eq!(world.server().server.owner().begun.len(), 50);
    assert!(world.server().server.owner().turned_away.is_empty());
}

#[test]
fn a_host_that_comes_back_with_the_port_of_its_dead_connection_is_served() {
    // A host is restarted and uses the same ports again. Its stack leaves it to the server to
    // find out that the old connection is dead.
    let mut world = World::serving(8, Setup::slots(2));
    let host = world.host();
    let raw = world.dial(host, Version::V4, CONTROL);
    world.raws[raw].say(b"hello 1\n");
    world.run_until(SECOND, |world| world.raws[raw].text().ends_with("\\n"));
    world.hosts[host].restart();
    let session = world.session(host, Version::V4);
    world.ask(session, [Command::Noop.into()]);
    world.finish(session, SECOND * 100);
}

#[test]
fn a_wire_that_doubles_every_frame_begins_no_session_twice() {
    for slots in [1, 2, 5] {
        let mut world = World::serving(9, Setup::slots(slots));
        let host = world.host();
        let twice = Conditions { doubled: 100, ..Conditions::GOOD };
        world.hosts[host].device.set(twice, twice);
        for round in 1..5 {
            let session = world.session(host, Version::V4);
            let file = payload(round, 20_000);
            let tasks = [upload("f", &file), download("f"), Command::Exit.into()];
            assert!(world.does(session, tasks)[1].bytes == file);
            let states = world.server().states();
            assert!(!states.contains(&tcp::State::SynReceived), "{slots} slots: {states:?}");
            world.run_for(SECOND * 3);
            let owner = world.server().server.owner();
            assert_eq!(owner.begun.len() as u64, round, "{slots} slots");
            assert!(owner.turned_away.is_empty(), "{slots} slots");
        }
    }
}

#[test]
fn a_round_trip_that_is_longer_than_the_patience_of_a_segment_takes_one_slot() {
    for slots in [1, 2, 5] {
        let mut world = World::serving(10, Setup::slots(slots));
        let host = world.host();
        let far = Conditions { delay: Duration::from_millis(1300), ..Conditions::GOOD };
        world.hosts[host].device.set(far, far);
        let session = world.session(host, Version::V4);
        let file = payload(10, 5_000);
        world.ask(session, [upload("f", &file), download("f")]);
        let answers = world.finish(session, SECOND * 120);
        assert!(answers[1].bytes == file);
        let owner = world.server().server.owner();
        assert_eq!((owner.begun.len(), owner.turned_away.len()), (1, 0), "{slots} slots");
    }
}

#[test]
fn visitors_who_stay_at_the_doors_keep_nobody_from_them() {
    let mut world = World::serving(11, Setup::slots(1));
    let (first, second, third) = (world.host(), world.host(), world.host());
    let session = world.session(first, Version::V4);
    world.does(session, []);
    // They read nothing, or are gone, and there are more of them than doors.
    for _ in 0..6 {
        let raw = world.dial(second, Version::V4, CONTROL);
        world.raws[raw].reads = false;
        world.run_for(Duration::from_millis(300));
    }
    world.hosts[second].vanish();
    for _ in 0..3 {
        let late = world.session(third, Version::V4);
        world.run_until(SECOND * 10, |world| world.sessions[late].end.is_some());
        let told = world.sessions[late].script.farewell.as_ref().map(|(code, _)| *code);
        assert_eq!(told, Some(Some(Code::Limit)));
    }
    world.does(session, [Command::Noop.into()]);
    // And they do not stay for ever.
    world.run_for(SECOND * 30);
    let mut states = world.server().states();
    states.sort_by_key(|&state| state as u8);
    assert_eq!(states, [tcp::State::Closed, tcp::State::Listen, tcp::State::Established]);
}

#[test]
fn a_door_closes_behind_a_visitor_who_vanishes_there() {
    let mut world = World::serving(12, Setup::slots(1));
    let (first, second) = (world.host(), world.host());
    let session = world.session(first, Version::V4);
    world.does(session, []);
    world.dial(second, Version::V4, CONTROL);
    world.run_for(Duration::from_millis(1));
    let is_there = |world: &mut World| {
        let states = world.server().states();
        states
            .iter()
            .filter(|state| !matches!(state, tcp::State::Listen | tcp::State::Closed))
            .count()
    };
    assert_eq!(is_there(&mut world), 2);
    // Nothing else happens that the server could wake up for.
    world.hosts[second].vanish();
    world.run_for(SECOND * 14);
    assert_eq!(is_there(&mut world), 1);
}
