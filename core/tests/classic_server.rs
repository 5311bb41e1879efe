//! The classic dialect as the server speaks it: what is answered to what.

mod support;

use std::cell::RefCell;

use coracle::classic::Way;
use coracle::{Answer, Code, Config, Machine, Outcome, Refusal, Step};
use support::classic::{Driver, Peers, ask, doorman, session};
use support::links::Link;
use support::{Disk, Script, crc, disk, payload, replies, upload};

/// Names that each rule of a listing meets.
fn filled() -> RefCell<Disk> {
    let disk = disk();
    let script = [
        &b"hello 1\nmkdir d\n"[..],
        &upload("a", b"hello"),
        &upload("empty", b""),
        &upload("d/two%20words", b"x"),
        &upload("d/gr%C3%BCn", b"x"),
        &upload("d/b", &payload(3000)),
        &upload("d/c", b"c"),
    ]
    .concat();
    assert_eq!(replies(&disk, &script).iter().filter(|line| line.starts_with("err")).count(), 0);
    disk
}

fn refused(outcome: Outcome) -> Code {
    match outcome {
        Outcome::Refused(refusal) => refusal.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn listings_are_bare_names() {
    let disk = filled();
    assert_eq!(ask(&disk, b"ls", b"").reply, b"d\na\nempty");
    assert_eq!(ask(&disk, b"ls\n", b"").reply, b"d\na\nempty\n");
    assert_eq!(ask(&disk, b"ls d", b"").reply, b"b\nc", "what its client can read");
    assert_eq!(ask(&disk, b"ls /d\r\n", b"").reply, "two words\ngrün\nb\nc\n".as_bytes());
    let nothing = support::disk();
    for command in [&b"ls"[..], b"ls\n", b"ls /"] {
        let seen = ask(&nothing, command, b"");
        assert_eq!((seen.reply, seen.outcome), (vec![], Outcome::Ended));
    }
    let seen = ask(&disk, b"ls", b"");
    assert_eq!((seen.way, seen.outcome), (None, Outcome::Ended));
    assert_eq!(seen.events, [r#"Command { verb: "ls", path: Some(/), size: None }"#]);
}

#[test]
fn a_listing_that_fails_in_the_middle_ends_there() {
    let disk = filled();
    for (command, expected) in [(&b"ls"[..], &b"d"[..]), (b"ls\n", b"d\nerr io the test says so\n")]
    {
        let mut host = Peers::new(&disk);
        thread_local!(static ENTRIES: std::cell::Cell<u8> = const { std::cell::Cell::new(0) });
        ENTRIES.set(0);
        host.meddle = |step| {
            if !matches!(step, Step::NextEntry(_)) {
                return None;
            }
            ENTRIES.set(ENTRIES.get() + 1);
            (ENTRIES.get() > 1)
                .then_some(Answer::Refused(Refusal::new(Code::Io, "the test says so")))
        };
        let seen = session(Driver::Poll, host, Config::new(), (command, b""), 99);
        assert_eq!(seen.reply, expected);
        assert_eq!(refused(seen.outcome), Code::Io);
    }
}

#[test]
fn downloads_are_a_size_and_raw_bytes() {
    let disk = filled();
    let seen = ask(&disk, b"download a", b"");
    assert_eq!(
        (&seen.reply[..], seen.way, &seen.file[..]),
        (&b"5"[..], Some(Way::Download), &b"hello"[..])
    );
    assert_eq!(seen.outcome, Outcome::Ended);
    assert_eq!(seen.events[1..], ["Downloaded { length: 5 }"]);
    let seen = ask(&disk, b"download d/b\n", b"");
    assert_eq!((&seen.reply[..], &seen.file[..]), (&b"3000\n"[..], &payload(3000)[..]));
    let seen = ask(&disk, b"download empty", b"");
    assert_eq!(
        (&seen.reply[..], &seen.file[..], seen.outcome),
        (&b"0"[..], &b""[..], Outcome::Ended)
    );
    // Raw: two words are one name, and a percent sign is one.
    assert_eq!(ask(&disk, b"download d/two words", b"").file, b"x");
    assert_eq!(refused(ask(&disk, b"download d/two%20words", b"").outcome), Code::NotFound);
}

#[test]
fn uploads_are_ok_and_raw_bytes() {
    let disk = filled();
    let bytes = payload(2500);
    let seen = ask(&disk, b"upload new file 2500", &bytes);
    assert_eq!(
        (&seen.reply[..], seen.way, seen.outcome),
        (&b"ok"[..], Some(Way::Upload), Outcome::Ended)
    );
    let begun = r#"Command { verb: "upload", path: Some(/new%20file), size: Some(2500) }"#;
    assert_eq!(seen.events[0], begun);
    assert!(seen.events[1].starts_with("Uploaded { receipt: Receipt { length: 2500,"));
    let sum = replies(&disk, b"hello 1\nsum new%20file\n");
    assert_eq!(sum[1], format!("ok 2500 {:08x}", crc(&bytes)));
    let seen = ask(&disk, b"upload new file 0\r\n", b"");
    assert_eq!((&seen.reply[..], seen.outcome), (&b"ok\n"[..], Outcome::Ended));
    assert_eq!(replies(&disk, b"hello 1\nstat new%20file\n")[1], "ok f 0 -");
}

/// Too short, too long: refused, and as if it had never been.
#[test]
fn an_upload_of_another_length_leaves_nothing() {
    let bytes = payload(2500);
    for (size, sent) in [(2500, 2499), (2500, 0), (2499, 2500), (0, 1), (1023, 1024), (1, 2500)] {
        let disk = filled();
        let seen = ask(&disk, format!("upload a {size}").as_bytes(), &bytes[..sent]);
        assert_eq!(refused(seen.outcome), Code::Corrupt, "{sent} of {size}");
        let lines = replies(&disk, b"hello 1\nsum a\npartial a\n");
        assert_eq!(lines[1], format!("ok 5 {:08x}", crc(b"hello")));
        assert!(lines[2].starts_with("err not-found "), "{lines:?}");
    }
}

#[test]
fn errors_are_bare_without_a_line_end_and_told_with_one() {
    let disk = filled();
    for (command, code) in [
        ("download none", "not-found"),
        ("download d", "is-directory"),
        ("download /", "is-directory"),
        ("download ../a", "bad-path"),
        ("download a//b", "bad-path"),
        ("download a\\b", "bad-path"),
        ("download", "bad-argument"),
        ("ls none", "not-found"),
        ("ls a", "not-directory"),
        ("ls ", "bad-argument"),
        ("upload a", "bad-argument"),
        ("upload a five", "bad-argument"),
        ("upload no/where 5", "not-found"),
        ("upload d 5", "is-directory"),
        ("upload / 5", "is-directory"),
        ("upload .. 5", "bad-path"),
        ("GET / HTTP/1.1", "bad-command"),
        ("quit", "bad-command"),
        ("hellish", "bad-command"),
        ("h", "bad-command"),
    ] {
        let line = format!("{command}\r\n");
        let seen = ask(&disk, line.as_bytes(), b"");
        let reply = String::from_utf8(seen.reply).unwrap();
        assert!(reply.starts_with(&format!("err {code} ")) && reply.ends_with('\n'), "{reply:?}");
        assert_eq!(refused(seen.outcome).word(), code);
        assert_eq!(seen.way, None);
        assert!(seen.events.last().unwrap().starts_with("Refused("));
        if command != "h" {
            assert_eq!(ask(&disk, command.as_bytes(), b"").reply, b"err", "{command}");
        }
    }
    let long = [&b"download "[..], &[b'x'; 700]].concat();
    let seen = ask(&disk, &long, b"");
    assert_eq!((&seen.reply[..], refused(seen.outcome)), (&b"err"[..], Code::TooLong));
    let http = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:2222\r\nAccept: */*\r\n\r\n";
    let seen = ask(&disk, http, b"");
    assert_eq!(seen.reply.iter().filter(|&&byte| byte == b'\n').count(), 1, "one line");
}

#[test]
fn nothing_is_written_where_that_is_not_allowed() {
    let disk = filled();
    let config = Config { read_only: true, ..Config::new() };
    let seen = session(Driver::Poll, Peers::new(&disk), config, (b"upload x 1\n", b"x"), 99);
    assert_eq!(refused(seen.outcome), Code::ReadOnly);
    assert!(seen.reply.starts_with(b"err read-only "));
}

/// The turn of a transfer comes before the medium is asked: the one before may be of the same
/// file.
#[test]
fn a_transfer_is_prepared_before_the_medium_is_asked() {
    thread_local!(static STEPS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) });
    for (command, steps) in [
        ("download a", &["Prepare(Download)", "Open(/a)"][..]),
        ("download none", &["Prepare(Download)", "Open(/none)"]),
        ("upload b 0", &["Prepare(Upload)", "Stage { path: /b, size: Some(0) }"]),
        ("upload d 0", &["Prepare(Upload)", "Stage { path: /d, size: Some(0) }"]),
        // What needs neither is refused without a turn.
        ("download ../a", &[]),
        ("upload / 5", &[]),
        ("upload b", &[]),
    ] {
        let disk = filled();
        let mut host = Peers::new(&disk);
        STEPS.take();
        host.meddle = |step| {
            STEPS.with_borrow_mut(|steps| steps.push(format!("{step:?}")));
            None
        };
        session(Driver::Poll, host, Config::new(), (command.as_bytes(), b""), 99);
        assert_eq!(STEPS.take().iter().take(2).collect::<Vec<_>>(), steps, "{command}");
    }
}

/// A host without transfer connections refuses before anything is promised.
#[test]
fn without_connections_there_are_no_files() {
    let disk = filled();
    for command in ["download a", "upload b 5"] {
        let mut host = Peers::new(&disk);
        host.meddle = |step| match step {
            Step::Prepare(_) => Some(Answer::Refused(Refusal::new(Code::Busy, "not now"))),
            _ => None,
        };
        let line = format!("{command}\n");
        let seen = session(Driver::Poll, host, Config::new(), (line.as_bytes(), b""), 99);
        assert_eq!((&seen.reply[..], seen.way), (&b"err busy not now\n"[..], None));
    }
    assert!(replies(&disk, b"hello 1\nstat b\n")[1].starts_with("err not-found "));
    // A plain medium is such a host.
    let mut host = support::Noting::new(&disk);
    let mut link = Link(Script::new(b"download a\n", 99));
    let mut native = doorman(Config::new());
    assert_eq!(Driver::Poll.run(&mut native, &mut link, &mut host), Outcome::Classic);
    let mut server = coracle::classic::FixedServer::from(native);
    let outcome = Driver::Poll.run(&mut server, &mut link, &mut host);
    assert_eq!(refused(outcome), Code::Unsupported);
}

/// A file that is not what was announced any more ends without its last bytes.
#[test]
fn a_file_that_changes_is_not_sent_whole() {
    let disk = filled();
    let meddlers: [fn(&Step<'_>) -> Option<Answer>; 3] = [
        // It shrinks.
        |step| match step {
            Step::Read { offset: 1024.., .. } => Some(Answer::Filled(0)),
            _ => None,
        },
        // It is written to.
        |step| match step {
            Step::Recheck => Some(Answer::Found(coracle::Metadata {
                kind: coracle::Kind::File,
                size: 3000,
                modified: None,
                stamp: u64::MAX,
            })),
            _ => None,
        },
        // It cannot be read.
        |step| match step {
            Step::Read { offset: 2048.., .. } => {
                Some(Answer::Refused(Refusal::new(Code::Io, "the test says so")))
            }
            _ => None,
        },
    ];
    for (meddle, code) in meddlers.into_iter().zip([Code::Changed, Code::Changed, Code::Io]) {
        let host = Peers { meddle, ..Peers::new(&disk) };
        let seen = session(Driver::Poll, host, Config::new(), (b"download d/b", b""), 99);
        assert_eq!(refused(seen.outcome), code);
        assert!(seen.file.len() < 3000 && payload(3000).starts_with(&seen.file));
    }
}

/// Everything above, byte for byte the same whatever the driver and however it is cut.
#[test]
fn three_drivers_one_transcript() {
    let bytes = payload(2500);
    let peers: &[(&[u8], &[u8])] = &[
        (b"ls", b""),
        (b"\n\r\nls d\r\n", b""),
        (b"download d/b", b""),
        (b"download d/b\nmore", b""),
        (b"download empty\n", b""),
        (b"download none", b""),
        (b"upload u 2500", &bytes),
        (b"upload u 2500\n", &bytes),
        (b"upload u 2499\n", &bytes),
        (b"upload u 2501", &bytes),
        (b"upload u 0", b""),
        (b"GET / HTTP/1.1\r\n\r\n", b""),
        (b"hellohello", b""),
    ];
    for &peer in peers {
        let whole = ask(&filled(), peer.0, peer.1);
        for driver in Driver::ALL {
            for step in [1, 2, 3, 7, 64, 1023, 1024, 1025, 4096] {
                let disk = filled();
                let seen = session(driver, Peers::new(&disk), Config::new(), peer, step);
                assert_eq!(seen, whole, "{driver:?}, {step} at a time");
            }
        }
    }
}

/// Where classic is allowed, a native session is what it was.
#[test]
fn native_sessions_stay_native() {
    let run = |classic: bool, input: &[u8], step: usize| {
        let disk = filled();
        let mut server = doorman(Config::new());
        let mut plain = support::server();
        let mut link = Link(Script::new(input, step));
        let mut host = Peers::new(&disk);
        let outcome = if classic {
            Driver::Async.run(&mut server, &mut link, &mut host)
        } else {
            Driver::Async.run(&mut plain, &mut link, &mut host)
        };
        (link.0.output, outcome)
    };
    for input in [
        &b"hello 1\nls\nnonsense\nGET /\nexit\n"[..],
        b"\n\r\n\nhello 1\r\nls\nexit\n",
        b"hello\n",
        b"hello\r\n",
        b"hello x\nls\n",
        b"hello 2\n",
        b"\x01\0\0\x01x",
        b"\x08ls\n",
        b"\0ls",
        b"\x80",
        b"\xff\n",
        b"",
        b"h",
        b"hello",
        b"hello 1",
        b"\r",
        b"hello\r",
        &[&b"hello "[..], &[b'x'; 800]].concat(),
    ] {
        for step in [1, 2, 5, 99] {
            let (with, without) = (run(true, input, step), run(false, input, step));
            assert_eq!(with, without, "{}", input.escape_ascii());
        }
    }
    for input in [&b"l"[..], b"hellx", b"hello\rx", b"hello1\n", b"hell\n", b"\n\nHELLO 1\n"] {
        assert_eq!(run(true, input, 1).1, Outcome::Classic, "{}", input.escape_ascii());
    }
    assert_eq!(Outcome::Misuse, {
        let mut server = coracle::classic::FixedServer::from(support::server());
        let coracle::Action::Done(outcome) = server.poll() else { panic!("not over") };
        outcome
    });
}
