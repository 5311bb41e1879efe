//! Our client and the ancestor's server.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use coracle_tests::ancestor::{Fault, Server, TransferPort};
use coracle_tests::process::program;
use coracle_tests::restart::restarted;
use tempfile::TempDir;

use super::{content, names, reset, sizes};
use crate::support::{PATIENCE, Ran, Running};

/// A folder with a server of the ancestor, and a folder in which our client runs.
struct Asked {
    server: Server,
    port: TransferPort,
    root: TempDir,
    local: TempDir,
}

impl Asked {
    fn start() -> Self {
        let port = TransferPort::reserve().unwrap();
        let (root, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let server = Server::start(root.path(), port.number()).unwrap();
        Self { server, port, root, local }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run(self.local.path(), self.server.address(), self.port.number(), arguments)
    }

    fn there(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn here(&self, name: &str) -> PathBuf {
        self.local.path().join(name)
    }

    /// What is stored there is there when the server has ended.
    fn finish(self) -> (TempDir, TempDir) {
        self.server.finish().unwrap();
        (self.root, self.local)
    }
}

/// Run the client in a folder.
fn run(local: &Path, server: SocketAddr, port: u16, arguments: &[&str]) -> Ran {
    let mut command = Command::new(program("coracle").unwrap());
    command.env("CORACLE_CONFIG", "/dev/null");
    command.args(["--classic", "--classic-port", &port.to_string(), &server.to_string()]);
    Running::of(command.args(arguments).current_dir(local)).finish()
}

/// A server that does what it is told with one control connection.
fn scripted<T: Send + 'static>(
    serve: impl FnOnce(TcpStream, String) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        let (mut control, _) = listener.accept().unwrap();
        control.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = [0; 128];
        let count = restarted(|| control.read(&mut command)).unwrap();
        serve(control, String::from_utf8(command[..count].to_vec()).unwrap())
    });
    (address, serving)
}

#[test]
fn listings_come() {
    let asked = Asked::start();
    assert_eq!(asked.run(&["ls"]).succeeded().text(), "", "an empty folder is silence");
    fs::write(asked.there("one.txt"), "").unwrap();
    assert_eq!(asked.run(&["ls"]).succeeded().text(), "one.txt\n");
    fs::write(asked.there("two"), "").unwrap();
    let ran = asked.run(&["ls"]).succeeded();
    let mut listed: Vec<&str> = ran.text().lines().collect();
    listed.sort_unstable();
    assert_eq!(listed, ["one.txt", "two"]);
    asked.finish();
}

#[test]
fn every_size_goes_and_comes() {
    let asked = Asked::start();
    for size in sizes() {
        fs::write(asked.here("file"), content(size)).unwrap();
        asked.run(&["upload", "file"]).succeeded();
        asked.run(&["download", "file", "back"]).succeeded();
        assert!(fs::read(asked.here("back")).unwrap() == content(size), "{size} bytes");
    }
    let (root, local) = asked.finish();
    assert_eq!(names(root.path()), ["file"]);
    assert_eq!(names(local.path()), ["back", "file"]);
}

pub fn ten_downloads_in_a_row() {
    let asked = Asked::start();
    fs::write(asked.there("file"), content(100_000)).unwrap();
    for _ in 0..10 {
        asked.run(&["download", "file"]).succeeded();
        assert!(fs::read(asked.here("file")).unwrap() == content(100_000));
    }
    asked.finish();
}

pub fn ten_uploads_in_a_row() {
    let asked = Asked::start();
    for number in 1..=10 {
        let name = format!("file{number}");
        fs::write(asked.here(&name), content(number * 10_000)).unwrap();
        asked.run(&["upload", &name]).succeeded();
    }
    let (root, _) = asked.finish();
    for number in 1..=10 {
        let stored = fs::read(root.path().join(format!("file{number}"))).unwrap();
        assert!(stored == content(number * 10_000), "number {number}");
    }
}

pub fn ten_of_both_in_turns() {
    let asked = Asked::start();
    for number in 1..=10 {
        fs::write(asked.here("file"), content(number * 20_000)).unwrap();
        asked.run(&["upload", "file", "there"]).succeeded();
        asked.run(&["download", "there", "back"]).succeeded();
        assert!(fs::read(asked.here("back")).unwrap() == content(number * 20_000), "{number}");
        assert_eq!(asked.run(&["ls"]).succeeded().text(), "there\n");
    }
    asked.finish();
}

#[test]
fn what_is_missing_is_refused() {
    let asked = Asked::start();
    asked.run(&["download", "missing"]).ended_with(1);
    assert_eq!(names(asked.local.path()), [] as [&str; 0]);
    asked.finish();
}

#[test]
fn names_it_cannot_take_are_refused_at_home() {
    let asked = Asked::start();
    let long = "a".repeat(128 - "download ".len());
    for name in ["two words", "grün", "a/b", "a-b", long.as_str()] {
        let ran = asked.run(&["download", name]);
        assert!(!matches!(ran.code, Some(0) | None), "{name}: {ran:?}");
        assert!(!ran.stderr.is_empty(), "{name}");
    }
    // One byte less is a name; the server has no such file.
    asked.run(&["download", &long[1..]]).ended_with(1);
    assert_eq!(names(asked.local.path()), [] as [&str; 0]);
    asked.finish();
}

