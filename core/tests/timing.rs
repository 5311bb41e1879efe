//! When the poll driver gives up waiting, on a clock that the test turns.

mod support;

use std::convert::Infallible;

use coracle::poll::{Driver, Progress, Stream, serve};
use coracle::{Code, FixedServer, Outcome, Timeouts};
use support::{Noting, Script, data, disk, server, upload};

/// A session whose peer sends what it is told to, when it is told to.
struct Session<'a> {
    server: FixedServer,
    driver: Driver<Infallible>,
    script: Script,
    host: Noting<'a>,
    now: u64,
    outcome: Option<Outcome>,
}

impl<'a> Session<'a> {
    fn new(disk: &'a std::cell::RefCell<support::Disk>, timeouts: Timeouts) -> Self {
        let mut script = Script::new(b"", usize::MAX);
        script.ends = false;
        let driver = Driver::new(timeouts, 0);
        Self { server: server(), driver, script, host: Noting::new(disk), now: 0, outcome: None }
    }

    /// The peer sends this; then so many seconds pass.
    fn then(&mut self, bytes: &[u8], seconds: u64) -> &mut Self {
        self.script.input.extend(bytes);
        for second in 0..=seconds {
            self.run();
            self.now += if second < seconds { 1000 } else { 0 };
        }
        self
    }

    fn run(&mut self) {
        for _ in 0..1000 {
            if self.outcome.is_some() {
                return;
            }
            let Self { server, driver, script, host, now, .. } = self;
            match serve(server, driver, script, host, *now, 50).unwrap() {
                Progress::Waiting { .. } if script.input.is_empty() => return,
                Progress::Done(outcome) => self.outcome = Some(outcome),
                _ => {}
            }
        }
        panic!("a session that makes no progress");
    }

    fn is_over(&self) -> bool {
        match self.outcome {
            None => false,
            Some(Outcome::Refused(refusal)) if refusal.code == Code::Timeout => true,
            Some(other) => panic!("{other:?}"),
        }
    }

    fn last_line(&self) -> String {
        support::show(&self.script.output).pop().unwrap()
    }
}

fn after_hello(disk: &std::cell::RefCell<support::Disk>) -> Session<'_> {
    let mut session = Session::new(disk, Timeouts::DEFAULT);
    session.then(b"hello 1\n", 0);
    session
}

#[test]
fn the_first_line_comes_in_time() {
    let disk = disk();
    assert!(!Session::new(&disk, Timeouts::DEFAULT).then(b"", 9).is_over());
    let mut silent = Session::new(&disk, Timeouts::DEFAULT);
    assert!(silent.then(b"", 10).is_over());
    assert_eq!(silent.last_line(), "err timeout no hello came in time");
    let mut slow = Session::new(&disk, Timeouts::DEFAULT);
    assert!(!slow.then(b"hel", 9).is_over());
    assert!(slow.then(b"lo", 1).is_over());
    // Empty lines are nothing, even if they come in halves.
    let mut empty = Session::new(&disk, Timeouts::DEFAULT);
    assert!(empty.then(b"\r", 6).then(b"\n", 6).then(b"\r", 6).then(b"\n", 6).is_over());
}

#[test]
fn an_idle_session_ends_and_empty_lines_do_not_keep_it() {
    let disk = disk();
    let mut idle = after_hello(&disk);
    assert!(!idle.then(b"noop\n", 299).is_over());
    assert!(!idle.then(b"noop\n", 299).is_over());
    assert!(idle.then(b"\r", 1).then(b"\n", 1).is_over());
    assert_eq!(idle.last_line(), "err timeout no command for too long");
    let mut started = after_hello(&disk);
    assert!(!started.then(b"", 200).then(b"noo", 9).is_over());
    assert!(started.then(b"", 1).is_over());
}

