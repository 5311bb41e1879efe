//! The shell against the real server, in a terminal as a person uses it.

#![allow(clippy::std_instead_of_core, reason = "these programs stand on the standard library")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

use coracle_tests::payload;
use coracle_tests::process::program;
use coracle_tests::relay::{Direction, End};
use coracle_tests::terminal::{CTRL_C, Terminal};
use support::{PATIENCE, Ran, Site, cut, staged, until};

const PROMPT: &str = "Enter your command: ";

/// Bytes of a file that is large enough to be stopped.
const BIG: u64 = 8 << 20;

struct Shell(Terminal);

impl Shell {
    fn start(site: &Site, address: SocketAddr, options: &[&str]) -> Self {
        let host = address.to_string();
        let arguments = [&[&*host], options].concat();
        let home = site.local.path().as_os_str();
        let config = ("CORACLE_CONFIG", OsStr::new("/dev/null"));
        let variables = [("HOME", home), ("XDG_STATE_HOME", home), config];
        let program = program("coracle").unwrap();
        let mut terminal = Terminal::start(&program, site.local.path(), &arguments, &variables);
        terminal.expect(PROMPT);
        Self(terminal)
    }

    /// Type a line; returns what is printed up to the next prompt.
    #[track_caller]
    fn line(&mut self, line: &str) -> String {
        self.0.send(&format!("{line}\n"));
        let shown = self.0.expect(PROMPT);
        shown.split_once('\n').unwrap().1.to_owned()
    }

    #[track_caller]
    fn exit(mut self) {
        self.0.send("exit\n");
        self.0.expect("Client connection Closed!");
        assert_eq!(self.0.wait().0, 0);
    }
}

#[test]
fn files_are_listed_fetched_and_sent() {
    let site = Site::start(&[]);
    fs::create_dir(site.there("docs")).unwrap();
    fs::write(site.there("docs/a b.txt"), "hello").unwrap();
    fs::write(site.here("c.txt"), "from here").unwrap();
    let mut shell = Shell::start(&site, site.address(), &[]);
    assert!(shell.line("ls").ends_with(" docs/\n"));
    assert_eq!(shell.line("cd docs"), "");
    assert!(shell.line("download 'a b.txt'").contains("Download is finished!"));
    assert!(shell.line("upload c.txt").contains("File upload done..."));
    assert!(shell.line("download nothing").contains("No such file found on the server!"));
    assert!(shell.line("upload nothing").contains("No such file found locally..."));
    assert!(shell.line("ls").contains(" c.txt\n"));
    assert_eq!(shell.line("mkdir new"), "");
    // Names are looked up while one types.
    shell.0.send("get a\t");
    shell.0.expect(&format!("{PROMPT}get a\\ b.txt "));
    shell.0.send("copy\n");
    shell.0.expect(PROMPT);
    shell.exit();
    assert_eq!(fs::read(site.here("a b.txt")).unwrap(), b"hello");
    assert_eq!(fs::read(site.here("copy")).unwrap(), b"hello");
    assert_eq!(fs::read(site.there("docs/c.txt")).unwrap(), b"from here");
    assert!(site.there("docs/new").is_dir());
}

#[test]
fn a_transfer_that_was_stopped_is_continued() {
    let site = Site::start(&[]);
    let sum = payload::write_file(&site.there("big"), 7, BIG).unwrap();
    let whole = cut(Direction::ToClient, u64::MAX, End::Close);
    let stall = cut(Direction::ToClient, BIG / 2, End::Stall);
    let relay = site.relay(vec![whole, stall]);
    let mut shell = Shell::start(&site, relay.address(), &["--one-connection"]);
    shell.0.send("download big\n");
    assert!(relay.await_stalls(1));
    let here = site.local.path();
    let is_there = |file: &PathBuf| fs::metadata(file).unwrap().len() > BIG / 3;
    until("a third is stored", || staged(here).iter().any(is_there));
    shell.0.send(CTRL_C);
    let told = shell.0.expect(PROMPT);
    assert!(told.contains("interrupted"), "{told}");
    let before = relay.passed(Direction::ToClient);
    assert!(shell.line("download -c big").contains("Download is finished!"));
    assert!(relay.passed(Direction::ToClient) - before < BIG * 3 / 4);
    shell.exit();
    assert_eq!(payload::sum_file(&site.here("big")).unwrap(), sum);
}

