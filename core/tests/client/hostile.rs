//! Servers that break the protocol: each is told by name, in constant memory.

use coracle::client::{ClientError, Error, PeerError, poll, poll::Waiting};
use coracle::{Command, Path};
use proptest::prelude::*;

use crate::support::{Client, Notes, Script, end_of, frame, path};
use crate::{HELLO, end};

const DOWNLOAD: Command<Path<'static>> =
    Command::Download { path: Path::ROOT, offset: 0, length: None, prefix: None };

/// Everything a client of this server is told, and how it ends; the same however it is cut.
fn outcome(request: Command<Path<'static>>, server: &[u8]) -> (String, Result<Waiting, PeerError>) {
    let mut first = None;
    for cut in [1, 3, usize::MAX] {
        let bytes = [HELLO, server].concat();
        let mut link = Script::new(&[(0, &bytes)], cut);
        let mut handler = Notes { upload: b"12345".to_vec(), ..Notes::asking(&[request]) };
        let mut client = Client::new([0; 1028], false);
        let result = match poll::advance(&mut client, &mut link, &mut handler) {
            Ok(Waiting::Request) => {
                // Nothing is owed any more: what else may come?
                loop {
                    let coracle::client::Action::Ready(buffer) = client.poll() else {
                        break Ok(());
                    };
                    use coracle::poll::Stream;
                    let count = link.try_read(buffer).unwrap().unwrap_or(0);
                    if let Err(error) = client.received(count) {
                        break Err(Error::Client(error));
                    }
                    if let Err(error) = poll::advance(&mut client, &mut link, &mut handler) {
                        break Err(error);
                    }
                }
                .map(|()| Waiting::Over)
            }
            other => other,
        };
        let result = result.map_err(|error| match error {
            Error::Client(ClientError::Peer(error)) => error,
            other => panic!("{other:?}"),
        });
        let outcome = (handler.events, result);
        assert_eq!(first.get_or_insert(outcome.clone()), &outcome, "cut {cut}");
    }
    first.unwrap()
}

fn error(request: Command<Path<'static>>, server: &[u8]) -> PeerError {
    let (events, result) = outcome(request, server);
    result.expect_err(&events)
}

#[test]
fn endless_lines_are_bounded() {
    assert_eq!(error(Command::Space, &[b'x'; 5000]), PeerError::LineTooLong);
    assert_eq!(error(Command::Space, &[b"err io ".as_slice(), &[b'x'; 5000]].concat()), {
        PeerError::LineTooLong
    });
    let fits = [b"err io ".as_slice(), &[b'x'; 632], b"\n"].concat();
    assert!(outcome(Command::Space, &fits).0.contains("refused"));
    let long = [b"err io ".as_slice(), &[b'x'; 633], b"\n"].concat();
    assert_eq!(error(Command::Space, &long), PeerError::LineTooLong);
}

#[test]
fn replies_that_were_not_asked_for() {
    assert_eq!(error(Command::Space, b"ok 1 2\nok 1 2\n"), PeerError::Unasked);
    assert_eq!(error(Command::Space, b"ok 1 2\n+ busy\n"), PeerError::Unasked);
    assert_eq!(error(Command::Space, b"ok 1 2\nerr io a\nerr io b\n"), PeerError::Unasked);
    assert_eq!(error(Command::Space, b"- f 1 - a\nok 1 2\n"), PeerError::StrayEntry);
    let (events, result) = outcome(Command::Space, b"ok 1 2\nerr timeout idle too long\n");
    assert!(events.ends_with("farewell Some(Timeout) idle too long\n"));
    assert_eq!(result, Ok(Waiting::Over));
}

#[test]
fn lines_that_are_no_replies() {
    assert_eq!(error(Command::Space, b"220 ftp ready\n"), PeerError::NotAReply);
    assert_eq!(error(Command::Space, b"- f x - a\n"), PeerError::NotAReply);
    let list = Command::List { path: Path::ROOT };
    assert_eq!(error(list, b"- f 1 - a%0\nok 1\n"), PeerError::NotAReply);
    assert_eq!(error(list, b"- f 1 - a\nok 2\n"), PeerError::Count);
    assert_eq!(error(list, b"- f 1 - a\nok\n"), PeerError::Fields);
}

#[test]
fn frames_and_lines_in_the_wrong_place() {
    assert_eq!(error(Command::Space, &frame(1, b"x")), PeerError::Frame);
    assert_eq!(error(DOWNLOAD, b"ok 5 5 -\nok 5 5 -\n"), PeerError::Frame);
    for bad in [&[0, 0, 0, 1][..], &[1, 0, 0, 0], &[1, 255, 0, 0], &[2, 0, 0, 11], &[5, 0, 0, 0]] {
        assert_eq!(error(DOWNLOAD, &[b"ok 5 5 -\n", bad].concat()), PeerError::Frame);
    }
}

