//! The classic dialect against the real binary: peers as the programs of the ancestor are.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use support::classic::{
    Classic, connect_from, listen_plainly, payload, reset, start, stored, until, until_no_listener,
};
use support::{Client, Daemon, PATIENCE};

/// Nothing is stored but what was there, and the next transfer works.
fn nothing_stays(daemon: &Daemon, classic: &Classic, names: &[&str]) {
    until("nothing stays", || daemon.names() == names);
    let after = classic.upload("after", b"after");
    assert_eq!(after, Ok(()), "the port serves the next");
    assert_eq!(stored(daemon, "after", 5), b"after");
    fs::remove_file(daemon.root.path().join("after")).unwrap();
}

#[test]
fn a_client_of_the_ancestor_lists_and_moves_files() {
    let (daemon, classic) = start(&[]);
    let (large, png) = (payload(3_000_000), payload(271_296));
    fs::write(daemon.root.path().join("a.txt"), &large).unwrap();
    fs::write(daemon.root.path().join("empty"), b"").unwrap();
    fs::write(daemon.root.path().join("two words"), b"x").unwrap();
    assert_eq!(classic.download("a.txt").as_ref(), Ok(&large));
    assert_eq!(classic.download("empty"), Ok(vec![]));
    assert_eq!(classic.download("b.txt"), Err("err".to_owned()));
    classic.upload("foo_new.png", &png).unwrap();
    assert!(stored(&daemon, "foo_new.png", png.len()) == png);
    classic.upload("nothing", b"").unwrap();
    assert_eq!(stored(&daemon, "nothing", 0), b"");
    let mut names: Vec<_> = classic.list(b"ls").lines().map(str::to_owned).collect();
    names.sort();
    assert_eq!(names, ["a.txt", "empty", "foo_new.png", "nothing"]);
}

#[test]
fn a_person_with_a_plain_tool_reads_lines() {
    let (daemon, classic) = start(&[]);
    fs::write(daemon.root.path().join("grün"), b"abc").unwrap();
    assert_eq!(classic.list(b"ls\r\n"), "grün\n");
    assert_eq!(
        classic.exchange(b"download none\n"),
        "err not-found there is no such file or folder\n"
    );
    let data = listen_plainly(classic.transfer).unwrap();
    assert_eq!(classic.exchange("download grün\n".as_bytes()), "3\n");
    let mut bytes = Vec::new();
    data.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"abc");
    let http = classic.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(http.starts_with("err bad-command ") && http.lines().count() == 1, "{http:?}");
    assert_eq!(classic.exchange(b"nonsense"), "err");
    // Native sessions are what they were.
    assert_eq!(daemon.session().ask("noop"), "ok");
}

/// As fast as the ancestor's programs can, with ports that they cannot share.
#[test]
fn many_transfers_follow_each_other() {
    let (daemon, classic) = start(&[]);
    for round in 0..10_usize {
        let bytes = payload(100_000 * round + round);
        classic.upload("same", &bytes).unwrap_or_else(|error| panic!("{round}: {error}"));
        assert!(classic.download("same").unwrap() == bytes, "round {round}");
    }
    for round in 0..10 {
        assert_eq!(classic.download("same").unwrap().len(), 900_009, "round {round}");
    }
    for round in 0..10 {
        classic.upload("same", &payload(1000 + round)).unwrap();
    }
    assert_eq!(classic.download("same").unwrap(), payload(1009));
    assert_eq!(daemon.names(), ["same"]);
}

#[test]
fn the_transfer_port_is_open_only_while_an_upload_is_due() {
    let (_daemon, classic) = start(&[]);
    let address = SocketAddr::new(classic.control.ip(), classic.transfer);
    assert!(TcpStream::connect(address).is_err());
    let (_control, reply) = classic.ask(b"upload a 3");
    assert_eq!(reply, "ok");
    assert!(listen_plainly(classic.transfer).is_err(), "it is ours now");
    let mut data = classic.data();
    data.write_all(b"ab").unwrap();
    until_no_listener(address);
    assert!(TcpStream::connect(address).is_err());
    data.write_all(b"c").unwrap();
    drop(data);
    until("the port is free", || listen_plainly(classic.transfer).is_ok());
}

#[test]
fn native_sessions_use_the_port_beside_an_upload() {
    let (daemon, classic) = start(&[]);
    let (_control, reply) = classic.ask(b"upload a 5");
    assert_eq!(reply, "ok");
    let transfer = SocketAddr::new(classic.control.ip(), classic.transfer);
    let mut first = Client::to(transfer);
    assert!(first.ask("hello 1").starts_with("ok 1 "), "native at once");
    let mut undecided = Client::to(transfer);
    undecided.send(b"hell");
    let mut silent = Client::to(transfer);
    let mut data = classic.data();
    data.write_all(b"hello").unwrap();
    drop(data);
    assert_eq!(stored(&daemon, "a", 5), b"hello");
    undecided.send(b"o 1\n");
    assert!(undecided.line().starts_with("ok 1 "), "native after all");
    silent.send(b"hello 1\n");
    assert!(silent.line().starts_with("ok 1 "));
    assert_eq!(first.ask("noop"), "ok");
}

