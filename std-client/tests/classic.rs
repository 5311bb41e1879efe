//! The classic dialect, against servers that do what the ancestor's does.

mod support;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, SockRef, Socket, Type};
use support::{Fake, Outcome, Peer, Script, command, coracle, names, pattern, script, staged};
use support::{tempdir, until};

const NOTE: &str = "coracle: the classic dialect has no checksums and no receipts";

/// A port of its own for every test: below those that the system gives to connections.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 1000) as u16 * 20;
    loop {
        let port = 10_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
}

/// The program, for a classic server with this port of file bytes.
fn classic(folder: &Path, host: SocketAddr, port: u16, arguments: &[&str]) -> Outcome {
    coracle(folder, host, &with_port(&port.to_string(), arguments))
}

fn with_port<'a>(port: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    [&["--classic", "--classic-port", port][..], arguments].concat()
}

/// A port as the ancestor's programs open it: it cannot be had while anything of an earlier
/// connection is left there.
fn listen(port: u16) -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into()).unwrap();
    socket.listen(1).unwrap();
    socket.into()
}

fn dial(port: u16) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap()
}

/// Answers one download: the size, then at once the bytes over a connection of its own.
fn sends(name: &str, port: u16, size: usize, bytes: Vec<u8>) -> Script {
    let command = format!("download {name}");
    script(move |peer| {
        peer.command(&command);
        peer.say(size.to_string());
        let mut stream = dial(port);
        // The client may have seen enough.
        let _ = stream.write_all(&bytes);
        drop(stream);
        peer.gone();
    })
}

/// Read so many bytes as soon as they are there, and whether the end was there with the last.
fn read_eagerly(stream: &mut TcpStream, len: usize) -> (Vec<u8>, bool) {
    stream.set_nonblocking(true).unwrap();
    let begun = Instant::now();
    let (mut bytes, mut count) = (vec![0; len + 1], 0);
    loop {
        match stream.read(&mut bytes[count..]) {
            Ok(0) => {
                bytes.truncate(count);
                return (bytes, true);
            }
            Ok(more) => count += more,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                assert!(begun.elapsed().as_secs() < 20, "{count} of {len} bytes came");
                if count == len && len > 0 {
                    bytes.truncate(count);
                    return (bytes, false);
                }
            }
        }
    }
}

/// Takes one upload: `ok`, then the port; closes with the last byte, not with the end.
fn takes(command: String, port: u16, expected: Vec<u8>) -> Script {
    script(move |peer| {
        peer.command(&command);
        peer.say("ok");
        let listener = listen(port);
        let mut stream = listener.accept().unwrap().0;
        let (bytes, is_ended) = read_eagerly(&mut stream, expected.len());
        assert!(bytes == expected);
        // Otherwise it would be this side that closes first.
        assert!(is_ended, "the end of {} bytes came behind them", expected.len());
        drop((stream, listener));
        peer.gone();
    })
}

/// The ancestor's server may still have its listener of the upload before.
#[test]
fn a_port_that_becomes_free_in_a_moment_is_waited_for() {
    let port = free_port();
    let holder = listen(port);
    let folder = tempdir().unwrap();
    let fake = Fake::start(vec![script(move |peer| {
        // The client is connected, and about to listen.
        drop(holder);
        peer.command("download f");
        peer.say("3");
        dial(port).write_all(b"abc").unwrap();
        peer.gone();
    })]);
    classic(folder.path(), fake.address, port, &["download", "f"]).expect(0);
    fake.finish();
    assert_eq!(fs::read(folder.path().join("f")).unwrap(), b"abc");
}

