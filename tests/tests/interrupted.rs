//! Transfers that are interrupted at every point, by everything, and continued.

mod support;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use coracle_tests::payload;
use coracle_tests::process::{Server, program};
use coracle_tests::relay::{Direction, End, Relay};
use support::{Ran, Running, STEP, Site, cut, names, staged, until};

const SIZE: u64 = 8 << 20;

/// Where the link stalls.
const STALL: u64 = 3 << 20;

/// Bytes of lines, frame headers and signs of life of one transfer: far less than a step.
const OVERHEAD: u64 = 16 << 10;

const SEED: u64 = 42;

fn is_whole(path: impl AsRef<std::path::Path>, seed: u64) -> bool {
    fs::read(path).unwrap() == payload::bytes(seed, SIZE as usize)
}

/// A site with the file to send, and a link that stalls in the middle of the first transfer.
fn stalling_upload() -> (Site, Relay) {
    let site = Site::start(&[]);
    payload::write_file(&site.here("x"), SEED, SIZE).unwrap();
    let relay = site.relay(vec![cut(Direction::ToServer, STALL, End::Stall)]);
    (site, relay)
}

fn stalling_download() -> (Site, Relay) {
    let site = Site::start(&[]);
    payload::write_file(&site.there("x"), SEED, SIZE).unwrap();
    let relay = site.relay(vec![cut(Direction::ToClient, STALL, End::Stall)]);
    (site, relay)
}

/// Wait until all that passed a stalled link is stored, but for an unfinished step.
fn until_stored(folder: &std::path::Path) {
    until("what came is stored", || {
        staged(folder).iter().any(|path| {
            fs::metadata(path).is_ok_and(|staged| staged.len() + STEP + OVERHEAD >= STALL)
        })
    });
}

/// What is passed from now on is the rest of the file and little more.
struct Rest<'a>(&'a Relay, Direction, u64);

impl<'a> Rest<'a> {
    fn of(relay: &'a Relay, direction: Direction) -> Self {
        Self(relay, direction, relay.passed(direction))
    }

    #[track_caller]
    fn check(&self) {
        let sent = self.0.passed(self.1) - self.2;
        let rest = SIZE - STALL;
        assert!(sent >= rest && sent <= rest + 2 * STEP + OVERHEAD, "{sent} of {rest}");
    }
}

#[test]
fn an_upload_whose_client_is_killed() {
    let (site, relay) = stalling_upload();
    let running = site.start_over(&relay, &["upload", "x"]);
    assert!(relay.await_stalls(1));
    until_stored(site.root.path());
    running.kill();
    assert_eq!(site.run(&["ls"]).succeeded().text(), "");
    let rest = Rest::of(&relay, Direction::ToServer);
    site.run_over(&relay, &["--continue", "upload", "x"]).succeeded();
    rest.check();
    assert!(is_whole(site.there("x"), SEED));
    assert_eq!(names(site.root.path()), ["x"]);
}

#[test]
fn a_download_whose_client_is_killed() {
    let (site, relay) = stalling_download();
    let running = site.start_over(&relay, &["download", "x"]);
    assert!(relay.await_stalls(1));
    until_stored(site.local.path());
    running.kill();
    assert!(!site.here("x").exists());
    let rest = Rest::of(&relay, Direction::ToClient);
    site.run_over(&relay, &["--continue", "download", "x"]).succeeded();
    rest.check();
    assert!(is_whole(site.here("x"), SEED));
    assert_eq!(names(site.local.path()), ["x"]);
}

#[test]
fn an_upload_whose_server_is_killed() {
    let (mut site, relay) = stalling_upload();
    let running = site.start_over(&relay, &["upload", "x"]);
    assert!(relay.await_stalls(1));
    until_stored(site.root.path());
    let rest = Rest::of(&relay, Direction::ToServer);
    site.replace_server();
    relay.set_target(site.address());
    running.finish().said(0, "trying again");
    rest.check();
    assert!(is_whole(site.there("x"), SEED));
    assert_eq!(names(site.root.path()), ["x"]);
}

#[test]
fn a_download_whose_server_is_killed() {
    let (mut site, relay) = stalling_download();
    let running = site.start_over(&relay, &["download", "x"]);
    assert!(relay.await_stalls(1));
    until_stored(site.local.path());
    let rest = Rest::of(&relay, Direction::ToClient);
    site.replace_server();
    relay.set_target(site.address());
    running.finish().said(0, "trying again");
    rest.check();
    assert!(is_whole(site.here("x"), SEED));
    assert_eq!(names(site.local.path()), ["x"]);
}

#[test]
fn an_upload_whose_user_has_had_enough() {
    let (site, relay) = stalling_upload();
    let running = site.start_over(&relay, &["upload", "x"]);
    assert!(relay.await_stalls(1));
    until_stored(site.root.path());
    running.interrupt();
    running.finish().said(130, "interrupted");
    let rest = Rest::of(&relay, Direction::ToServer);
    site.run_over(&relay, &["--continue", "upload", "x"]).succeeded();
    rest.check();
    assert!(is_whole(site.there("x"), SEED));
}

