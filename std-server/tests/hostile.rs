//! Peers that mean ill or know no better, against the real server.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use support::{Client, Daemon, data, end, upload};

#[test]
fn an_http_request_gets_one_err_and_is_closed() {
    let daemon = Daemon::start(&[]);
    let mut client = daemon.connect();
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let rest = String::from_utf8(client.rest()).unwrap();
    assert!(rest.starts_with("err bad-command ") && rest.lines().count() == 1, "{rest:?}");
}

#[test]
fn an_endless_line_is_closed_at_the_limit() {
    let daemon = Daemon::start(&[]);
    let before = daemon.memory();
    let mut client = daemon.connect();
    client.send(b"hello 1\n");
    assert!(client.line().starts_with("ok 1 "));
    // The server stops reading at its limit, so the last writes may find the link closed.
    let mut writer = client.stream.get_ref().try_clone().unwrap();
    let endless = [b'a'; 64 << 10];
    for _ in 0..64 {
        if writer.write_all(&endless).is_err() {
            break;
        }
    }
    assert!(client.line().starts_with("err too-long "));
    assert!(daemon.memory() < before + (4 << 20));
}

#[test]
fn a_flood_of_commands_without_reading_stays_bounded() {
    let daemon = Daemon::start(&[]);
    let mut client = daemon.session();
    let before = daemon.memory();
    let stream = client.stream.get_mut();
    stream.set_nonblocking(true).unwrap();
    let flood = b"help\n".repeat(10_000);
    let mut sent = 0;
    // Until the server no longer reads, because nobody reads its replies.
    let begun = Instant::now();
    let mut last_progress = Instant::now();
    while last_progress.elapsed().as_millis() < 500 && begun.elapsed().as_secs() < 20 {
        match stream.write(&flood) {
            Ok(count) => {
                sent += count;
                last_progress = Instant::now();
            }
            Err(_) => std::thread::yield_now(),
        }
    }
    assert!(sent > 50_000, "the flood reached the server");
    assert!(daemon.memory() < before + (8 << 20));
    assert!(daemon.session().ask("noop") == "ok", "others are served");
}

#[test]
fn too_many_sessions_are_told_so_and_places_come_back() {
    let daemon = Daemon::start(&["--max-sessions", "3"]);
    let mut open: Vec<_> = (0..3).map(|_| daemon.session()).collect();
    let refused = String::from_utf8(daemon.connect().rest()).unwrap();
    assert!(refused.starts_with("err limit "), "{refused:?}");
    let mut leaving = open.pop().unwrap();
    assert_eq!(leaving.ask("exit"), "ok");
    assert!(leaving.rest().is_empty());
    drop(leaving);
    until("a place is free", || {
        let mut client = daemon.connect();
        client.send(b"hello 1\n");
        client.line().starts_with("ok 1 ")
    });
}

#[test]
fn one_address_cannot_take_every_place() {
    let daemon = Daemon::start(&["--max-sessions-per-peer", "2"]);
    let _open: Vec<_> = (0..2).map(|_| daemon.session()).collect();
    let refused = String::from_utf8(daemon.connect().rest()).unwrap();
    assert!(refused.starts_with("err limit your address "), "{refused:?}");
}

#[test]
fn out_of_descriptors_it_waits_and_recovers() {
    let root = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_coracled");
    let script =
        format!("ulimit -n 48; exec {program} --listen 127.0.0.1:0 --transfer-port none \"$0\"");
    command.args(["-c", &script]);
    let daemon = Daemon::spawn(command, root);
    let mut open: Vec<Client> = Vec::new();
    let mut waiting = Vec::new();
    for _ in 0..80 {
        let stream = TcpStream::connect(daemon.address).unwrap();
        // Once, by the first that is not served: a slow machine is no lack of descriptors.
        stream.set_read_timeout(Some(std::time::Duration::from_secs(1))).unwrap();
        let mut client = Client { stream: std::io::BufReader::new(stream) };
        client.send(b"hello 1\n");
        let mut first = [0];
        if client.stream.read_exact(&mut first).is_ok() {
            open.push(client);
        } else {
            waiting.push(client);
            break;
        }
    }
    assert!(open.len() > 10 && !waiting.is_empty(), "{} sessions", open.len());
    let ticks = daemon.ticks();
    let begun = Instant::now();
    let mut byte = [0];
    let mut silent = waiting.pop().unwrap();
    silent.stream.get_ref().set_read_timeout(Some(std::time::Duration::from_secs(1))).unwrap();
    assert!(silent.stream.read_exact(&mut byte).is_err(), "there is no descriptor for it");
    let spent = daemon.ticks() - ticks;
    let elapsed = begun.elapsed().as_millis() as u64 / 10;
    assert!(spent * 4 < elapsed, "{spent} of {elapsed} ticks: a busy loop");
    drop(open);
    silent.stream.get_ref().set_read_timeout(Some(support::PATIENCE)).unwrap();
    assert!(silent.line().contains("ok 1 "), "it is served when others left");
}

