//! QEMU as a child process.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fs, mem};

use crate::log;

/// The emulator.
pub const PROGRAM: &str = "qemu-system-arm";

/// Where the image listens: its address in QEMU's user network, and its ports.
pub const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// The control port.
pub const CONTROL: u16 = 2222;
/// The transfer port. Clients are told this number, so it cannot be another one on the host.
pub const TRANSFER: u16 = 3333;

/// The network of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// The user network of QEMU: the image is reached at an address of this machine.
    User {
        /// The address.
        address: IpAddr,
        /// The port that leads to the control port.
        port: u16,
    },
    /// A TAP interface of this machine, which is there and up.
    Tap(String),
    /// None.
    Unplugged,
}

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The image.
    pub image: PathBuf,
    /// The card; none is in the slot otherwise.
    pub card: Option<PathBuf>,
    /// The network.
    pub network: Network,
    /// Where the monitor listens, if it is needed.
    pub monitor: Option<PathBuf>,
    /// Further arguments.
    pub arguments: Vec<OsString>,
}

impl Setup {
    /// The command that starts it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["-machine", "lm3s6965evb", "-nographic", "-serial", "none"]);
        command.args(["-semihosting-config", "enable=on,target=native"]);
        command.arg("-kernel").arg(&self.image);
        match &self.card {
            Some(card) => command.arg("-drive").arg(drive(card)),
            None => &mut command,
        };
        match &self.monitor {
            Some(path) => command.arg("-qmp").arg(monitor(path)),
            None => &mut command,
        };
        command.args(["-monitor", "none", "-nic"]).arg(self.network.argument());
        command.args(&self.arguments);
        command
    }
}

/// The value of `-drive`; a comma in a path is doubled.
fn drive(path: &std::path::Path) -> OsString {
    let mut value = OsString::from("if=sd,id=card,format=raw,file=");
    value.push(path.to_string_lossy().replace(',', ",,"));
    value
}

fn monitor(path: &std::path::Path) -> OsString {
    let mut value = OsString::from("unix:");
    value.push(path.to_string_lossy().replace(',', ",,"));
    value.push(",server=on,wait=off");
    value
}

impl Network {
    fn argument(&self) -> String {
        match self {
            Self::User { address, port } => {
                let forward = |host: u16, guest: u16| {
                    format!(",hostfwd=tcp:{address}:{host}-{GUEST}:{guest}")
                };
                format!("user{}{}", forward(*port, CONTROL), forward(TRANSFER, TRANSFER))
            }
            Self::Tap(name) => format!("tap,ifname={name},script=no,downscript=no"),
            Self::Unplugged => "none".to_owned(),
        }
    }
}

/// A running image; it is killed when this is dropped.
#[derive(Debug)]
pub struct Qemu {
    child: Child,
    lines: Receiver<String>,
    /// What was received of the log so far.
    seen: Vec<String>,
    readers: Vec<JoinHandle<()>>,
}

impl Qemu {
    /// Start it.
    ///
    /// # Errors
    ///
    /// If QEMU is missing, with what to do about it, or the image cannot be read.
    pub fn start(setup: &Setup) -> io::Result<Self> {
        Self::spawn(setup.command(), setup)
    }

    /// Start it by this command, which may have been made another program's argument.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn spawn(mut command: Command, setup: &Setup) -> io::Result<Self> {
        let elf = fs::read(&setup.image)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(explain)?;
        let (sender, lines) = mpsc::channel();
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let sender = sender.clone();
            readers.push(thread::spawn(move || {
                // Nobody listens any more: the log is read on so that QEMU never waits.
                let result = log::read(&elf, stdout, false, |line| drop(sender.send(line)));
                if let Err(error) = result {
                    drop(sender.send(format!("the log cannot be read: {error}")));
                }
            }));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    if !is_usual(&line) {
                        drop(sender.send(line));
                    }
                }
            }));
        }
        Ok(Self { child, lines, seen: Vec::new(), readers })
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of the log, or `None` when it has ended.
    pub fn next_line(&mut self) -> Option<String> {
        let line = self.lines.recv().ok()?;
        self.seen.push(line.clone());
        Some(line)
    }

    /// Wait for a line that has this text in it, from here on.
    ///
    /// # Errors
    ///
    /// If the log ends before, or it takes longer: with the log so far.
    pub fn wait_for(&mut self, text: &str, limit: Duration) -> io::Result<String> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).map_err(|error| {
                let why = match error {
                    RecvTimeoutError::Timeout => format!("no {text:?} within {limit:?}"),
                    RecvTimeoutError::Disconnected => format!("QEMU ended without {text:?}"),
                };
                io::Error::other(format!("{why}; the log:\n{}", self.seen.join("\n")))
            })?;
            self.seen.push(line.clone());
            if line.contains(text) {
                return Ok(line);
            }
        }
    }

    /// The log so far.
    pub fn log(&mut self) -> &[String] {
        self.seen.extend(self.lines.try_iter());
        &self.seen
    }

    /// End it at once: the plug is pulled.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.finish().map(|_| ())
    }

    /// Wait until it ends by itself, and until its log is whole.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn finish(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        for reader in mem::take(&mut self.readers) {
            // One that panicked has said so.
            let _ended = reader.join();
        }
        Ok(status)
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to kill.
        let _gone = self.kill();
    }
}

/// What QEMU says at each start of this machine, and means nothing.
pub(crate) fn is_usual(line: &str) -> bool {
    ["Timer with period zero", "terminating on signal", "nic stellaris_enet.0 has no peer"]
        .iter()
        .any(|usual| line.contains(usual))
}

/// What to do if QEMU cannot be started.
pub(crate) fn explain(error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::NotFound {
        return error;
    }
    let message = format!(
        "{PROGRAM} is missing: install it (Debian, Ubuntu: apt install qemu-system-arm; Fedora: \
         dnf install qemu-system-arm; macOS: brew install qemu)"
    );
    io::Error::new(io::ErrorKind::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_told_with_what_to_install() {
        let error = explain(io::ErrorKind::NotFound.into()).to_string();
        assert!(error.contains("apt install qemu-system-arm"), "{error}");
    }

    #[test]
    fn both_ports_are_forwarded_and_commas_in_paths_survive() {
        let setup = Setup {
            image: "image".into(),
            card: Some("a,b.img".into()),
            network: Network::User { address: Ipv4Addr::LOCALHOST.into(), port: 4000 },
            monitor: None,
            arguments: vec!["-S".into()],
        };
        let arguments: Vec<_> = setup.command().get_args().map(OsString::from).collect();
        let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
        assert!(has("if=sd,id=card,format=raw,file=a,,b.img"), "{arguments:?}");
        assert!(has(
            "user,hostfwd=tcp:127.0.0.1:4000-10.0.2.15:2222,hostfwd=tcp:127.0.0.1:3333-10.0.2.15:3333"
        ));
        assert!(has("-S"));
    }
}