#[test]
fn a_download_whose_user_has_had_enough() {
    let (site, relay) = stalling_download();
    let running = site.start_over(&relay, &["download", "x"]);
    assert!(relay.await_stalls(1));
    until_stored(site.local.path());
    running.interrupt();
    running.finish().said(130, "interrupted");
    assert!(!site.here("x").exists());
    let rest = Rest::of(&relay, Direction::ToClient);
    site.run_over(&relay, &["--continue", "download", "x"]).succeeded();
    rest.check();
    assert!(is_whole(site.here("x"), SEED));
}

#[test]
fn an_upload_on_the_transfer_port_whose_client_is_killed() {
    let site = Site::start(&[]);
    let sum = payload::write_file(&site.here("x"), SEED, SIZE).unwrap();
    let bytes = payload::bytes(SEED, STALL as usize);
    let mut command = site.client(&["upload", "-", "x"]);
    let running = Running::with_input(command.stdin(Stdio::piped()), &bytes);
    until_stored(site.root.path());
    running.kill();
    assert_eq!(site.run(&["ls"]).succeeded().text(), "");
    site.run(&["--continue", "upload", "x"]).succeeded();
    assert_eq!(payload::sum_file(&site.there("x")).unwrap(), sum);
    assert_eq!(names(site.root.path()), ["x"]);
}

/// A port below those the system gives out by itself, so that it is still free after a while.
fn quiet_port() -> u16 {
    let first = 20_000 + (std::process::id() % 10_000) as u16;
    let mut ports = (first..32_000).chain(20_000..first);
    ports.find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()).unwrap()
}

#[test]
fn a_server_that_is_away_for_a_while_is_waited_for() {
    const LARGE: u64 = 512 << 20;
    let site = Site::start(&[]);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, quiet_port()));
    let start = || {
        let mut command = Command::new(program("coracled").unwrap());
        command.args(["--durability", "rename", "--transfer-port", "none", "--quiet"]);
        command.args(["--listen", &address.to_string()]).arg(site.root.path());
        Server::start(command).unwrap()
    };
    let mut server = start();
    File::create(site.here("x")).unwrap().set_len(LARGE).unwrap();
    let running = Running::of(&mut site.client_at(address, &["upload", "x"]));
    until("the upload has begun", || !staged(site.root.path()).is_empty());
    server.kill().unwrap();
    let _back = start();
    running.finish().said(0, "trying again");
    assert_eq!(fs::metadata(site.there("x")).unwrap().len(), LARGE);
    assert_eq!(names(site.root.path()), ["x"]);
}

#[test]
fn a_file_replaced_on_the_server_is_downloaded_from_its_beginning() {
    let (site, relay) = stalling_download();
    let running = site.start_over(&relay, &["download", "x"]);
    assert!(relay.await_stalls(1));
    until_stored(site.local.path());
    running.kill();
    payload::write_file(&site.there("x"), SEED + 1, SIZE).unwrap();
    site.run(&["--continue", "download", "x"]).said(0, "starting from zero");
    assert!(is_whole(site.here("x"), SEED + 1));
    assert_eq!(names(site.local.path()), ["x"]);
}

#[test]
fn a_file_that_shrank_on_the_server_is_downloaded_from_its_beginning() {
    let (site, relay) = stalling_download();
    let running = site.start_over(&relay, &["download", "x"]);
    assert!(relay.await_stalls(1));
    until_stored(site.local.path());
    running.kill();
    payload::write_file(&site.there("x"), SEED, 1000).unwrap();
    site.run(&["--continue", "download", "x"]).said(0, "starting from zero");
    assert_eq!(fs::read(site.here("x")).unwrap(), payload::bytes(SEED, 1000));
}

#[test]
fn a_file_that_grew_on_the_server_is_continued() {
    let site = Site::start(&[]);
    payload::write_file(&site.here("x"), SEED, STALL).unwrap();
    payload::write_file(&site.there("x"), SEED, SIZE).unwrap();
    let relay = site.relay(vec![]);
    let rest = Rest::of(&relay, Direction::ToClient);
    site.run_over(&relay, &["--continue", "download", "x"]).succeeded();
    rest.check();
    assert!(is_whole(site.here("x"), SEED));
}

#[test]
fn a_local_file_that_changed_is_uploaded_from_its_beginning() {
    let (site, relay) = stalling_upload();
    let running = site.start_over(&relay, &["upload", "x"]);
    assert!(relay.await_stalls(1));
    until_stored(site.root.path());
    running.kill();
    payload::write_file(&site.here("x"), SEED + 1, SIZE).unwrap();
    site.run(&["--continue", "upload", "x"]).said(0, "starting from zero");
    assert!(is_whole(site.there("x"), SEED + 1));
    assert_eq!(names(site.root.path()), ["x"]);
}

