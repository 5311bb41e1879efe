//! The client's machine against a server that is a script.

mod classic;
mod hostile;
mod pair;
mod support;

use coracle::client::{Action, ClientError, NotNow, blocking, poll, poll::Waiting};
use coracle::{Command, Resume};
use support::{Client, Notes, Script, crc, end, frame, path, pattern};

const HELLO: &[u8] =
    b"ok 1 chunk=1024 line=1024 pipeline=512 busy=60 case=sensitive atomic=yes readonly=no\n";

/// One session with everything in it, as the server's bytes and what must come of them.
fn whole_session(data: &[u8]) -> (Vec<u8>, Vec<Command<coracle::Path<'static>>>) {
    let requests = vec![
        Command::List { path: path("a b") },
        Command::Download { path: path("f"), offset: 0, length: None, prefix: None },
        Command::Sum { path: path("f"), offset: 0, length: None },
        Command::Download { path: path("g"), offset: 5, length: Some(3), prefix: Some(7) },
        Command::Download { path: path("h"), offset: 0, length: None, prefix: None },
        Command::Remove { path: path("x") },
        Command::Stats,
        Command::Space,
        Command::Stat { path: path("/") },
        Command::Exit,
    ];
    let mut server = HELLO.to_vec();
    server.extend(b"- f 5 12 a%20b\r\n\n+ busy\n- d - - \xc3\xa9\nok 2 skipped=1\n");
    server.extend(format!("ok {0} {0} 77\n", data.len()).bytes());
    for piece in data.chunks(700) {
        server.extend(frame(1, piece));
        server.extend(frame(4, b""));
    }
    server.extend(end(data));
    server.extend(b"ok 7 0000abcd\nok 3 9 -\n");
    server.extend(frame(1, b"xyz"));
    server.extend(end(b"xyz"));
    server.extend(b"ok 4 4 -\n");
    server.extend(frame(1, b"ab"));
    server.extend(frame(3, b"io the medium failed"));
    server.extend(b"err not-found no such file\nok a=1 b=2\nok 5 9\nok d - 4\nok\n");
    (server, requests)
}

fn expected_events(data: &[u8]) -> String {
    let busy = "Busy { request: 2 }\n".repeat(data.len().div_ceil(700));
    let len = data.len();
    let crc = crc(data);
    let xyz = support::crc(b"xyz");
    format!(
        "greeting\n\
         1 entry Metadata {{ kind: File, size: 5, modified: Some(12), stamp: 0 }} a b\n\
         Busy {{ request: 1 }}\n\
         1 entry Metadata {{ kind: Folder, size: 0, modified: None, stamp: 0 }} é\n\
         Done {{ request: 1, done: Listed {{ entries: 2, skipped: 1 }} }}\n\
         Begins {{ request: 2, length: {len}, size: {len}, modified: Some(77) }}\n{busy}\
         Done {{ request: 2, done: Downloaded(Receipt {{ length: {len}, crc: {crc} }}) }}\n\
         Done {{ request: 3, done: Sum(Receipt {{ length: 7, crc: 43981 }}) }}\n\
         Begins {{ request: 4, length: 3, size: 9, modified: None }}\n\
         Done {{ request: 4, done: Downloaded(Receipt {{ length: 3, crc: {xyz} }}) }}\n\
         Begins {{ request: 5, length: 4, size: 4, modified: None }}\n\
         5 refused Some(Io) the medium failed\n\
         6 refused Some(NotFound) no such file\n\
         7 stats a=1 b=2\n\
         Done {{ request: 8, done: Space(Space {{ free: 5, total: 9 }}) }}\n\
         Done {{ request: 9, done: Found(Metadata {{ kind: Folder, size: 0, modified: Some(4), \
         stamp: 0 }}) }}\n\
         Done {{ request: 10, done: Plain }}\n"
    )
}

/// A handler that checks each download against its own expectation cannot use one `stored`
/// buffer for several: this one keeps them apart.
#[derive(Default)]
struct Apart {
    notes: Notes,
    files: Vec<(u64, u64, Vec<u8>)>,
}