#[test]
fn ten_thousand_sessions_of_work_leave_nothing_behind() {
    let daemon = Daemon::start(&[]);
    std::fs::write(daemon.root.path().join("a"), b"hello").unwrap();
    let mut client = daemon.session();
    let mut round = |count: usize| {
        for _ in 0..count {
            client.send(b"ls\ndownload a\n");
            client.send(b"upload b 10\n");
            client.send(&data(b"abc"));
            client.send(&[3, 0, 0, 0]);
            while !client.reply().starts_with("ok 1") {}
            assert_eq!(client.reply(), "ok 5 5 ".to_owned() + &modified(&daemon));
            client.exactly(4 + 5 + 16);
            assert!(client.reply().starts_with("err aborted "));
        }
        (daemon.descriptors(), daemon.memory())
    };
    let (descriptors, memory) = round(500);
    let (after_descriptors, after_memory) = round(10_000);
    assert_eq!(descriptors, after_descriptors);
    assert!(after_memory < memory + (2 << 20), "{memory} to {after_memory} bytes");
}

fn modified(daemon: &Daemon) -> String {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(daemon.root.path().join("a")).unwrap();
    metadata.mtime().to_string()
}

#[test]
fn a_hundred_thousand_entries_are_listed_in_constant_memory() {
    let root = tempfile::tempdir().unwrap();
    for n in 0..100_000 {
        std::fs::File::create(root.path().join(format!("f{n}"))).unwrap();
    }
    let daemon = Daemon::start_in(root, &[]);
    let before = daemon.memory();
    let mut client = daemon.session();
    client.send(b"ls\nexit\n");
    let listing = String::from_utf8(client.rest()).unwrap();
    assert_eq!(listing.lines().filter(|line| line.starts_with("- f ")).count(), 100_000);
    assert!(listing.ends_with("ok 100000\nok\n"));
    assert!(daemon.memory() < before + (2 << 20));
}

#[test]
fn bytes_after_a_refused_upload_are_no_commands() {
    let daemon = Daemon::start(&["--read-only"]);
    std::fs::write(daemon.root.path().join("keep"), b"x").unwrap();
    let mut client = daemon.session();
    client.send(&upload("new", b"\nrm keep\nexit\n"));
    assert!(client.reply().starts_with("err read-only "));
    assert!(client.ask("rm keep").starts_with("err read-only "));
    assert_eq!(daemon.names(), ["keep"]);
}

#[test]
fn data_before_an_upload_and_after_its_end_is_never_stored() {
    let daemon = Daemon::start(&[]);
    for script in [data(b"abc"), end(b"")] {
        let mut client = daemon.session();
        client.send(&script);
        assert!(client.line().starts_with("err bad-command "));
        assert!(client.rest().is_empty());
    }
    let mut client = daemon.session();
    client.send(&[upload("a", b"abc"), data(b"def")].concat());
    assert!(client.reply().starts_with("ok 3 "));
    assert!(client.line().starts_with("err bad-command "));
    assert_eq!(std::fs::read(daemon.root.path().join("a")).unwrap(), b"abc");
}

#[test]
fn a_newline_or_escape_in_a_name_is_one_log_record() {
    let root = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_coracled"))
        .args(["--listen", "127.0.0.1:0", "--transfer-port", "none", "--log", "json"])
        .arg(root.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    let port: u16 = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
    let mut client = Client::to(([127, 0, 0, 1], port).into());
    // C1 and bidirectional controls may stand in a name; in the log they are escaped or inert.
    client.send("hello 1\nstat \u{9b}31m%0Ax\nstat a\u{202e}b\nexit\n".as_bytes());
    client.rest();
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    for record in log.lines() {
        assert!(record.starts_with('{') && record.ends_with('}'), "{record:?}");
        assert!(!record.contains('\u{1b}'), "{record:?}");
    }
    assert!(log.lines().any(|record| record.contains("\"verb\":\"stat\"")), "{log}");
}

#[test]
fn a_log_that_takes_no_record_ends_nothing() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else {
        eprintln!("SKIPPED: this machine has no /dev/full (use Linux)");
        return;
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_coracled"));
    command.args(["--listen", "127.0.0.1:0", "--transfer-port", "none"]).stderr(full);
    let daemon = Daemon::spawn_logging(command, tempfile::tempdir().unwrap());
    let mut client = daemon.session();
    client.send(&upload("a", b"abc"));
    assert!(client.reply().starts_with("ok 3 "));
    assert_eq!(daemon.session().ask("noop"), "ok");
}

#[test]
fn a_log_that_nobody_reads_stops_nobody() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coracled"));
    command.args(["--listen", "127.0.0.1:0", "--transfer-port", "none"]).stderr(Stdio::piped());
    let mut daemon = Daemon::spawn_logging(command, tempfile::tempdir().unwrap());
    let mut client = daemon.session();
    // Several times what the pipe and the queue hold.
    for _ in 0..10 {
        client.send(&b"noop\n".repeat(1000));
        (0..1000).for_each(|_| assert_eq!(client.line(), "ok"));
    }
    let log = std::io::BufReader::new(daemon.child.stderr.take().unwrap());
    let (record, records) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        std::io::BufRead::lines(log).for_each(|line| record.send(line.unwrap()).unwrap());
    });
    let mut seen = Vec::new();
    until("the gap is told", || {
        seen.extend(records.try_iter());
        seen.iter().any(|record: &String| record.contains("left out"))
    });
    assert_eq!(daemon.session().ask("stat late"), NO_SUCH_FILE);
    daemon.signal("TERM");
    reading.join().unwrap();
    let last: Vec<String> = records.iter().collect();
    assert!(last.iter().any(|record| record.contains("path=/late")), "{last:#?}");
    assert!(last.iter().any(|record| record.contains("shutting down")), "{last:#?}");
}

const NO_SUCH_FILE: &str = "err not-found there is no such file or folder";

/// Try until it is so; the bound only ends a test that has failed.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < support::PATIENCE, "never: {what}");
        std::thread::yield_now();
    }
}
