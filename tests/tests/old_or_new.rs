//! Files that are replaced while they are read: the old one or the new one, whole.

mod support;

use std::collections::HashSet;
use std::fs::{File, FileTimes};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::UNIX_EPOCH;

use coracle_tests::payload;
use coracle_tests::relay::{Direction, End};
use support::raw::{Raw, upload};
use support::{Site, Stop, cut, names};

const VERSIONS: u64 = 200;

/// Versions differ in length, several steps among them.
fn version(number: u64) -> Vec<u8> {
    payload::bytes(number, (number * 7919 % 600_000) as usize)
}

#[test]
fn every_download_is_one_version() {
    let site = Site::start(&["--durability", "rename"]);
    let crcs: HashSet<u32> = (0..=VERSIONS).map(|v| crc32fast::hash(&version(v))).collect();
    let (mut writer, _) = Raw::session(site.address());
    let mut replace = |number| {
        writer.send(upload("x", &version(number)));
        assert!(writer.line().starts_with("ok "), "{number}");
    };
    replace(0);
    let is_over = AtomicBool::new(false);
    let mut seen = thread::scope(|scope| {
        let read_raw = scope.spawn(|| {
            let (mut reader, _) = Raw::session(site.address());
            let mut seen = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                assert!(reader.ask("download x").starts_with("ok "));
                seen.push(crc32fast::hash(&reader.file().expect("a whole file")));
            }
            seen
        });
        let read = scope.spawn(|| {
            let mut seen = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                let ran = site.run(&["download", "x", "-o", "-"]).succeeded();
                seen.push(crc32fast::hash(&ran.stdout));
            }
            seen
        });
        let stop = Stop(&is_over);
        (1..=VERSIONS).for_each(&mut replace);
        drop(stop);
        [read_raw.join().unwrap(), read.join().unwrap()].concat()
    });
    assert!(seen.iter().all(|crc| crcs.contains(crc)));
    seen.dedup();
    assert!(seen.len() > 2, "versions were read while they changed");
    assert_eq!(names(site.root.path()), ["x"]);
}

#[test]
fn uploads_by_many_clients_leave_one_of_them() {
    let site = Site::start(&[]);
    for number in 1..=4 {
        std::fs::write(site.here(format!("v-{number}")), version(number)).unwrap();
    }
    thread::scope(|scope| {
        for number in 1..=4 {
            let site = &site;
            scope.spawn(move || {
                for _ in 0..5 {
                    let name = format!("v-{number}");
                    site.run(&["--retries", "20", "upload", &name, "x"]).succeeded();
                }
            });
        }
    });
    let left = std::fs::read(site.there("x")).unwrap();
    assert!((1..=4).any(|number| version(number) == left));
    assert_eq!(names(site.root.path()), ["x"]);
}

/// More than the link and every socket hold: the server is still reading when it stalls.
const LARGE: u64 = 64 << 20;

/// Put something else at the place of a file while it is downloaded: what was opened is sent.
fn replace_while_downloaded(replace: &[&str]) {
    let site = Site::start(&[]);
    let old = payload::bytes(1, LARGE as usize);
    std::fs::write(site.there("x"), &old).unwrap();
    std::fs::write(site.there("y"), "another").unwrap();
    std::fs::write(site.here("z"), "a third").unwrap();
    let relay = site.relay(vec![cut(Direction::ToClient, 1 << 20, End::Stall)]);
    let running = site.start_over(&relay, &["download", "x"]);
    assert!(relay.await_stalls(1));
    site.run(replace).succeeded();
    relay.release();
    running.finish().succeeded();
    assert!(std::fs::read(site.here("x")).unwrap() == old);
}

#[test]
fn a_file_removed_during_its_download_comes_whole() {
    replace_while_downloaded(&["rm", "x"]);
}

#[test]
fn a_file_renamed_during_its_download_comes_whole() {
    replace_while_downloaded(&["mv", "x", "elsewhere"]);
}

#[test]
fn a_file_renamed_over_during_its_download_comes_whole() {
    replace_while_downloaded(&["mv", "y", "x"]);
}

#[test]
fn a_file_uploaded_over_during_its_download_comes_whole() {
    replace_while_downloaded(&["upload", "z", "x"]);
}

/// Change the file under a running download; the client must notice.
fn change_while_downloaded(change: impl Fn(&File)) {
    let site = Site::start(&[]);
    let file = File::create(site.there("x")).unwrap();
    file.set_len(LARGE).unwrap();
    // Long ago: a change within one tick of the clock is one of time as well.
    file.set_times(FileTimes::new().set_modified(UNIX_EPOCH)).unwrap();
    let relay = site.relay(vec![cut(Direction::ToClient, 1 << 20, End::Stall)]);
    let running = site.start_over(&relay, &["download", "x"]);
    assert!(relay.await_stalls(1));
    change(&file);
    relay.release();
    let ran = running.finish();
    assert!(matches!(ran.code, Some(1 | 4)), "{ran:?}");
    assert!(ran.stderr.contains("chang") || ran.stderr.contains("short"), "{}", ran.stderr);
    assert!(!site.here("x").exists());
    // What came is kept apart, and is not taken for a beginning that it is not.
    let whole = std::fs::read(site.there("x")).unwrap();
    site.run(&["--continue", "download", "x"]).succeeded();
    assert!(std::fs::read(site.here("x")).unwrap() == whole);
    assert_eq!(names(site.local.path()), ["x"]);
}

#[test]
fn a_file_written_in_place_during_its_download_is_noticed() {
    change_while_downloaded(|file| file.write_all_at(b"changed", LARGE / 2).unwrap());
}

#[test]
fn a_file_written_at_its_beginning_during_its_download_is_noticed() {
    change_while_downloaded(|file| file.write_all_at(b"changed", 0).unwrap());
}

#[test]
fn a_file_cut_short_during_its_download_is_noticed() {
    change_while_downloaded(|file| file.set_len(LARGE / 2).unwrap());
}

#[test]
fn a_file_that_grows_during_its_download_is_noticed() {
    change_while_downloaded(|file| file.write_all_at(b"more", LARGE).unwrap());
}
