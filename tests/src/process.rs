//! The real programs as child processes.

use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take until it is ready.
const START_LIMIT: Duration = Duration::from_secs(20);

/// What a server prints before its port.
const PORT_LINE: &str = "Server Port: ";

/// What it prints when it serves.
const READY_LINE: &str = "The server is ready to receive";

/// The path of one of the project's programs: it is built into the folder of this executable
/// (or, seen from a test, into the folder above).
///
/// # Errors
///
/// If it is not there, with the command that builds it.
pub fn program(name: &str) -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let mut folder = own.parent().unwrap_or(Path::new("."));
    if folder.ends_with("deps") {
        folder = folder.parent().unwrap_or(folder);
    }
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() {
        return Ok(path);
    }
    let build = if folder.ends_with("release") { "cargo build --release" } else { "cargo build" };
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("{} is missing: run `{build}` first", path.display()),
    ))
}

/// A running server; it is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// The command that serves `root` on a free port of the loopback. Arguments may be added;
    /// standard error is that of this process unless it is set.
    ///
    /// # Errors
    ///
    /// If `coracled` was not built.
    pub fn command(root: &Path) -> io::Result<Command> {
        let mut command = Command::new(program("coracled")?);
        command.args(["--listen", "127.0.0.1:0"]).arg(root);
        Ok(command)
    }

    /// Start a server and wait until it has said which port it has and that it is ready.
    ///
    /// # Errors
    ///
    /// If it cannot be started, ends, or is not ready after 20 s.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let (port, found) = mpsc::sync_channel(1);
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || watch(stdout, &port));
        }
        let mut server = Self { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) };
        match found.recv_timeout(START_LIMIT) {
            Ok(port) => server.address.set_port(port),
            Err(RecvTimeoutError::Timeout) => {
                return Err(io::Error::other("the server was not ready within 20 s"));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = server.child.wait()?;
                return Err(io::Error::other(format!("the server ended at once ({status})")));
            }
        }
        Ok(server)
    }

    /// Where it listens, if that is the loopback; the port is right in any case.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// End it at once, as a power cut would, and wait until it is gone.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    /// Ask it to end, as a service manager does (SIGTERM); it may take its time.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn terminate(&self) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::TERM)?)
    }

    /// Wait until it ends by itself.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to kill.
        let _ = self.kill();
    }
}

/// Report the first port as soon as the server is ready, then read on so that it never waits
/// for its output.
fn watch(stdout: ChildStdout, ready: &SyncSender<u16>) {
    let mut port = None;
    for line in BufReader::new(stdout).split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line);
        if let Some(number) = line.trim().strip_prefix(PORT_LINE).and_then(|n| n.parse().ok()) {
            port.get_or_insert(number);
        }
        if let (READY_LINE, Some(port)) = (line.trim(), port) {
            // Nobody waits for a second.
            let _ = ready.try_send(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_port_is_read_and_the_process_ends_when_told() {
        let say = "echo a line before; echo Server Port: 4711; echo Server Port: 1; \
                   echo The server is ready to receive; exec yes";
        let mut server = Server::start(shell(say)).unwrap();
        assert_eq!(server.address().to_string(), "127.0.0.1:4711");
        server.terminate().unwrap();
        assert_eq!(server.wait().unwrap().signal(), Some(15));
    }

    #[test]
    fn a_server_that_ends_before_it_is_ready_is_told() {
        for said in ["no port", "Server Port: 4711"] {
            let error = Server::start(shell(&format!("echo {said}; exit 3"))).unwrap_err();
            assert!(error.to_string().contains("exit status: 3"), "{error}");
        }
    }

    #[test]
    fn a_program_that_was_not_built_is_told_with_the_command_that_builds_it() {
        let error = program("no-such-program").unwrap_err().to_string();
        assert!(error.contains("cargo build"), "{error}");
    }
}
