//! Segments from nobody: half-open connections by the thousand, and resets.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use coracle_tests::network::Family;
use coracle_tests::payload;

use crate::forged::Forger;
use crate::site::{ANYONE, CONTROL, SOON, Site, TRANSFER, same};
use crate::support::{Stop, until};

/// Half-open connections that a flood has at least.
const FLOOD: u32 = 1000;

/// A file that takes longer than the flood.
const LARGE: u64 = 64 << 20;

/// The source of the flood's segment of this number: another address and port each time, in a
/// network that is not on the wire.
fn nobody(number: u32) -> SocketAddrV4 {
    let [.., high, low] = number.to_be_bytes();
    SocketAddrV4::new(Ipv4Addr::new(10, 99, high, low), 1024 + (number % 60_000) as u16)
}

/// The same on the wire, where somebody has to be looked for first.
fn neighbour(number: u32) -> SocketAddrV4 {
    let address = Ipv4Addr::new(192, 168, 69, 10 + (number % 200) as u8);
    SocketAddrV4::new(address, 1024 + (number % 60_000) as u16)
}

/// The host itself, from a port that it does not use.
fn host(port: u16) -> SocketAddrV4 {
    let IpAddr::V4(address) = Family::V4.host(2) else { unreachable!("it is IPv4") };
    SocketAddrV4::new(address, port)
}

/// Send half-open connections until `stop`, but at least [`FLOOD`].
fn flood(forger: &Forger, from: fn(u32) -> SocketAddrV4, stop: &AtomicBool, sent: &AtomicU32) {
    for number in 0.. {
        if number >= FLOOD && stop.load(Ordering::SeqCst) {
            return;
        }
        forger.syn(from(number), [CONTROL, TRANSFER][number as usize % 2]);
        sent.fetch_add(1, Ordering::SeqCst);
        // Some thousand a second: a transfer beside it gets its turns.
        if number % 20 == 19 {
            thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}

fn transfers_go_on_in_a_flood(options: &[&str], from: fn(u32) -> SocketAddrV4) {
    let Some(site) = Site::start(options) else { return };
    payload::write_file(&site.here("x"), 1, LARGE).unwrap();
    let forger = Forger::on(&site.wire);
    let (stop, sent) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| flood(&forger, from, &stop, &sent));
        let _stop = Stop(&stop);
        until("the flood has begun", || sent.load(Ordering::SeqCst) > 0);
        // It goes on until both are through.
        for arguments in [&["upload", "x"][..], &["download", "x", "y"]] {
            site.run(&[&["--retries", "0"], arguments].concat()).succeeded();
        }
    });
    assert!(sent.load(Ordering::SeqCst) >= FLOOD);
    assert!(same(site.here("x"), site.here("y")));
    // And behind it everything is as before, at once.
    let begun = Instant::now();
    site.run(&["ls"]).succeeded();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn a_thousand_half_open_connections_stop_no_transfer() {
    transfers_go_on_in_a_flood(
        &["--max-sessions", "4", "--gateway", "192.168.69.2", ANYONE],
        nobody,
    );
}

#[test]
fn half_open_connections_of_neighbours_that_are_not_there_stop_no_transfer() {
    transfers_go_on_in_a_flood(&["--max-sessions", "4"], neighbour);
}

#[test]
fn half_open_connections_keep_no_newcomer_out() {
    let options = ["--max-sessions", "2", "--gateway", "192.168.69.2", ANYONE];
    let Some(site) = Site::start(&options) else { return };
    let forger = Forger::on(&site.wire);
    for round in 0..10 {
        // As many as there can be, and then somebody who means it.
        for number in 0..FLOOD / 10 {
            forger.syn(nobody(round * FLOOD + number), CONTROL);
        }
        let begun = Instant::now();
        assert!(site.raw(2).ask("hello 1").starts_with("ok 1 "));
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
}

#[test]
fn resets_do_listening_sockets_no_harm() {
    let Some(site) = Site::start(&["--max-sessions", "1"]) else { return };
    let forger = Forger::on(&site.wire);
    for port in [CONTROL, TRANSFER] {
        for number in 0..100 {
            let from = host(20_000 + number);
            forger.reset(from, port, None);
            forger.reset(from, port, Some(1));
            // A connection that is given up before it is one.
            forger.syn(from, port);
            forger.reset(from, port, None);
        }
    }
    let mut raw = site.session(2);
    // Nor do they harm a session of somebody else.
    for port in [CONTROL, TRANSFER] {
        forger.reset(host(30_000), port, None);
        forger.reset(host(30_000), port, Some(1));
    }
    assert_eq!(raw.ask("noop"), "ok");
    assert_eq!(raw.ask("exit"), "ok");
    drop(raw);
    payload::write_file(&site.here("x"), 1, 100_000).unwrap();
    until("the place is free", || site.raw(2).ask("hello 1").starts_with("ok 1 "));
    site.run(&["upload", "x"]).succeeded();
}
