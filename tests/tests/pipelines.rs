//! Many requests on their way at once: up to the limit, in order, without a deadlock.

mod support;

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use coracle_tests::payload;
use coracle_tests::relay::{Link, Relay};
use support::raw::{Raw, field, upload};
use support::{Site, names};

#[test]
fn three_thousand_small_files_in_one_call() {
    const COUNT: u64 = 3000;
    let site = Site::start(&[]);
    let length = |number: u64| number % 37 * 41;
    let files: Vec<String> = (0..COUNT).map(|number| format!("f-{number}")).collect();
    for (number, name) in (0..).zip(&files) {
        payload::write_file(&site.here(name), number, length(number)).unwrap();
    }
    let call = |verb: &[&str], last: &[&str]| {
        let names = files.iter().map(String::as_str);
        let arguments: Vec<&str> =
            verb.iter().copied().chain(names).chain(last.iter().copied()).collect();
        site.run(&arguments).succeeded();
    };
    call(&["upload"], &["/"]);
    fs::create_dir(site.here("got")).unwrap();
    call(&["download"], &["-o", "got"]);
    for (number, name) in (0..).zip(&files) {
        let bytes = payload::bytes(number, length(number) as usize);
        assert_eq!(fs::read(site.there(name)).unwrap(), bytes, "{name}");
        assert_eq!(fs::read(site.here("got").join(name)).unwrap(), bytes, "{name}");
    }
    assert_eq!(names(site.root.path()).len() as u64, COUNT);
    assert_eq!(names(&site.here("got")).len() as u64, COUNT);
}

const ENTRIES: usize = 200;
const ENTRY_LEN: usize = 1000;

fn entry(round: usize) -> usize {
    round * 7 % ENTRIES
}

/// The lines of one round; each round asks for another file.
fn lines(round: usize) -> [String; 3] {
    let entry = entry(round);
    ["ls many".to_owned(), format!("download many/e-{entry}"), format!("stat many/e-{entry}")]
}

fn check_listing(raw: &mut Raw) {
    for _ in 0..ENTRIES {
        let line = raw.line();
        assert!(line.starts_with("- f 1000 "), "{line:?}");
    }
    assert_eq!(raw.line(), format!("ok {ENTRIES}"));
}

/// Write as many lines as may be unanswered, to the byte, before anything is read; then every
/// reply must be there, in order.
fn fill_the_pipeline(address: SocketAddr) {
    let (mut raw, greeting) = Raw::session(address);
    let pipeline = field(&greeting, "pipeline").unwrap() as usize;
    let mut text = String::new();
    let mut rounds = 0;
    loop {
        let lines = lines(rounds).map(|line| line + "\n").concat();
        // Room for the two lines that make it exact.
        if text.len() + lines.len() + 20 > pipeline {
            break;
        }
        text += &lines;
        rounds += 1;
    }
    text += "noop\n";
    let name = "n".repeat(pipeline - text.len() - "stat \n".len());
    text += &format!("stat {name}\n");
    assert_eq!(text.len(), pipeline);
    raw.send(&text);
    for round in 0..rounds {
        check_listing(&mut raw);
        assert!(raw.line().starts_with("ok 1000 1000 "));
        assert_eq!(raw.file(), Some(payload::bytes(entry(round) as u64, ENTRY_LEN)));
        assert!(raw.line().starts_with("ok f 1000 "));
    }
    assert_eq!(raw.line(), "ok");
    assert!(raw.line().starts_with("err not-found "));
    assert_eq!(raw.ask("noop"), "ok");
}

fn crowded() -> Site {
    let site = Site::start(&[]);
    fs::create_dir(site.there("many")).unwrap();
    for number in 0..ENTRIES {
        let path = site.there(format!("many/e-{number}"));
        payload::write_file(&path, number as u64, ENTRY_LEN as u64).unwrap();
    }
    site
}

#[test]
fn a_pipeline_is_filled_before_anything_is_read() {
    fill_the_pipeline(crowded().address());
}

#[test]
fn a_pipeline_is_filled_over_a_long_way() {
    let site = crowded();
    let link = Link { delay: Duration::from_millis(10), ..Link::default() };
    let relay = Relay::start(site.address(), link).unwrap();
    fill_the_pipeline(relay.address());
}

#[test]
fn uploads_and_questions_are_answered_in_order() {
    let site = Site::start(&[]);
    let (mut raw, _) = Raw::session(site.address());
    let mut all = Vec::new();
    for number in 0..100 {
        let bytes = payload::bytes(number, 3 * number as usize);
        all.extend(upload(&format!("f-{number}"), &bytes));
        all.extend(format!("sum f-{number}\nrm missing-{number}\nls\n").into_bytes());
    }
    raw.send(&all);
    for number in 0..100 {
        let bytes = payload::bytes(number, 3 * number as usize);
        let crc = crc32fast::hash(&bytes);
        assert_eq!(raw.line(), format!("ok {} {crc:08x} flushed", bytes.len()));
        assert_eq!(raw.line(), format!("ok {} {crc:08x}", bytes.len()));
        assert!(raw.line().starts_with("err not-found "));
        for _ in 0..=number {
            assert!(raw.line().starts_with("- f "));
        }
        assert_eq!(raw.line(), format!("ok {}", number + 1));
    }
}
