//! Files there and back with the real programs, byte for byte.

mod support;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use coracle_tests::payload;
use support::{Ran, Running, Site, names};

const MIB: usize = 1 << 20;

/// Around every limit of a step on the way.
const SIZES: [usize; 8] = [0, 1, 1023, 1024, 1025, MIB - 1, MIB, MIB + 1];

fn name_of(size: usize) -> String {
    format!("file-{size}")
}

/// Each size there under another name and back, each by a client of its own.
fn round_trips(site: &Site, options: &[&str]) {
    for size in SIZES {
        let (name, seed) = (name_of(size), size as u64);
        payload::write_file(&site.here(&name), seed, seed).unwrap();
        let arguments = [options, &["upload", &name, "there"]].concat();
        site.run(&arguments).succeeded();
        assert!(fs::read(site.there("there")).unwrap() == payload::bytes(seed, size), "{size} up");
        let arguments = [options, &["download", "there", "back"]].concat();
        site.run(&arguments).succeeded();
        assert!(fs::read(site.here("back")).unwrap() == payload::bytes(seed, size), "{size} down");
    }
    assert_eq!(names(site.root.path()), ["there"]);
    assert_eq!(names(site.local.path()).len(), SIZES.len() + 1);
}

#[test]
fn every_size_on_the_transfer_port() {
    let site = Site::start(&[]);
    round_trips(&site, &[]);
    // Each transfer has a session on either port; asking for the counters is one more.
    assert_eq!(site.counter("sessions"), 4 * SIZES.len() as u64 + 1);
}

#[test]
fn every_size_on_one_connection() {
    let site = Site::start(&[]);
    round_trips(&site, &["--one-connection"]);
    assert_eq!(site.counter("sessions"), 2 * SIZES.len() as u64 + 1);
}

#[test]
fn every_size_from_a_server_without_a_transfer_port() {
    let site = Site::start(&["--transfer-port", "none"]);
    round_trips(&site, &[]);
    assert_eq!(site.counter("sessions"), 2 * SIZES.len() as u64 + 1);
}

#[test]
fn times_travel_both_ways() {
    let site = Site::start(&[]);
    let time = UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    payload::write_file(&site.here("a"), 1, 10).unwrap();
    File::options().write(true).open(site.here("a")).unwrap().set_modified(time).unwrap();
    site.run(&["upload", "a"]).succeeded();
    assert_eq!(fs::metadata(site.there("a")).unwrap().modified().unwrap(), time);
    site.run(&["download", "a", "b"]).succeeded();
    assert_eq!(fs::metadata(site.here("b")).unwrap().modified().unwrap(), time);
}

#[test]
fn names_are_any_bytes_a_file_system_has() {
    let site = Site::start(&[]);
    let odd: &[&[u8]] = &[
        b"with space",
        b"100%",
        b"%41",
        b"-rf",
        b"--",
        b"upload",
        b"exit",
        b"caf\xe9",
        b"\xff\x80",
        "Bl\u{e5}b\u{e6}r \u{65e5}\u{672c}".as_bytes(),
        b"~x",
        b"a;rm x",
        b"$(touch x)",
        b"'\"*?",
        &[0xe9; 255],
        &[b'n'; 255],
    ];
    for name in odd.iter().map(|name| OsString::from_vec(name.to_vec())) {
        payload::write_file(&site.here(&name), 5, 100).unwrap();
        let plain = |verb: &str| [OsStr::new(verb), OsStr::new("--"), &name].map(OsStr::to_owned);
        site.run(&plain("upload")).succeeded();
        assert_eq!(fs::read(site.there(&name)).unwrap(), payload::bytes(5, 100), "{name:?}");
        fs::remove_file(site.here(&name)).unwrap();
        site.run(&plain("download")).succeeded();
        assert_eq!(fs::read(site.here(&name)).unwrap(), payload::bytes(5, 100), "{name:?}");
    }
    assert_eq!(names(site.root.path()).len(), odd.len());
    assert_eq!(names(site.local.path()).len(), odd.len());
}

#[test]
fn composed_and_decomposed_names_are_two_files() {
    let site = Site::start(&[]);
    for (seed, name) in [(1, "\u{e9}"), (2, "e\u{301}")] {
        payload::write_file(&site.here(name), seed, 10).unwrap();
        site.run(&["upload", name]).succeeded();
    }
    assert_eq!(names(site.root.path()).len(), 2);
    site.run(&["rm", "\u{e9}"]).succeeded();
    assert_eq!(names(site.root.path()), ["e\u{301}"]);
}

#[test]
fn standard_input_and_output() {
    let site = Site::start(&[]);
    for (seed, size) in [(1, 0), (2, 1), (3, MIB + 1)] {
        let bytes = payload::bytes(seed, size);
        Ran::with_input(&mut site.client(&["upload", "-", "x"]), &bytes).succeeded();
        assert!(fs::read(site.there("x")).unwrap() == bytes, "{size} up");
        let ran = site.run(&["download", "x", "-o", "-"]).succeeded();
        assert!(ran.stdout == bytes, "{size} down");
    }
    assert!(names(site.local.path()).is_empty());
    Ran::with_input(&mut site.client(&["upload", "-"]), b"x").ended_with(2);
}

