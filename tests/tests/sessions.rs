//! Sessions beside each other, and what may and may not stand in one.

mod support;

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};

use coracle::Frame;
use coracle_tests::payload;
use support::raw::{Raw, field, frames, upload};
use support::{Site, until};

const SIZE: usize = 8 << 20;

/// A control session that asked for the transfer port, and a transfer session.
fn pair(site: &Site) -> (Raw, Raw, SocketAddr) {
    let mut control = Raw::connect(site.address());
    let greeting = control.ask("hello 1 transfer=yes");
    let port = field(&greeting, "transfer").expect("a transfer port") as u16;
    let address = SocketAddr::new(site.address().ip(), port);
    let (transfer, _) = Raw::session(address);
    (control, transfer, address)
}

#[test]
fn a_transfer_outlives_its_control_session() {
    let site = Site::start(&[]);
    let bytes = payload::bytes(1, SIZE);
    let (mut control, mut transfer, address) = pair(&site);
    let all = upload("x", &bytes);
    let (first, second) = all.split_at(SIZE / 2);
    transfer.send(first);
    // The control session is idle meanwhile, works, and goes.
    assert!(control.ask("stat x").starts_with("err not-found "));
    assert_eq!(control.ask("exit"), "ok");
    drop(control);
    until("the transfer port is closed to others", || TcpStream::connect(address).is_err());
    transfer.send(second);
    assert!(transfer.line().starts_with("ok 8388608 "));
    assert!(transfer.ask("download x").starts_with("ok 8388608 "));
    assert!(transfer.file().unwrap() == bytes);
    assert!(fs::read(site.there("x")).unwrap() == bytes);
}

#[test]
fn a_control_session_outlives_its_transfer() {
    let site = Site::start(&[]);
    let bytes = payload::bytes(1, SIZE);
    let (mut control, mut transfer, address) = pair(&site);
    transfer.send(&upload("x", &bytes)[..SIZE / 2]);
    drop(transfer);
    // The server needs a moment to see that the peer is gone.
    let mut stored = String::new();
    until("the upload is a partial", || {
        stored = control.ask("partial x");
        !stored.starts_with("err ")
    });
    let mut words = stored.split(' ').skip(1);
    let (offset, crc) = (words.next().unwrap(), words.next().unwrap());
    let stored: usize = offset.parse().unwrap();
    assert!(stored > 0 && stored < SIZE / 2);
    let (mut transfer, _) = Raw::session(address);
    transfer.send(format!("upload x {SIZE} {offset} {crc}\n"));
    transfer.send(frames(&bytes[stored..]));
    assert!(transfer.line().starts_with("ok 8388608 "));
    assert!(control.ask("stat x").starts_with("ok f 8388608 "));
    assert!(fs::read(site.there("x")).unwrap() == bytes);
}

#[test]
fn a_command_inside_a_transfer_ends_the_session() {
    let site = Site::start(&[]);
    fs::write(site.there("keep"), "x").unwrap();
    for intruder in ["rm keep\n", "upload y 3\n", "exit\n", "hello 1\n"] {
        let (mut raw, _) = Raw::session(site.address());
        raw.send("upload x 6\n");
        raw.send([&Frame::Data(3).emit()[..], b"abc"].concat());
        raw.send(intruder);
        let reply = raw.line();
        assert!(reply.starts_with("err bad-command "), "{intruder:?}: {reply:?}");
        assert!(raw.rest().is_empty());
        let (mut raw, _) = Raw::session(site.address());
        assert!(raw.ask("stat keep").starts_with("ok f 1 "));
        assert!(raw.ask("stat x").starts_with("err not-found "));
        assert!(raw.ask("partial x").starts_with("ok 3 "));
    }
}

#[test]
fn questions_during_a_download_wait_for_its_end() {
    let site = Site::start(&[]);
    let bytes = payload::bytes(1, SIZE);
    fs::write(site.there("x"), &bytes).unwrap();
    let (mut raw, _) = Raw::session(site.address());
    raw.send("download x\nrm x\nstat x\n");
    assert!(raw.line().starts_with("ok 8388608 "));
    assert!(raw.file().unwrap() == bytes);
    assert_eq!(raw.line(), "ok");
    assert!(raw.line().starts_with("err not-found "));
}

#[test]
fn lines_end_with_lf_or_crlf_and_nothing_else() {
    let site = Site::start(&[]);
    File::create(site.there("x")).unwrap();
    let mut raw = Raw::connect(site.address());
    // Byte by byte, in segments of their own as far as the system likes.
    raw.stream.get_ref().set_nodelay(true).unwrap();
    for byte in b"hello 1\r\nstat x\r\n\r\n\nnoop\n" {
        raw.send([*byte]);
    }
    assert!(raw.line().starts_with("ok 1 "));
    assert!(raw.line().starts_with("ok f 0 "));
    assert_eq!(raw.line(), "ok");
    raw.send("noop\nnoop\r\nnoop\n");
    assert_eq!([raw.line(), raw.line(), raw.line()], ["ok", "ok", "ok"]);
    // A CR alone ends nothing: one line, one answer.
    raw.send("stat x\rrm x\n");
    assert!(raw.line().starts_with("err bad-argument "));
    raw.send("rm x\r\r\n");
    assert!(raw.line().starts_with("err bad-argument "));
    raw.finish_sending();
    assert!(raw.rest().is_empty());
    assert!(site.there("x").exists());
}
