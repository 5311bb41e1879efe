//! Segments from nobody: half-open connections by the thousand, and resets.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use coracle_tests::network::Family;
use coracle_tests::payload;

use crate::forged::Forger;
use crate::site::{ANYONE, CONTROL, Site, TRANSFER};
use crate::support::{Running, Stop, staged, until};

/// Half-open connections of a flood.
const FLOOD: u32 = 1000;

/// More than fits into the buffers on the way: what is not read waits.
const LARGE: usize = 16 << 20;

/// Both ports, in turn.
const PORTS: [u16; 2] = [CONTROL, TRANSFER];

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

/// Send half-open connections until `stop`.
fn flood(forger: &Forger, from: fn(u32) -> SocketAddrV4, first: u32, stop: &AtomicBool) {
    for number in first.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        forger.syn(from(number), PORTS[number as usize % 2]);
        // Some thousand a second: others get their turns.
        if number % 20 == 19 {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Half-open connections give way sooner than they end by themselves, which takes 10 s.
const GIVE_WAY: Duration = Duration::from_secs(8);

/// Wait until a newcomer has a place, which must not take long.
#[track_caller]
fn until_served(site: &Site) {
    let begun = Instant::now();
    until("a newcomer is served", || site.has_place());
    assert!(begun.elapsed() < GIVE_WAY, "{:?}", begun.elapsed());
}

fn transfers_go_on_in_a_flood(options: &[&str], from: fn(u32) -> SocketAddrV4) {
    let Some(site) = Site::start(options) else { return };
    let (there, here) = (payload::bytes(1, LARGE), payload::bytes(2, LARGE));
    fs::write(site.there("down"), &there).unwrap();
    let mut down = site.session(2);
    down.send("download down\n");
    assert!(down.line().starts_with("ok "));
    let mut command = site.client(&["upload", "-", "up"]);
    let (first, second) = here.split_at(LARGE / 2);
    let mut up = Running::with_input(command.stdin(Stdio::piped()), first);
    until("the upload has begun", || !staged(site.root.path()).is_empty());

    let forger = Forger::on(&site.wire);
    (0..FLOOD).for_each(|number| forger.syn(from(number), PORTS[number as usize % 2]));
    // And it goes on until both are through.
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| flood(&forger, from, FLOOD, &stop));
        let _stop = Stop(&stop);
        up.write(second);
        up.finish().succeeded();
        assert!(down.file().unwrap() == there);
    });
    assert!(fs::read(site.there("up")).unwrap() == here);
    until_served(&site);
}

#[test]
fn a_thousand_half_open_connections_stop_no_transfer() {
    let options = ["--max-sessions", "4", "--gateway", "192.168.69.2", ANYONE];
    transfers_go_on_in_a_flood(&options, nobody);
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
    for from in [nobody, neighbour] {
        for round in 0..3 {
            for number in 0..FLOOD {
                forger.syn(from(round * FLOOD + number), PORTS[number as usize % 2]);
            }
            until_served(&site);
        }
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
    until_served(&site);
    site.run(&["upload", "x"]).succeeded();
}