#[test]
fn numbers_are_exact_or_refused() {
    for bad in ["-1 5", "+1 5", "05 5", "0x5 5", "5", "9223372036854775808 9223372036854775808"] {
        assert_eq!(error(DOWNLOAD, format!("ok {bad} -\n").as_bytes()), PeerError::Fields);
    }
    for bad in ["5 0000000", "5 000000000", "5 0000000g", "5", "18446744073709551616 00000000"] {
        let sum = Command::Sum { path: Path::ROOT, offset: 0, length: None };
        assert_eq!(error(sum, format!("ok {bad}\n").as_bytes()), PeerError::Fields);
    }
}

#[test]
fn the_bytes_are_those_announced() {
    let five = frame(1, b"12345");
    let reply = b"ok 5 5 -\n".as_slice();
    assert_eq!(error(DOWNLOAD, &[reply, &frame(1, b"123456")].concat()), PeerError::Length);
    let extra = [reply, &five, &frame(1, b"6")].concat();
    assert_eq!(error(DOWNLOAD, &extra), PeerError::Length);
    assert_eq!(error(DOWNLOAD, &[reply, &end(b"")].concat()), PeerError::Length);
    assert_eq!(error(DOWNLOAD, &[reply, &five, &end_of(6, 0)].concat()), PeerError::Length);
    assert_eq!(error(DOWNLOAD, &[reply, &five, &end_of(5, 0)].concat()), PeerError::Checksum);
    // Another range than the one asked for.
    assert_eq!(error(DOWNLOAD, b"ok 5 6 -\n"), PeerError::Fields);
    let part = Command::Download { path: path("f"), offset: 9, length: Some(4), prefix: None };
    assert_eq!(error(part, b"ok 5 20 -\n"), PeerError::Fields);
    assert_eq!(error(part, b"ok 0 8 -\n"), PeerError::Fields);
}

#[test]
fn receipts_are_checked() {
    let upload = Command::Upload { path: path("f"), size: Some(5), resume: None, modified: None };
    assert_eq!(error(upload, b"ok 5 00000000 flushed\n"), PeerError::Receipt);
    assert_eq!(error(upload, b"ok 4 cbf53a1c flushed\n"), PeerError::Receipt);
    assert_eq!(error(upload, b"ok 5 cbf53a1c written\n"), PeerError::Fields);
    let (events, _) = outcome(upload, b"ok 5 cbf53a1c cached\n");
    assert!(events.contains("Cached"), "{events}");
}

#[test]
fn no_receipt_comes_before_the_end() {
    let upload = Command::Upload { path: path("f"), size: None, resume: None, modified: None };
    let parts: &[(usize, &[u8])] = &[(0, HELLO), (40, b"ok 5 cbf53a1c flushed\n")];
    let mut link = Script::new(parts, 8).eager();
    let mut handler = Notes { upload: b"12345".repeat(900), ..Notes::asking(&[upload]) };
    let mut client = Client::new([0; 1028], false);
    let result = poll::advance(&mut client, &mut link, &mut handler);
    assert_eq!(result, Err(Error::Client(ClientError::Peer(PeerError::TooEarly))));
}

#[test]
fn other_versions_are_not_spoken() {
    let mut link = Script::new(&[(0, b"ok 2 chunk=1\n")], 5);
    let mut client = Client::new([0; 1028], false);
    let result = poll::advance(&mut client, &mut link, &mut Notes::default());
    assert_eq!(result, Err(Error::Client(ClientError::Peer(PeerError::Version))));
}

/// Pieces of replies and frames, and noise between them.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<Vec<u8>> = vec![
        b"ok 5 5 -\n".to_vec(),
        b"ok\n".to_vec(),
        b"ok 1\n".to_vec(),
        b"ok 5 cbf53a1c flushed\n".to_vec(),
        b"err busy x\n".to_vec(),
        b"+ busy\n".to_vec(),
        b"- f 1 - a%20b\n".to_vec(),
        frame(1, b"12345"),
        frame(1, &[0; 3000]),
        frame(3, b"io x"),
        frame(4, b""),
        end(b"12345"),
    ];
    prop_oneof![
        8 => proptest::sample::select(known),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_there_is_an_end(
        pieces in proptest::collection::vec(piece(), 0..40),
        cut in prop_oneof![Just(1usize), 2..40usize, Just(usize::MAX)],
        is_eager in any::<bool>(),
    ) {
        let server = [HELLO, &pieces.concat()].concat();
        let link = Script::new(&[(0, &server)], cut);
        let mut link = if is_eager { link.eager() } else { link };
        let upload = Command::Upload { path: path("f"), size: None, resume: None, modified: None };
        let list = Command::List { path: Path::ROOT };
        let requests = [list, DOWNLOAD, upload, DOWNLOAD, Command::Stats, upload, Command::Exit];
        let mut handler = Notes { upload: b"12345".to_vec(), ..Notes::asking(&requests) };
        let mut client = Client::new([0; 1028], false);
        // The stream ends, so the session does: with an error, or with everything answered.
        let result = poll::advance(&mut client, &mut link, &mut handler);
        prop_assert!(
            matches!(result, Err(Error::Client(ClientError::Peer(_))) | Ok(Waiting::Request)),
            "{result:?}"
        );
        prop_assert!(result.is_err() || client.unanswered() == 0);
    }
}
