//! Steps that take their time under the poll driver, on a clock that the test turns.

mod support;

use std::cell::RefCell;
use std::collections::VecDeque;

use coracle::classic;
use coracle::poll::{Driver, Host, Progress, Stream, serve};
use coracle::{
    Answer, BUSY, Config, Error, FixedServer, Machine, Medium, Outcome, RamSession, Step, Timeouts,
};
use support::classic::doorman;
use support::{Disk, crc, data, disk, replies, server, show, upload};

/// A link that takes what there is room for, until it fails.
#[derive(Default)]
struct Link {
    input: VecDeque<u8>,
    output: Vec<u8>,
    room: usize,
    broken: Option<Broken>,
}

#[derive(Clone, Copy)]
enum Broken {
    Failed,
    TakesNothing,
}

impl Stream for Link {
    type Error = &'static str;

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Self::Error> {
        if self.broken.is_some() {
            return Err("cut");
        }
        let count = self.input.len().min(buffer.len());
        buffer.iter_mut().zip(self.input.drain(..count)).for_each(|(to, from)| *to = from);
        Ok(Some(count).filter(|&count| count > 0))
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Self::Error> {
        match self.broken {
            Some(Broken::Failed) => return Err("cut"),
            Some(Broken::TakesNothing) => return Ok(Some(0)),
            None => {}
        }
        let count = bytes.len().min(self.room);
        self.output.extend_from_slice(&bytes[..count]);
        self.room -= count;
        Ok(Some(count).filter(|&count| count > 0))
    }
}

/// A medium some of whose steps take so many milliseconds.
struct Slow<'a> {
    medium: Medium<RamSession<'a, 64, 2048>>,
    is_slow: fn(&Step<'_>) -> bool,
    lasts: u64,
    now: u64,
    began: Option<u64>,
    /// How often a slow step was asked for, and how often one was done.
    asked: u32,
    done: u32,
}

impl Host for Slow<'_> {
    fn answer(&mut self, step: Step<'_>) -> Option<Answer> {
        if (self.is_slow)(&step) {
            self.asked += 1;
            let began = *self.began.get_or_insert(self.now);
            if self.now < began + self.lasts {
                return None;
            }
            self.began = None;
            self.done += 1;
        }
        Some(coracle::Host::answer(&mut self.medium, step))
    }
}

struct Session<'a, M> {
    server: M,
    driver: Driver<&'static str>,
    link: Link,
    host: Slow<'a>,
}

impl<'a, M: Machine> Session<'a, M> {
    /// A session whose slow steps last so many milliseconds.
    fn new(server: M, disk: &'a RefCell<Disk>, is_slow: fn(&Step<'_>) -> bool, lasts: u64) -> Self {
        let medium = Medium::new(RamSession::new(disk));
        let host = Slow { medium, is_slow, lasts, now: 0, began: None, asked: 0, done: 0 };
        let link = Link { room: usize::MAX, ..Link::default() };
        Self { server, driver: Driver::new(Timeouts::DEFAULT, 0), link, host }
    }

    /// All that can be done at this time, one action a call.
    fn at(&mut self, now: u64) -> Result<Progress, Error<&'static str>> {
        self.host.now = now;
        for _ in 0..1000 {
            let Self { server, driver, link, host } = self;
            match serve(server, driver, link, host, now, 1)? {
                Progress::Again => {}
                progress => return Ok(progress),
            }
        }
        panic!("a session that makes no progress");
    }

    /// The lines since the greeting.
    fn lines(&self) -> Vec<String> {
        show(&self.link.output).split_off(1)
    }
}

/// A native session that is greeted; then the peer sends this.
fn greeted<'a>(
    disk: &'a RefCell<Disk>,
    input: &[u8],
    is_slow: fn(&Step<'_>) -> bool,
    lasts: u64,
) -> Session<'a, FixedServer> {
    let mut session = Session::new(server(), disk, is_slow, lasts);
    session.link.input.extend(b"hello 1\n");
    assert_eq!(session.at(0), waiting(300_000));
    session.link.input.extend(input);
    session
}

fn waiting(until: u64) -> Result<Progress, Error<&'static str>> {
    Ok(Progress::Waiting { until: Some(until) })
}

const WAITING_FOR_THE_STEP: Result<Progress, Error<&str>> = Ok(Progress::Waiting { until: None });

fn is_space(step: &Step<'_>) -> bool {
    matches!(step, Step::Space)
}

