//! Who may use a classic transfer, and when.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use coracle_tests::ancestor::Fault;
use socket2::{Domain, Socket, Type};

use super::{End, Served, content, end_of, pour};
use crate::support::Running;
use crate::support::raw::Raw;

/// Send a file, its end, and wait for that of the other side.
fn send(mut stream: TcpStream, bytes: &[u8]) -> End {
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    end_of(stream)
}

#[test]
fn any_address_of_this_machine_is_the_peer_on_this_machine() {
    let served = Served::start(&[]);
    let _control = served.announce("file", 3);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0)).into()).unwrap();
    socket.connect(&served.transfer_address().into()).unwrap();
    assert_eq!(send(socket.into(), b"abc"), End::Closed);
    served.holds_only("file", b"abc");
}

#[test]
fn two_uploads_at_once_each_get_their_own() {
    let served = Served::start(&[]);
    let _first = served.announce("first", 3);
    let mut second = Raw::connect(served.site.address());
    second.send("upload second 3\n");
    assert_eq!(send(served.dial(), b"one"), End::Closed);
    assert_eq!(second.line(), "ok", "its turn has come");
    assert_eq!(send(served.dial(), b"two"), End::Closed);
    assert_eq!(fs::read(served.site.there("first")).unwrap(), b"one");
    assert_eq!(fs::read(served.site.there("second")).unwrap(), b"two");
}

pub fn a_transfer_that_waits_too_long_for_its_turn_is_told() {
    let served = Served::start(&[]);
    served.put("other", "");
    let _control = served.announce("file", 6);
    let mut stream = served.dial();
    stream.write_all(b"abc").unwrap();
    let begun = Instant::now();
    thread::scope(|scope| {
        let download = scope.spawn(|| served.client.download("other"));
        let upload = scope.spawn(|| served.answer("upload other 3\n"));
        // A listing is no transfer.
        assert_eq!(served.answer("ls\n"), "other\n");
        assert!(begun.elapsed() < Duration::from_secs(9), "it did not wait");
        assert!(matches!(download.join().unwrap(), Err(Fault::Refused)));
        assert!(upload.join().unwrap().starts_with("err busy "));
    });
    assert!(begun.elapsed() >= Duration::from_secs(9), "{:?}", begun.elapsed());
    assert_eq!(send(stream, b"def"), End::Closed);
    assert_eq!(fs::read(served.site.there("file")).unwrap(), b"abcdef");
}

pub fn an_announced_upload_that_never_comes_leaves_nothing() {
    let served = Served::start(&[]);
    served.put("file", "old");
    drop(served.announce("file", 3));
    served.until_closed();
    served.holds_only("file", b"old");
}

pub fn a_download_nobody_fetches_ends() {
    let served = Served::start(&[]);
    served.put("file", "abc");
    let mut control = Raw::connect(served.site.address());
    assert_eq!(control.ask("download file"), "3");
    served.holds_only("file", b"abc");
}

#[test]
fn a_second_data_connection_adds_nothing() {
    let served = Served::start(&[]);
    // It keeps the port open.
    let mut native = Raw::connect(served.site.address());
    assert!(native.ask("hello 1 transfer=yes").contains(" transfer="));
    let file = content(32 << 20);
    let _control = served.announce("file", file.len());
    let mut first = served.dial();
    let (begin, rest) = file.split_at(file.len() - 3);
    // More than waits on the way: once all is sent, this is known to be the one.
    first.write_all(begin).unwrap();
    let second = served.dial();
    pour(&second, b"evil\n");
    let _ended = second.shutdown(Shutdown::Write);
    let mut told = Vec::new();
    let _reset = (&second).read_to_end(&mut told);
    assert!(told.is_empty() || told.starts_with(b"err "), "{}", told.escape_ascii());
    assert_eq!(send(first, rest), End::Closed);
    assert!(fs::read(served.site.there("file")).unwrap() == file);
}

#[test]
fn data_before_an_upload_is_announced_are_nobodys() {
    let served = Served::start(&["--line-timeout", "1"]);
    assert!(TcpStream::connect(served.transfer_address()).is_err(), "the port is open");
    // A native session opens the port: what comes there without an upload is not kept for one.
    let mut native = Raw::connect(served.site.address());
    assert!(native.ask("hello 1 transfer=yes").contains(" transfer="));
    let early = served.dial();
    pour(&early, b"evil");
    let mut rest = Vec::new();
    let _reset = (&early).read_to_end(&mut rest);
    assert!(!rest.starts_with(b"ok"), "{}", rest.escape_ascii());
    let _control = served.announce("file", 4);
    assert_eq!(send(served.dial(), b"good"), End::Closed);
    assert_eq!(fs::read(served.site.there("file")).unwrap(), b"good");
}

#[test]
fn native_sessions_and_classic_uploads_share_the_port() {
    let served = Served::start(&[]);
    let _control = served.announce("file", 5);
    let (mut native, _) = Raw::session(served.transfer_address());
    assert_eq!(native.ask("noop"), "ok", "a whole session while an upload is due");
    let classic = served.dial();
    assert_eq!(native.ask("ls"), "ok 0");
    assert_eq!(send(classic, b"abcde"), End::Closed);
    assert!(native.ask("stat file").starts_with("ok f 5 "));
    assert_eq!(native.ask("exit"), "ok");
    served.until_closed();

    fs::write(served.site.here("sent"), content(3 << 20)).unwrap();
    let running = Running::of(&mut served.site.client(&["upload", "sent"]));
    for _ in 0..10 {
        served.client.upload("file", b"12345").unwrap();
    }
    running.finish().succeeded();
    assert!(fs::read(served.site.there("sent")).unwrap() == content(3 << 20));
    served.until_closed();
    assert_eq!(served.client.download("file").unwrap(), b"12345");
}

#[test]
fn files_that_begin_like_a_session_are_files() {
    thread::scope(|scope| {
        for file in ["h", "hello", "hello ", "hello world", "hello\n1", "Hello 1", "hello -1"] {
            scope.spawn(move || {
                let served = Served::start(&[]);
                served.client.upload("file", file.as_bytes()).unwrap();
                served.holds_only("file", file.as_bytes());
            });
        }
    });
}

#[test]
fn a_connection_that_begins_as_a_session_is_one() {
    let served = Served::start(&[]);
    let _control = served.announce("file", 8);
    let (session, _) = Raw::session(served.transfer_address());
    assert_eq!(send(served.dial(), b"the file"), End::Closed);
    drop(session);
    served.until_closed();
    served.holds_only("file", b"the file");
}

#[test]
fn a_download_to_this_machine_needs_the_port_for_the_client() {
    let served = Served::start(&[]);
    served.put("file", "abc");
    let mut native = Raw::connect(served.site.address());
    assert!(native.ask("hello 1 transfer=yes").contains(" transfer="));
    assert!(matches!(served.client.download("file"), Err(Fault::Refused)));
    assert!(served.answer("download file\n").starts_with("err busy "));
    assert_eq!(native.ask("exit"), "ok");
    served.until_closed();
    assert_eq!(served.client.download("file").unwrap(), b"abc");
}

#[test]
fn the_transfer_port_is_open_only_while_an_upload_is_due() {
    let served = Served::start(&[]);
    let bind = || TcpListener::bind(served.transfer_address());
    assert!(bind().is_ok());
    let _control = served.announce("file", 3);
    assert!(bind().is_err(), "the listener is open before the ok");
    assert_eq!(send(served.dial(), b"abc"), End::Closed);
    served.until_closed();
}
