//! Timers and the end of the server, against the real binary.

mod support;

use std::io::Read;
use std::process::Command;
use std::time::{Duration, Instant};

use support::{Daemon, PATIENCE, crc, data, end};

fn refused(reply: &[u8], code: &str) {
    let text = String::from_utf8_lossy(reply);
    let last = text.lines().last().unwrap_or_default();
    assert!(last.starts_with(&format!("err {code} ")), "{text:?}");
}

#[test]
fn the_first_line_and_every_started_line_have_their_time() {
    let daemon = Daemon::start(&["--first-line-timeout", "1", "--line-timeout", "1"]);
    refused(&daemon.connect().rest(), "timeout");
    let mut client = daemon.connect();
    client.send(b"hel");
    refused(&client.rest(), "timeout");
    let mut client = daemon.session();
    client.send(b"noo");
    refused(&client.rest(), "timeout");
}

#[test]
fn an_idle_session_ends() {
    let daemon = Daemon::start(&["--idle-timeout", "1"]);
    refused(&daemon.session().rest(), "timeout");
}

#[test]
fn a_stalled_upload_ends_and_stays_a_partial() {
    let daemon = Daemon::start(&["--transfer-timeout", "1"]);
    let mut client = daemon.session();
    client.send(b"upload a 10\n");
    client.send(&data(b"abc"));
    refused(&client.rest(), "timeout");
    let reply = daemon.session().ask("partial a");
    assert_eq!(reply, format!("ok 3 {:08x}", crc(b"abc")));
}

#[test]
fn signs_of_life_extend_an_upload_only_for_a_while() {
    let daemon = Daemon::start(&["--transfer-timeout", "1", "--busy-timeout", "2"]);
    let mut client = daemon.session();
    let mut writer = client.stream.get_ref().try_clone().unwrap();
    let begun = Instant::now();
    client.send(b"upload a 10\n");
    client.send(&data(b"abc"));
    let busy = std::thread::spawn(move || {
        use std::io::Write;
        // One sign every 100 ms until the server has enough of it.
        while writer.write_all(&coracle::BUSY).is_ok() && begun.elapsed() < PATIENCE {
            std::thread::park_timeout(Duration::from_millis(100));
        }
    });
    let line = client.line();
    let took = begun.elapsed();
    assert!(line.starts_with("err timeout "), "{line:?}");
    assert!(took >= Duration::from_secs(2), "{took:?}: signs of life count");
    assert!(took < Duration::from_secs(30), "{took:?}: but not for ever");
    drop(client);
    busy.join().unwrap();
}

#[test]
fn a_reader_that_stops_reading_frees_its_place() {
    let daemon = Daemon::start(&["--transfer-timeout", "1", "--max-sessions", "1"]);
    let file = std::fs::File::create(daemon.root.path().join("big")).unwrap();
    file.set_len(1 << 30).unwrap();
    let mut client = daemon.session();
    client.send(b"download big\n");
    let begun = Instant::now();
    loop {
        let mut other = daemon.connect();
        other.send(b"hello 1\n");
        if other.line().starts_with("ok 1 ") {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the place never comes back");
    }
}

#[test]
fn a_trickle_ends_when_a_rate_is_asked_for() {
    let daemon = Daemon::start(&["--transfer-timeout", "1", "--min-rate", "1000"]);
    let mut client = daemon.session();
    let mut writer = client.stream.get_ref().try_clone().unwrap();
    client.send(b"upload a 100000\n");
    let trickle = std::thread::spawn(move || {
        use std::io::Write;
        let begun = Instant::now();
        while writer.write_all(&data(b"x")).is_ok() && begun.elapsed() < PATIENCE {
            std::thread::park_timeout(Duration::from_millis(100));
        }
    });
    let line = client.line();
    assert!(line.starts_with("err timeout "), "{line:?}");
    drop(client);
    trickle.join().unwrap();
}

/// Wait until the server is within an upload: then its partial exists.
fn await_partial(daemon: &Daemon) {
    let begun = Instant::now();
    while daemon.names().is_empty() {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
}

#[test]
fn a_signal_ends_idle_sessions_and_lets_uploads_finish() {
    let mut daemon = Daemon::start(&["--grace", "60"]);
    let mut idle = daemon.session();
    let mut busy = daemon.session();
    busy.send(b"upload a 6\n");
    busy.send(&data(b"abc"));
    await_partial(&daemon);
    daemon.signal("TERM");
    refused(&idle.rest(), "aborted");
    busy.send(&data(b"def"));
    busy.send(&end(b"abcdef"));
    assert!(busy.reply().starts_with("ok 6 "));
    refused(&busy.rest(), "aborted");
    assert!(daemon.child.wait().unwrap().success());
    assert_eq!(std::fs::read(daemon.root.path().join("a")).unwrap(), b"abcdef");
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut daemon = Daemon::start(&["--grace", "600"]);
    let mut idle = daemon.session();
    let mut busy = daemon.session();
    busy.send(b"upload a 6\n");
    busy.send(&data(b"abc"));
    await_partial(&daemon);
    daemon.signal("INT");
    refused(&idle.rest(), "aborted");
    daemon.signal("INT");
    assert!(daemon.child.wait().unwrap().success());
    let mut rest = Vec::new();
    // Reset or closed, as the system likes.
    let _either = busy.stream.read_to_end(&mut rest);
    assert!(!daemon.root.path().join("a").exists());
}

#[test]
fn the_grace_is_bounded() {
    let mut daemon = Daemon::start(&["--grace", "1"]);
    let mut busy = daemon.session();
    busy.send(b"upload a 6\n");
    busy.send(&data(b"abc"));
    await_partial(&daemon);
    daemon.signal("TERM");
    assert!(daemon.child.wait().unwrap().success());
    assert!(!daemon.root.path().join("a").exists());
}

#[test]
fn options_that_cannot_be_are_named() {
    let root = tempfile::tempdir().unwrap();
    let run = |options: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_coracled"))
            .args(options)
            .arg(root.path())
            .output()
            .unwrap();
        assert!(!output.status.success(), "{options:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let exposed = run(&["--listen", "0.0.0.0:0"]);
    assert!(exposed.contains("--insecure-anyone-can-read-and-write"), "{exposed}");
    let exposed = run(&["--listen", "[::]:0"]);
    assert!(exposed.contains("--insecure-anyone-can-read-and-write"), "{exposed}");
    for vague in ["nonsense", "2222", "localhost:2222", "127.0.0.1", "127.0.0.1:65536"] {
        let said = run(&["--listen", vague]);
        assert!(said.contains(vague) && said.contains("as 127.0.0.1:2222"), "{said}");
    }
    assert!(run(&["--transfer-port", "many"]).contains("none"));
    assert!(run(&["--max-sessions", "0"]).contains("at least 1"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert!(run(&["--listen", &address]).contains("cannot listen on"));
    let missing = Command::new(env!("CARGO_BIN_EXE_coracled")).arg("no/such/folder").output();
    let missing = String::from_utf8(missing.unwrap().stderr).unwrap();
    assert!(missing.contains("cannot serve no/such/folder"), "{missing}");
}