#[test]
fn any_address_of_one_machine_is_that_of_a_local_peer() {
    let (daemon, classic) = start(&[]);
    let (_control, reply) = classic.ask(b"upload a 3");
    assert_eq!(reply, "ok");
    let transfer = SocketAddr::new(classic.control.ip(), classic.transfer);
    let mut data = connect_from(Ipv4Addr::new(127, 0, 0, 2).into(), transfer);
    data.write_all(b"abc").unwrap();
    drop(data);
    assert_eq!(stored(&daemon, "a", 3), b"abc");
}

#[test]
fn a_second_transfer_waits_for_the_first() {
    let (daemon, classic) = start(&[]);
    let (_control, reply) = classic.ask(b"upload a 3");
    assert_eq!(reply, "ok");
    thread::scope(|scope| {
        let second = scope.spawn(|| classic.upload("b", b"second"));
        let third = scope.spawn(|| classic.upload("c", b"third"));
        assert!(!daemon.names().contains(&"b".to_owned()));
        classic.data().write_all(b"one").unwrap();
        assert_eq!(second.join().unwrap(), Ok(()));
        assert_eq!(third.join().unwrap(), Ok(()));
    });
    assert_eq!(stored(&daemon, "a", 3), b"one");
    assert_eq!(stored(&daemon, "b", 6), b"second");
    assert_eq!(stored(&daemon, "c", 5), b"third");
}

#[test]
fn a_transfer_that_lasts_makes_others_busy() {
    let (daemon, classic) = start(&[]);
    let (_control, reply) = classic.ask(b"upload a 3");
    assert_eq!(reply, "ok");
    let mut data = classic.data();
    data.write_all(b"on").unwrap();
    fs::write(daemon.root.path().join("b"), b"b").unwrap();
    thread::scope(|scope| {
        let download = scope.spawn(|| classic.exchange(b"download b\n"));
        assert!(classic.exchange(b"upload c 1\n").starts_with("err busy "));
        assert!(download.join().unwrap().starts_with("err busy "));
    });
    assert_eq!(classic.list(b"ls"), "b", "what is no transfer does not wait");
    data.write_all(b"e").unwrap();
    drop(data);
    assert_eq!(stored(&daemon, "a", 3), b"one");
}

#[test]
fn an_upload_of_another_length_and_a_lost_peer_leave_nothing() {
    let (daemon, classic) = start(&[]);
    fs::write(daemon.root.path().join("a"), b"old").unwrap();
    for sent in [&b""[..], b"ab", b"abcd", &[b'x'; 100_000]] {
        let (_control, reply) = classic.ask(b"upload a 3");
        assert_eq!(reply, "ok");
        // A refusal may come before everything is sent.
        let _reset = classic.data().write_all(sent);
        nothing_stays(&daemon, &classic, &["a"]);
    }
    let (_control, reply) = classic.ask(b"upload a 100000");
    assert_eq!(reply, "ok");
    let mut data = classic.data();
    data.write_all(&[b'x'; 50_000]).unwrap();
    reset(data);
    nothing_stays(&daemon, &classic, &["a"]);
    assert_eq!(fs::read(daemon.root.path().join("a")).unwrap(), b"old");
    let mut session = daemon.session();
    assert!(session.ask("partial a").starts_with("err not-found "), "there is no resume");
}

#[test]
fn silence_ends_what_was_begun() {
    let (daemon, classic) = start(&["--transfer-timeout", "1"]);
    fs::write(daemon.root.path().join("a"), payload(20_000_000)).unwrap();
    // No connection for an upload, none for a download.
    let (_control, reply) = classic.ask(b"upload b 3");
    assert_eq!(reply, "ok");
    nothing_stays(&daemon, &classic, &["a"]);
    let (_control, reply) = classic.ask(b"download a");
    assert_eq!(reply, "20000000");
    nothing_stays(&daemon, &classic, &["a"]);
    // Connections on which nothing moves.
    let (_control, reply) = classic.ask(b"upload b 3");
    assert_eq!(reply, "ok");
    let mut data = classic.data();
    data.write_all(b"ab").unwrap();
    assert!(data.read(&mut [0]).is_err(), "a reset");
    nothing_stays(&daemon, &classic, &["a"]);
    let (_control, reply) = classic.ask(b"download a");
    assert_eq!(reply, "20000000");
    let listener = listen_plainly(classic.transfer).unwrap();
    let (mut data, _) = listener.accept().unwrap();
    drop(listener);
    nothing_stays(&daemon, &classic, &["a"]);
    let mut received = Vec::new();
    assert!(data.read_to_end(&mut received).is_err(), "a reset, not an end");
    drop(data);
}