impl coracle::client::Handler for Apart {
    fn next_request(&mut self) -> Option<Command<coracle::Path<'_>>> {
        self.notes.next_request()
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        self.notes.requested(outcome);
    }

    fn supply(&mut self, request: u64, offset: u64, to: &mut [u8]) -> coracle::client::Supplied {
        self.notes.supply(request, offset, to)
    }

    fn store(&mut self, request: u64, offset: u64, data: &[u8]) -> Result<(), coracle::Refusal> {
        match self.files.last_mut() {
            Some((last, first, bytes)) if *last == request => {
                assert_eq!(offset, *first + bytes.len() as u64);
                bytes.extend(data);
            }
            _ => self.files.push((request, offset, data.to_vec())),
        }
        Ok(())
    }

    fn event(&mut self, event: coracle::client::Event<'_>) -> Result<(), coracle::Refusal> {
        self.notes.event(event)
    }
}

fn apart(requests: &[Command<coracle::Path<'static>>]) -> Apart {
    Apart { notes: Notes::asking(requests), ..Apart::default() }
}

#[test]
fn a_session_is_the_same_however_it_is_cut() {
    let data = pattern(2500);
    let (server, requests) = whole_session(&data);
    let files = [(2, 0, data.clone()), (4, 5, b"xyz".to_vec()), (5, 0, b"ab".to_vec())];
    let mut transcript = None;
    for cut in (1..40).chain([500, 1023, 1024, 1028, usize::MAX]) {
        let mut link = Script::new(&[(0, &server)], cut);
        let mut handler = apart(&requests);
        let mut client = Client::new([0; 1028], false);
        let waiting = poll::advance(&mut client, &mut link, &mut handler);
        assert_eq!(waiting, Ok(Waiting::Request), "cut {cut}");
        assert_eq!(handler.notes.events, expected_events(&data), "cut {cut}");
        assert_eq!(handler.files, files, "cut {cut}");
        assert_eq!(transcript.get_or_insert(link.sent.clone()), &link.sent, "cut {cut}");
    }
    let sent = String::from_utf8(transcript.unwrap()).unwrap();
    assert_eq!(
        sent,
        "hello 1 line=640\nls /a%20b\ndownload /f\nsum /f\ndownload /g 5 3 crc=00000007\n\
         download /h\nrm /x\nstats\ndf\nstat /\nexit\n"
    );
}

#[test]
fn two_parts_cut_at_every_byte() {
    let data = pattern(1100);
    let (server, requests) = whole_session(&data);
    for at in 0..server.len() {
        let (a, b) = server.split_at(at);
        let mut link = Script::new(&[(0, a), (0, b)], usize::MAX);
        let mut handler = apart(&requests);
        let mut client = Client::new([0; 1028], false);
        let waiting = poll::advance(&mut client, &mut link, &mut handler);
        assert_eq!(waiting, Ok(Waiting::Request), "cut at {at}");
        assert_eq!(handler.notes.events, expected_events(&data), "cut at {at}");
    }
}

#[test]
fn a_stream_that_ends_anywhere_is_an_error_and_keeps_what_came() {
    let data = pattern(1100);
    let (server, requests) = whole_session(&data);
    let mut stored = std::collections::BTreeSet::new();
    for at in 0..server.len() - 1 {
        let mut link = Script::new(&[(0, &server[..at])], usize::MAX);
        let mut handler = apart(&requests);
        let mut client = Client::new([0; 1028], false);
        let error = poll::advance(&mut client, &mut link, &mut handler).unwrap_err();
        let closed = ClientError::Peer(coracle::client::PeerError::Closed);
        assert_eq!(error, coracle::client::Error::Client(closed), "ends at {at}");
        assert_eq!(client.poll(), Action::Over);
        stored.insert(handler.files.first().map_or(0, |(_, _, bytes)| bytes.len()));
    }
    assert_eq!(stored, (0..=data.len()).collect(), "every byte that came was stored");
}

#[test]
fn what_was_gathered_can_be_stored_before_a_wait() {
    let mut server = HELLO.to_vec();
    server.extend(b"ok 9 9 -\n");
    server.extend(&frame(1, b"123456789")[..9]);
    let mut link = Script::new(&[(0, &server), (usize::MAX, b"x")], usize::MAX);
    let mut handler = Notes::asking(&[Command::Download {
        path: path("f"),
        offset: 0,
        length: None,
        prefix: None,
    }]);
    let mut client = Client::new([0; 1028], false);
    assert_eq!(poll::advance(&mut client, &mut link, &mut handler), Ok(Waiting::Readable));
    assert_eq!(handler.stored, b"");
    poll::settle::<()>(&mut client, &mut handler).unwrap();
    assert_eq!(handler.stored, b"12345");
    assert_eq!(poll::advance(&mut client, &mut link, &mut handler), Ok(Waiting::Readable));
}

#[test]
fn uploads_follow_their_lines_at_once_and_are_proven() {
    let data = pattern(2500);
    let receipt = format!("ok 2500 {:08x} flushed\n", crc(&data));
    let server = [HELLO, receipt.as_bytes(), receipt.as_bytes(), receipt.as_bytes()].concat();
    let prefix = Resume { offset: 2000, crc: crc(&data[..2000]) };
    let upload = |size, resume| Command::Upload { path: path("f"), size, resume, modified: None };
    let requests = [upload(Some(2500), None), upload(None, None), upload(Some(2500), Some(prefix))];
    let mut expected = b"hello 1 line=640\nupload /f 2500\n".to_vec();
    let frames = |data: &[u8]| -> Vec<u8> {
        let pieces = data.chunks(1024).flat_map(|piece| frame(1, piece));
        pieces.chain(end(data)).collect()
    };
    expected.extend(frames(&data));
    expected.extend(b"upload /f -\n");
    expected.extend(frames(&data));
    expected.extend(format!("upload /f 2500 2000 {:08x}\n", prefix.crc).bytes());
    expected.extend(frames(&data[2000..]));
    for cut in [1, 2, 3, 5, 100, 1024, 1028, usize::MAX] {
        // Nothing is said before all was sent: the client waits for no reply.
        let mut link = Script::new(&[(expected.len(), &server)], cut);
        let mut handler = Notes { upload: data.clone(), ..Notes::asking(&requests) };
        let mut client = Client::new([0; 1028], false);
        let waiting = poll::advance(&mut client, &mut link, &mut handler);
        assert_eq!(waiting, Ok(Waiting::Request), "{}", handler.events);
        assert_eq!(handler.events.matches("Uploaded").count(), 3);
        assert!(link.sent == expected, "cut {cut}");
    }
}

#[test]
fn an_early_refusal_stops_the_upload() {
    let data = pattern(5000);
    let upload =
        Command::Upload { path: path("f"), size: Some(5000), resume: None, modified: None };
    let err = b"err no-space the medium is full\n";
    for refused_at in [40, 1100, 2200] {
        // The reply to the last request never comes: its time is not known here.
        let parts: &[(usize, &[u8])] = &[(0, HELLO), (refused_at, err), (usize::MAX, b"x")];
        let mut link = Script::new(parts, 512).eager();
        let mut handler = Notes { upload: data.clone(), ..Notes::asking(&[upload, Command::Noop]) };
        let mut client = Client::new([0; 1028], false);
        assert_eq!(poll::advance(&mut client, &mut link, &mut handler), Ok(Waiting::Readable));
        assert!(handler.events.contains("1 refused Some(NoSpace)"), "{}", handler.events);
        assert!(link.sent.ends_with(b"aborted stopped because of the refusalnoop\n"));
        assert!(link.sent.len() < 4000);
    }
}

#[test]
fn a_file_that_shrinks_is_withdrawn() {
    let upload =
        Command::Upload { path: path("f"), size: Some(2000), resume: None, modified: None };
    let server = [HELLO, b"err aborted the client gave up\n"].concat();
    let mut link = Script::new(&[(0, &server)], usize::MAX);
    let mut handler = Notes { upload: pattern(1500), ..Notes::asking(&[upload]) };
    let mut client = Client::new([0; 1028], false);
    assert_eq!(poll::advance(&mut client, &mut link, &mut handler), Ok(Waiting::Request));
    assert!(handler.events.ends_with("1 refused Some(Aborted) the client gave up\n"));
    assert!(link.sent.ends_with(b"aborted the file became shorter while it was sent"));
}

#[test]
fn requests_wait_for_the_window() {
    let mut client = Client::new([0; 1028], false);
    let long = coracle::Path::new(&[b'a'; 200]).unwrap();
    let mut taken = 0;
    loop {
        match client.poll() {
            Action::Exchange { transmit, .. } => {
                let count = transmit.len();
                client.transmitted(count).unwrap();
            }
            _ => match client.request(Command::Stat { path: long }) {
                Ok(number) => {
                    taken += 1;
                    assert_eq!(number, taken);
                }
                Err(why) => {
                    assert_eq!(why, NotNow::Wait);
                    break;
                }
            },
        }
    }
    assert_eq!(taken, 2, "the lines of hello and of two requests are within 512 bytes");
}

#[test]
fn a_long_line_waits_for_what_the_server_takes() {
    // Longer than every server takes, as each byte is escaped.
    let path = coracle::Path::new(&[b' '; 255]).unwrap();
    for (greeting, expected) in [
        (HELLO, "greeting\nDone { request: 1, done: Plain }\n"),
        (b"ok 1\n", "not taken: TooLong\ngreeting\n"),
    ] {
        let mut script = Script::new(&[(1, greeting), (700, b"ok\n")], usize::MAX);
        let mut notes = Notes::asking(&[Command::Remove { path }]);
        let mut client = Client::new([0; 1028], false);
        while let Ok(Waiting::Either) = poll::advance(&mut client, &mut script, &mut notes) {}
        assert_eq!(notes.events, expected);
    }
}

#[test]
fn wrong_reports_change_nothing() {
    let misuse = Err(ClientError::Misuse);
    let mut client = Client::new([0; 1028], false);
    assert_eq!(client.seen(), misuse);
    assert_eq!(client.stored(), misuse);
    assert_eq!(client.supplied(0), misuse);
    assert_eq!(client.stalled(), misuse);
    assert_eq!(client.transmitted(0), misuse);
    assert_eq!(client.transmitted(18), misuse);
    assert_eq!(client.received(641), misuse);
    assert_eq!(client.request(Command::Hello(coracle::Hello::default())), Err(NotNow::Hello));
    client.transmitted(17).unwrap();
    assert_eq!(client.transmitted(1), misuse);
    assert!(matches!(client.poll(), Action::Receive(buffer) if buffer.len() == 640));
}

#[test]
fn three_drivers_one_transcript() {
    let data = pattern(2500);
    let (server, requests) = whole_session(&data);
    let mut polled = Script::new(&[(0, &server)], 100);
    let mut handler = apart(&requests);
    poll::advance(&mut Client::new([0; 1028], true), &mut polled, &mut handler).unwrap();

    let mut blocked = Script::new(&[(0, &server)], 100);
    let mut blocking_handler = apart(&requests);
    let mut client = Client::new([0; 1028], true);
    blocking::run(&mut client, &mut blocked, &mut blocking_handler).unwrap();
    assert_eq!(blocked.sent, polled.sent);
    assert_eq!(blocking_handler.notes.events, handler.notes.events);
    assert_eq!(blocking_handler.files, handler.files);

    #[cfg(feature = "async")]
    {
        let mut awaited = Script::new(&[(0, &server)], 100);
        let mut async_handler = apart(&requests);
        let mut client = Client::new([0; 1028], true);
        let run = coracle::client::asynch::run(&mut client, &mut awaited, &mut async_handler);
        let mut context = core::task::Context::from_waker(core::task::Waker::noop());
        let done = core::pin::pin!(run).poll(&mut context);
        assert_eq!(done, core::task::Poll::Ready(Ok(())));
        assert_eq!(awaited.sent, polled.sent);
        assert_eq!(async_handler.notes.events, handler.notes.events);
        assert_eq!(async_handler.files, handler.files);
    }
}
