//! A program in a terminal of its own, as a person sees and uses it.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take to appear.
const PATIENCE: Duration = Duration::from_secs(30);

/// Wide enough that no line of a test is wrapped.
const SIZE: (u16, u16) = (50, 200);

/// Ends what runs, or drops the line.
pub const CTRL_C: &str = "\x03";
/// End of input.
pub const CTRL_D: &str = "\x04";
/// The line before.
pub const UP: &str = "\x1b[A";

/// A running program; it is killed when this is dropped.
pub struct Terminal {
    pty: Pty,
    child: Child,
    /// What was seen and not expected yet, without escape sequences.
    text: String,
    /// An escape sequence or a letter that has not come whole.
    rest: Vec<u8>,
    /// All that was seen, for whoever wonders why a test failed.
    screen: String,
    /// All that came, escape sequences included.
    raw: Vec<u8>,
}

impl Terminal {
    /// Start a program in a folder, with arguments and variables.
    ///
    /// # Panics
    ///
    /// If there is no terminal to be had, or no such program.
    pub fn start<A: AsRef<OsStr>>(
        program: &Path,
        folder: &Path,
        arguments: &[A],
        variables: &[(&str, &OsStr)],
    ) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(SIZE.0, SIZE.1)).unwrap();
        let mut command = Command::new(program).current_dir(folder).env("TERM", "xterm");
        for (name, value) in variables {
            command = command.env(name, value);
        }
        let child = command.args(arguments).spawn(pts).unwrap();
        Self {
            pty,
            child,
            text: String::new(),
            rest: Vec::new(),
            screen: String::new(),
            raw: Vec::new(),
        }
    }

    /// Type something.
    ///
    /// # Panics
    ///
    /// If the terminal is gone.
    pub fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes());
    }

    /// Type something that need not be text.
    ///
    /// # Panics
    ///
    /// If the terminal is gone.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.pty.write_all(bytes).unwrap();
    }

    /// Wait until `text` appears behind what was expected before; returns what came before it.
    ///
    /// # Panics
    ///
    /// If it does not appear in time, with the screen.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some((before, behind)) = self.text.split_once(text) {
                let (before, behind) = (before.to_owned(), behind.to_owned());
                self.text = behind;
                return before;
            }
            let is_more = self.read(until);
            assert!(is_more, "no {text:?} on the screen:\n{}\n{:?}", self.screen, self.text);
        }
    }

    /// What has come and was not expected.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Send it a signal.
    ///
    /// # Panics
    ///
    /// If it is gone.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Wait until it has ended: its exit code, or minus the signal that ended it; and what it
    /// said behind all that was expected.
    ///
    /// # Panics
    ///
    /// If it does not end in time, with the screen.
    #[track_caller]
    pub fn wait(mut self) -> (i32, String) {
        let until = Instant::now() + PATIENCE;
        while self.read(until) {}
        assert!(Instant::now() < until, "it does not end:\n{}", self.screen);
        let status = self.child.wait().unwrap();
        let code = status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap();
        (code, core::mem::take(&mut self.text))
    }

    /// Wait until it has ended, as [`wait`](Self::wait): its exit code, and every byte that came.
    ///
    /// # Panics
    ///
    /// If it does not end in time, with the screen.
    #[track_caller]
    pub fn wait_raw(mut self) -> (i32, Vec<u8>) {
        let until = Instant::now() + PATIENCE;
        while self.read(until) {}
        let raw = core::mem::take(&mut self.raw);
        (self.wait().0, raw)
    }

    /// Read what comes next; `false` at the end, or if it is too late.
    fn read(&mut self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(left) = Timespec::try_from(left) else { return false };
        let mut polled = [PollFd::new(&self.pty, PollFlags::IN)];
        if !matches!(poll(&mut polled, Some(&left)), Ok(1..)) {
            return false;
        }
        let mut bytes = [0; 4096];
        // When the program has gone Linux says so with an error.
        let count = self.pty.read(&mut bytes).unwrap_or(0);
        self.raw.extend(&bytes[..count]);
        self.rest.extend(&bytes[..count]);
        let text = take_text(&mut self.rest);
        self.text.push_str(&text);
        self.screen.push_str(&text);
        count > 0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Take what is whole, without escape sequences and without carriage returns.
fn take_text(bytes: &mut Vec<u8>) -> String {
    let mut text = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let taken = match byte {
            b'\x1b' => match sequence(&bytes[at..]) {
                Some(len) => len,
                None => break,
            },
            b'\r' => 1,
            byte => {
                text.push(byte);
                1
            }
        };
        at += taken;
    }
    bytes.drain(..at);
    if let Err(error) = str::from_utf8(&text)
        && error.error_len().is_none()
    {
        let cut = text.split_off(error.valid_up_to());
        bytes.splice(0..0, cut);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The length of the escape sequence at the beginning, if it is whole.
fn sequence(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'[' => Some(bytes.iter().skip(2).position(|byte| (0x40..0x7f).contains(byte))? + 3),
        _ => Some(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_seen_and_answered() {
        let folder = tempfile::tempdir().unwrap();
        let script = ["-c", "test -t 0 && printf 'a\\033[1mb\\n'; read x; echo got $x; exit 3"];
        let mut terminal =
            Terminal::start::<&str>(Path::new("/bin/sh"), folder.path(), &script, &[]);
        assert_eq!(terminal.expect("ab"), "");
        terminal.send("word\n");
        terminal.expect("got word");
        assert_eq!(terminal.wait(), (3, "\n".to_owned()));
    }

    #[test]
    fn sequences_and_letters_may_come_in_pieces() {
        let mut rest = b"a\x1b[3".to_vec();
        assert_eq!(take_text(&mut rest), "a");
        rest.extend("1mé".as_bytes());
        let last = rest.pop().unwrap();
        assert_eq!(take_text(&mut rest), "");
        rest.push(last);
        assert_eq!(take_text(&mut rest), "é");
    }
}
