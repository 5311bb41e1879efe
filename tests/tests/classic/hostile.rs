//! What goes wrong with classic transfers leaves the old file, and nothing else.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::{End, Served, content, end_of, pour, reset};
use crate::support::raw::Raw;

/// A server that holds one file, which an upload of ten bytes is about to replace.
fn with_an_upload() -> (Served, TcpStream) {
    let served = Served::start(&[]);
    served.put("file", "old");
    // The control connection goes first: that is how the ancestor's client does it.
    drop(served.announce("file", 10));
    let stream = served.dial();
    (served, stream)
}

#[test]
fn a_short_upload_is_refused() {
    for sent in [0, 1, 9] {
        let (served, mut stream) = with_an_upload();
        stream.write_all(&content(10)[..sent]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(end_of(stream), End::Reset, "{sent} bytes of ten");
        served.holds_only("file", b"old");
    }
}

#[test]
fn a_long_upload_is_refused() {
    for sent in [11, 1024, 1025, 5 << 20] {
        let (served, stream) = with_an_upload();
        pour(&stream, &content(sent));
        let _ended = stream.shutdown(Shutdown::Write);
        assert_eq!(end_of(stream), End::Reset, "{sent} bytes of ten");
        served.holds_only("file", b"old");
    }
}

#[test]
fn a_whole_upload_is_taken_at_its_end_only() {
    let (served, mut stream) = with_an_upload();
    stream.write_all(&content(10)).unwrap();
    let (mut session, _) = Raw::session(served.site.address());
    assert!(session.ask("stat file").starts_with("ok f 3 "), "it may still be too long");
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(end_of(stream), End::Closed);
    served.holds_only("file", &content(10));
}

#[test]
fn a_lost_peer_leaves_nothing_visible() {
    for sent in [0, 5, 10] {
        let (served, mut stream) = with_an_upload();
        stream.write_all(&content(10)[..sent]).unwrap();
        reset(stream);
        served.holds_only("file", b"old");

        drop(served.announce("fresh", 10));
        let mut stream = served.dial();
        stream.write_all(&content(10)[..sent]).unwrap();
        reset(stream);
        served.holds_only("file", b"old");
    }
}

#[test]
fn a_stalled_upload_ends() {
    let served = Served::start(&["--transfer-timeout", "1"]);
    served.put("file", "old");
    let _control = served.announce("file", 10);
    let mut stream = served.dial();
    stream.write_all(&content(10)[..5]).unwrap();
    assert_eq!(end_of(stream), End::Reset);
    served.holds_only("file", b"old");
}

#[test]
fn a_receiver_that_vanishes_ends_its_download() {
    let served = Served::start(&[]);
    let file = content(8 << 20);
    served.put("file", &file);
    let listener = TcpListener::bind(served.transfer_address()).unwrap();
    let mut control = Raw::connect(served.site.address());
    assert_eq!(control.ask("download file"), file.len().to_string());
    let (mut stream, _) = listener.accept().unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    reset(stream);
    drop(listener);
    served.holds_only("file", &file);
}

#[test]
fn a_receiver_that_stops_reading_frees_its_turn() {
    let served = Served::start(&["--transfer-timeout", "1"]);
    let file = content(16 << 20);
    served.put("file", &file);
    let listener = TcpListener::bind(served.transfer_address()).unwrap();
    let mut control = Raw::connect(served.site.address());
    assert_eq!(control.ask("download file"), file.len().to_string());
    let _held = listener.accept().unwrap();
    drop(listener);
    // The connection that is held keeps the port from the ancestor's client, not from a listing
    // or an upload.
    served.client.upload("other", b"abc").unwrap();
    let mut control = Raw::connect(served.site.address());
    control.send("upload last 0\n");
    assert_eq!(control.line(), "ok", "the upload before it is done");
    assert_eq!(fs::read(served.site.there("other")).unwrap(), b"abc");
}

#[test]
fn other_protocols_get_nowhere() {
    let served = Served::start(&[]);
    served.put("file", "abc");
    let requests = [
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 14\r\n\r\ndownload file\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "USER anonymous\r\n",
        "LS\n",
        "lsx\n",
        "hello\n",
        "ls\0\n",
    ];
    for request in requests {
        let answer = served.answer(request);
        assert!(answer.starts_with("err ") && answer.ends_with('\n'), "{request:?}: {answer:?}");
        assert_eq!(answer.lines().count(), 1, "{request:?}: {answer:?}");
    }
    served.holds_only("file", b"abc");
}

#[test]
fn a_line_without_an_end_is_closed_at_the_limit() {
    let served = Served::start(&[]);
    let stream = TcpStream::connect(served.site.address()).unwrap();
    stream.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
    pour(&stream, &[b"download ".as_slice(), &[b'a'; 1 << 20]].concat());
    let mut answer = Vec::new();
    // What is not read any more may reset the connection behind the answer.
    let _reset = (&stream).read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"err"), "{}", answer.escape_ascii());
    assert_eq!(served.client.ls().unwrap(), "");
}

#[test]
fn where_classic_is_off_it_is_a_wrong_first_line() {
    let served = Served::start(&["--classic", "off"]);
    served.put("file", "abc");
    for command in ["ls\n", "download file\n", "upload file 3\n"] {
        let answer = served.answer(command);
        assert!(answer.starts_with("err bad-command "), "{command:?}: {answer:?}");
    }
    let mut control = Raw::connect(served.site.address());
    control.send("ls");
    control.finish_sending();
    assert_eq!(control.rest(), b"", "a line without an end is answered with silence");
    assert!(TcpStream::connect(served.transfer_address()).is_err());
    assert!(Raw::session(served.site.address()).1.starts_with("ok 1 "));
}
