//! Reports that do not fit: refused at every point of a session, and without any trace.

mod support;

use coracle::{
    Action, Answer, Code, Durability, Facts, Host, Kind, Machine, Medium, Metadata, RamSession,
    Receipt, Refusal, Space, Step,
};
use support::{crc, data, disk, fail, frames, payload, server, upload};

fn metadata() -> Metadata {
    Metadata { kind: Kind::File, size: 3, modified: None, stamp: 0 }
}

/// One answer of each kind.
fn answers() -> Vec<Answer> {
    let facts = Facts { case_sensitive: true, atomic_replace: true, free: None, largest: None };
    vec![
        Answer::Done,
        Answer::Facts(facts),
        Answer::Transfer(None),
        Answer::Space(Space::default()),
        Answer::Found(metadata()),
        Answer::Filled(1 << 20),
        Answer::Entry(metadata(), 1 << 20),
        Answer::Stored(0),
        Answer::Wrote(1 << 20),
        Answer::Wrote(0),
        Answer::Finished { room: true },
        Answer::Committed(Receipt::default(), Ok(Durability::Cached)),
    ]
}

/// Whether an answer of this kind may follow the step; sizes aside, which are wrong above.
fn fits(step: &Step<'_>, answer: &Answer) -> bool {
    match step {
        Step::Facts => matches!(answer, Answer::Facts(_)),
        Step::Transfer => matches!(answer, Answer::Transfer(_)),
        Step::Space => matches!(answer, Answer::Space(_)),
        Step::Stat(_) | Step::Open(_) | Step::OpenPartial(_) | Step::Recheck => {
            matches!(answer, Answer::Found(_))
        }
        Step::Stats(_) | Step::Read { .. } | Step::ReadStaged { .. } | Step::Write { .. } => false,
        Step::NextEntry(_) => matches!(answer, Answer::Done),
        Step::Resume { .. } => matches!(answer, Answer::Stored(_)),
        Step::Finish { .. } => matches!(answer, Answer::Finished { .. }),
        Step::Committed => matches!(answer, Answer::Committed(..)),
        _ => matches!(answer, Answer::Done),
    }
}

/// A session that meets every step.
fn script() -> Vec<u8> {
    let bytes = payload(3000);
    let resumed = format!("upload big 3000 1500 {:08x}\n", crc(&bytes[..1500]));
    let prefix = format!("download big 10 crc={:08x}\n", crc(&bytes[..10]));
    [
        &b"hello 1 transfer=yes\nmkdir d\n"[..],
        &upload("d/a", b"hello"),
        &upload("d/b", b""),
        b"upload big 3000\n",
        &data(&bytes[..2000]),
        &coracle::BUSY,
        &fail("io cut"),
        b"partial big\n",
        resumed.as_bytes(),
        &frames(&bytes[1500..], 700),
        b"upload no/where 3\n",
        &data(b"\nls"),
        &fail("x"),
        b"upload d/c 3\n",
        &frames(b"four", 9),
        b"ls d\nls none\nsum big\ndownload d/a\n",
        prefix.as_bytes(),
        b"download none\nstat d\nforget x\nmv d/a d/c\nrm d/c\ndf\nstats\nhelp\nexit\n",
    ]
    .concat()
}

#[test]
fn what_does_not_fit_is_misuse_and_changes_nothing() {
    let disk = disk();
    let mut host = Medium::new(RamSession::new(&disk));
    let mut server = server();
    let script = script();
    let (mut input, mut output) = (&script[..], Vec::new());
    loop {
        let (may_receive, may_send, flushes, reports) = match server.poll() {
            Action::Receive(buffer) => (buffer.len(), 0, false, false),
            Action::TryReceive(buffer) => (buffer.len(), 0, false, false),
            Action::Transmit(bytes) => (0, bytes.len(), false, false),
            Action::Flush => (0, 0, true, false),
            Action::Report(_) => (0, 0, false, true),
            Action::Step(_) => (0, 0, false, false),
            Action::Done(_) => break,
            other => panic!("{other:?}"),
        };
        assert!(server.received(may_receive + 1).is_err());
        assert!(server.transmitted(may_send + 1).is_err());
        assert!(flushes || server.flushed().is_err());
        assert!(reports || server.reported().is_err());
        assert!(may_receive > 0 || server.received(1).is_err() && server.quiet().is_err());
        for answer in answers() {
            if !matches!(server.poll(), Action::Step(step) if fits(&step, &answer)) {
                let step = format!("{:?}", server.poll());
                assert!(server.answered(answer).is_err(), "{answer:?} to {step}");
            }
        }
        match server.poll() {
            Action::Receive(buffer) => {
                let count = buffer.len().min(input.len()).min(100);
                buffer[..count].copy_from_slice(&input[..count]);
                input = &input[count..];
                server.received(count).unwrap();
            }
            Action::TryReceive(_) => server.quiet().unwrap(),
            Action::Transmit(bytes) => {
                let count = bytes.len();
                output.extend_from_slice(bytes);
                server.transmitted(count).unwrap();
            }
            Action::Flush => server.flushed().unwrap(),
            Action::Report(_) => server.reported().unwrap(),
            Action::Step(step) => {
                let answer = host.answer(step);
                server.answered(answer).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    let (undisturbed, _) = support::run(&support::disk(), &script, 100);
    assert_eq!(support::show(&output), support::show(&undisturbed));
}

#[test]
fn a_transfer_port_that_cannot_be_had_refuses_no_session() {
    let disk = disk();
    let mut host = Medium::new(RamSession::new(&disk));
    let mut server = server();
    let mut input = &b"hello 1 transfer=yes\n"[..];
    loop {
        match server.poll() {
            Action::Receive(buffer) if !input.is_empty() => {
                buffer[..input.len()].copy_from_slice(input);
                server.received(std::mem::take(&mut input).len()).unwrap();
            }
            Action::Step(Step::Transfer) => {
                let refusal = Refusal::new(Code::Limit, "no port is free");
                server.answered(Answer::Refused(refusal)).unwrap();
            }
            Action::Step(step) => {
                let answer = host.answer(step);
                server.answered(answer).unwrap();
            }
            Action::Report(_) => server.reported().unwrap(),
            Action::Transmit(bytes) => {
                return assert!(bytes.starts_with(b"ok 1 "), "{}", bytes.escape_ascii());
            }
            other => panic!("{other:?}"),
        }
    }
}
