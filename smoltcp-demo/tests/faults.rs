//! Wires that lose, damage, double and delay frames: every transfer completes with the right
//! bytes, or fails and is gone on with to the right bytes.

mod support;

use coracle::client::Done;
use coracle::{Code, Command};
use smoltcp::time::{Duration, Instant};
use support::session::{download, download_rest, partial, receipt, upload, upload_rest};
use support::{Conditions, SECOND, Setup, Version, World, payload};

/// So often a transfer may have to be gone on with.
const TRIES: usize = 40;

/// What a session may take: longer than a session without progress lives.
const MOST: Duration = Duration::from_secs(1800);

const NONE: Conditions = Conditions::GOOD;

/// A world whose client's cable is bad both ways.
fn world(seed: u64, ways: Conditions) -> World {
    let mut world = World::serving(seed, Setup::slots(2));
    let host = world.host();
    world.hosts[host].device.set(ways, ways);
    world
}

/// Have a new session do something; `None` if it got nowhere, or no answer.
fn attempt(
    world: &mut World,
    version: Version,
    task: support::session::Task,
) -> Option<support::session::Answer> {
    let session = world.session(0, version);
    world.ask(session, [task]);
    // Even the reset that tells of the end may be lost: a client has patience of its own.
    let socket = world.sessions[session].socket;
    world.hosts[0].socket(socket).set_keep_alive(Some(SECOND * 20));
    world.hosts[0].socket(socket).set_timeout(Some(SECOND * 90));
    world.run_until(MOST, |world| world.sessions[session].is_through());
    let answer = world.sessions[session].script.answers.first().cloned();
    // Whatever became of it, its connection ends.
    world.hosts[0].socket(socket).close();
    answer
}

/// Upload a file, however often it takes; the number of attempts.
fn send(world: &mut World, version: Version, file: &[u8]) -> usize {
    let mut stored = 0;
    for tries in 1..TRIES {
        let answer = attempt(world, version, upload_rest_or_all(file, stored));
        if let Some(Ok(Done::Uploaded(got, _))) = answer.and_then(|answer| answer.result) {
            assert_eq!(got, receipt(file));
            return tries;
        }
        // The one before is to be given up first.
        world.run_for(SECOND * 10);
        match attempt(world, version, partial("f")).and_then(|answer| answer.result) {
            Some(Ok(Done::Sum(got))) => {
                assert_eq!(got, receipt(&file[..got.length as usize]), "a wrong partial");
                stored = got.length;
            }
            Some(Err(Some(Code::NotFound))) => stored = 0,
            _ => {}
        }
    }
    panic!("an upload that does not complete in {TRIES} attempts");
}

fn upload_rest_or_all(file: &[u8], stored: u64) -> support::session::Task {
    if stored == 0 { upload("f", file) } else { upload_rest("f", file, stored) }
}

/// Download a file, however often it takes; the number of attempts.
fn fetch(world: &mut World, version: Version, file: &[u8]) -> usize {
    let mut have = Vec::new();
    for tries in 1..TRIES {
        let task = if have.is_empty() { download("f") } else { download_rest("f", &have) };
        let Some(answer) = attempt(world, version, task) else { continue };
        have.extend(answer.bytes);
        assert!(have == file[..have.len()], "wrong bytes");
        match answer.result {
            Some(Ok(Done::Downloaded(_))) => {
                assert!(have.len() == file.len());
                return tries;
            }
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(_)) | None => world.run_for(SECOND),
        }
    }
    panic!("a download that does not complete in {TRIES} attempts");
}

/// There and back on such a wire, with several seeds; returns attempts and virtual time.
fn there_and_back(ways: Conditions, len: usize, seeds: u64) -> (usize, Duration) {
    let (mut tries, mut time) = (0, Duration::ZERO);
    for seed in 0..seeds {
        let mut world = world(seed, ways);
        let version = [Version::V4, Version::V6][seed as usize % 2];
        let file = payload(seed, len);
        tries += send(&mut world, version, &file) + fetch(&mut world, version, &file);
        let took = world.now - Instant::ZERO;
        assert!(took < SECOND * 7200, "{took}");
        time += took;
    }
    (tries, time)
}

#[test]
fn files_arrive_whole_on_a_good_wire_at_once() {
    let (tries, time) = there_and_back(NONE, 200_000, 2);
    assert_eq!(tries, 4);
    assert!(time < SECOND, "{time}");
}

#[test]
fn files_arrive_whole_with_5_percent_lost() {
    let (tries, _) = there_and_back(Conditions { lost: 5, ..NONE }, 200_000, 6);
    assert!(tries < 20, "{tries} attempts");
}

#[test]
fn files_arrive_whole_with_20_percent_lost() {
    there_and_back(Conditions { lost: 20, ..NONE }, 60_000, 6);
}

#[test]
fn files_arrive_whole_with_5_percent_corrupted() {
    let (tries, _) = there_and_back(Conditions { corrupted: 5, ..NONE }, 200_000, 6);
    assert!(tries < 20, "{tries} attempts");
}

#[test]
fn files_arrive_whole_with_frames_doubled() {
    let (tries, time) = there_and_back(Conditions { doubled: 30, ..NONE }, 200_000, 6);
    assert_eq!(tries, 12, "nothing is lost");
    assert!(time < SECOND * 60, "{time}");
}

#[test]
fn files_arrive_whole_with_frames_out_of_order() {
    let (tries, _) = there_and_back(Conditions { late: 10, ..NONE }, 200_000, 6);
    assert_eq!(tries, 12, "nothing is lost");
}

#[test]
fn files_arrive_whole_with_everything_at_once() {
    let all = Conditions { lost: 3, corrupted: 3, doubled: 5, late: 5, ..NONE };
    there_and_back(all, 100_000, 6);
}

#[test]
fn files_arrive_whole_where_transfers_break_off_and_are_gone_on_with() {
    let (tries, _) = there_and_back(Conditions { lost: 45, ..NONE }, 60_000, 4);
    assert!(tries > 8, "nothing has broken off");
}

#[test]
fn eight_clients_on_bad_wires_all_get_their_files_through() {
    let mut world = World::serving(8, Setup::slots(8));
    let bad = Conditions { lost: 2, corrupted: 1, doubled: 2, late: 2, ..NONE };
    let files: Vec<_> = (0..8).map(|n| payload(n, 30_000)).collect();
    let sessions: Vec<_> = (0..8)
        .map(|n| {
            let host = world.host();
            world.hosts[host].device.set(bad, bad);
            let session = world.session(host, Version::V4);
            let name = format!("f{n}");
            world.ask(session, [upload(&name, &files[n]), download(&name), Command::Exit.into()]);
            session
        })
        .collect();
    world.run_until(MOST, |world| sessions.iter().all(|&one| world.sessions[one].is_through()));
    let mut whole = 0;
    for (n, &session) in sessions.iter().enumerate() {
        if let Some(answer) = world.sessions[session].script.answers.get(1)
            && matches!(answer.result, Some(Ok(_)))
        {
            assert!(answer.bytes == files[n], "client {n}");
            whole += 1;
        }
    }
    assert!(whole >= 6, "{whole} of 8");
    // And nothing is left of them.
    world.run_for(SECOND * 100);
    assert_eq!(world.server().server.sessions(), 0);
}