#[test]
fn a_job_does_not_hold_the_shell() {
    let site = Site::start(&[]);
    let sum = payload::write_file(&site.there("big"), 8, BIG).unwrap();
    let whole = cut(Direction::ToClient, u64::MAX, End::Close);
    let stall = cut(Direction::ToClient, BIG / 2, End::Stall);
    let relay = site.relay(vec![whole, stall]);
    let mut shell = Shell::start(&site, relay.address(), &["--one-connection"]);
    assert_eq!(shell.line("download big &"), "[1] running: download big\n");
    assert!(relay.await_stalls(1));
    assert!(shell.line("ls").ends_with(" big\n"));
    let jobs = shell.line("jobs");
    assert!(
        jobs.starts_with("[1] running  download big  ") && jobs.contains(" / 8.0 MiB"),
        "{jobs}"
    );
    relay.release();
    let told = shell.line("wait");
    assert!(told.contains("[1] done: download big\n"), "{told}");
    shell.exit();
    assert_eq!(payload::sum_file(&site.here("big")).unwrap(), sum);
}

#[test]
fn an_idle_session_is_opened_again() {
    let site = Site::start(&["--idle-timeout", "1"]);
    fs::create_dir(site.there("docs")).unwrap();
    fs::write(site.there("docs/a"), "").unwrap();
    let mut shell = Shell::start(&site, site.address(), &["-v"]);
    assert_eq!(shell.line("cd docs"), "");
    // A session that became idle later is closed later.
    let mut other = TcpStream::connect(site.address()).unwrap();
    other.set_read_timeout(Some(PATIENCE)).unwrap();
    other.write_all(b"hello 1\n").unwrap();
    let mut replies = String::new();
    other.read_to_string(&mut replies).unwrap();
    assert!(replies.contains("\nerr timeout"), "{replies}");
    let told = shell.line("ls");
    assert!(told.contains("the server has closed the session; opening a new one"), "{told}");
    assert!(told.ends_with(" a\n"), "{told}");
    shell.exit();
}

#[test]
fn a_server_that_was_started_anew_is_found_again() {
    let mut site = Site::start(&[]);
    fs::create_dir(site.there("docs")).unwrap();
    fs::write(site.there("docs/a"), "").unwrap();
    let relay = site.relay(Vec::new());
    let mut shell = Shell::start(&site, relay.address(), &[]);
    assert_eq!(shell.line("cd docs"), "");
    site.replace_server();
    relay.set_target(site.address());
    let listing = shell.line("ls");
    assert!(listing.starts_with("f ") && listing.ends_with(" a\n"), "{listing}");
    shell.exit();
}

#[test]
fn commands_may_come_from_a_pipe() {
    let site = Site::start(&[]);
    fs::write(site.there("a"), "12345").unwrap();
    let one_shot = site.run(&["ls"]).succeeded();
    let piped = Ran::with_input(&mut site.client::<&str>(&[]), b"ls\nexit\n").succeeded();
    assert_eq!((piped.text(), &*piped.stderr), (one_shot.text(), ""));
    let script = b"download nothing\nls\n";
    let failed = Ran::with_input(&mut site.client::<&str>(&[]), script).ended_with(1);
    assert_eq!(failed.text(), "");
    let script = b"download a x &\ndownload a y\nexit\n";
    Ran::with_input(&mut site.client(&["-q"]), script).succeeded();
    assert_eq!(fs::read(site.here("x")).unwrap(), fs::read(site.here("y")).unwrap());
}
