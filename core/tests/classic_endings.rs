//! Classic connections that end early: whatever happens, and when, nothing partial is left.

mod support;

use std::cell::RefCell;
use std::convert::Infallible;

use coracle::classic::{FixedServer, Way};
use coracle::poll::{self, Progress, serve};
use coracle::{Action, Answer, Code, Config, Host, Machine, Outcome, Refusal, Step, Timeouts};
use support::classic::{Driver, Peers, ask, doorman, session};
use support::links::Link;
use support::{Disk, Script, crc, disk, payload, replies, upload};

const OLD: &[u8] = b"old";

fn filled() -> RefCell<Disk> {
    let disk = disk();
    replies(&disk, &[&b"hello 1\n"[..], &upload("a", OLD), &upload("b", &payload(3000))].concat());
    disk
}

/// `a` is the old file or the new one, there is nothing else, and nobody owns anything.
fn check(disk: &RefCell<Disk>, new: &[u8], case: &str) -> bool {
    let lines = replies(disk, b"hello 1\nsum a\nls\npartial a\n");
    let sum = |bytes: &[u8]| format!("ok {} {:08x}", bytes.len(), crc(bytes));
    assert!(lines[1] == sum(OLD) || lines[1] == sum(new), "{case}: {lines:?}");
    assert_eq!(lines[4], "ok 2", "{case}: {lines:?}");
    assert!(lines[5].starts_with("err not-found "), "{case}: {lines:?}");
    let again = ask(disk, b"upload c 1", b"c");
    assert_eq!(again.outcome, Outcome::Ended, "{case}");
    lines[1] == sum(new)
}

/// A machine that became classic by this command.
fn handed_over(command: &[u8], host: &mut impl Host) -> FixedServer {
    let mut native = doorman(Config::new());
    let mut link = Link(Script::new(command, usize::MAX));
    assert_eq!(Driver::Poll.run(&mut native, &mut link, host), Outcome::Classic);
    FixedServer::from(native)
}

#[test]
fn an_upload_cut_at_every_byte_leaves_old_or_new() {
    let new = payload(2300);
    for cut in 0..=new.len() {
        for driver in Driver::ALL {
            let disk = filled();
            let peer = (&b"upload a 2300"[..], &new[..cut]);
            let seen = session(driver, Peers::new(&disk), Config::new(), peer, 1000);
            let is_new = check(&disk, &new, &format!("{driver:?}, {cut} bytes"));
            assert_eq!(is_new, cut == new.len());
            assert_eq!(seen.outcome == Outcome::Ended, is_new);
        }
    }
}

/// How a connection is ended by something else than the peer's orderly close.
type Ending = fn(&mut FixedServer);

/// Drive by hand; before the action of this number, if something is to be moved there, it ends.
/// Returns how it ended, and whether the ending came.
fn drive(
    disk: &RefCell<Disk>,
    command: &[u8],
    file: &[u8],
    at: usize,
    end: Ending,
) -> Option<Outcome> {
    let mut host = Peers::new(disk);
    let mut server = handed_over(command, &mut host);
    let mut input = file;
    let mut ended = false;
    for number in 0..1000 {
        let moves = !matches!(server.poll(), Action::Step(_) | Action::Report(_));
        if number == at && moves && !matches!(server.poll(), Action::Done(Outcome::Ended)) {
            end(&mut server);
            ended = true;
        }
        match server.poll() {
            Action::Step(step) => {
                let answer = host.answer(step);
                server.answered(answer).unwrap();
            }
            Action::Report(_) => server.reported().unwrap(),
            Action::Receive(space) => {
                let count = space.len().min(input.len()).min(500);
                space[..count].copy_from_slice(&input[..count]);
                input = &input[count..];
                server.received(count).unwrap();
            }
            Action::Transmit(bytes) => {
                let count = bytes.len().min(500);
                server.transmitted(count).unwrap();
            }
            Action::Flush => server.flushed().unwrap(),
            Action::Done(Outcome::Transfer(_)) => server.connected().unwrap(),
            Action::Done(outcome) => return ended.then_some(outcome),
            other => panic!("{other:?}"),
        }
    }
    panic!("no end");
}

