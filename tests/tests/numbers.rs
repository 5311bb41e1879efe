//! Sizes, offsets and checksums at their limits, on the wire of the real server.

mod support;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use coracle::{End, Frame};
use coracle_tests::payload;
use support::raw::{Raw, frames};
use support::{Site, names};

/// Numbers no peer may send: signs, bases, leading zeros, nothing, more than 2^63 - 1.
const BAD: [&str; 12] = [
    "-1",
    "+1",
    "0x10",
    "007",
    "00",
    "",
    "1.5",
    "1e3",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999",
];

#[track_caller]
fn refused(raw: &mut Raw, line: &str, code: &str) {
    let reply = raw.ask(line);
    assert!(reply.starts_with(&format!("err {code} ")), "{line:?}: {reply:?}");
}

#[test]
fn numbers_are_exact_or_refused() {
    let site = Site::start(&[]);
    payload::write_file(&site.there("x"), 1, 100).unwrap();
    let (mut raw, _) = Raw::session(site.address());
    for bad in BAD {
        for line in ["sum x {}", "sum x 0 {}", "download x {}", "download x 0 {}"] {
            refused(&mut raw, &line.replace("{}", bad), "bad-argument");
        }
        for line in ["upload y {}", "upload y 5 {} 00000000", "upload y 5 mtime={}"] {
            raw.send(line.replace("{}", bad) + "\n");
            raw.send(frames(b"12345"));
            let reply = raw.line();
            assert!(reply.starts_with("err bad-argument "), "{line} {bad:?}: {reply:?}");
        }
    }
    // The largest number is one, and clipped to what is there.
    assert!(raw.ask("sum x 0 9223372036854775807").starts_with("ok 100 "));
    refused(&mut raw, "sum x 9223372036854775807", "bad-argument");
    refused(&mut raw, "sum x 9223372036854775807 9223372036854775807", "bad-argument");
    assert_eq!(names(site.root.path()), ["x"]);
}

#[test]
fn a_size_nobody_can_store_is_refused_before_anything_is_sent() {
    let site = Site::start(&[]);
    let (mut raw, _) = Raw::session(site.address());
    for size in [i64::MAX as u64, 1 << 62] {
        let reply = raw.ask(&format!("upload x {size}"));
        let code = reply.split(' ').nth(1).unwrap();
        assert!(matches!(code, "no-space" | "too-large"), "{reply:?}");
        raw.send(*b"\x03\0\0\0");
    }
    assert_eq!(raw.ask("noop"), "ok");
    assert!(names(site.root.path()).is_empty());
}

#[test]
fn zero_is_not_the_same_as_absent() {
    let site = Site::start(&[]);
    let bytes = payload::bytes(1, 100);
    fs::write(site.there("x"), &bytes).unwrap();
    let (mut raw, _) = Raw::session(site.address());
    assert_eq!(raw.ask("sum x 0 0"), "ok 0 00000000");
    assert_eq!(raw.ask("sum x 0"), format!("ok 100 {:08x}", crc32fast::hash(&bytes)));
    assert!(raw.ask("download x 0 0").starts_with("ok 0 100 "));
    assert_eq!(raw.file().unwrap(), b"");
    assert!(raw.ask("download x 0").starts_with("ok 100 100 "));
    assert!(raw.file().unwrap() == bytes);
    // The checksum of nothing is one as well, and is checked.
    assert!(raw.ask("download x 0 crc=00000000").starts_with("ok 100 100 "));
    assert!(raw.file().unwrap() == bytes);
    refused(&mut raw, "download x 0 crc=00000001", "changed");
    // A time of 0 is 1970, no time is now.
    for (option, is_epoch) in [(" mtime=0", true), ("", false)] {
        raw.send(format!("upload y 0{option}\n"));
        raw.send(frames(b""));
        assert!(raw.line().starts_with("ok 0 00000000 "));
        assert_eq!(raw.ask("stat y") == "ok f 0 0", is_epoch);
    }
    // A resume from 0 needs a partial, a fresh upload does not.
    raw.send("upload z 3 0 00000000\n");
    raw.send(frames(b"abc"));
    assert!(raw.line().starts_with("err not-found "));
    raw.send("upload z -\n");
    raw.send(frames(b"abc"));
    assert!(raw.line().starts_with("ok 3 "));
}

#[test]
fn an_offset_of_ten_digits_is_taken_and_told_in_full() {
    const OFFSET: u64 = 1_050_000_000;
    let site = Site::start(&[]);
    let file = File::create(site.there("x")).unwrap();
    file.set_len(OFFSET + 5).unwrap();
    file.write_all_at(b"abcde", OFFSET).unwrap();
    let (mut raw, _) = Raw::session(site.address());
    let reply = raw.ask("stat x");
    assert!(reply.starts_with("ok f 1050000005 "), "{reply:?}");
    let crc = crc32fast::hash(b"abcde");
    assert_eq!(raw.ask("sum x 1050000000"), format!("ok 5 {crc:08x}"));
    let prefix = raw.ask("sum x 0 1050000000");
    let (_, prefix) = prefix.split_at("ok 1050000000 ".len());
    let reply = raw.ask(&format!("download x 1050000000 crc={prefix}"));
    assert!(reply.starts_with("ok 5 1050000005 "), "{reply:?}");
    assert_eq!(raw.file().unwrap(), b"abcde");
    assert!(site.run(&["ls"]).succeeded().text().contains(" 1050000005 "));
}

