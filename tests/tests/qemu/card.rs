//! The card: none, a broken one, one that is pulled out and put back.

use std::fs;

use coracle_qemu::card;
use coracle_qemu::monitor::Monitor;

use crate::site::{Site, has_qemu};
use crate::support::until;

/// The exit code of the client for what the server refuses.
const REFUSED: i32 = 1;

fn monitor(site: &Site) -> Monitor {
    Monitor::connect(site.setup.monitor.as_deref().unwrap()).unwrap()
}

#[test]
fn without_a_card_everything_is_refused_until_there_is_one() {
    if !has_qemu() {
        return;
    }
    let local = tempfile::tempdir().unwrap();
    let path = local.path().join(".card.img");
    card::create(&path, card::SIZE).unwrap();
    let site = Site::start_with(local, Some(path.clone()), "");
    let mut monitor = monitor(&site);
    monitor.eject_card().unwrap();
    site.write("file", 1, 1000);
    for arguments in [&["ls"][..], &["df"], &["upload", "--retries", "0", "file"]] {
        let ran = site.run(arguments);
        assert_eq!(ran.code, Some(REFUSED), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("card"), "{}", ran.stderr);
    }
    monitor.insert_card(&path).unwrap();
    until("it is served", || site.run(&["ls"]).code == Some(0));
    site.run(&["upload", "file"]).succeeded();
}

#[test]
fn a_card_that_is_pulled_in_the_middle_is_no_harm_when_it_is_put_back() {
    let Some(site) = Site::start() else { return };
    let mut monitor = monitor(&site);
    let old = site.write("file", 1, 300_000);
    site.run(&["upload", "file"]).succeeded();
    site.write("file", 2, 8 << 20);
    let upload = site.begin(&["--retries", "0", "upload", "file"]);
    until("it has begun", || site.run(&["ls"]).code.is_some());
    monitor.eject_card().unwrap();
    let ran = upload.finish();
    assert_ne!(ran.code, Some(0), "{}", ran.stderr);
    monitor.insert_card(site.card()).unwrap();
    until("it is served", || site.run(&["ls"]).code == Some(0));
    assert!(site.fetch("file") == old);
    let new = site.write("file", 2, 8 << 20);
    site.run(&["upload", "file"]).succeeded();
    assert!(site.fetch("file") == new);
}

#[test]
fn an_exchanged_card_is_the_one_that_is_served() {
    let Some(site) = Site::start() else { return };
    let mut monitor = monitor(&site);
    site.write("first", 1, 1000);
    site.run(&["upload", "first"]).succeeded();
    let other = site.here(".other.img");
    card::create(&other, card::SIZE).unwrap();
    monitor.eject_card().unwrap();
    monitor.insert_card(&other).unwrap();
    until("the other one is served", || {
        let ran = site.run(&["ls"]);
        ran.code == Some(0) && ran.stdout.is_empty()
    });
    site.write("second", 2, 1000);
    site.run(&["upload", "second"]).succeeded();
    assert!(site.run(&["ls"]).succeeded().text().ends_with(" second\n"));
}

#[test]
fn a_card_without_a_volume_is_told_as_such() {
    if !has_qemu() {
        return;
    }
    let local = tempfile::tempdir().unwrap();
    let path = local.path().join(".card.img");
    fs::File::create(&path).unwrap().set_len(card::SIZE).unwrap();
    let site = Site::start_with(local, Some(path), "");
    let ran = site.run(&["ls"]);
    assert_eq!(ran.code, Some(REFUSED), "{}", ran.stderr);
    assert!(ran.stderr.contains("holds no file system"), "{}", ran.stderr);
}

#[test]
fn a_full_card_is_told_and_stays_whole() {
    if !has_qemu() {
        return;
    }
    let local = tempfile::tempdir().unwrap();
    let path = local.path().join(".card.img");
    card::create(&path, 4 << 20).unwrap();
    let site = Site::start_with(local, Some(path), "");
    let bytes = site.write("fits", 1, 1 << 20);
    site.run(&["upload", "fits"]).succeeded();
    site.write("large", 2, 5 << 19);
    site.run(&["upload", "large"]).said(REFUSED, "no-space");
    assert!(site.fetch("fits") == bytes);
}
