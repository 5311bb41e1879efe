//! Receipts that are lost on their way: nothing is sent twice, nothing is believed.

mod support;

use std::fs;

use coracle_tests::payload;
use coracle_tests::relay::{Direction, End, Relay};
use support::{Ran, Site, cut, names};

const SIZE: u64 = 3 << 20;

/// Lines and frame headers.
const OVERHEAD: u64 = 16 << 10;

/// The answer to `exit`.
const LAST: u64 = "ok\n".len() as u64;

/// Bytes a client gets up to and including the receipt of this upload.
fn through_receipt(site: &Site, arguments: &[&str]) -> u64 {
    let relay = site.relay(vec![]);
    site.run_over(&relay, arguments).succeeded();
    relay.passed(Direction::ToClient) - LAST
}

fn receipt(bytes: &[u8]) -> String {
    format!("ok {} {:08x} flushed\n", bytes.len(), crc32fast::hash(bytes))
}

#[track_caller]
fn check_settled(site: &Site, relay: &Relay, ran: Ran) {
    ran.said(0, "the receipt was lost, but the file is stored");
    assert_eq!(relay.connections(), 2);
    let sent = relay.passed(Direction::ToServer);
    assert!(sent < SIZE + OVERHEAD, "{sent} bytes: the file was sent again");
    assert!(fs::read(site.there("x")).unwrap() == payload::bytes(1, SIZE as usize));
    assert_eq!(names(site.root.path()), ["x"]);
}

#[test]
fn a_lost_receipt_is_settled_without_sending_again() {
    let site = Site::start(&[]);
    let sum = payload::write_file(&site.here("x"), 1, SIZE).unwrap();
    let total = through_receipt(&site, &["upload", "x"]);
    let length = receipt(&payload::bytes(1, sum.length as usize)).len() as u64;
    let mut uploads = 1;
    // Behind its first byte, in the middle, before its last.
    for missing in [length - 1, length / 2, 1] {
        for end in [End::Close, End::Reset] {
            let relay = site.relay(vec![cut(Direction::ToClient, total - missing, end)]);
            let ran = site.run_over(&relay, &["upload", "x"]);
            check_settled(&site, &relay, ran);
            uploads += 1;
            assert_eq!(site.counter("uploads"), uploads, "{missing} {end:?}");
        }
    }
}

#[test]
fn a_lost_receipt_for_standard_input_is_settled_too() {
    let site = Site::start(&[]);
    let bytes = payload::bytes(1, SIZE as usize);
    fs::write(site.here("x"), &bytes).unwrap();
    let total = through_receipt(&site, &["upload", "x"]);
    let place = total - receipt(&bytes).len() as u64 + 1;
    let relay = site.relay(vec![cut(Direction::ToClient, place, End::Close)]);
    let arguments = ["--one-connection", "upload", "-", "x"];
    let ran = Ran::with_input(&mut site.client_at(relay.address(), &arguments), &bytes);
    check_settled(&site, &relay, ran);
}

#[test]
fn standard_input_that_was_lost_on_its_way_is_told() {
    let site = Site::start(&[]);
    let relay = site.relay(vec![cut(Direction::ToServer, SIZE / 2, End::Close)]);
    let arguments = ["--one-connection", "upload", "-", "x"];
    let bytes = payload::bytes(1, SIZE as usize);
    let ran = Ran::with_input(&mut site.client_at(relay.address(), &arguments), &bytes);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(!site.there("x").exists());
}

#[test]
fn receipts_of_many_files_are_lost_anywhere() {
    const COUNT: u64 = 40;
    let site = Site::start(&[]);
    let files: Vec<String> = (0..COUNT).map(|number| format!("f-{number}")).collect();
    for (seed, name) in (0..).zip(&files) {
        payload::write_file(&site.here(name), seed, 100 * seed).unwrap();
    }
    let mut arguments: Vec<&str> = files.iter().map(String::as_str).collect();
    arguments.insert(0, "upload");
    arguments.push("/");
    let total = through_receipt(&site, &arguments);
    for missing in [1, 100, 500, 900] {
        files.iter().for_each(|name| fs::remove_file(site.there(name)).unwrap());
        let relay = site.relay(vec![cut(Direction::ToClient, total - missing, End::Close)]);
        site.run_over(&relay, &arguments).succeeded();
        assert_eq!(relay.connections(), 2);
        for (seed, name) in (0..).zip(&files) {
            let bytes = payload::bytes(seed, 100 * seed as usize);
            assert!(fs::read(site.there(name)).unwrap() == bytes, "{missing} {name}");
        }
        assert_eq!(names(site.root.path()).len() as u64, COUNT);
    }
}