#[test]
fn downloads_one_after_the_other_leave_no_port_in_use() {
    let port = free_port();
    let folder = tempdir().unwrap();
    let sizes = [0, 1, 1023, 1024, 1025, 300_000, 1_000_000, 5, 6, 7];
    let scripts = sizes.iter().map(|&size| sends("f", port, size, pattern(size))).collect();
    let fake = Fake::start(scripts);
    for size in sizes {
        let outcome = classic(folder.path(), fake.address, port, &["download", "f"]).expect(0);
        assert_eq!(outcome.err.matches(NOTE).count(), 1, "{outcome:?}");
        assert!(outcome.err.ends_with("Download is finished!\n"), "{outcome:?}");
        assert!(fs::read(folder.path().join("f")).unwrap() == pattern(size));
        assert_eq!(names(folder.path()), ["f"]);
        listen(port);
    }
    fake.finish();
}

#[test]
fn uploads_one_after_the_other_leave_no_port_in_use() {
    let port = free_port();
    let folder = tempdir().unwrap();
    let sizes = [0, 1, 511, 512, 513, 1024, 1960, 100_000, 3_000_000, 300_000];
    let upload = |size: usize| takes(format!("upload f {size}"), port, pattern(size));
    let fake = Fake::start(sizes.into_iter().map(upload).collect());
    for size in sizes {
        fs::write(folder.path().join("f"), pattern(size)).unwrap();
        let arguments = ["-q", "upload", "f"];
        let outcome = classic(folder.path(), fake.address, port, &arguments).expect(0);
        assert_eq!((outcome.out.as_str(), outcome.err.as_str()), ("", ""));
    }
    fake.finish();
}

#[test]
fn several_files_have_a_connection_each_and_one_note() {
    let port = free_port();
    let folder = tempdir().unwrap();
    let fake = Fake::start(vec![
        sends("a", port, 3, b"abc".to_vec()),
        script(|peer| {
            peer.command("download b");
            peer.say("err");
        }),
        sends("c", port, 4, b"cde".to_vec()),
        sends("d", port, 1, b"d".to_vec()),
    ]);
    let arguments = ["get", "a", "no-name", "b", "c", "d"];
    let outcome = classic(folder.path(), fake.address, port, &arguments).expect(2);
    fake.finish();
    assert_eq!(names(folder.path()), ["a", "d"]);
    let [note, named, refused, short, _summary] = &outcome.err.lines().collect::<Vec<_>>()[..]
    else {
        panic!("{outcome:?}")
    };
    assert!(note.starts_with(NOTE));
    assert!(named.starts_with("coracle: no-name: the classic dialect takes only names"));
    assert_eq!(*refused, "coracle: b: No such file found on the server! (refused)");
    assert_eq!(*short, "coracle: c: the server sent more or fewer bytes than it announced");
}

#[test]
fn other_bytes_than_announced_never_become_visible() {
    for bytes in [pattern(2999), pattern(3001), pattern(0), pattern(500_000)] {
        let port = free_port();
        let folder = tempdir().unwrap();
        fs::write(folder.path().join("f"), "old").unwrap();
        let fake = Fake::start(vec![sends("f", port, 3000, bytes)]);
        classic(folder.path(), fake.address, port, &["download", "f"]).expect(4);
        fake.finish();
        assert_eq!(names(folder.path()), ["f"]);
        assert_eq!(fs::read(folder.path().join("f")).unwrap(), b"old");
        listen(port);
    }
}

#[test]
fn listings_are_bare_names() {
    for (reply, ends, out) in [
        ("a.txt\n\x1b[2Jb", true, "\\x1b[2Jb\na.txt\n"),
        ("a.txt\nb", false, "a.txt\nb\n"),
        ("", true, ""),
        ("", false, ""),
    ] {
        let fake = Fake::start(vec![script(move |peer| {
            peer.command("ls");
            peer.say(reply);
            if !ends {
                peer.gone();
            }
        })]);
        let folder = tempdir().unwrap();
        let outcome = coracle(folder.path(), fake.address, &["--classic", "ls"]).expect(0);
        fake.finish();
        assert_eq!((outcome.out.as_str(), outcome.err.as_str()), (out, ""));
    }
    let fake = Fake::start(vec![script(|peer| {
        peer.command("ls sub");
        peer.say("err no\x1b such folder");
    })]);
    let folder = tempdir().unwrap();
    let outcome = coracle(folder.path(), fake.address, &["--classic", "ls", "/sub/"]).expect(1);
    fake.finish();
    assert_eq!(outcome.err, "coracle: /sub: no\\x1b such folder (refused)\n");
}

