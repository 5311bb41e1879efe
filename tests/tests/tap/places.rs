//! Places of sessions: they come back from peers that are killed and from peers that vanish, and
//! whoever finds none is told.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use coracle_tests::payload;
use socket2::SockRef;

use crate::site::{SOON, Site, same};
use crate::support::raw::{Raw, upload};
use crate::support::{Running, until};

/// The address of the peer that goes.
const PEER: u8 = 5;

/// The address of the one that comes.
const NEWCOMER: u8 = 2;

/// More than fits into the buffers on the way: a reader that stops is waited for.
const LARGE: usize = 16 << 20;

/// One place.
const ONE: &[&str] = &["--max-sessions", "1", "--transfer-port", "none"];

/// One place, and timers that are short beside those of the desktop.
const SHORT: &[&str] = &[
    "--max-sessions",
    "1",
    "--transfer-port",
    "none",
    "--first-line-timeout",
    "2",
    "--line-timeout",
    "2",
    "--transfer-timeout",
    "2",
    "--idle-timeout",
    "2",
    "--busy-timeout",
    "2",
];

/// Wait until a newcomer has the place, which must not take long.
#[track_caller]
fn until_free(site: &Site) {
    let begun = Instant::now();
    until("the place is free", || site.has_place());
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

/// A session that is in some state.
type State = fn(&Site) -> Raw;

fn session_with(site: &Site, bytes: impl AsRef<[u8]>) -> Raw {
    let mut raw = site.session(PEER);
    raw.send(bytes);
    raw
}

fn half_an_upload(path: &str) -> Vec<u8> {
    let bytes = upload(path, &payload::bytes(1, 100_000));
    bytes[..50_000].to_vec()
}

const STATES: [(&str, State); 10] = [
    ("nothing was said", |site| site.raw(PEER)),
    ("a line is not complete", |site| session_with(site, "stat some")),
    ("it is idle", |site| site.session(PEER)),
    ("inside an upload", |site| session_with(site, half_an_upload("x"))),
    ("an upload is refused", |site| {
        let mut raw = session_with(site, half_an_upload("missing/x"));
        assert!(raw.line().starts_with("err not-found "));
        raw
    }),
    ("a receipt is on its way", |site| session_with(site, upload("x", &[1; 1000]))),
    ("a download is not read", |site| session_with(site, "download big\n")),
    ("between two downloads", |site| session_with(site, "download small\n")),
    ("it is over", |site| {
        let mut raw = site.session(PEER);
        assert_eq!(raw.ask("exit"), "ok");
        raw
    }),
    ("a line was too long", |site| session_with(site, vec![b'x'; 5000])),
];

/// A site for each state, and what becomes of it.
fn in_every_state(options: &[&str], go: impl Fn(&Site, Raw) + Sync) {
    thread::scope(|scope| {
        for (what, state) in STATES {
            let go = &go;
            scope.spawn(move || {
                let Some(site) = Site::start(options) else { return };
                payload::write_file(&site.there("big"), 1, LARGE as u64).unwrap();
                payload::write_file(&site.there("small"), 2, 1000).unwrap();
                site.wire.add_address(PEER).unwrap();
                eprintln!("{what}");
                go(&site, state(&site));
            });
        }
    });
}

#[test]
fn a_peer_that_vanishes_in_any_state_leaves_its_place() {
    in_every_state(SHORT, |site, raw| {
        site.wire.silence(PEER).unwrap();
        until_free(site);
        drop(raw);
    });
}

#[test]
fn a_peer_that_resets_in_any_state_leaves_its_place() {
    in_every_state(ONE, |site, raw| {
        let stream = SockRef::from(raw.stream.get_ref());
        stream.set_linger(Some(Duration::ZERO)).unwrap();
        drop(raw);
        until_free(site);
    });
}

#[test]
fn a_client_that_is_killed_leaves_its_place() {
    let Some(site) = Site::start(ONE) else {
        return;
    };
    let bytes = payload::bytes(1, LARGE);
    fs::write(site.there("big"), &bytes).unwrap();
    // In a shell; inside an upload from a pipe that stays open; inside a download into a pipe
    // that nobody reads.
    let shell = || Running::with_input(&mut piped(&site, &[]), b"ls\n");
    let uploading = || Running::with_input(&mut piped(&site, &["upload", "-", "x"]), &bytes);
    let downloading =
        || Running::with_input(&mut piped(&site, &["download", "big", "-o", "-"]), b"");
    let begin: [&dyn Fn() -> Running; 3] = [&shell, &uploading, &downloading];
    for begin in begin {
        let running = begin();
        until("it has the place", || !site.has_place());
        running.kill();
        until_free(&site);
    }
    // What was uploaded is there to go on with.
    assert!(site.run(&["partial", "x"]).succeeded().text().ends_with(" x\n"));
}

fn piped(site: &Site, arguments: &[&str]) -> Command {
    let mut command = site.client(arguments);
    command.stdin(Stdio::piped());
    command
}

#[test]
fn whoever_finds_no_place_is_told() {
    let Some(site) = Site::start(&["--max-sessions", "2"]) else { return };
    let sessions = [site.session(2), site.session(2)];
    for _ in 0..3 {
        let mut raw = site.raw(NEWCOMER);
        let reply = raw.ask("hello 1");
        assert!(reply.starts_with("err limit "), "{reply:?}");
        assert!(raw.rest().is_empty());
    }
    // Many at the same time as well, and nobody waits in vain.
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert!(!site.has_place()));
        }
    });
    drop(sessions);
    until_free(&site);
}

#[test]
fn a_stalled_session_holds_up_no_other() {
    let Some(site) = Site::start(&[]) else { return };
    payload::write_file(&site.there("big"), 1, LARGE as u64).unwrap();
    site.wire.add_address(PEER).unwrap();
    let mut stalled = site.session(NEWCOMER);
    stalled.send("download big\n");
    let _vanished = session_with(&site, "download big\n");
    site.wire.silence(PEER).unwrap();
    for _ in 0..3 {
        site.run(&["download", "big", "back"]).succeeded();
        assert!(same(site.there("big"), site.here("back")));
    }
    // What was stalled goes on as soon as it is read.
    assert!(stalled.line().starts_with("ok "));
    assert!(stalled.file().unwrap() == payload::bytes(1, LARGE));
}
