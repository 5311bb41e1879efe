//! Long listings, listings of folders that change, and one without an end.

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use support::raw::Raw;
use support::{Site, Stop};

#[test]
fn entries_that_stay_are_listed_once_while_others_come_and_go() {
    const STAYING: usize = 3000;
    let site = Site::start(&[]);
    for number in 0..STAYING {
        File::create(site.there(format!("stays-{number}"))).unwrap();
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                let path = site.there(format!("goes-{}", number % 100));
                match number / 100 % 2 {
                    0 => drop(File::create(path).unwrap()),
                    _ => fs::remove_file(path).unwrap(),
                }
            }
        });
        let _stop = Stop(&is_over);
        let (mut raw, _) = Raw::session(site.address());
        for _ in 0..10 {
            raw.send("ls\n");
            let mut seen = vec![0; STAYING];
            let mut count = 0;
            let last = loop {
                let line = raw.line();
                let Some(entry) = line.strip_prefix("- f 0 ") else { break line };
                count += 1;
                if let Some((_, number)) = entry.split_once(" stays-") {
                    seen[number.parse::<usize>().unwrap()] += 1;
                }
            };
            assert_eq!(last, format!("ok {count}"));
            assert!(seen.iter().all(|&times| times == 1));
        }
    });
}

#[test]
fn a_listing_that_nobody_reads_to_its_end_is_no_failure() {
    let site = Site::start(&[]);
    for number in 0..5000 {
        File::create(site.there(format!("entry-{number}"))).unwrap();
    }
    let mut child = site.client(&["ls"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_listing_without_an_end_is_ended() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let mut raw = Raw::from(listener.accept().unwrap().0);
        assert!(raw.line().starts_with("hello 1"));
        raw.send("ok 1\n");
        assert_eq!(raw.line(), "ls /");
        let entries = b"- f 1 - a\n".repeat(100_000);
        // Until the client has had enough.
        while raw.stream.get_mut().write_all(&entries).is_ok() {}
    });
    let site = Site::start(&[]);
    let mut command = site.client_at(address, &["ls"]);
    let output = command.stdout(Stdio::null()).output().unwrap();
    server.join().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("lists more than"), "{said}");
}