#[test]
fn an_upload_without_file_bytes_ends() {
    let disk = disk();
    for begun in ["upload a 500\n", "upload no/where 500\n", "upload ../a 500\n"] {
        let mut session = after_hello(&disk);
        // A long rest before the command is no part of it.
        session.then(b"", 250).then(begun.as_bytes(), 0).then(&data(b"abc"), 50);
        assert!(!session.then(&data(b"def"), 50).is_over(), "{begun}");
        // Header by header, and empty lines: none of it is progress.
        session.then(b"\n\x01", 3).then(b"\0\0", 3).then(b"\x05", 3);
        assert!(session.then(b"", 1).is_over(), "{begun}");
        assert_eq!(session.last_line(), "err timeout no progress for too long");
    }
    let lines = support::replies(&disk, b"hello 1\npartial a\n");
    assert_eq!(lines[1], format!("ok 6 {:08x}", support::crc(b"abcdef")));
}

#[test]
fn signs_of_life_hold_an_upload_for_a_while() {
    let disk = disk();
    for begun in ["upload a 500\n", "upload no/where 500\n"] {
        let mut session = after_hello(&disk);
        session.then(begun.as_bytes(), 0).then(&data(b"abc"), 0);
        for _ in 0..11 {
            assert!(!session.then(&coracle::BUSY, 10).is_over(), "{begun}");
        }
        assert!(session.then(&coracle::BUSY, 10).is_over(), "{begun}: 60 s, and 60 s more");
    }
}

#[test]
fn a_rate_is_that_of_the_running_transfer() {
    let disk = disk();
    let timeouts = Timeouts { min_rate: 10, ..Timeouts::DEFAULT };
    for begun in ["upload a 5000\n", "upload no/where 5000\n", "upload ../a 5000\n"] {
        let mut session = Session::new(&disk, timeouts);
        session.then(b"hello 1\n", 0).then(b"", 250).then(begun.as_bytes(), 1);
        for _ in 0..10 {
            assert!(!session.then(&data(&[7; 120]), 10).is_over(), "{begun}");
        }
        for _ in 0..3 {
            session.then(&data(b"x"), 10);
        }
        assert!(session.is_over(), "{begun}");
    }
}

/// A peer that sends without a pause.
struct Flood<I>(I);

impl<'a, I: Iterator<Item = &'a u8>> Stream for Flood<I> {
    type Error = Infallible;

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Self::Error> {
        let count = buffer.len();
        buffer.iter_mut().zip(&mut self.0).for_each(|(to, from)| *to = *from);
        Ok(Some(count))
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Self::Error> {
        Ok(Some(bytes.len()))
    }
}

#[test]
fn a_flood_is_no_progress() {
    let disk = disk();
    for (begun, flood) in [
        (&b""[..], &b"\n\r\n"[..]),
        (b"hello 1\n", b"\n"),
        (&[&b"hello 1\n"[..], &upload("b", b"abc")].concat(), b"\n"),
        (b"hello 1\nupload a 500\n", b"\n"),
        (b"hello 1\nupload a 500\n", &coracle::BUSY),
        (b"hello 1\nupload no/where 500\n", &coracle::BUSY),
    ] {
        let session = Session::new(&disk, Timeouts::DEFAULT);
        let Session { mut server, mut driver, mut host, .. } = session;
        let mut flood = Flood(begun.iter().chain(flood.iter().cycle()));
        let ended = (0..400_000).step_by(100).find_map(|now| {
            match serve(&mut server, &mut driver, &mut flood, &mut host, now, 50).unwrap() {
                Progress::Done(outcome) => Some((now / 1000, outcome)),
                _ => None,
            }
        });
        let Some((seconds, Outcome::Refused(refusal))) = ended else { panic!("{ended:?}") };
        assert_eq!(refusal.code, Code::Timeout);
        assert!([10, 60, 120, 300].contains(&seconds), "{seconds}");
    }
}

#[test]
fn a_whole_upload_waits_for_nobody() {
    let disk = disk();
    let mut session = after_hello(&disk);
    session.then(&upload("a", b"abc"), 299);
    assert!(!session.is_over());
    assert_eq!(session.last_line(), format!("ok 3 {:08x} cached", support::crc(b"abc")));
}
