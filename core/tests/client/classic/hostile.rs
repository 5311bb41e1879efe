//! Servers of the classic dialect that break it.

use core::convert::Infallible;

use coracle::classic::Way;
use coracle::client::poll::{self, Waiting};
use coracle::client::{Action, ClientError, Machine, PeerError};
use coracle::limits::LINE_MAX;
use coracle::{Command, Path};

use super::super::support::{Notes, Script, pattern};
use super::{Outcome, client, converse, download, list, upload};

/// What a command leads to when the server says this: on the same connection, on the other.
fn run(command: Command<Path<'static>>, reply: &[u8], file: &[u8]) -> (Outcome, Notes) {
    let mut notes = Notes::asking(&[command]);
    let mut control = Script::new(&[(1, reply)], usize::MAX).open();
    let outcome = converse(&mut control, &mut Script::new(&[(0, file)], usize::MAX), &mut notes);
    (outcome, notes)
}

#[track_caller]
fn breaks(command: Command<Path<'static>>, reply: &[u8], file: &[u8], error: PeerError) {
    let (outcome, notes) = run(command, reply, file);
    let reply = &reply[..reply.len().min(50)];
    assert_eq!(outcome, Err(ClientError::Peer(error).into()), "{}", reply.escape_ascii());
    assert!(!notes.events.contains("Done"), "{}", notes.events);
}

#[test]
fn a_download_cut_at_any_byte_is_not_done() {
    let data = pattern(2100);
    for cut in 0..data.len() {
        breaks(download("f"), b"2100", &data[..cut], PeerError::Length);
    }
    breaks(download("f"), b"2099", &data, PeerError::Length);
    breaks(download("f"), b"0", b"x", PeerError::Length);
}

#[test]
fn a_server_that_stops_an_upload_has_not_stored_it() {
    for (parts, error) in [
        // Both are seen while there is still something to send.
        (&[(1000, &b""[..])], PeerError::Closed),
        (&[(1000, b"x")], PeerError::Unasked),
        // All was sent.
        (&[(3000, b"x")], PeerError::Unasked),
    ] {
        let mut notes = Notes { upload: pattern(3000), ..Notes::asking(&[upload("f", 3000)]) };
        let mut transfer = Stopping(Script::new(parts, 100));
        let mut client = client();
        let mut control = Script::new(&[(1, b"ok")], 9);
        let waiting = poll::advance(&mut client, &mut control, &mut notes);
        assert_eq!(waiting, Ok(Waiting::Transfer(Way::Upload)));
        client.connected().unwrap();
        let mut waiting = poll::advance(&mut client, &mut transfer, &mut notes);
        if waiting == Ok(Waiting::HalfClose) {
            client.half_closed().unwrap();
            waiting = poll::advance(&mut client, &mut transfer, &mut notes);
        }
        assert_eq!(waiting, Err(ClientError::Peer(error).into()));
        assert_eq!(notes.events, "");
        assert!(matches!(client.poll(), Action::Over));
    }
}

/// A link that takes nothing once there is something to read.
struct Stopping(Script);

