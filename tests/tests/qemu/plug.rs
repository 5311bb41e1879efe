//! The plug is pulled in the middle of uploads: the old file or the new one, and it goes on.

use std::env;
use std::thread;
use std::time::Duration;

use coracle_tests::payload;

use crate::site::Site;
use crate::tools;

/// How often, unless `CORACLE_PLUGS` says otherwise.
const PLUGS: u64 = 7;

/// The longest time until the plug is pulled, in microseconds: about as long as an upload takes.
const LONGEST: u64 = 900_000;

const SIZE: usize = 1 << 20;

fn plugs() -> u64 {
    env::var("CORACLE_PLUGS").map_or(PLUGS, |number| number.parse().unwrap())
}

/// A number that follows from a seed and a round.
fn random(seed: u64, round: u64) -> u64 {
    let mut word = [0; 8];
    payload::fill(seed, round * 8, &mut word);
    u64::from_le_bytes(word)
}

/// Upload over and over to a FAT volume, and pull the plug each time. A PC finds no fault with it.
fn pull(seed: u64, name: impl Fn(u64) -> String, keeps_old: bool) {
    if !tools::are_there() {
        return;
    }
    let Some(mut site) = Site::start() else { return };
    pull_at(&mut site, seed, name, keeps_old);
    site.qemu.kill().unwrap();
    tools::check(site.card());
}

/// The same at this machine.
fn pull_at(site: &mut Site, seed: u64, name: impl Fn(u64) -> String, keeps_old: bool) {
    let mut old = None;
    for round in 0..plugs() {
        let delay = Duration::from_micros(random(seed, round) % LONGEST);
        eprintln!("seed {seed}, round {round}: the plug is pulled after {delay:?}");
        let name = name(round);
        let new = site.write(&name, seed * 1000 + round, SIZE + round as usize);
        let upload = site.begin(&["--retries", "0", "upload", &name]);
        // The moment is what is random here: nothing is waited for.
        thread::sleep(delay);
        site.power_cycle();
        let is_done = upload.finish().code == Some(0);
        let there = site.run(&["download", &name, "-o", "-"]);
        match there.code {
            Some(0) if there.stdout == new => {}
            _ if is_done => panic!("a file with a receipt is lost: {}", there.stderr),
            Some(0) => assert_eq!(Some(&there.stdout), old.as_ref(), "neither old nor new"),
            _ => assert!(old.is_none(), "the old file is lost: {}", there.stderr),
        }
        site.run(&["upload", "--continue", &name]).succeeded();
        assert!(site.fetch(&name) == new);
        old = keeps_old.then_some(new);
        if old.is_none() {
            // However many rounds: the card has room for all.
            site.run(&["rm", &name]).succeeded();
        }
    }
}

#[test]
fn an_upload_is_there_or_not_and_goes_on() {
    pull(1, |round| format!("file{round}"), false);
}

#[test]
fn a_replaced_file_is_the_old_one_or_the_new_one_and_it_goes_on() {
    pull(2, |_| "file".to_owned(), true);
}

#[test]
fn a_littlefs_has_the_old_file_or_the_new_one_and_it_goes_on() {
    let Some(mut site) = Site::start_image("littlefs") else { return };
    pull_at(&mut site, 3, |_| "file".to_owned(), true);
}