#[test]
fn offsets_around_two_and_four_gigabytes() {
    let site = Site::start(&[]);
    let file = File::create(site.there("x")).unwrap();
    file.set_len((1 << 32) + 10).unwrap();
    let (mut raw, _) = Raw::session(site.address());
    for middle in [1 << 31, 1 << 32] {
        let bytes = payload::bytes(middle, 8);
        file.write_all_at(&bytes, middle - 4).unwrap();
        for (offset, at) in [(middle - 4, 0), (middle - 1, 3), (middle, 4), (middle + 1, 5)] {
            let crc = crc32fast::hash(&bytes[at..]);
            let length = bytes.len() - at;
            let sum = raw.ask(&format!("sum x {offset} {length}"));
            assert_eq!(sum, format!("ok {length} {crc:08x}"));
            let reply = raw.ask(&format!("download x {offset} {length}"));
            assert!(reply.starts_with(&format!("ok {length} 4294967306 ")), "{reply:?}");
            assert_eq!(raw.file().unwrap(), bytes[at..]);
        }
    }
}

#[test]
fn checksums_have_eight_digits() {
    let site = Site::start(&[]);
    payload::write_file(&site.there("x"), 1, 100).unwrap();
    let (mut raw, _) = Raw::session(site.address());
    for bad in ["", "0", "0000000", "000000000", "0000000g", "0x000000", "-0000000", "+0000000"] {
        refused(&mut raw, &format!("download x 0 crc={bad}"), "bad-argument");
        raw.send(format!("upload y 3 0 {bad}\n"));
        raw.send(frames(b"abc"));
        let reply = raw.line();
        assert!(reply.starts_with("err bad-argument "), "{bad:?}: {reply:?}");
    }
    // Either case is read.
    let crc = crc32fast::hash(&payload::bytes(1, 50));
    for text in [format!("{crc:08x}"), format!("{crc:08X}")] {
        assert!(raw.ask(&format!("download x 50 crc={text}")).starts_with("ok 50 100 "));
        assert!(raw.file().is_some());
    }
}

#[test]
fn an_end_is_checked_before_it_is_believed() {
    let site = Site::start(&[]);
    let start =
        [b"upload x 3\n".to_vec(), Frame::Data(3).emit().to_vec(), b"abc".to_vec()].concat();
    let crc = crc32fast::hash(b"abc");
    for (length, crc) in [(3, crc ^ 1), (2, crc), (u64::MAX, crc), (0, 0)] {
        let (mut raw, _) = Raw::session(site.address());
        raw.send([&start[..], &End { length, crc }.emit_frame()].concat());
        let reply = raw.line();
        assert!(reply.starts_with("err corrupt "), "{reply:?}");
    }
    // Wrong lengths of the frame itself: not frames of this protocol.
    for header in [[2, 0, 0, 0], [2, 0, 0, 11], [2, 0, 0, 13], [2, 255, 255, 255], [1, 0, 0, 0]] {
        let (mut raw, _) = Raw::session(site.address());
        raw.send([&start[..], &header].concat());
        let reply = raw.line();
        assert!(reply.starts_with("err bad-command "), "{header:?}: {reply:?}");
        assert!(raw.rest().is_empty());
    }
    assert!(!site.there("x").exists());
}

#[test]
fn names_at_their_limits() {
    let site = Site::start(&[]);
    let (mut raw, _) = Raw::session(site.address());
    let longest = "n".repeat(255);
    raw.send(format!("upload {longest} 1\n"));
    raw.send(frames(b"x"));
    assert!(raw.line().starts_with("ok 1 "));
    refused(&mut raw, &format!("stat {longest}n"), "bad-path");
    // A path of 512 bytes, and of 513.
    assert_eq!(raw.ask(&format!("mkdir {}", "d".repeat(254))), "ok");
    let path = format!("{}/{}", "d".repeat(254), "e".repeat(255));
    assert_eq!(raw.ask(&format!("mkdir {path}")), "ok");
    assert!(raw.ask(&format!("stat {path}/f")).starts_with("err not-found "));
    refused(&mut raw, &format!("stat {path}/ff"), "bad-path");
    // Cut to the limit they would be other files.
    assert_eq!(raw.ask(&format!("rm {path}")), "ok");
    for length in [4 << 10, 1 << 20] {
        let (mut raw, _) = Raw::session(site.address());
        let line = format!("stat {}\n", "n".repeat(length));
        // The server stops reading at its limit.
        let _cut = std::io::Write::write_all(raw.stream.get_mut(), line.as_bytes());
        assert!(raw.line().starts_with("err too-long "), "{length}");
    }
    let mut left = vec!["d".repeat(254), longest];
    left.sort();
    assert_eq!(names(site.root.path()), left);
}
