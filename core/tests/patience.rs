//! A peer that stops reading: the async driver gives it up, whatever it was to be told.

mod support;

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use coracle::asynch::{Clock, Host, serve, serve_until_idle};
use coracle::{Answer, Code, Medium, Outcome, RamSession, Step, Timeouts, Timers};
use embedded_io::{ErrorType, ReadReady};
use support::{Script, disk, server};

/// A clock that the test turns.
#[derive(Default)]
struct Hand {
    now: Cell<u64>,
    closing: Cell<bool>,
}

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.now.get()
    }

    fn until(&self, time: u64) -> impl Future<Output = ()> {
        let was_closing = self.closing.get();
        poll_fn(move |_| {
            let woken = self.now.get() >= time || self.closing.get() && !was_closing;
            if woken { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    fn closing(&self) -> bool {
        self.closing.get()
    }
}

/// A link that keeps what is written until it is flushed, to a peer that may stop reading.
struct Link<'a> {
    script: Script,
    kept: Vec<u8>,
    takes: &'a Cell<bool>,
}

impl ErrorType for Link<'_> {
    type Error = Infallible;
}

impl embedded_io_async::Read for Link<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        match self.script.next(buffer) {
            0 => std::future::pending().await,
            count => Ok(count),
        }
    }
}

impl embedded_io_async::Write for Link<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.kept.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        let sent = || self.takes.get() || self.kept.is_empty();
        poll_fn(|_| if sent() { Poll::Ready(()) } else { Poll::Pending }).await;
        self.script.output.append(&mut self.kept);
        Ok(())
    }
}

impl ReadReady for Link<'_> {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.script.input.is_empty())
    }
}

/// A medium whose `df` takes until some time.
struct Slow<'a> {
    medium: Medium<RamSession<'a, 64, 2048>>,
    clock: &'a Hand,
    until: u64,
}

impl Host for Slow<'_> {
    async fn answer(&mut self, step: Step<'_>) -> Answer {
        if matches!(step, Step::Space) {
            self.clock.until(self.until).await;
        }
        coracle::Host::answer(&mut self.medium, step)
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Turn the clock second by second until the future is ready.
fn seconds_until<F: Future>(clock: &Hand, mut future: Pin<&mut F>) -> (u64, F::Output) {
    for second in 0..1000 {
        clock.now.set(second * 1000);
        if let Some(output) = poll(future.as_mut()) {
            return (second, output);
        }
    }
    panic!("a session that waits for ever");
}

#[test]
fn a_reply_that_is_not_taken_ends_an_idle_session() {
    let (disk, clock, takes) = (disk(), Hand::default(), Cell::new(false));
    let mut link = Link { script: Script::new(b"hello 1\n", 99), kept: vec![], takes: &takes };
    let medium = Medium::new(RamSession::new(&disk));
    let (mut host, mut server) = (Slow { medium, clock: &clock, until: 0 }, server());
    let mut timers = Timers::new(Timeouts::DEFAULT, 0);
    let session = serve_until_idle(&mut server, &mut link, &mut host, &clock, &mut timers);
    let (seconds, outcome) = seconds_until(&clock, pin!(session));
    let Ok(Some(Outcome::Refused(refusal))) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refusal.code, Code::Timeout);
    assert!((60..=70).contains(&seconds), "{seconds}");
}

#[test]
fn a_sign_of_life_that_is_not_taken_ends_a_session() {
    let (disk, clock, takes) = (disk(), Hand::default(), Cell::new(true));
    let mut link = Link { script: Script::new(b"hello 1\n", 99), kept: vec![], takes: &takes };
    let medium = Medium::new(RamSession::new(&disk));
    let (mut host, mut server) = (Slow { medium, clock: &clock, until: 20_000 }, server());
    let mut timers = Timers::new(Timeouts::DEFAULT, 0);
    let greeting = serve_until_idle(&mut server, &mut link, &mut host, &clock, &mut timers);
    assert_eq!(poll(pin!(greeting)), Some(Ok(None)));
    takes.set(false);
    link.script.input.extend(b"df\n");
    let session = serve(&mut server, &mut link, &mut host, &clock, Timeouts::DEFAULT);
    let (seconds, outcome) = seconds_until(&clock, pin!(session));
    assert_eq!(outcome, Ok(Outcome::Lost));
    assert!((60..=80).contains(&seconds), "{seconds}");
}

#[test]
fn signs_of_life_come_while_a_step_lasts() {
    let (disk, clock, takes) = (disk(), Hand::default(), Cell::new(true));
    let script = Script::new(b"hello 1\ndf\nexit\n", 99);
    let mut link = Link { script, kept: vec![], takes: &takes };
    let medium = Medium::new(RamSession::new(&disk));
    let (mut host, mut server) = (Slow { medium, clock: &clock, until: 22_000 }, server());
    let session = serve(&mut server, &mut link, &mut host, &clock, Timeouts::DEFAULT);
    let (seconds, outcome) = seconds_until(&clock, pin!(session));
    assert_eq!((seconds, outcome), (22, Ok(Outcome::Exit)));
    let lines = support::show(&link.script.output);
    assert_eq!(lines[1..5], ["+ busy"; 4]);
    assert!(lines[5].starts_with("ok ") && lines[6..] == ["ok"], "{lines:?}");
}

#[test]
fn a_shutdown_lets_the_last_line_out() {
    let (disk, clock, takes) = (disk(), Hand::default(), Cell::new(true));
    let script = Script::new(b"hello 1\nexit\n", 99);
    let mut link = Link { script, kept: vec![], takes: &takes };
    let medium = Medium::new(RamSession::new(&disk));
    let (mut host, mut server) = (Slow { medium, clock: &clock, until: 0 }, server());
    takes.set(false);
    {
        let mut session = pin!(serve(&mut server, &mut link, &mut host, &clock, Timeouts::DEFAULT));
        assert!(poll(session.as_mut()).is_none(), "the last line is not taken yet");
        clock.closing.set(true);
        assert!(poll(session.as_mut()).is_none(), "nor is it now");
        takes.set(true);
        assert_eq!(poll(session.as_mut()), Some(Ok(Outcome::Exit)));
    }
    assert_eq!(support::show(&link.script.output).last().map(String::as_str), Some("ok"));
}
