//! The commands that move no file bytes, as their user sees them.

mod support;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, UNIX_EPOCH};

use coracle_tests::payload;
use support::raw::{Raw, frames};
use support::{Site, names};

/// Bytes of a row before the name: kind, size and time.
const COLUMNS: usize = 36;

/// 2001-09-09 01:46:40 UTC.
fn set_time(file: &File) {
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
}

#[test]
fn listings() {
    let site = Site::start(&[]);
    assert_eq!(site.run(&["ls"]).succeeded().text(), "");
    payload::write_file(&site.there("file"), 1, 12_345).unwrap();
    set_time(&File::options().write(true).open(site.there("file")).unwrap());
    fs::create_dir(site.there("folder")).unwrap();
    set_time(&File::open(site.there("folder")).unwrap());
    let file = "f        12345 2001-09-09T01:46:40Z file\n";
    let folder = "d            - 2001-09-09T01:46:40Z folder/\n";
    for arguments in [&["ls"][..], &["ls", "/"]] {
        let ran = site.run(arguments).succeeded();
        let mut lines: Vec<_> = ran.text().split_inclusive('\n').collect();
        lines.sort_unstable();
        assert_eq!(lines, [folder, file]);
    }
    assert_eq!(site.run(&["ls", "folder/"]).succeeded().text(), "");
    assert_eq!(site.run(&["stat", "file"]).succeeded().text(), file);
    assert_eq!(site.run(&["stat", "/folder"]).succeeded().text(), folder.replace(" f", " /f"));
    site.run(&["ls", "file"]).said(1, "(not-directory)");
    site.run(&["ls", "missing"]).said(1, "(not-found)");
    site.run(&["stat", "missing"]).said(1, "(not-found)");
    site.run(&["stat", "file/x"]).ended_with(1);
}

#[test]
fn odd_names_are_shown_harmless_and_listed_whole() {
    let site = Site::start(&[]);
    let odd: [(&[u8], &str); 8] = [
        (b"a b", "a b"),
        (b"\x80\xff", "\\x80\\xff"),
        ("\u{202e}txt".as_bytes(), "\\u{202e}txt"),
        ("zero\u{200b}width".as_bytes(), "zero\\u{200b}width"),
        ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
        (b"-rf", "-rf"),
        (b"100%", "100%"),
        ("\u{65e5}\u{672c}".as_bytes(), "\u{65e5}\u{672c}"),
    ];
    for (name, _) in odd {
        File::create(site.there(OsStr::from_bytes(name))).unwrap();
    }
    let ran = site.run(&["ls"]).succeeded();
    let listed: Vec<_> = ran.text().lines().map(|line| line[COLUMNS..].to_owned()).collect();
    assert_eq!(listed.len(), odd.len());
    for (_, expected) in odd {
        assert!(listed.iter().any(|name| name == expected), "{expected:?} in {listed:?}");
    }
    // Names that the rules of paths refuse are counted, not sent.
    for name in [&b"line\nfeed"[..], b"\x1b]0;x\x07", b"back\\slash"] {
        File::create(site.there(OsStr::from_bytes(name))).unwrap();
    }
    let ran = site.run(&["ls"]).said(0, "3 entries");
    assert_eq!(ran.text().lines().count(), odd.len());
}

#[test]
fn sums_are_read_back() {
    let site = Site::start(&[]);
    let bytes = payload::bytes(1, 5000);
    fs::write(site.there("x"), &bytes).unwrap();
    let line = |bytes: &[u8]| format!("{:08x} {} x\n", crc32fast::hash(bytes), bytes.len());
    assert_eq!(site.run(&["sum", "x"]).succeeded().text(), line(&bytes));
    assert_eq!(site.run(&["sum", "x", "1000"]).succeeded().text(), line(&bytes[1000..]));
    let part = site.run(&["sum", "x", "1000", "2000"]).succeeded();
    assert_eq!(part.text(), line(&bytes[1000..3000]));
    let rest = site.run(&["sum", "x", "4000", "9223372036854775807"]).succeeded();
    assert_eq!(rest.text(), line(&bytes[4000..]));
    assert_eq!(site.run(&["sum", "x", "5000"]).succeeded().text(), line(b""));
    site.run(&["sum", "x", "5001"]).said(1, "(bad-argument)");
    site.run(&["sum", "missing"]).said(1, "(not-found)");
    site.run(&["sum", "/"]).said(1, "(is-directory)");
    for number in ["-1", "0x10", "9223372036854775808", "18446744073709551616", ""] {
        site.run(&["sum", "x", number]).ended_with(2);
    }
}