#[test]
fn whatever_ends_it_and_when_nothing_stays() {
    let new = payload(2300);
    let endings: [(&str, Ending); 2] =
        [("lost", |server| server.lost()), ("timed out", |server| server.timed_out())];
    for (name, end) in endings {
        for command in ["upload a 2300\n", "upload a 0\n", "download b\n", "ls\n"] {
            let mut met = 0;
            for at in 0..60 {
                let disk = filled();
                let file: &[u8] = if command.contains("2300") { &new } else { b"" };
                let Some(outcome) = drive(&disk, command.as_bytes(), file, at, end) else {
                    continue;
                };
                met += 1;
                let case = format!("{command:?} {name} at {at}");
                match outcome {
                    Outcome::Lost => assert_eq!(name, "lost", "{case}"),
                    Outcome::Refused(refusal) => assert_eq!(refusal.code, Code::Timeout, "{case}"),
                    other => panic!("{case}: {other:?}"),
                }
                assert!(!check(&disk, &new, &case) || command.contains(" 0"), "{case}");
            }
            assert!(met >= 2, "{command:?} {name}: {met} places");
        }
    }
}

#[test]
fn without_a_connection_what_is_open_is_put_away() {
    for (command, way) in [(&b"upload a 5"[..], Way::Upload), (b"download b", Way::Download)] {
        let disk = filled();
        let mut host = Peers::new(&disk);
        let mut server = handed_over(command, &mut host);
        let mut link = Link(Script::new(b"", 99));
        let why = Refusal::new(Code::Timeout, "the test says so");
        assert!(server.connected().is_err() && server.refused(why).is_err(), "too early");
        let outcome = Driver::Blocking.run(&mut server, &mut link, &mut host);
        assert_eq!(outcome, Outcome::Transfer(way));
        let reply = link.0.output.len();
        server.refused(why).unwrap();
        assert!(server.connected().is_err(), "too late");
        let outcome = Driver::Blocking.run(&mut server, &mut link, &mut host);
        assert_eq!(outcome, Outcome::Refused(why));
        assert_eq!(link.0.output.len(), reply, "nothing more is said");
        assert!(host.noting.events.last().unwrap().contains("the test says so"));
        check(&disk, b"", "refused");
    }
}

/// A command without a line end, as the poll driver sees it on a clock that the test turns.
struct Typed<'a> {
    server: FixedServer,
    driver: poll::Driver<Infallible>,
    script: Script,
    host: Peers<'a>,
}

impl<'a> Typed<'a> {
    fn new(disk: &'a RefCell<Disk>) -> Self {
        let mut host = Peers::new(disk);
        let server = handed_over(b"l", &mut host);
        let mut script = Script::new(b"", usize::MAX);
        script.ends = false;
        Self { server, driver: poll::Driver::new(Timeouts::DEFAULT, 0), script, host }
    }

    /// More is typed at this time; when will that have been too long ago?
    fn at(&mut self, now: u64, more: &[u8]) -> Progress {
        self.script.input.extend(more);
        let Self { server, driver, script, host } = self;
        loop {
            match serve(server, driver, script, host, now, 50).unwrap() {
                Progress::Again => {}
                // Every other read finds nothing.
                Progress::Waiting { .. } if !script.input.is_empty() => {}
                progress => return progress,
            }
        }
    }
}

fn until(time: u64) -> Progress {
    Progress::Waiting { until: Some(time) }
}

#[test]
fn quiet_ends_a_whole_command() {
    let disk = filled();
    let mut typed = Typed::new(&disk);
    assert_eq!(typed.at(0, b""), until(10_000), "an l is no command");
    assert_eq!(typed.at(1000, b"s"), until(1250));
    assert_eq!(typed.at(1200, b" "), until(10_000), "a name is to follow");
    assert_eq!(typed.at(2000, b"/"), until(2250));
    assert_eq!(typed.at(2249, b""), until(2250));
    assert_eq!(typed.at(2250, b""), Progress::Done(Outcome::Ended));
    assert_eq!(typed.script.output, b"a\nb");
}

#[test]
fn quiet_ends_what_cannot_become_a_command() {
    let disk = filled();
    let mut typed = Typed::new(&disk);
    assert_eq!(typed.at(1000, b"x"), until(1250));
    let Progress::Done(Outcome::Refused(refusal)) = typed.at(1250, b"") else { panic!() };
    assert_eq!(refusal.code, Code::BadCommand);
    assert_eq!(typed.script.output, b"err");
}