#[test]
fn what_the_dialect_cannot_say_is_refused_before_there_is_a_connection() {
    let folder = tempdir().unwrap();
    for name in ["f", "a-b"] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    let long = "n".repeat(119);
    let nobody = Fake::start(vec![]);
    let address = nobody.address;
    nobody.finish();
    for (arguments, code) in [
        (&["-c", "download", "f"][..], 2),
        (&["--one-connection", "download", "f"], 2),
        (&["rm", "f"], 2),
        (&["sum", "f", "5"], 2),
        (&["ls", "a/b"], 2),
        (&["download", "a/b"], 2),
        (&["download", "ä"], 2),
        (&["upload", "a-b"], 2),
        (&["upload", "f", "sub/f"], 2),
        (&["upload", "-", "f"], 2),
        (&["download", &long], 1),
    ] {
        let arguments = [&["--classic"][..], arguments].concat();
        let outcome = coracle(folder.path(), address, &arguments).expect(code);
        let says = ["classic dialect", "lines as long as this path needs"];
        assert!(says.iter().any(|text| outcome.err.contains(text)), "{outcome:?}");
    }
    assert_eq!(names(folder.path()), ["a-b", "f"]);
}

/// Such a server may come by any of its addresses; strangers need another machine, as in the
/// tests of the whole.
#[test]
fn a_server_on_this_machine_may_come_from_any_address_of_it() {
    let port = free_port();
    let folder = tempdir().unwrap();
    let fake = Fake::start(vec![script(move |peer| {
        peer.command("download f");
        peer.say("4");
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
        socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).unwrap();
        TcpStream::from(socket).write_all(b"good").unwrap();
    })]);
    classic(folder.path(), fake.address, port, &["download", "f"]).expect(0);
    fake.finish();
    assert_eq!(fs::read(folder.path().join("f")).unwrap(), b"good");
    listen(port);
}

#[test]
fn a_server_that_does_not_come_or_is_not_there() {
    let port = free_port();
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("up"), "x").unwrap();
    let fake = Fake::start(vec![
        script(|peer| {
            peer.command("download f");
            peer.say("4");
            peer.gone();
        }),
        script(|peer| {
            peer.command("upload up 1");
            peer.say("ok");
            peer.gone();
        }),
    ]);
    let download = ["--connect-timeout", "1", "get", "f", "g", "-o", "."];
    let outcome = classic(folder.path(), fake.address, port, &download).expect(3);
    assert!(outcome.err.contains("work only on the machine it runs on"), "{outcome:?}");
    assert!(outcome.err.contains("1 more file was not transferred"), "{outcome:?}");
    let begun = Instant::now();
    let outcome = classic(folder.path(), fake.address, port, &["upload", "up"]).expect(3);
    assert!(begun.elapsed() >= Duration::from_secs(5));
    assert!(outcome.err.contains(&format!("does not open its port {port}")), "{outcome:?}");
    fake.finish();
    assert_eq!(names(folder.path()), ["up"]);
}

#[test]
fn a_port_that_is_in_use_is_named() {
    let port = free_port();
    let held = listen(port);
    let folder = tempdir().unwrap();
    let fake = Fake::start(vec![script(Peer::gone)]);
    let outcome = classic(folder.path(), fake.address, port, &["download", "f"]).expect(3);
    fake.finish();
    drop(held);
    for text in [&format!("cannot listen at port {port}"), "--classic-port", "coracle"] {
        assert!(outcome.err.contains(text), "{outcome:?}");
    }
}

