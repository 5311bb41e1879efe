//! Wires that lose, damage, double and reorder frames: every transfer comes whole, or fails
//! cleanly and is continued.

use std::thread;

use coracle_tests::network::{Family, Wire, or_skip};
use coracle_tests::payload;

use crate::link::{Faults, Link};
use crate::site::{ANYONE, MTU, Site, same};
use crate::support::{Ran, names};

/// Bytes of a file.
const SIZE: u64 = 400_000;

/// The same where every step waits for a timer.
const SMALL: u64 = 60_000;

/// Attempts of one transfer; far fewer are needed.
const ATTEMPTS: usize = 10;

/// Exit codes of a transfer that can be continued: the connection, or bytes found damaged.
const CLEAN: [Option<i32>; 2] = [Some(3), Some(4)];

/// Whether a transfer that failed can be continued: by its exit code, or the server has waited in
/// vain for longer than it may.
fn is_clean(ran: &Ran) -> bool {
    CLEAN.contains(&ran.code) || ran.code == Some(1) && ran.stderr.contains("(timeout)")
}

/// One command until it is through.
fn persist(site: &Site, family: Family, arguments: &[&str]) {
    for _ in 0..ATTEMPTS {
        let arguments = [&["-c"], arguments].concat();
        let ran = Ran::from(site.client_by(family, &arguments).output().unwrap());
        if ran.code == Some(0) {
            return;
        }
        assert!(is_clean(&ran), "{ran:?}");
    }
    panic!("{arguments:?} failed {ATTEMPTS} times");
}

/// A file each way, by either family, on two connections and on one; all at the same time, for
/// most of it is waiting.
fn files_go_and_come(site: &Site, size: u64) {
    let ways = [
        (Family::V4, &[][..]),
        (Family::V4, &["--one-connection"]),
        (Family::V6, &["--one-connection"]),
    ];
    thread::scope(|scope| {
        for (number, (family, options)) in ways.into_iter().enumerate() {
            scope.spawn(move || {
                let [sent, back] = [format!("f{number}"), format!("back{number}")];
                payload::write_file(&site.here(&sent), number as u64, size).unwrap();
                persist(site, family, &[options, &["upload", &sent]].concat());
                assert!(same(site.here(&sent), site.there(&sent)));
                persist(site, family, &[options, &["download", &sent, &back]].concat());
                assert!(same(site.here(&sent), site.here(&back)));
            });
        }
    });
    assert_eq!(names(site.root.path()), ["f0", "f1", "f2"]);
}

fn with_options(options: &[&str], size: u64) {
    let Some(site) = Site::start(&[options, &["--fault-seed", "1"]].concat()) else { return };
    files_go_and_come(&site, size);
}

fn over(faults: Faults, seed: u64) {
    let Some(wire) = or_skip(|| Wire::new(MTU)) else { return };
    let Some(link) = or_skip(|| Link::new(&wire.host, faults, seed)) else { return };
    files_go_and_come(&Site::start_over(wire, link, &[ANYONE]), SIZE);
}

#[test]
fn one_frame_of_twenty_is_lost() {
    with_options(&["--drop-chance", "5"], SIZE);
}

#[test]
fn one_frame_of_five_is_lost() {
    with_options(&["--drop-chance", "20"], SMALL);
}

#[test]
fn one_frame_of_twenty_is_damaged() {
    with_options(&["--corrupt-chance", "5"], SIZE);
}

#[test]
fn frames_are_lost_and_damaged() {
    with_options(&["--drop-chance", "5", "--corrupt-chance", "5"], SMALL);
}

#[test]
fn a_link_without_faults_is_a_wire() {
    over(Faults::default(), 1);
}

#[test]
fn frames_come_twice() {
    over(Faults { doubled: 20, ..Faults::default() }, 2);
}

#[test]
fn frames_come_in_another_order() {
    over(Faults { late: 10, ..Faults::default() }, 3);
}

#[test]
fn frames_are_lost_come_twice_and_in_another_order() {
    over(Faults { lost: 3, doubled: 5, late: 5 }, 4);
}

#[test]
fn large_frames_are_left_out_where_a_limit_says_so() {
    // Of what is left the handshake passes, but no full segment: told, not waited for for ever.
    let Some(site) = Site::start(&["--size-limit", "600", "--transfer-timeout", "2"]) else {
        return;
    };
    payload::write_file(&site.here("x"), 1, SIZE).unwrap();
    let ran = site.run(&["--timeout", "3", "--retries", "0", "upload", "x"]);
    assert!(is_clean(&ran), "{ran:?}");
    site.run(&["mkdir", "d"]).succeeded();
}

#[test]
fn a_rate_limit_slows_a_transfer_and_loses_nothing() {
    let limits = ["--tx-rate-limit", "100", "--rx-rate-limit", "100", "--shaping-interval", "10"];
    with_options(&limits, SIZE);
}