#[test]
fn a_trickle_is_no_command() {
    let disk = filled();
    let mut typed = Typed::new(&disk);
    typed.at(0, b"s x");
    for time in (0..9900).step_by(100) {
        assert_eq!(typed.at(time, b"x"), until((time + 250).min(10_000)), "{time}");
    }
    assert_eq!(typed.at(9900, b"x"), until(10_000));
    let Progress::Done(Outcome::Refused(refusal)) = typed.at(10_000, b"") else { panic!() };
    assert_eq!(refusal.code, Code::Timeout);
    assert_eq!(typed.script.output, b"err");
}

#[test]
fn a_server_that_shuts_down_ends_who_only_types() {
    let disk = filled();
    let mut host = Peers::new(&disk);
    let mut server = handed_over(b"l", &mut host);
    server.shut_down().unwrap();
    let mut link = Link(Script::new(b"", 99));
    let outcome = Driver::Poll.run(&mut server, &mut link, &mut host);
    assert!(matches!(outcome, Outcome::Refused(refusal) if refusal.code == Code::Aborted));
    assert_eq!(link.0.output, b"err");
    let mut server = handed_over(b"ls\n", &mut host);
    assert!(server.shut_down().is_err(), "a command is being answered");
}

/// Reports that do not fit leave no trace.
#[test]
fn reports_that_do_not_fit_are_refused() {
    let disk = filled();
    let new = payload(2300);
    for command in ["upload a 2300\n", "download b\n", "ls\n", "ls", "nonsense\n"] {
        let mut host = Peers::new(&disk);
        let mut server = handed_over(command.as_bytes(), &mut host);
        let mut input = &new[..];
        for _ in 0..1000 {
            wrong_reports(&mut server);
            match server.poll() {
                Action::Step(step) => {
                    let answer = host.answer(step);
                    server.answered(answer).unwrap();
                }
                Action::Report(_) => server.reported().unwrap(),
                Action::Receive(space) => {
                    let count = space.len().min(input.len());
                    space[..count].copy_from_slice(&input[..count]);
                    input = &input[count..];
                    let at_end = command == "ls";
                    server.received(if at_end { 0 } else { count }).unwrap();
                }
                Action::Transmit(bytes) => {
                    let count = bytes.len();
                    server.transmitted(count).unwrap();
                }
                Action::Flush => server.flushed().unwrap(),
                Action::Done(Outcome::Transfer(_)) => server.connected().unwrap(),
                Action::Done(Outcome::Ended | Outcome::Refused(_)) => break,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(replies(&disk, b"hello 1\nsum a\n")[1], format!("ok 2300 {:08x}", crc(&new)));
}

fn wrong_reports(server: &mut FixedServer) {
    let (room, send, flush, report, fits): (_, _, _, _, fn(&Answer) -> bool) = match server.poll() {
        Action::Receive(space) => (space.len(), 0, false, false, |_| false),
        Action::Transmit(bytes) => (0, bytes.len(), false, false, |_| false),
        Action::Flush => (0, 0, true, false, |_| false),
        Action::Report(_) => (0, 0, false, true, |_| false),
        Action::Step(Step::Write { .. } | Step::Read { .. }) => (0, 0, false, false, |_| false),
        Action::Step(Step::NextEntry(_)) => {
            (0, 0, false, false, |answer| matches!(answer, Answer::Done))
        }
        Action::Step(Step::Finish { .. }) => {
            (0, 0, false, false, |answer| matches!(answer, Answer::Finished { .. }))
        }
        Action::Step(Step::Open(_) | Step::Recheck | Step::Committed) => {
            (0, 0, false, false, |_| false)
        }
        Action::Step(_) => (0, 0, false, false, |answer| matches!(answer, Answer::Done)),
        _ => (0, 0, false, false, |_| false),
    };
    assert!(server.received(room + 1).is_err());
    assert!(server.transmitted(send + 1).is_err());
    assert!(flush || server.flushed().is_err());
    assert!(report || server.reported().is_err());
    for answer in [
        Answer::Done,
        Answer::Filled(1 << 20),
        Answer::Wrote(0),
        Answer::Wrote(1 << 20),
        Answer::Stored(0),
        Answer::Transfer(None),
        Answer::Finished { room: true },
    ] {
        assert!(fits(&answer) || server.answered(answer).is_err(), "{answer:?}");
    }
}
