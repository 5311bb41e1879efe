//! The classic dialect under pressure, against the real binary: forced ends, floods, limits.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use support::classic::{listen_plainly, payload, start, stored, until, until_no_listener};
use support::{Client, PATIENCE};

/// Whatever ends a transfer before its time, the port is free at once and the file is not whole:
/// the next program that binds it may be one of the ancestor.
#[test]
fn a_server_that_is_cut_off_resets_and_leaves_the_port() {
    for (signal, options) in [("TERM", &["--grace", "0"][..]), ("KILL", &[])] {
        let (mut daemon, classic) = start(options);
        let (_control, reply) = classic.ask(b"upload a 3");
        assert_eq!(reply, "ok");
        let transfer = SocketAddr::new(classic.control.ip(), classic.transfer);
        let mut native = Client::to(transfer);
        assert!(native.ask("hello 1").starts_with("ok 1 "));
        let mut data = classic.data();
        data.write_all(b"ab").unwrap();
        until_no_listener(transfer);
        daemon.signal(signal);
        daemon.child.wait().unwrap();
        assert!(data.read(&mut [0]).is_err(), "{signal}: a reset");
        // It may be told why first.
        assert!(native.stream.read_to_end(&mut Vec::new()).is_err(), "{signal}: a reset");
        listen_plainly(classic.transfer).expect("nothing is left of the connections");
        assert!(!daemon.root.path().join("a").exists());

        let (mut daemon, classic) = start(options);
        fs::write(daemon.root.path().join("a"), payload(20_000_000)).unwrap();
        let (_control, reply) = classic.ask(b"download a");
        assert_eq!(reply, "20000000");
        let listener = listen_plainly(classic.transfer).unwrap();
        let (mut data, _) = listener.accept().unwrap();
        data.read_exact(&mut [0; 1000]).unwrap();
        daemon.signal(signal);
        daemon.child.wait().unwrap();
        assert!(data.read_to_end(&mut Vec::new()).is_err(), "{signal}: a reset, not an end");
        drop((data, listener));
        listen_plainly(classic.transfer).expect("nothing is left of the connection");
    }
}

#[test]
fn silent_connections_do_not_keep_an_upload_out() {
    let (daemon, classic) = start(&["--max-sessions", "8"]);
    let (_control, reply) = classic.ask(b"upload a 3");
    assert_eq!(reply, "ok");
    let transfer = SocketAddr::new(classic.control.ip(), classic.transfer);
    let silent: Vec<_> = (0..200).map(|_| TcpStream::connect(transfer).unwrap()).collect();
    classic.data().write_all(b"abc").unwrap();
    assert_eq!(stored(&daemon, "a", 3), b"abc");
    drop(silent);
    until("places come back", || classic.upload("b", b"b").is_ok());
    assert_eq!(stored(&daemon, "b", 1), b"b");
}

/// The peer still holds its control connection open.
#[test]
fn a_refusal_ends_the_turn_at_once() {
    let (daemon, classic) = start(&[]);
    let begun = Instant::now();
    let mut held = Vec::new();
    for command in [&b"download none\n"[..], b"upload no/where 5\n", b"download /\n"] {
        for _ in 0..5 {
            let (control, reply) = classic.ask(command);
            assert!(reply.starts_with("err "), "{reply:?}");
            held.push(control);
        }
    }
    assert_eq!(classic.upload("a", b"abc"), Ok(()));
    assert_eq!(stored(&daemon, "a", 3), b"abc");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn commands_at_the_limits() {
    let (daemon, classic) = start(&[]);
    // 1024 bytes with the LF; one less is room for it.
    let line = |len: usize| [&b"ls "[..], &vec![b'x'; len - 3]].concat();
    for (len, code) in [(1022, "err bad-path "), (1023, "err bad-path "), (1024, "err")] {
        let command = [&line(len), &b"\n"[..]].concat();
        let reply = classic.exchange(&command);
        assert!(reply.starts_with(code), "{len}: {reply:?}");
        assert_eq!(classic.list(&line(len)), "err", "{len} bytes, without LF");
    }
    for name in ["a\0b", "a\rb", "a\\b", "..", "a/../b", "./a", "a//b", "\x1b[2J"] {
        for command in [format!("download {name}\n"), format!("upload {name} 1\n")] {
            let reply = classic.exchange(command.as_bytes());
            assert!(reply.starts_with("err bad-path "), "{command:?}: {reply:?}");
            assert!(!reply.contains('\x1b'), "{reply:?}");
        }
    }
    assert_eq!(classic.exchange(b"download a\r"), "err");
    let reply = classic.exchange(b"upload a 9223372036854775807\n");
    assert!(reply.starts_with("err no-space ") || reply.starts_with("err too-large "), "{reply:?}");
    assert_eq!(classic.exchange(b"upload a 9223372036854775807"), "err");
    assert_eq!(daemon.names(), [] as [&str; 0]);
}

#[test]
fn a_long_listing_waits_for_its_reader_in_constant_memory() {
    let (daemon, classic) = start(&[]);
    let name = |number: usize| format!("{number:05}{}", "x".repeat(195));
    let count = 30_000;
    for number in 0..count {
        fs::write(daemon.root.path().join(name(number)), b"").unwrap();
    }
    assert_eq!(classic.list(b"ls missing\n").lines().count(), 1);
    let before = daemon.memory();
    let (mut control, begin) = classic.ask(b"ls");
    let mut slowest = Vec::new();
    for _ in 0..20 {
        let (slow, begin) = classic.ask(b"ls");
        assert!(!begin.is_empty());
        slowest.push(slow);
    }
    assert_eq!(classic.list(b"ls").lines().count(), count, "others are served meanwhile");
    let more = daemon.memory().saturating_sub(before);
    assert!(more < 4 << 20, "{more} bytes for 21 listings");
    let mut rest = begin.into_bytes();
    control.read_to_end(&mut rest).unwrap();
    let listing = String::from_utf8(rest).unwrap();
    let names: BTreeSet<&str> = listing.split('\n').collect();
    assert_eq!(names.len(), count);
}

#[test]
fn a_request_whose_body_keeps_coming_gets_one_line_and_an_end() {
    let (_daemon, classic) = start(&[]);
    let mut control = TcpStream::connect(classic.control).unwrap();
    control.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut body = control.try_clone().unwrap();
    let pouring = thread::spawn(move || {
        let begun = Instant::now();
        body.write_all(b"POST / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n").unwrap();
        while body.write_all(&[b'x'; 65_536]).is_ok() {
            assert!(begun.elapsed() < PATIENCE, "it reads for ever");
        }
        begun.elapsed()
    });
    let mut line = [0; 16];
    control.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"err bad-command ");
    assert!(pouring.join().unwrap() < Duration::from_secs(10));
}