#[test]
fn a_file_that_shrinks_is_a_lost_transfer() {
    let (daemon, classic) = start(&[]);
    let path = daemon.root.path().join("a");
    fs::write(&path, payload(30_000_000)).unwrap();
    let (_control, reply) = classic.ask(b"download a");
    assert_eq!(reply, "30000000");
    let listener = listen_plainly(classic.transfer).unwrap();
    let (mut data, _) = listener.accept().unwrap();
    data.set_read_timeout(Some(PATIENCE)).unwrap();
    data.read_exact(&mut [0; 1000]).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(10).unwrap();
    let mut rest = Vec::new();
    assert!(data.read_to_end(&mut rest).is_err(), "a reset, not an end");
    assert!(rest.len() < 29_999_000);
}

#[test]
fn a_local_download_needs_the_port_that_a_session_has() {
    let (daemon, classic) = start(&[]);
    fs::write(daemon.root.path().join("a"), b"abc").unwrap();
    let mut session = daemon.connect();
    assert!(session.ask("hello 1 transfer=yes").contains(" transfer="));
    assert_eq!(classic.download("a"), Err("err".to_owned()));
    assert!(classic.exchange(b"download a\n").starts_with("err busy "));
    classic.upload("b", b"shared").expect("an upload shares the port");
    assert_eq!(stored(&daemon, "b", 6), b"shared");
    assert_eq!(session.ask("exit"), "ok");
    session.rest();
    until("the port is closed", || classic.exchange(b"download a\n") == "3\n");
}

#[test]
fn without_a_port_there_are_no_transfers() {
    let (daemon, classic) = start(&[]);
    fs::write(daemon.root.path().join("a"), b"abc").unwrap();
    let taken = listen_plainly(classic.transfer).unwrap();
    assert!(classic.exchange(b"upload b 3\n").starts_with("err busy "));
    drop(taken);
    for port in ["0", "none"] {
        let daemon = Daemon::start_with(&["--transfer-port", port]);
        fs::write(daemon.root.path().join("a"), b"abc").unwrap();
        let classic = Classic { control: daemon.address, transfer: 0 };
        for command in [&b"upload b 3\n"[..], b"download a\n"] {
            let reply = classic.exchange(command);
            assert!(reply.starts_with("err unsupported "), "{reply:?}");
        }
        assert_eq!(daemon.names(), ["a"]);
    }
}

#[test]
fn classic_can_be_off_or_on() {
    let (daemon, classic) = start(&["--classic", "off"]);
    assert!(classic.exchange(b"ls\n").starts_with("err bad-command a session begins with"));
    assert_eq!(classic.exchange(b"ls"), "", "no native line either");
    assert_eq!(daemon.session().ask("noop"), "ok");
    let (daemon, classic) = start(&["--classic", "on", "--read-only"]);
    fs::write(daemon.root.path().join("a"), b"abc").unwrap();
    assert_eq!(classic.list(b"ls"), "a");
    assert_eq!(classic.upload("b", b"x"), Err("err".to_owned()));
    assert!(classic.exchange(b"upload b 1\n").starts_with("err read-only "));
    assert_eq!(classic.download("a"), Ok(b"abc".to_vec()));
}

#[test]
fn an_upload_is_one_session() {
    let (daemon, classic) = start(&["--max-sessions", "1"]);
    for round in 0..3 {
        until("the last session is over", || classic.upload("a", &payload(100 + round)).is_ok());
        assert_eq!(stored(&daemon, "a", 100 + round), payload(100 + round));
    }
}

#[test]
fn a_server_that_shuts_down_finishes_the_transfer() {
    let (mut daemon, classic) = start(&[]);
    let (_control, reply) = classic.ask(b"upload a 3");
    assert_eq!(reply, "ok");
    let mut data = classic.data();
    data.write_all(b"ab").unwrap();
    daemon.signal("TERM");
    until("it listens no more", || TcpStream::connect(classic.control).is_err());
    data.write_all(b"c").unwrap();
    drop(data);
    assert!(daemon.child.wait().unwrap().success());
    assert_eq!(fs::read(daemon.root.path().join("a")).unwrap(), b"abc");
    assert_eq!(daemon.names(), ["a"]);
}

/// Bytes that come slowly are one command; it is not begun before it is whole, and it does not
/// take for ever.
#[test]
fn a_command_has_its_time() {
    let (_daemon, classic) = start(&["--line-timeout", "1"]);
    let begun = Instant::now();
    assert_eq!(classic.list(b"download"), "err", "not whole: the time for a line");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let mut control = TcpStream::connect(classic.control).unwrap();
    let mut writer = control.try_clone().unwrap();
    let trickle = thread::spawn(move || {
        let begun = Instant::now();
        let mut bytes = b"ls ".iter().chain(b"x".iter().cycle());
        // A byte every 100 ms, as long as it is taken.
        while writer.write_all(&[*bytes.next().unwrap()]).is_ok() && begun.elapsed() < PATIENCE {
            thread::park_timeout(Duration::from_millis(100));
        }
    });
    let mut reply = [0; 3];
    control.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"err", "a timeout, not the listing of a truncated name");
    drop(control);
    trickle.join().unwrap();
}