#[test]
fn free_space_and_counters() {
    let site = Site::start(&[]);
    let ran = site.run(&["df"]).succeeded();
    assert!(ran.text().contains(" free of ") && ran.text().ends_with(" bytes)\n"), "{ran:?}");
    payload::write_file(&site.here("a"), 1, 1000).unwrap();
    site.run(&["upload", "a"]).succeeded();
    site.run(&["download", "a", "b"]).succeeded();
    site.run(&["rm", "missing"]).ended_with(1);
    for (name, value) in
        [("uploads", 1), ("uploaded", 1000), ("downloads", 1), ("downloaded", 1000)]
    {
        assert_eq!(site.counter(name), value, "{name}");
    }
    assert_eq!(site.counter("refusals"), 1);
}

#[test]
fn removing_renaming_and_folders() {
    let site = Site::start(&[]);
    site.run(&["mkdir", "a", "a/b", "c"]).succeeded();
    site.run(&["mkdir", "a"]).said(1, "(exists)");
    site.run(&["mkdir", "no/such"]).said(1, "(not-found)");
    payload::write_file(&site.there("a/x"), 1, 10).unwrap();
    payload::write_file(&site.there("y"), 2, 10).unwrap();
    site.run(&["rm", "a"]).said(1, "(not-empty)");
    site.run(&["mv", "y", "a"]).said(1, "(is-directory)");
    site.run(&["mv", "a", "a/b/a"]).said(1, "(bad-argument)");
    site.run(&["mv", "a", "c"]).said(1, "(exists)");
    site.run(&["mv", "missing", "z"]).said(1, "(not-found)");
    for line in [&["rm", "/"][..], &["mv", "/", "x"], &["mv", "a", "/"]] {
        site.run(line).said(1, "(denied)");
    }
    // A rename replaces a file, and moves between folders.
    site.run(&["mv", "y", "a/x"]).succeeded();
    assert_eq!(fs::read(site.there("a/x")).unwrap(), payload::bytes(2, 10));
    site.run(&["mv", "a/b", "d"]).succeeded();
    // One that is missing does not keep the others.
    site.run(&["rm", "a/x", "missing", "c"]).said(1, "missing");
    site.run(&["rm", "a", "d"]).succeeded();
    assert!(names(site.root.path()).is_empty());
}

#[test]
fn partials_are_shown_and_forgotten() {
    let site = Site::start(&[]);
    site.run(&["partial", "x"]).said(1, "(not-found)");
    site.run(&["forget", "x"]).said(1, "(not-found)");
    let bytes = payload::bytes(1, 3000);
    let (mut raw, _) = Raw::session(site.address());
    raw.send("upload x 5000\n");
    raw.send(&frames(&bytes)[..4 + bytes.len()]);
    raw.send(*b"\x03\0\0\0");
    assert!(raw.line().starts_with("err aborted "));
    let ran = site.run(&["partial", "x"]).succeeded();
    assert_eq!(ran.text(), format!("{:08x} 3000 x\n", crc32fast::hash(&bytes)));
    assert_eq!(site.run(&["ls"]).succeeded().text(), "", "it is in no listing");
    site.run(&["stat", "x"]).said(1, "(not-found)");
    site.run(&["forget", "x"]).succeeded();
    site.run(&["partial", "x"]).said(1, "(not-found)");
    assert!(names(site.root.path()).is_empty());
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_2() {
    let site = Site::start(&[]);
    let senseless: [&[&str]; 8] = [
        &["dance"],
        &["rm"],
        &["download"],
        &["upload"],
        &["mv", "a"],
        &["--no-such-option", "ls"],
        &["-q", "-v", "ls"],
        &["download", "/"],
    ];
    for arguments in senseless {
        site.run(arguments).ended_with(2);
    }
    for path in ["", "..", "../x", "a/../../x", "x/..", ".", "a//b", "a\\b", "line\nfeed"] {
        site.run(&["stat", path]).ended_with(2);
        site.run(&["download", path, "here"]).ended_with(2);
    }
    assert_eq!(site.counter("all_commands"), 2, "hello and stats: nobody was asked");
}

#[test]
fn no_server_or_another_one_ends_with_3() {
    let site = Site::start(&[]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let other = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut raw = Raw::from(stream);
        raw.send("220 FTP server ready\r\n");
        raw.rest();
    });
    let run = |command: &[&str]| {
        let mut client = site.client_at(address, command);
        let output = client.output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
    };
    run(&["ls"]);
    other.join().unwrap();
    // Nobody listens there any more.
    run(&["ls"]);
    run(&["download", "x"]);
    payload::write_file(&site.here("a"), 1, 1).unwrap();
    run(&["upload", "a"]);
}