pub fn a_server_that_dials_another_machine_is_told() {
    let (near, far) = (TransferPort::reserve().unwrap(), TransferPort::reserve().unwrap());
    let (root, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(root.path().join("file"), "abc").unwrap();
    let server = Server::start(root.path(), far.number()).unwrap();
    let begun = Instant::now();
    let ran = run(local.path(), server.address(), near.number(), &["download", "file"]);
    assert!(begun.elapsed() >= Duration::from_secs(9), "{:?}", begun.elapsed());
    ran.said(3, "machine");
    assert!(matches!(server.finish(), Err(Fault::Link(_))), "it dialled somewhere");
    assert_eq!(names(local.path()), [] as [&str; 0]);
}

pub fn an_upload_that_is_not_fetched_is_told() {
    let (address, serving) = scripted(|mut control, command| {
        control.write_all(b"ok").unwrap();
        (control, command)
    });
    let port = TransferPort::reserve().unwrap();
    let local = tempfile::tempdir().unwrap();
    fs::write(local.path().join("file"), "abc").unwrap();
    let begun = Instant::now();
    run(local.path(), address, port.number(), &["upload", "file"]).ended_with(3);
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(serving.join().unwrap().1.trim_ascii_end(), "upload file 3");
}

#[test]
fn other_sizes_than_announced_leave_the_old_file() {
    for sent in [0, 4, 6, 100_000] {
        let port = TransferPort::reserve().unwrap();
        let number = port.number();
        let (address, serving) = scripted(move |mut control, _| {
            control.write_all(b"5").unwrap();
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, number)).unwrap();
            let _refused = stream.write_all(&content(sent));
            let _refused = stream.shutdown(Shutdown::Write);
            control
        });
        let local = tempfile::tempdir().unwrap();
        fs::write(local.path().join("file"), "old").unwrap();
        let ran = run(local.path(), address, number, &["download", "file"]);
        assert!(!matches!(ran.code, Some(0) | None), "{sent} bytes of five: {ran:?}");
        assert_eq!(fs::read(local.path().join("file")).unwrap(), b"old");
        assert_eq!(super::visible(local.path()), ["file"]);
        drop(serving.join().unwrap());
    }
}

#[test]
fn a_sender_that_vanishes_leaves_the_old_file() {
    let port = TransferPort::reserve().unwrap();
    let number = port.number();
    let (address, serving) = scripted(move |mut control, _| {
        control.write_all(b"5").unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, number)).unwrap();
        stream.write_all(b"abcde").unwrap();
        reset(stream);
        control
    });
    let local = tempfile::tempdir().unwrap();
    fs::write(local.path().join("file"), "old").unwrap();
    run(local.path(), address, number, &["download", "file"]).ended_with(3);
    assert_eq!(fs::read(local.path().join("file")).unwrap(), b"old");
    assert_eq!(super::visible(local.path()), ["file"]);
    drop(serving.join().unwrap());
}

#[test]
fn replies_that_are_none_are_told() {
    let local = tempfile::tempdir().unwrap();
    fs::write(local.path().join("file"), "old").unwrap();
    let endless = "1".repeat(1 << 20);
    for (reply, upload) in [
        ("12x", false),
        ("-1", false),
        ("ok", false),
        ("99999999999999999999", false),
        (endless.as_str(), false),
        ("yes", true),
        ("\x1b[2Jok", true),
        ("", true),
    ] {
        let port = TransferPort::reserve().unwrap();
        let bytes = reply.to_owned();
        let (address, serving) = scripted(move |mut control, _| {
            let _refused = control.write_all(bytes.as_bytes());
        });
        let verb = if upload { "upload" } else { "download" };
        let ran = run(local.path(), address, port.number(), &[verb, "file"]);
        let shown = &reply[..reply.len().min(30)];
        assert!(!matches!(ran.code, Some(0) | None), "{shown:?}: {ran:?}");
        assert!(!ran.stderr.contains('\x1b'), "{:?}", ran.stderr);
        serving.join().unwrap();
    }
    assert_eq!(fs::read(local.path().join("file")).unwrap(), b"old");
}

#[test]
fn refusals_with_a_reason_are_told_harmlessly() {
    let local = tempfile::tempdir().unwrap();
    let port = TransferPort::reserve().unwrap();
    let (address, serving) = scripted(|mut control, _| {
        control.write_all(b"err no-space the disk\x1b[2J is full\n").unwrap();
    });
    let ran = run(local.path(), address, port.number(), &["download", "file"]);
    let ran = ran.said(1, "is full");
    assert!(!ran.stderr.contains('\x1b'), "{:?}", ran.stderr);
    serving.join().unwrap();
}

#[test]
fn a_transfer_port_that_is_taken_is_told_before_anything_is_asked() {
    let asked = Asked::start();
    fs::write(asked.there("file"), "abc").unwrap();
    let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, asked.port.number())).unwrap();
    let ran = asked.run(&["download", "file"]);
    assert!(!matches!(ran.code, Some(0) | None), "{ran:?}");
    assert!(ran.stderr.contains(&asked.port.number().to_string()), "{}", ran.stderr);
    drop(taken);
    asked.run(&["download", "file"]).succeeded();
    asked.finish();
}