#[test]
fn two_clients_that_continue_one_upload() {
    let (site, relay) = stalling_upload();
    let running = site.start_over(&relay, &["upload", "x"]);
    assert!(relay.await_stalls(1));
    until_stored(site.root.path());
    running.kill();
    // The same beginning, another end.
    let mut other = payload::bytes(SEED, SIZE as usize);
    payload::fill(SEED + 1, STALL, &mut other[STALL as usize..]);
    fs::write(site.here("y"), &other).unwrap();
    let both = [&["--continue", "upload", "x"][..], &["--continue", "upload", "y", "x"]];
    let running = both.map(|arguments| Running::of(&mut site.client(arguments)));
    for running in running {
        running.finish().succeeded();
    }
    assert!(is_whole(site.there("x"), SEED) || fs::read(site.there("x")).unwrap() == other);
    assert_eq!(names(site.root.path()), ["x"]);
    assert_eq!(site.counter("uploads"), 2);
}

/// A file of three DATA frames: small, so that many transfers take little time.
const SMALL: u64 = 2 * STEP + 100_000;

/// Bytes of an END frame, and of what the client says behind it.
const END: u64 = 16;
const EXIT: u64 = "exit\n".len() as u64;

/// Run a transfer over a link that breaks where it is told, for every place both ways of
/// breaking, and check what comes of it.
fn break_everywhere(
    site: &Site,
    direction: Direction,
    places: &[u64],
    arguments: &(impl Fn(usize) -> [String; 3] + Sync),
    check: impl Fn(usize, Ran) + Sync,
) {
    let ends = [End::Close, End::Reset];
    let cases = places.iter().flat_map(|&place| ends.map(|end| cut(direction, place, end)));
    let cases: Vec<_> = cases.enumerate().collect();
    // Most of the time goes by in waiting before a retry.
    std::thread::scope(|scope| {
        for (number, case) in cases {
            let check = &check;
            scope.spawn(move || {
                let relay = site.relay(vec![case]);
                let ran = site.run_over(&relay, &arguments(number));
                assert_eq!(ran.code, Some(0), "{case:?}: {}", ran.stderr);
                assert!(relay.connections() >= 2, "{case:?} did not break");
                check(number, ran);
            });
        }
    });
}

#[test]
fn an_upload_cut_anywhere_is_whole_in_the_end() {
    let site = Site::start(&[]);
    payload::write_file(&site.here("x"), SEED, SMALL).unwrap();
    let relay = site.relay(vec![]);
    let arguments = |number: usize| ["upload", "x", &format!("x-{number:02}")].map(str::to_owned);
    site.run_over(&relay, &arguments(99)).succeeded();
    let total = relay.passed(Direction::ToServer);
    let hello = "hello 1\n".len() as u64;
    let frames = total - EXIT - END - SMALL - 3 * 4;
    let places = [
        1,
        hello,
        hello + 4,
        frames - 1,
        frames,
        frames + 2,
        frames + 4 + STEP / 2,
        frames + 4 + STEP + 1,
        total - EXIT - END,
        total - EXIT - END + 7,
        total - EXIT - 1,
        total - EXIT,
    ];
    break_everywhere(&site, Direction::ToServer, &places, &arguments, |number, _| {
        let file = fs::read(site.there(format!("x-{number:02}"))).unwrap();
        assert!(file == payload::bytes(SEED, SMALL as usize), "{number}");
    });
    assert_eq!(names(site.root.path()).len(), 2 * places.len() + 1);
}

#[test]
fn a_download_cut_anywhere_is_whole_in_the_end() {
    let site = Site::start(&[]);
    payload::write_file(&site.there("x"), SEED, SMALL).unwrap();
    let relay = site.relay(vec![]);
    let arguments = |number: usize| ["download", "x", &format!("x-{number:02}")].map(str::to_owned);
    site.run_over(&relay, &arguments(99)).succeeded();
    let total = relay.passed(Direction::ToClient) - "ok\n".len() as u64;
    let frames = total - END - SMALL - 3 * 4;
    let places = [
        1,
        frames - 10,
        frames - 1,
        frames,
        frames + 2,
        frames + 4 + STEP / 2,
        frames + 4 + STEP + 1,
        total - END,
        total - END + 7,
        total - 1,
    ];
    break_everywhere(&site, Direction::ToClient, &places, &arguments, |number, _| {
        let file = fs::read(site.here(format!("x-{number:02}"))).unwrap();
        assert!(file == payload::bytes(SEED, SMALL as usize), "{number}");
    });
    assert_eq!(names(site.local.path()).len(), 2 * places.len() + 1);
}

#[test]
fn a_link_that_always_breaks_ends_with_3_and_can_be_continued() {
    let site = Site::start(&[]);
    payload::write_file(&site.here("x"), SEED, SMALL).unwrap();
    let relay = site.relay(vec![cut(Direction::ToServer, 30, End::Close); 3]);
    let arguments = |options: &[&'static str]| [options, &["upload", "x"]].concat();
    site.run_over(&relay, &arguments(&["--retries", "0"])).ended_with(3);
    site.run_over(&relay, &arguments(&["--retries", "1"])).said(3, "trying again");
    assert_eq!(relay.connections(), 3);
    site.run_over(&relay, &arguments(&["--continue"])).succeeded();
    let file = fs::read(site.there(OsStr::new("x"))).unwrap();
    assert!(file == payload::bytes(SEED, SMALL as usize));
}