impl coracle::poll::Stream for Stopping {
    type Error = Infallible;

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Infallible> {
        self.0.try_read(buffer)
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Infallible> {
        if self.0.sent.len() >= 1000 && self.0.is_readable() {
            return Ok(None);
        }
        self.0.try_write(bytes)
    }
}

#[test]
fn replies_that_are_none() {
    let endless = vec![b'x'; LINE_MAX];
    let endless_error = [&b"err "[..], &endless].concat();
    for command in [download("f"), upload("f", 1)] {
        for (reply, error) in [
            (&b"hello"[..], PeerError::NotAReply),
            (b"\n", PeerError::NotAReply),
            (b"OK", PeerError::NotAReply),
            (b"okay", PeerError::NotAReply),
            (b"error", PeerError::NotAReply),
            (b"err\nerr", PeerError::Unasked),
            (&endless, PeerError::LineTooLong),
            (&endless_error, PeerError::LineTooLong),
        ] {
            breaks(command, reply, b"", error);
        }
    }
    for (reply, error) in [
        (&b"9223372036854775808"[..], PeerError::Fields),
        (b"99999999999999999999999", PeerError::Fields),
        (b"007", PeerError::Fields),
        (b"-1", PeerError::NotAReply),
        (b"+1", PeerError::NotAReply),
        (b"1 ", PeerError::NotAReply),
        (b"ok 5", PeerError::NotAReply),
        (b"ok", PeerError::NotAReply),
        (b"5\n6", PeerError::Unasked),
    ] {
        breaks(download("f"), reply, b"", error);
    }
    breaks(upload("f", 1), b"5", b"", PeerError::NotAReply);
    breaks(upload("f", 1), b"ok\nok", b"", PeerError::Unasked);
    breaks(list("/"), &endless, b"", PeerError::LineTooLong);
    breaks(list("/"), &endless_error, b"", PeerError::LineTooLong);
    breaks(list("/"), &[b"a\n", &endless[..]].concat(), b"", PeerError::LineTooLong);
}

#[test]
fn silence_means_something_only_to_a_listing() {
    for command in [download("f"), upload("f", 1)] {
        let (outcome, notes) = run(command, b"", b"");
        assert_eq!((outcome, notes.events.as_str()), (Ok(Waiting::Readable), ""));
        let mut control = Script::new(&[], 1);
        let outcome =
            converse(&mut control, &mut Script::new(&[], 1), &mut Notes::asking(&[command]));
        assert_eq!(outcome, Err(ClientError::Peer(PeerError::Closed).into()));
    }
    let mut client = client();
    assert_eq!((client.patience(), client.quiet()), (None, Err(ClientError::Misuse)));
    client.request(list("/")).unwrap();
    assert_eq!((client.patience(), client.quiet()), (None, Err(ClientError::Misuse)));
    client.transmitted(2).unwrap();
    assert_eq!(client.patience(), Some(2000));
    client.received(1).unwrap();
    assert_eq!(client.patience(), Some(200));
}

#[test]
fn a_server_that_speaks_before_it_is_asked() {
    let mut client = client();
    client.request(list("/")).unwrap();
    assert!(matches!(client.poll(), Action::Exchange { transmit: b"ls", .. }));
    client.transmitted(1).unwrap();
    assert_eq!(client.received(1), Err(PeerError::Unasked.into()));
    assert!(matches!(client.poll(), Action::Over));
}

/// Whatever bytes come: it ends, and nothing is done that was not announced.
#[test]
fn random_servers() {
    let words: [&[u8]; 12] = [
        b"ok",
        b"err",
        b" ",
        b"\n",
        b"\r\n",
        b"2",
        b"0",
        b"100",
        b"file.txt",
        b"\0",
        b"\xff",
        b"e",
    ];
    let mut state = 88_172_645_463_325_252_u64;
    let mut below = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    for round in 0..20_000 {
        let reply: Vec<u8> = (0..below(6)).flat_map(|_| words[below(12)].to_vec()).collect();
        let file = pattern(below(4));
        let command = [list("/"), download("f"), upload("f", 2)][below(3)];
        let cut = below(4) + 1;
        let mut control = Script::new(&[(1, &reply)], cut);
        if below(2) == 0 {
            control = control.open();
        }
        let mut notes = Notes { upload: pattern(2), ..Notes::asking(&[command]) };
        let outcome = converse(&mut control, &mut Script::new(&[(0, &file)], cut), &mut notes);
        let is_done = notes.events.contains("Done") || notes.events.contains("refused");
        let shown = reply.escape_ascii();
        match outcome {
            Ok(Waiting::Over) => assert!(is_done, "round {round}: {shown}"),
            Ok(Waiting::Readable) => assert!(reply.is_empty(), "round {round}: {shown}"),
            Ok(other) => panic!("round {round}: {shown}: {other:?}"),
            Err(_) => assert!(!is_done, "round {round}: {shown}: {}", notes.events),
        }
        if notes.events.contains("Downloaded") {
            assert!(notes.stored == file && reply.starts_with(file.len().to_string().as_bytes()));
        }
    }
}
