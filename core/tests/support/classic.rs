//! A whole classic connection: the command on one link, the file on another.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use coracle::asynch::Inline;
use coracle::classic::{self, Way};
use coracle::poll::{self, Progress};
use coracle::{Answer, Config, Event, FixedServer, Host, Machine, Outcome, Step, Timeouts, limits};

use super::links::{Link, Stopped};
use super::{Disk, Hesitant, Noting, Script};

/// A host that can have every transfer connection; `meddle` may answer steps in its place.
pub struct Peers<'a> {
    pub noting: Noting<'a>,
    pub meddle: fn(&Step<'_>) -> Option<Answer>,
}

impl<'a> Peers<'a> {
    pub fn new(disk: &'a RefCell<Disk>) -> Self {
        Self { noting: Noting::new(disk), meddle: |_| None }
    }
}

impl Host for Peers<'_> {
    fn answer(&mut self, step: Step<'_>) -> Answer {
        match ((self.meddle)(&step), step) {
            (Some(answer), _) => answer,
            (None, Step::Prepare(_)) => Answer::Done,
            (None, step) => self.noting.answer(step),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        self.noting.event(event);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    Poll,
    /// The poll driver, with every step asked for twice.
    Hesitant,
    Blocking,
    Async,
}

impl Driver {
    pub const ALL: [Self; 4] = [Self::Poll, Self::Hesitant, Self::Blocking, Self::Async];

    /// Drive a machine over a script that ends; returns what it sent.
    pub fn run(self, machine: &mut impl Machine, link: &mut Link, host: &mut impl Host) -> Outcome {
        match self {
            Self::Blocking => coracle::blocking::serve(machine, link, host).unwrap(),
            Self::Async => {
                let mut host = Inline(Borrowed(host));
                let serving =
                    coracle::asynch::serve(machine, link, &mut host, &Stopped, Timeouts::DEFAULT);
                // Nothing in the script ever waits.
                match pin!(serving).poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(outcome) => outcome.unwrap(),
                    Poll::Pending => panic!("waits for nothing"),
                }
            }
            Self::Poll => run_poll(machine, link, host),
            Self::Hesitant => run_poll(machine, link, &mut Hesitant::new(Borrowed(host))),
        }
    }
}

fn run_poll(machine: &mut impl Machine, link: &mut Link, host: &mut impl poll::Host) -> Outcome {
    let mut driver = poll::Driver::new(Timeouts::DEFAULT, 0);
    let bound = 200 + 20 * link.0.input.len();
    for _ in 0..bound {
        match poll::serve(machine, &mut driver, &mut link.0, host, 0, 50) {
            Ok(Progress::Done(outcome)) => return outcome,
            Ok(_) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("a session that makes no progress");
}

struct Borrowed<'a, H>(&'a mut H);

impl<H: Host> Host for Borrowed<'_, H> {
    fn answer(&mut self, step: Step<'_>) -> Answer {
        self.0.answer(step)
    }

    fn event(&mut self, event: Event<'_>) {
        self.0.event(event);
    }
}

/// A native machine that lets others be classic.
pub fn doorman(config: Config) -> FixedServer {
    FixedServer::new(Config { classic: true, ..config }, [0; limits::CHUNK_BUFFER_LEN])
}

/// What a peer saw, and what the log says.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub reply: Vec<u8>,
    pub way: Option<Way>,
    /// What came over the connection for the file.
    pub file: Vec<u8>,
    pub outcome: Outcome,
    pub events: Vec<String>,
}

/// A connection of a peer that sends `command` and closes its side, and sends `file` if it is
/// told to, at most `step` bytes at a time.
pub fn session(
    driver: Driver,
    mut host: Peers<'_>,
    config: Config,
    (command, file): (&[u8], &[u8]),
    step: usize,
) -> Seen {
    let mut control = Link(Script::new(command, step));
    let mut native = doorman(config);
    let mut outcome = driver.run(&mut native, &mut control, &mut host);
    assert_eq!(outcome, Outcome::Classic, "{}", command.escape_ascii());
    let mut server = classic::FixedServer::from(native);
    outcome = driver.run(&mut server, &mut control, &mut host);
    let mut transfer = Link(Script::new(file, step));
    let way = match outcome {
        Outcome::Transfer(way) => {
            server.connected().unwrap();
            outcome = driver.run(&mut server, &mut transfer, &mut host);
            Some(way)
        }
        _ => None,
    };
    let (reply, file) = (control.0.output, transfer.0.output);
    Seen { reply, way, file, outcome, events: host.noting.events }
}

/// The same with the poll driver, all bytes at once.
pub fn ask(disk: &RefCell<Disk>, command: &[u8], file: &[u8]) -> Seen {
    session(Driver::Poll, Peers::new(disk), Config::new(), (command, file), usize::MAX)
}
