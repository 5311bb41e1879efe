//! What a person sees while files are moved: the progress lines, the words, the colours.

#![allow(clippy::std_instead_of_core, reason = "these programs stand on the standard library")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use coracle_tests::payload;
use coracle_tests::process::program;
use coracle_tests::relay::{Direction, End};
use coracle_tests::terminal::Terminal;
use support::{Site, cut};

const MIB: u64 = 1 << 20;

fn terminal(site: &Site, at: SocketAddr, arguments: &[&str], more: &[(&str, &str)]) -> Terminal {
    let host = at.to_string();
    let arguments = [&["--one-connection", &host], arguments].concat();
    let variables: Vec<_> = more.iter().map(|&(name, value)| (name, OsStr::new(value))).collect();
    Terminal::start(&program("coracle").unwrap(), site.local.path(), &arguments, &variables)
}

#[test]
fn one_file_has_one_line_and_its_words() {
    let site = Site::start(&[]);
    payload::write_file(&site.there("big"), 1, 8 * MIB).unwrap();
    let relay = site.relay(vec![cut(Direction::ToClient, MIB, End::Stall)]);
    let mut terminal = terminal(&site, relay.address(), &["download", "big"], &[]);
    terminal.expect("Start downloading..\n");
    terminal.expect("file size: 8388608\n");
    assert!(!terminal.expect("/8.00 MiB").contains("files"));
    terminal.expect("eta");
    assert!(relay.await_stalls(1));
    relay.release();
    assert!(!terminal.expect("Download is finished!").contains("1/1 files"));
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn several_files_have_a_line_for_the_whole_too() {
    let site = Site::start(&[]);
    fs::create_dir(site.there("tree")).unwrap();
    for (seed, name) in ["a", "b", "c"].iter().enumerate() {
        payload::write_file(&site.there(format!("tree/{name}")), seed as u64, 4 * MIB).unwrap();
    }
    let cuts = vec![
        cut(Direction::ToClient, u64::MAX, End::Close),
        cut(Direction::ToClient, MIB, End::Stall),
    ];
    let relay = site.relay(cuts);
    let mut terminal = terminal(&site, relay.address(), &["download", "-r", "tree"], &[]);
    terminal.expect("0/3 files");
    // Every size is known from the listing.
    terminal.expect("/12.00 MiB");
    terminal.expect("tree/a");
    terminal.expect("/4.00 MiB");
    assert!(relay.await_stalls(1));
    relay.release();
    let words = terminal.expect("3 files downloaded: 12.0 MiB in ");
    assert!(!words.contains("Start downloading"));
    assert_eq!(terminal.wait().0, 0);
}

/// The columns that a text takes; of the letters here the Japanese ones take two.
fn columns(text: &str) -> usize {
    let is_wide = |letter| ('\u{2e80}'..'\u{fb00}').contains(&letter);
    text.chars().map(|letter| if is_wide(letter) { 2 } else { 1 }).sum()
}

/// What is drawn, line by line, without escape sequences.
fn drawn(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|letter: char| letter.is_ascii_alphabetic()).unwrap();
        // An escape sequence moves as well: what comes then is another line.
        plain.push('\r');
        plain.push_str(&part[end + 1..]);
    }
    plain.split(['\r', '\n']).map(String::from).collect()
}

#[test]
fn lines_fit_every_terminal() {
    let site = Site::start(&[]);
    let name = "長い名前のファイル".repeat(9);
    payload::write_file(&site.there(&name), 1, 4 * MIB).unwrap();
    for width in [20, 50, 80, 130] {
        let relay = site.relay(vec![cut(Direction::ToClient, MIB, End::Stall)]);
        let (client, host) = (program("coracle").unwrap(), relay.address());
        let line = format!(
            "stty cols {width}; exec {} {host} --one-connection download {name} got",
            client.display()
        );
        let path = std::env::var_os("PATH").unwrap();
        let variables = [("PATH", path.as_os_str())];
        let shell = Path::new("/bin/sh");
        let arguments = ["-c", &line];
        let terminal = Terminal::start(shell, site.local.path(), &arguments, &variables);
        assert!(relay.await_stalls(1));
        relay.release();
        let (code, raw) = terminal.wait_raw();
        assert_eq!(code, 0);
        let drawn = drawn(&raw);
        let mut lines = drawn.iter().filter(|line| line.contains('長'));
        assert!(lines.clone().count() > 0, "{drawn:?}");
        assert_eq!(lines.find(|line| columns(line) > width), None, "{width} columns");
    }
}

#[test]
fn colours_are_for_terminals_whose_owners_want_them() {
    const RED: &[u8] = b"\x1b[31m";
    const GREEN: &[u8] = b"\x1b[32m";
    let site = Site::start(&[]);
    payload::write_file(&site.here("a"), 1, 10).unwrap();
    let has = |raw: &[u8], part: &[u8]| raw.windows(part.len()).any(|window| window == part);
    for (variables, is_coloured) in [
        (&[][..], true),
        (&[("NO_COLOR", "")], true),
        (&[("NO_COLOR", "1")], false),
        (&[("TERM", "dumb")], false),
    ] {
        let refused = terminal(&site, site.address(), &["download", "missing"], variables);
        let (code, raw) = refused.wait_raw();
        assert_eq!((code, has(&raw, RED)), (1, is_coloured), "{variables:?}");
        let sent = terminal(&site, site.address(), &["upload", "a"], variables);
        let (code, raw) = sent.wait_raw();
        assert_eq!((code, has(&raw, GREEN)), (0, is_coloured), "{variables:?}");
        // A terminal that can only print is given nothing else.
        assert!(variables != [("TERM", "dumb")] || !raw.contains(&0x1b), "{raw:?}");
    }
}

#[test]
fn a_pipe_gets_words_and_no_lines_that_are_drawn() {
    let site = Site::start(&[]);
    for name in ["a", "b"] {
        payload::write_file(&site.here(name), 1, 3 * MIB).unwrap();
    }
    let ran = site.run(&["upload", "a"]).succeeded();
    assert_eq!(ran.stderr, "Sent: 3145728 / 3145728\nFile upload done...\n");
    let ran = site.run(&["download", "a", "c"]).succeeded();
    assert_eq!(ran.stderr, "Start downloading..\nfile size: 3145728\nDownload is finished!\n");
    let ran = site.run(&["upload", "a", "b", "/"]).succeeded();
    assert!(ran.stderr.starts_with("2 files uploaded: 6.0 MiB in "), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1);
    let ran = site.run(&["-v", "upload", "a", "b", "/"]).succeeded();
    assert!(ran.stderr.contains("/a: 3145728 ") && ran.stderr.contains("/b: 3145728 "));
    let ran = site.run(&["-v", "download", "a", "c"]).succeeded();
    assert!(ran.stderr.contains("Total received: 3145728 / 3145728\n"), "{}", ran.stderr);
    // A short one is counted up in the chunks of the protocol.
    payload::write_file(&site.there("short"), 1, 3552).unwrap();
    let ran = site.run(&["-v", "download", "short"]).succeeded();
    let counted: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with("Total")).collect();
    let expected = [1024, 2048, 3072, 3552].map(|done| format!("Total received: {done} / 3552"));
    assert_eq!(counted, expected);
    for quiet in [&["-q", "upload", "a"][..], &["-q", "upload", "a", "b", "/"]] {
        assert_eq!(site.run(quiet).succeeded().stderr, "");
    }
    // Not even the result of a download to standard output is mixed with words.
    let ran = site.run(&["download", "a", "-o", "-"]).succeeded();
    assert_eq!(ran.stdout.len() as u64, 3 * MIB);
}