#[test]
fn signs_of_life_come_every_five_seconds_while_a_step_pends() {
    let disk = disk();
    let mut session = greeted(&disk, b"df\nexit\n", is_space, 23_000);
    let calls = [
        (100_000, 105_000, 0),
        (104_999, 105_000, 0),
        (105_000, 110_000, 1),
        (107_000, 110_000, 1),
        // A call that is late.
        (112_000, 117_000, 2),
        (117_000, 122_000, 3),
        (122_000, 127_000, 4),
    ];
    for (call, (now, next, signs)) in (1..).zip(calls) {
        assert_eq!(session.at(now), waiting(next));
        assert_eq!(session.lines(), vec!["+ busy"; signs], "at {now}");
        assert_eq!(session.host.asked, call, "once a call");
    }
    assert_eq!(session.at(123_000), Ok(Progress::Done(Outcome::Exit)));
    let lines = session.lines();
    assert!(lines[4].starts_with("ok ") && lines[5..] == ["ok"], "{lines:?}");
}

#[test]
fn each_step_has_its_own_five_seconds() {
    let disk = disk();
    let mut session = greeted(&disk, b"df\ndf\ndf\n", is_space, 4000);
    for now in [0, 4000, 8000] {
        assert_eq!(session.at(now), waiting(now + 5000));
    }
    assert_eq!(session.at(12_000), waiting(312_000));
    let lines = session.lines();
    assert!(lines.len() == 3 && lines.iter().all(|line| line.starts_with("ok ")), "{lines:?}");
}

#[test]
fn a_download_is_kept_alive_between_its_frames() {
    let disk = disk();
    replies(&disk, &[&b"hello 1\n"[..], &upload("a", b"hello")].concat());
    let is_read = |step: &Step<'_>| matches!(step, Step::Read { .. });
    let mut session = greeted(&disk, b"download a\nexit\n", is_read, 6000);
    assert_eq!(session.at(0), waiting(5000));
    assert_eq!(session.at(5000), waiting(10_000));
    assert!(session.link.output.ends_with(&BUSY));
    assert_eq!(session.at(6000), Ok(Progress::Done(Outcome::Exit)));
    let end = format!("END 5 {:08x}", crc(b"hello"));
    assert_eq!(session.lines()[1..], ["BUSY", "DATA 5", &end, "ok"]);
}

#[test]
fn nothing_is_said_where_every_byte_would_belong_to_the_reply() {
    let disk = disk();
    replies(&disk, &[&b"hello 1\n"[..], &upload("a", b"hello")].concat());
    let mut native = Session::new(doorman(Config::new()), &disk, |_| false, 0);
    native.link.input.extend(b"ls\n");
    assert_eq!(native.at(0), Ok(Progress::Done(Outcome::Classic)));
    let is_slow = |step: &Step<'_>| matches!(step, Step::OpenFolder(_));
    let server = classic::FixedServer::from(native.server);
    let mut session = Session::new(server, &disk, is_slow, 100_000);
    for now in [0, 5000, 99_000] {
        assert_eq!(session.at(now), WAITING_FOR_THE_STEP);
    }
    assert_eq!(session.at(100_000), Ok(Progress::Done(Outcome::Ended)));
    assert_eq!(session.link.output, b"a\n");
}

#[test]
fn the_rest_of_a_sign_goes_before_anything_else() {
    for taken in 0.."+ busy\n".len() {
        let disk = disk();
        let mut session = greeted(&disk, b"df\nexit\n", is_space, 20_000);
        assert_eq!(session.at(0), waiting(5000));
        session.link.room = taken;
        assert_eq!(session.at(5000), waiting(65_000), "{taken} taken");
        // The rest of the first while the step still pends, and a part of the second.
        session.link.room = "+ busy\n".len() - taken;
        assert_eq!(session.at(7000), waiting(12_000), "{taken} taken");
        session.link.room = taken;
        assert_eq!(session.at(12_000), waiting(72_000), "{taken} taken");
        assert_eq!(session.at(20_000), waiting(72_000), "{taken} taken");
        assert_eq!(session.host.done, 1, "the step is done all the same");
        session.link.room = 1;
        session.at(30_000).unwrap();
        session.link.room = usize::MAX;
        assert_eq!(session.at(40_000), Ok(Progress::Done(Outcome::Exit)));
        let lines = session.lines();
        assert_eq!(lines[..2], ["+ busy"; 2], "{taken} taken");
        assert!(lines[2].starts_with("ok ") && lines[3..] == ["ok"], "{taken} taken: {lines:?}");
    }
}