#[test]
fn a_reset_refuses_an_upload() {
    // In the midst, or with all there.
    for (size, taken) in [(10_000_000, 1), (3000, 3000)] {
        let port = free_port();
        let folder = tempdir().unwrap();
        fs::write(folder.path().join("f"), pattern(size)).unwrap();
        let fake = Fake::start(vec![script(move |peer| {
            peer.command(&format!("upload f {size}"));
            let listener = listen(port);
            peer.say("ok");
            let mut stream = listener.accept().unwrap().0;
            stream.read_exact(&mut vec![0; taken]).unwrap();
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        })]);
        let outcome = classic(folder.path(), fake.address, port, &["upload", "f"]).expect(1);
        fake.finish();
        assert!(outcome.err.contains("the server broke the transfer off"), "{outcome:?}");
    }
}

#[test]
fn a_file_that_changes_is_never_whole_there() {
    for change in [
        |file: fs::File| file.set_len(20_000_001).unwrap(),
        |mut file: fs::File| {
            file.write_all(b"more").unwrap();
        },
    ] {
        let port = free_port();
        let folder = tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, pattern(40_000_000)).unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        let fake = Fake::start(vec![script(move |peer| {
            peer.command("upload f 40000000");
            let listener = listen(port);
            peer.say("ok");
            let mut stream = listener.accept().unwrap().0;
            stream.read_exact(&mut [0; 1000]).unwrap();
            // More is on its way than all buffers hold.
            change(file);
            let end = stream.read_to_end(&mut Vec::new());
            assert!(end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
        })]);
        let outcome = classic(folder.path(), fake.address, port, &["upload", "f"]).expect(5);
        fake.finish();
        assert!(outcome.err.contains("f changed while it was sent"), "{outcome:?}");
    }
}

#[test]
fn signals_leave_nothing() {
    let port = free_port();
    let folder = tempdir().unwrap();
    let fake = Fake::start(vec![script(move |peer| {
        peer.command("download f");
        peer.say("5000");
        let mut stream = dial(port);
        stream.write_all(&pattern(2000)).unwrap();
        // Not whole, so not in order.
        let end = stream.read(&mut [0]);
        assert!(end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
        peer.gone();
    })]);
    let arguments = ["--classic", "--classic-port", &port.to_string(), "download", "f"];
    let child = command(folder.path(), fake.address, &arguments).spawn().unwrap();
    until(|| staged(folder.path()).iter().any(|p| fs::metadata(p).unwrap().len() == 2000));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let outcome = Outcome::of(&child.wait_with_output().unwrap()).expect(130);
    fake.finish();
    assert!(outcome.err.ends_with("coracle: f: interrupted\n"), "{outcome:?}");
    assert!(names(folder.path()).is_empty());
    listen(port);
}

#[test]
fn silence_is_bounded() {
    for command in ["download", "upload"] {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join("f"), "x").unwrap();
        let port = free_port();
        let fake = Fake::start(vec![script(Peer::silent)]);
        let arguments = ["--timeout", "1", command, "f", "g"];
        let outcome = classic(folder.path(), fake.address, port, &arguments).expect(3);
        fake.finish();
        assert!(outcome.err.contains("no progress for 1 s"), "{outcome:?}");
    }
}

#[test]
fn a_server_on_either_family_may_come_over_the_other() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        return eprintln!("skipped: there is no IPv6 here");
    };
    let address = listener.local_addr().unwrap();
    for from in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        let port = free_port();
        let folder = tempdir().unwrap();
        let path = folder.path().to_owned();
        let run = std::thread::spawn(move || {
            classic(&path, address, port, &["download", "f", "-o", "-"]).expect(0)
        });
        let mut control = listener.accept().unwrap().0;
        let count = control.read(&mut [0; 128]).unwrap();
        assert_eq!(count, "download f".len());
        let mut stream = TcpStream::connect((from, port)).unwrap();
        control.write_all(b"2").unwrap();
        stream.write_all(b"ab").unwrap();
        drop(stream);
        assert_eq!(run.join().unwrap().out, "ab");
    }
}
