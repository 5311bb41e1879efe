//! A served folder with a server of its own, the client as a user runs it, raw sessions.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::std_instead_of_core, reason = "these programs stand on the standard library")]

pub mod raw;
pub mod tools;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use coracle_tests::process::{Server, program};
use coracle_tests::relay::{Cut, Direction, End, Link, Relay};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Nothing takes this long; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes in one step of either desktop program.
pub const STEP: u64 = 256 * 1024;

/// A folder, its server, and a folder in which the client runs.
pub struct Site {
    pub server: Server,
    pub root: TempDir,
    pub local: TempDir,
    options: Vec<OsString>,
}

impl Site {
    /// Serve an empty folder on free ports.
    pub fn start(options: &[&str]) -> Self {
        Self::serve(tempfile::tempdir().unwrap(), options)
    }

    /// Serve this folder.
    pub fn serve(root: TempDir, options: &[&str]) -> Self {
        let options: Vec<OsString> = options.iter().map(OsString::from).collect();
        let server = start_server(root.path(), &options);
        Self { server, root, local: tempfile::tempdir().unwrap(), options }
    }

    /// End the server as a power cut would and start another one for the same folder.
    pub fn replace_server(&mut self) {
        self.server.kill().unwrap();
        self.server = start_server(self.root.path(), &self.options);
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Where a file lies on the server.
    pub fn there(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.root.path().join(name.as_ref())
    }

    /// Where a file lies here.
    pub fn here(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.local.path().join(name.as_ref())
    }

    /// The client, with what follows the host.
    pub fn client<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        self.client_at(self.address(), arguments)
    }

    /// The client, by way of another address.
    pub fn client_at<A: AsRef<OsStr>>(&self, address: SocketAddr, arguments: &[A]) -> Command {
        let mut command = Command::new(program("coracle").unwrap());
        command.arg(address.to_string()).args(arguments).current_dir(self.local.path());
        // Whoever runs the tests may have a configuration file.
        command.env("CORACLE_CONFIG", "/dev/null");
        command
    }

    /// Run the client to its end.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ran {
        Ran::of(&mut self.client(arguments))
    }

    /// Run the client over a relay: with one connection, because the other would pass by it.
    pub fn run_over<A: AsRef<OsStr>>(&self, relay: &Relay, arguments: &[A]) -> Ran {
        Ran::of(self.client_at(relay.address(), arguments).arg("--one-connection"))
    }

    /// Start the client over a relay.
    pub fn start_over<A: AsRef<OsStr>>(&self, relay: &Relay, arguments: &[A]) -> Running {
        Running::of(self.client_at(relay.address(), arguments).arg("--one-connection"))
    }

    /// A relay whose connections are cut one after the other.
    pub fn relay(&self, cuts: Vec<Cut>) -> Relay {
        Relay::start(self.address(), Link { cuts, ..Link::default() }).unwrap()
    }

    /// The value of a counter of the server.
    pub fn counter(&self, name: &str) -> u64 {
        let ran = self.run(&["stats"]).succeeded();
        let text = String::from_utf8(ran.stdout).unwrap();
        let mut fields = text.lines().filter_map(|line| line.split_once('='));
        let (_, value) = fields.find(|(known, _)| *known == name).expect("a counter");
        value.parse().unwrap()
    }
}

fn start_server(root: &Path, options: &[OsString]) -> Server {
    let mut command = Server::command(root).unwrap();
    command.arg("--quiet").args(options);
    if !options.iter().any(|option| option == "--transfer-port") {
        command.args(["--transfer-port", "0"]);
    }
    Server::start(command).unwrap()
}

/// A cut after so many bytes of one direction.
pub fn cut(direction: Direction, after: u64, end: End) -> Cut {
    Cut { direction, after, end }
}

/// What a program left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).output().unwrap().into()
    }

    /// Run a command with something on its standard input.
    pub fn with_input(command: &mut Command, input: &[u8]) -> Self {
        let mut child = Running::of(command.stdin(Stdio::piped()));
        let mut stdin = child.0.as_mut().unwrap().stdin.take().unwrap();
        // A program that ends early closes its input: what it says is what counts.
        let _ = stdin.write_all(input);
        drop(stdin);
        child.finish()
    }

    /// Exit code 0, or tell what was said.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        self.ended_with(0)
    }

    /// This exit code, or tell what was said.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self
    }

    /// This exit code and this text on standard error.
    #[track_caller]
    pub fn said(self, code: i32, text: &str) -> Self {
        let ran = self.ended_with(code);
        assert!(ran.stderr.contains(text), "{:?} lacks {text:?}", ran.stderr);
        ran
    }

    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A program that runs; it is killed when this is dropped.
pub struct Running(Option<Child>);

impl Running {
    pub fn of(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self(Some(child))
    }

    /// Start a program and write this to its standard input, which stays open.
    pub fn with_input(command: &mut Command, input: &[u8]) -> Self {
        let mut running = Self::of(command);
        let stdin = running.0.as_mut().unwrap().stdin.as_mut().unwrap();
        stdin.write_all(input).unwrap();
        running
    }

    /// Write more to the standard input of [`with_input`](Self::with_input).
    pub fn write(&mut self, input: &[u8]) {
        let stdin = self.0.as_mut().unwrap().stdin.as_mut().unwrap();
        stdin.write_all(input).unwrap();
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        let mut child = self.0.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGINT, as Ctrl-C sends it.
    pub fn interrupt(&self) {
        let pid = Pid::from_child(self.0.as_ref().unwrap());
        kill_process(pid, Signal::INT).unwrap();
    }

    /// Wait until it ends.
    pub fn finish(mut self) -> Ran {
        self.0.take().unwrap().wait_with_output().unwrap().into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ended = child.kill();
            let _ended = child.wait();
        }
    }
}

/// Tells other threads to stop when it is dropped, also by a failing assertion: they would
/// otherwise go on for ever.
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Names in a folder, sorted, hidden ones included.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> =
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Hidden files of a folder: staged ones.
pub fn staged(folder: &Path) -> Vec<PathBuf> {
    let hidden = names(folder).into_iter().filter(|name| name.starts_with("."));
    hidden.map(|name| folder.join(name)).collect()
}

/// Wait for something that comes true by itself.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::yield_now();
    }
}
