//! The classic dialect against a server that is a script.

mod hostile;

use core::convert::Infallible;

use coracle::classic::{Client, Way};
use coracle::client::poll::{self, Waiting};
use coracle::client::{Action, ClientError, Error, Machine, NotNow, blocking};
use coracle::limits::{CHUNK_BUFFER_LEN, LINE_MAX};
use coracle::{Code, Command, Path, Refusal, Resume};

use super::support::{Notes, Script, crc, path, pattern};

const CUTS: [usize; 7] = [1, 2, 3, 100, 1023, 1024, usize::MAX];

type Outcome = Result<Waiting, Error<Infallible>>;

fn client() -> Client<[u8; CHUNK_BUFFER_LEN]> {
    Client::new([0; CHUNK_BUFFER_LEN])
}

fn list(name: &'static str) -> Command<Path<'static>> {
    Command::List { path: path(name) }
}

fn download(name: &'static str) -> Command<Path<'static>> {
    Command::Download { path: path(name), offset: 0, length: None, prefix: None }
}

fn upload(name: &'static str, size: usize) -> Command<Path<'static>> {
    let size = Some(size as u64);
    Command::Upload { path: path(name), size, resume: None, modified: Some(5) }
}

/// All that an owner does; quiet is told whenever nothing more comes and it means something.
fn converse(control: &mut Script, transfer: &mut Script, notes: &mut Notes) -> Outcome {
    let mut client = client();
    let mut link = control;
    let mut transfer = Some(transfer);
    for _ in 0..1000 {
        match poll::advance(&mut client, link, notes)? {
            Waiting::Readable if client.patience().is_some() => client.quiet()?,
            Waiting::Transfer(_) => {
                link = transfer.take().expect("one transfer");
                client.connected()?;
            }
            Waiting::HalfClose => client.half_closed()?,
            waiting => return Ok(waiting),
        }
    }
    panic!("no end of it");
}

/// Every form of reply, cut anyhow, ended by the end of the stream or by quiet.
#[track_caller]
fn tells(command: Command<Path<'static>>, reply: &[u8], events: &str) {
    for cut in CUTS {
        let script = || Script::new(&[(1, reply)], cut);
        for mut control in [script(), script().open()] {
            let mut notes = Notes::asking(&[command]);
            let outcome = converse(&mut control, &mut Script::new(&[], cut), &mut notes);
            assert_eq!(outcome, Ok(Waiting::Over), "{} by {cut}", reply.escape_ascii());
            assert_eq!(notes.events, events, "{} by {cut}", reply.escape_ascii());
        }
    }
}

#[test]
fn listings_of_every_form() {
    let listed = |names: &[&str]| {
        let names: String = names.iter().map(|name| format!("1 name {name}\n")).collect();
        let count = names.lines().count();
        format!("{names}Done {{ request: 1, done: Listed {{ entries: {count}, skipped: 0 }} }}\n")
    };
    for (reply, names) in [
        ("", &[][..]),
        ("\n", &[]),
        ("a", &["a"]),
        ("a b\nc", &["a b", "c"]),
        ("a\r\n\n\nb\r\n", &["a", "b"]),
        // A folder may hold anything, but an error is one line.
        ("err\na", &["err", "a"]),
        ("err of mine\na\n", &["err of mine", "a"]),
        ("e", &["e"]),
        ("er\n", &["er"]),
        ("error", &["error"]),
        ("errors\nerr", &["errors", "err"]),
    ] {
        tells(list("/"), reply.as_bytes(), &listed(names));
    }
    let long = "n".repeat(LINE_MAX - 1);
    let many = vec![long.as_str(); 7];
    tells(list("/"), many.join("\n").as_bytes(), &listed(&many));
}

#[test]
fn refusals_of_every_form() {
    for (reply, message) in [
        ("err", ""),
        ("err\n", ""),
        ("err no such file", "no such file"),
        ("err  two spaces\r\n", " two spaces"),
    ] {
        for command in [list("x"), download("x"), upload("x", 3)] {
            tells(command, reply.as_bytes(), &format!("1 refused None {message}\n"));
        }
    }
}

#[test]
fn the_command_line_has_no_end() {
    for (command, line) in [
        (list("/"), "ls"),
        (list("/sub.d"), "ls sub.d"),
        (download("/A_1.txt"), "download A_1.txt"),
        (upload("f", 30), "upload f 30"),
    ] {
        for cut in CUTS {
            let mut control = Script::new(&[(line.len(), b"err")], cut);
            let mut notes = Notes::asking(&[command]);
            converse(&mut control, &mut Script::new(&[], cut), &mut notes).unwrap();
            assert_eq!(control.sent, line.as_bytes());
        }
    }
}

#[test]
fn a_download_is_whole_at_the_end_of_the_stream() {
    for len in [0, 1, 1023, 1024, 1025, 5000] {
        let data = pattern(len);
        let crc = crc(&data);
        for cut in CUTS {
            let reply = len.to_string();
            let mut notes = Notes::asking(&[download("f")]);
            let mut transfer = Script::new(&[(0, &data)], cut);
            let mut control = Script::new(&[(1, reply.as_bytes())], cut).open();
            let outcome = converse(&mut control, &mut transfer, &mut notes);
            assert_eq!(outcome, Ok(Waiting::Over));
            let events = format!(
                "Begins {{ request: 1, length: {len}, size: {len}, modified: None }}\n\
                 Done {{ request: 1, done: Downloaded(Receipt {{ length: {len}, crc: {crc} }}) }}\n"
            );
            assert_eq!(notes.events, events);
            assert!(notes.stored == data);
            assert!(transfer.sent.is_empty());
        }
    }
}

#[test]
fn an_upload_ends_with_the_end_of_the_stream() {
    for len in [0, 1, 1024, 1025, 5000] {
        for cut in CUTS {
            let data = pattern(len);
            let mut notes = Notes { upload: data.clone(), ..Notes::asking(&[upload("f", len)]) };
            let mut transfer = Script::new(&[(len, b"")], cut);
            let mut control = Script::new(&[(1, b"ok")], cut).open();
            let outcome = converse(&mut control, &mut transfer, &mut notes);
            assert_eq!(outcome, Ok(Waiting::Over));
            let sent = format!("Done {{ request: 1, done: Sent {{ length: {len} }} }}\n");
            assert_eq!(notes.events, sent);
            assert!(transfer.sent == data);
        }
    }
}

#[test]
fn what_the_dialect_cannot_say_is_not_taken() {
    let mut client = client();
    let long: &'static str = "n".repeat(128).leak();
    for (command, why) in [
        (Command::Noop, NotNow::Dialect),
        (Command::Remove { path: path("f") }, NotNow::Dialect),
        (
            Command::Download { path: path("f"), offset: 1, length: None, prefix: Some(1) },
            NotNow::Dialect,
        ),
        (
            Command::Download { path: path("f"), offset: 0, length: Some(1), prefix: None },
            NotNow::Dialect,
        ),
        (
            Command::Upload { path: path("f"), size: None, resume: None, modified: None },
            NotNow::Dialect,
        ),
        (
            Command::Upload {
                path: path("f"),
                size: Some(9),
                resume: Some(Resume { offset: 0, crc: 0 }),
                modified: None,
            },
            NotNow::Dialect,
        ),
        (download("/"), NotNow::Name),
        (upload("/", 1), NotNow::Name),
        (download("a/b"), NotNow::Name),
        (list("a/b"), NotNow::Name),
        (download("a b"), NotNow::Name),
        (download("a-b"), NotNow::Name),
        (download("a%b"), NotNow::Name),
        (upload("ä", 1), NotNow::Name),
        (list(&long[..125]), NotNow::TooLong),
        (download(&long[..119]), NotNow::TooLong),
        (upload(&long[..117], 100), NotNow::TooLong),
    ] {
        assert_eq!(client.request(command), Err(why), "{command:?}");
        assert!(client.takes_request() && client.way().is_none());
    }
    // The longest of them all; and nothing more.
    assert_eq!(client.request(upload(&long[..117], 99)), Ok(1));
    assert!(matches!(client.poll(), Action::Exchange { transmit, .. } if transmit.len() == 127));
    assert_eq!(client.way(), Some(Way::Upload));
    assert!(!client.takes_request());
    assert_eq!(client.request(list("/")), Err(NotNow::Over));
    for why in [NotNow::Dialect, NotNow::Name] {
        assert!(why.to_string().contains("classic dialect"));
    }
}

#[test]
fn a_file_that_shrinks_or_fails_is_withdrawn() {
    let mut notes = Notes { upload: pattern(1500), ..Notes::asking(&[upload("f", 2000)]) };
    let mut transfer = Script::new(&[(usize::MAX, b"")], usize::MAX);
    let outcome = converse(&mut Script::new(&[(1, b"ok")], 9), &mut transfer, &mut notes);
    assert_eq!(outcome, Ok(Waiting::Over));
    let shrunk = "1 refused Some(Aborted) the file became shorter while it was sent\n";
    assert_eq!(notes.events, shrunk);
    assert!(transfer.sent.len() < 2000);

    let mut client = sending(2000);
    client.failed(Refusal::new(Code::Io, "it cannot be read")).unwrap();
    assert!(matches!(client.poll(), Action::Event(_)));
    client.seen().unwrap();
    assert!(matches!(client.poll(), Action::Over));
}

/// A client that waits for the bytes of its upload.
fn sending(size: usize) -> Client<[u8; CHUNK_BUFFER_LEN]> {
    let mut client = client();
    client.request(upload("f", size)).unwrap();
    let count = "upload f ".len() + size.to_string().len();
    client.transmitted(count).unwrap();
    reply(&mut client, b"ok");
    client.connected().unwrap();
    client
}

fn reply(client: &mut Client<[u8; CHUNK_BUFFER_LEN]>, bytes: &[u8]) {
    let Action::Receive(buffer) = client.poll() else { panic!("it waits for no reply") };
    buffer[..bytes.len()].copy_from_slice(bytes);
    client.received(bytes.len()).unwrap();
}

#[test]
fn file_bytes_are_gathered_unless_they_are_wanted() {
    let mut client = client();
    client.request(download("f")).unwrap();
    client.transmitted(10).unwrap();
    reply(&mut client, b"3000\n");
    client.seen().unwrap();
    assert!(matches!(client.poll(), Action::Transfer(Way::Download)));
    client.connected().unwrap();
    for (count, stored) in [(1000, None), (24, Some((0, 1024))), (500, None)] {
        assert!(matches!(client.poll(), Action::Receive(_)));
        client.received(count).unwrap();
        if let Some((at, len)) = stored {
            let poll = client.poll();
            assert!(
                matches!(poll, Action::Store { offset, data, .. } if (offset, data.len()) == (at, len))
            );
            client.stored().unwrap();
        }
    }
    client.settle();
    let poll = client.poll();
    assert!(matches!(poll, Action::Store { offset: 1024, data, .. } if data.len() == 500));
    client.stored().unwrap();
    client.settle();
    assert!(matches!(client.poll(), Action::Receive(buffer) if buffer.len() == 1024));
    client.received(1).unwrap();
    assert_eq!(client.failed(Refusal::new(Code::Io, "too soon")), Err(ClientError::Misuse));
    client.settle();
    client.failed(Refusal::new(Code::Io, "it cannot be written")).unwrap();
    assert!(matches!(client.poll(), Action::Over));
}

#[test]
fn reports_that_do_not_fit_change_nothing() {
    let misuse = Err(ClientError::Misuse);
    let refusal = Refusal::new(Code::Io, "nothing was asked");
    let mut client = client();
    let unfit = |client: &mut Client<[u8; CHUNK_BUFFER_LEN]>, fit: &[&str]| {
        let before = format!("{:?}", client.poll());
        type Report = fn(&mut Client<[u8; CHUNK_BUFFER_LEN]>, Refusal) -> Result<(), ClientError>;
        let reports: [(&str, Report); 11] = [
            ("received", |client, _| client.received(CHUNK_BUFFER_LEN)),
            ("transmit", |client, _| client.transmitted(0)),
            ("transmit", |client, _| client.transmitted(CHUNK_BUFFER_LEN)),
            ("supplied", |client, _| client.supplied(CHUNK_BUFFER_LEN)),
            ("supply", |client, _| client.supplied(1)),
            ("stall", |client, _| client.stalled()),
            ("store", |client, _| client.stored()),
            ("fail", Client::failed),
            ("see", |client, _| client.seen()),
            ("connect", |client, _| client.connected()),
            ("half-close", |client, _| client.half_closed()),
        ];
        for (name, report) in reports {
            if !fit.contains(&name) {
                assert_eq!(report(client, refusal), misuse, "{name} at {before}");
                assert_eq!(format!("{:?}", client.poll()), before);
            }
        }
    };
    unfit(&mut client, &[]);
    client.request(download("f")).unwrap();
    unfit(&mut client, &[]);
    client.transmitted(10).unwrap();
    unfit(&mut client, &[]);
    reply(&mut client, b"2\n");
    unfit(&mut client, &["see"]);
    client.seen().unwrap();
    unfit(&mut client, &["connect"]);
    client.connected().unwrap();
    unfit(&mut client, &[]);
    client.received(2).unwrap();
    unfit(&mut client, &["store", "fail"]);
    client.stored().unwrap();
    unfit(&mut client, &[]);
    client.received(0).unwrap();
    unfit(&mut client, &["see"]);
    client.seen().unwrap();
    unfit(&mut client, &[]);
    let mut client = sending(1);
    unfit(&mut client, &["supply", "stall", "fail"]);
    client.stalled().unwrap();
    client.supplied(1).unwrap();
    unfit(&mut client, &[]);
    client.transmitted(1).unwrap();
    unfit(&mut client, &["half-close"]);
    client.half_closed().unwrap();
    unfit(&mut client, &[]);
}

#[test]
fn three_drivers_one_transcript() {
    let data = pattern(2500);
    for (command, reply, file) in [
        (list("/"), &b"a\nb"[..], &b""[..]),
        (download("f"), b"2500", &data),
        (upload("f", 2500), b"ok", b""),
    ] {
        let links = || (Script::new(&[(1, reply)], 100), Script::new(&[(0, file)], 100));
        let notes = || Notes { upload: data.clone(), ..Notes::asking(&[command]) };
        let (mut control, mut transfer) = links();
        let mut polled = notes();
        assert_eq!(converse(&mut control, &mut transfer, &mut polled), Ok(Waiting::Over));

        let (mut blocked_control, mut blocked_transfer) = links();
        let mut blocked = notes();
        let mut machine = client();
        blocking::run(&mut machine, &mut blocked_control, &mut blocked).unwrap();
        while go_on(&mut machine) {
            blocking::run(&mut machine, &mut blocked_transfer, &mut blocked).unwrap();
        }
        assert_eq!(
            (blocked.events, blocked.stored),
            (polled.events.clone(), polled.stored.clone())
        );
        assert!(blocked_control.sent == control.sent && blocked_transfer.sent == transfer.sent);

        #[cfg(feature = "async")]
        {
            let (mut awaited_control, mut awaited_transfer) = links();
            let mut awaited = notes();
            let mut machine = client();
            now(coracle::client::asynch::run(&mut machine, &mut awaited_control, &mut awaited));
            while go_on(&mut machine) {
                now(coracle::client::asynch::run(
                    &mut machine,
                    &mut awaited_transfer,
                    &mut awaited,
                ));
            }
            assert_eq!((awaited.events, awaited.stored), (polled.events, polled.stored));
            assert!(awaited_control.sent == control.sent && awaited_transfer.sent == transfer.sent);
        }
    }
}

/// Do what the machine asks of its owner.
fn go_on(client: &mut Client<[u8; CHUNK_BUFFER_LEN]>) -> bool {
    match client.poll() {
        Action::Transfer(_) => client.connected().unwrap(),
        Action::HalfClose => client.half_closed().unwrap(),
        Action::Over => return false,
        other => panic!("{other:?}"),
    }
    true
}

#[cfg(feature = "async")]
fn now(run: impl Future<Output = Result<(), Error<Infallible>>>) {
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    assert_eq!(core::pin::pin!(run).poll(&mut context), core::task::Poll::Ready(Ok(())));
}