/// An upload whose first bytes are being stored while the peer is told that we live.
fn storing(disk: &RefCell<Disk>, lasts: u64) -> Session<'_, FixedServer> {
    let is_write = |step: &Step<'_>| matches!(step, Step::Write { .. });
    let input = [&b"upload a 5000\n"[..], &data(&[7; 1024])].concat();
    let mut session = greeted(disk, &input, is_write, lasts);
    assert_eq!(session.at(0), waiting(5000));
    session
}

/// Of an upload that the peer abandoned, what was stored is kept.
fn assert_kept(disk: &RefCell<Disk>) {
    let lines = replies(disk, b"hello 1\npartial a\nls\n");
    assert_eq!(lines[1..], [format!("ok 1024 {:08x}", crc(&[7; 1024])), "ok 0".to_owned()]);
}

#[test]
fn a_peer_that_takes_no_sign_is_lost_when_the_step_is_done() {
    // Longer than the patience with the peer, and not as long.
    for lasts in [200_000, 20_000] {
        let disk = disk();
        let mut session = storing(&disk, lasts);
        session.link.room = 3;
        assert_eq!(session.at(5000), waiting(65_000));
        let output = session.link.output.len();
        assert_eq!(session.at(64_999), waiting(65_000));
        let lost = Ok(Progress::Done(Outcome::Lost));
        if lasts > 65_000 {
            for now in [65_000, 70_000, 199_999] {
                assert_eq!(session.at(now), WAITING_FOR_THE_STEP, "at {now}");
                session.link.room = 99;
            }
            assert_eq!(session.at(200_000), lost);
        } else {
            assert_eq!(session.at(65_000), lost);
        }
        assert_eq!(session.host.done, 1, "the step was not given up");
        assert_eq!(session.link.output.len(), output, "nothing follows half a sign");
        drop(session);
        assert_kept(&disk);
    }
}

#[test]
fn a_link_that_fails_while_a_step_pends_is_told_at_the_end() {
    let causes = [(Broken::Failed, Error::Link("cut")), (Broken::TakesNothing, Error::WriteZero)];
    for (broken, error) in causes {
        let disk = disk();
        let mut session = storing(&disk, 8000);
        session.link.broken = Some(broken);
        assert_eq!(session.at(4999), waiting(5000), "nobody looks at the link");
        assert_eq!(session.at(5000), WAITING_FOR_THE_STEP);
        assert_eq!(session.at(7999), WAITING_FOR_THE_STEP);
        assert_eq!(session.host.done, 0);
        assert_eq!(session.at(8000), Err(error));
        assert_eq!(session.host.done, 1);
        drop(session);
        assert_kept(&disk);
    }
}

#[test]
fn a_link_that_fails_is_not_forgotten_while_putting_away_pends() {
    let disk = disk();
    let mut session = storing(&disk, 1000);
    assert_eq!(session.at(1000), waiting(61_000));
    session.host.is_slow = |step| matches!(step, Step::Keep);
    session.host.lasts = 48_000;
    session.link.broken = Some(Broken::Failed);
    assert_eq!(session.at(2000), WAITING_FOR_THE_STEP);
    assert_eq!(session.at(49_999), WAITING_FOR_THE_STEP);
    assert_eq!(session.at(50_000), Err(Error::Link("cut")));
    drop(session);
    assert_kept(&disk);
}

#[test]
fn a_sign_that_fails_is_not_forgotten_while_putting_away_pends() {
    let disk = disk();
    let mut session = storing(&disk, 6000);
    session.host.is_slow = |step| matches!(step, Step::Write { .. } | Step::Keep);
    session.link.broken = Some(Broken::Failed);
    for now in [5000, 5999, 6000, 11_999] {
        assert_eq!(session.at(now), WAITING_FOR_THE_STEP);
    }
    assert_eq!(session.host.done, 1, "the write; the file is being put away");
    assert_eq!(session.at(12_000), Err(Error::Link("cut")));
    drop(session);
    assert_kept(&disk);
}

#[test]
fn the_time_of_a_step_is_not_the_peers() {
    let disk = disk();
    let is_stage = |step: &Step<'_>| matches!(step, Step::Stage { .. });
    let mut session = greeted(&disk, b"upload a 5000\n", is_stage, 99_000);
    assert_eq!(session.at(1000), waiting(6000));
    assert_eq!(session.at(100_000), waiting(160_000));
    assert_eq!(session.at(159_999), waiting(160_000));
    let Ok(Progress::Done(Outcome::Refused(_))) = session.at(160_000) else { panic!() };
}