#[test]
fn several_files_into_folders() {
    let site = Site::start(&[]);
    for seed in 0..3 {
        payload::write_file(&site.here(name_of(seed)), seed as u64, 2000).unwrap();
    }
    let files = [name_of(0), name_of(1), name_of(2)];
    let [a, b, c] = files.each_ref().map(String::as_str);
    site.run(&["mkdir", "box", "box/in"]).succeeded();
    site.run(&["put", a, b, c, "box/in"]).succeeded();
    site.run(&["put", a, "box/"]).succeeded();
    site.run(&["put", a, b, "/"]).succeeded();
    assert_eq!(names(&site.there("box/in")), files);
    assert_eq!(names(&site.there("box")), [a, "in"]);
    assert_eq!(names(site.root.path()), ["box", a, b]);
    fs::create_dir(site.here("got")).unwrap();
    let there = files.each_ref().map(|name| format!("/box/in/{name}"));
    let [d, e, f] = there.each_ref().map(String::as_str);
    site.run(&["get", d, e, f, "-o", "got"]).succeeded();
    for (seed, name) in (0..).zip(&files) {
        let bytes = payload::bytes(seed, 2000);
        assert!(fs::read(site.here("got").join(name)).unwrap() == bytes);
        assert!(fs::read(site.there("box/in").join(name)).unwrap() == bytes);
    }
    site.run(&["get", a, b, "-o", "nowhere"]).ended_with(2);
}

#[test]
fn files_are_replaced_whole_unless_that_is_forbidden() {
    let site = Site::start(&[]);
    payload::write_file(&site.here("a"), 1, 70_000).unwrap();
    site.run(&["upload", "a", "x"]).succeeded();
    payload::write_file(&site.here("a"), 2, 3).unwrap();
    site.run(&["upload", "a", "x"]).succeeded();
    assert_eq!(fs::read(site.there("x")).unwrap(), payload::bytes(2, 3));
    payload::write_file(&site.here("y"), 3, 70_000).unwrap();
    site.run(&["--no-clobber", "download", "x", "y"]).said(5, "exists");
    assert!(fs::read(site.here("y")).unwrap() == payload::bytes(3, 70_000));
    site.run(&["download", "x", "y"]).succeeded();
    assert_eq!(fs::read(site.here("y")).unwrap(), payload::bytes(2, 3));
    site.run(&["--no-clobber", "download", "x", "z"]).succeeded();
    assert_eq!(fs::read(site.here("z")).unwrap(), payload::bytes(2, 3));
    assert_eq!(names(site.local.path()), ["a", "y", "z"]);
}

#[test]
fn what_is_missing_leaves_nothing_behind() {
    let site = Site::start(&[]);
    site.run(&["download", "missing"]).said(1, "(not-found)");
    site.run(&["download", "missing", "-o", "-"]).said(1, "(not-found)");
    site.run(&["--continue", "download", "missing"]).said(1, "(not-found)");
    assert!(names(site.local.path()).is_empty());
    site.run(&["upload", "missing"]).said(5, "missing");
    payload::write_file(&site.here("a"), 1, 300_000).unwrap();
    site.run(&["upload", "a", "no/such/folder"]).said(1, "(not-found)");
    fs::create_dir(site.there("folder")).unwrap();
    site.run(&["upload", "a", "folder"]).said(1, "(is-directory)");
    site.run(&["download", "folder"]).said(1, "(is-directory)");
    assert_eq!(names(site.root.path()), ["folder"]);
    assert_eq!(names(site.local.path()), ["a"]);
    // One name that is missing does not keep the others back.
    site.run(&["upload", "missing", "a", "/"]).ended_with(5);
    site.run(&["download", "missing", "a", "-o", "folder/"]).ended_with(5);
    fs::create_dir(site.here("got")).unwrap();
    site.run(&["download", "missing", "a", "-o", "got"]).said(1, "(not-found)");
    assert_eq!(names(&site.here("got")), ["a"]);
}

#[test]
fn a_folder_that_only_reads_refuses_what_writes() {
    let root = tempfile::tempdir().unwrap();
    payload::write_file(&root.path().join("x"), 1, 1000).unwrap();
    let site = Site::serve(root, &["--read-only"]);
    payload::write_file(&site.here("a"), 2, MIB as u64).unwrap();
    site.run(&["upload", "a"]).said(1, "(read-only)");
    site.run(&["upload", "a", "x"]).said(1, "(read-only)");
    site.run(&["download", "x"]).succeeded();
    assert_eq!(fs::read(site.here("x")).unwrap(), payload::bytes(1, 1000));
    assert_eq!(names(site.root.path()), ["x"]);
}

/// Bytes of a download to a pipe, of which none is kept.
fn count_download(site: &Site, name: &str) -> u64 {
    let mut command = site.client(&["download", name, "-o", "-"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut piece = vec![0; MIB];
    let mut total = 0;
    loop {
        match output.read(&mut piece).unwrap() {
            0 => break,
            count => total += count as u64,
        }
    }
    assert!(child.wait().unwrap().success());
    total
}

#[test]
fn sizes_beyond_32_bits_come() {
    let site = Site::start(&[]);
    for size in [(1 << 31) - 1, (1 << 31) + 1, (1 << 32) - 1, (1 << 32) + 1] {
        File::create(site.there("sparse")).unwrap().set_len(size).unwrap();
        assert_eq!(count_download(&site, "sparse"), size);
    }
}

#[test]
fn sizes_beyond_32_bits_go() {
    const SIZE: u64 = (1 << 32) + 1;
    let site = Site::start(&["--durability", "rename"]);
    File::create(site.here("sparse")).unwrap().set_len(SIZE).unwrap();
    let running = Running::of(&mut site.client(&["-v", "upload", "sparse"]));
    running.finish().said(0, &SIZE.to_string());
    assert_eq!(fs::metadata(site.there("sparse")).unwrap().len(), SIZE);
}
