//! The program as a process: how it ends, what it costs while nothing happens, and what is left
//! when it is killed.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use coracle_tests::cpu;
use coracle_tests::payload;

use crate::site::{SOON, Site, same};
use crate::support::raw::upload;
use crate::support::{Running, names, staged, until};

/// More than fits into the buffers on the way.
const LARGE: usize = 16 << 20;

#[test]
fn a_server_without_work_ends_at_once_when_told() {
    let Some(mut site) = Site::start(&[]) else { return };
    let mut idle = site.session(2);
    let begun = Instant::now();
    site.server.terminate().unwrap();
    let status = site.server.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(0), None));
    assert!(begun.elapsed() < SOON, "the grace period is for transfers");
    // It was closed, not forgotten: an end, and perhaps a word before it.
    let rest = String::from_utf8(idle.rest()).unwrap();
    assert!(rest.is_empty() || rest.starts_with("err "), "{rest:?}");
}

#[test]
fn running_transfers_are_finished_when_it_is_told_to_end() {
    let Some(mut site) = Site::start(&["--grace", "60"]) else { return };
    payload::write_file(&site.there("big"), 1, LARGE as u64).unwrap();
    let mut down = site.session(2);
    down.send("download big\n");
    assert!(down.line().starts_with("ok "));
    let mut up = site.session(2);
    let all = upload("x", &payload::bytes(2, LARGE));
    let (first, second) = all.split_at(LARGE / 2);
    up.send(first);
    until("the upload has begun", || !staged(site.root.path()).is_empty());
    site.server.terminate().unwrap();
    until("nobody else is let in", || !is_let_in(&site));
    up.send(second);
    assert!(up.line().starts_with(&format!("ok {LARGE} ")));
    assert!(down.file().unwrap() == payload::bytes(1, LARGE));
    drop((up, down));
    assert_eq!(site.server.wait().unwrap().code(), Some(0));
    assert!(fs::read(site.there("x")).unwrap() == payload::bytes(2, LARGE));
    assert_eq!(names(site.root.path()), ["big", "x"]);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let Some(mut site) = Site::start(&["--grace", "3600"]) else { return };
    let mut up = site.session(2);
    let all = upload("x", &payload::bytes(2, LARGE));
    up.send(&all[..LARGE / 2]);
    until("the upload has begun", || !staged(site.root.path()).is_empty());
    site.server.terminate().unwrap();
    until("nobody else is let in", || !is_let_in(&site));
    site.server.terminate().unwrap();
    assert_eq!(site.server.wait().unwrap().signal(), None);
    // What came is there to go on with.
    assert!(!site.there("x").exists());
    assert!(!staged(site.root.path()).is_empty());
}

#[test]
fn the_grace_period_has_an_end() {
    let Some(mut site) = Site::start(&["--grace", "1"]) else { return };
    let mut up = site.session(2);
    up.send(&upload("x", &payload::bytes(2, LARGE))[..LARGE / 2]);
    until("the upload has begun", || !staged(site.root.path()).is_empty());
    let begun = Instant::now();
    site.server.terminate().unwrap();
    assert_eq!(site.server.wait().unwrap().signal(), None);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

/// Processor time in three seconds: one part in a thousand, for what the kernel asks of any
/// neighbour and for timers of what was before.
const IDLE: Duration = Duration::from_millis(3);

#[test]
fn an_idle_server_takes_no_processor_time() {
    thread::scope(|scope| {
        for options in [&[][..], &["--offload"], &["--classic", "on"]] {
            scope.spawn(move || {
                let Some(site) = Site::start(options) else { return };
                let mut session = site.session(2);
                payload::write_file(&site.here("x"), 1, LARGE as u64).unwrap();
                site.run(&["upload", "x"]).succeeded();
                let used = || cpu::run_time(site.server.id()).unwrap();
                // What belongs to the upload is over when the next answer is there.
                assert_eq!(session.ask("noop"), "ok");
                let before = used();
                // A duration is what is measured.
                thread::sleep(Duration::from_secs(3));
                let used = used() - before;
                assert!(used < IDLE, "{options:?}: {used:?}");
                assert_eq!(session.ask("noop"), "ok");
            });
        }
    });
}

#[test]
fn an_upload_whose_server_is_killed_goes_on_with_the_next_one() {
    let Some(mut site) = Site::start(&[]) else { return };
    let sum = payload::write_file(&site.here("x"), 3, LARGE as u64 * 8).unwrap();
    let running = site.begin(&["upload", "x"]);
    until("a part is stored", || is_stored(&site, 1 << 20));
    site.replace_server();
    running.finish().said(0, "trying again");
    assert_eq!(payload::sum_file(&site.there("x")).unwrap(), sum);
    assert_eq!(names(site.root.path()), ["x"]);
}

#[test]
fn an_upload_whose_server_and_client_are_killed_is_continued_later() {
    let Some(mut site) = Site::start(&[]) else { return };
    let bytes = payload::bytes(4, LARGE);
    fs::write(site.here("x"), &bytes).unwrap();
    let mut command = site.client(&["upload", "-", "x"]);
    command.stdin(Stdio::piped());
    let running = Running::with_input(&mut command, &bytes[..LARGE / 2]);
    until("a part is stored", || is_stored(&site, LARGE as u64 / 4));
    site.server.kill().unwrap();
    running.kill();
    site.replace_server();
    let told = site.run(&["partial", "x"]).succeeded();
    let stored: usize = told.text().split(' ').nth(1).unwrap().parse().unwrap();
    assert!((LARGE / 4..=LARGE / 2).contains(&stored), "{stored}");
    let crc = crc32fast::hash(&bytes[..stored]);
    assert!(told.text().starts_with(&format!("{crc:08x} ")), "{}", told.text());
    site.run(&["-c", "upload", "x"]).succeeded();
    assert!(same(site.here("x"), site.there("x")));
    assert_eq!(names(site.root.path()), ["x"]);
}

/// Whether somebody new gets a session.
fn is_let_in(site: &Site) -> bool {
    site.first_reply(2).is_ok_and(|reply| reply.starts_with("ok "))
}

/// Whether so many bytes of an upload lie in the folder.
fn is_stored(site: &Site, bytes: u64) -> bool {
    let length = |path: &PathBuf| fs::metadata(path).map_or(0, |found| found.len());
    staged(site.root.path()).iter().any(|path| length(path) >= bytes)
}
