//! The doubles against each other, and the proof that they find a TIME_WAIT.

use std::fs;
use std::net::{Shutdown, TcpListener};
use std::thread;
use std::time::Instant;

use rustix::net::sockopt::set_tcp_cork;

use super::*;

const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Dial a port whose listener is opened at some time.
fn dial(port: u16) -> TcpStream {
    let begun = Instant::now();
    loop {
        match connect((LOCALHOST, port).into()) {
            Ok(stream) => return stream,
            Err(fault) => assert!(begun.elapsed() < PATIENCE, "{fault}"),
        }
        thread::yield_now();
    }
}

/// A port that passes one connection on to another port, which need not be open yet. The
/// ancestor's two programs race each other to the transfer port; this makes both win.
fn bridge(target: u16) -> u16 {
    let listener = TcpListener::bind((LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut from, _) = listener.accept().unwrap();
        io::copy(&mut from, &mut dial(target)).unwrap();
    });
    port
}

/// How somebody who sends a file ends the connection.
#[derive(Clone, Copy)]
enum Close {
    /// The end of the stream travels with the last bytes.
    WithTheLastBytes,
    /// After the other side has closed.
    Last,
}

/// Send three bytes to the transfer port of a double.
fn send_three_bytes(port: u16, close: Close) {
    let mut stream = dial(port);
    set_tcp_cork(&stream, true).unwrap();
    stream.write_all(b"abc").unwrap();
    match close {
        Close::WithTheLastBytes => stream.shutdown(Shutdown::Write).unwrap(),
        Close::Last => set_tcp_cork(&stream, false).unwrap(),
    }
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

/// The answer of a double to a command.
fn ask(server: &Server, command: &str) -> String {
    let mut control = connect(server.address()).unwrap();
    control.write_all(command.as_bytes()).unwrap();
    String::from_utf8(message(&mut control).unwrap()).unwrap()
}

/// A control port that sends three bytes to each of so many downloads.
fn sender(port: u16, downloads: usize, close: Close) -> SocketAddr {
    let listener = TcpListener::bind((LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for _ in 0..downloads {
            let (mut control, _) = listener.accept().unwrap();
            assert_eq!(message(&mut control).unwrap(), b"download file");
            control.write_all(b"3").unwrap();
            send_three_bytes(port, close);
        }
        // Of one more, only the size is told.
        let (mut control, _) = listener.accept().unwrap();
        control.write_all(b"3").unwrap();
    });
    address
}

fn is_a_failed_bind<T>(result: Result<T, Fault>) -> bool {
    matches!(result, Err(Fault::Bind(error)) if error.kind() == io::ErrorKind::AddrInUse)
}

#[test]
fn listings_pass_between_them() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("one"), "").unwrap();
    let server = Server::start(root.path(), 0).unwrap();
    let client = Client::new(server.address(), 0);
    assert_eq!(client.ls().unwrap(), "one");
    fs::write(root.path().join("two"), "").unwrap();
    assert!(["one\ntwo", "two\none"].contains(&client.ls().unwrap().as_str()));
    server.finish().unwrap();
}

#[test]
fn an_empty_listing_is_silence() {
    let root = tempfile::tempdir().unwrap();
    let server = Server::start(root.path(), 0).unwrap();
    let mut control = connect(server.address()).unwrap();
    control.write_all(b"ls").unwrap();
    // The next connection closes this one: nothing was sent, and nothing else closed it.
    let client = Client::new(server.address(), 0);
    assert!(matches!(client.download("missing"), Err(Fault::Refused)));
    assert_eq!(control.read(&mut [0]).unwrap(), 0);
    server.finish().unwrap();
}

#[test]
fn files_pass_between_them() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 100_000] {
        let file = crate::payload::bytes(length as u64, length);
        let root = tempfile::tempdir().unwrap();
        let near = TransferPort::reserve().unwrap();
        let far = bridge(near.number());

        let server = Server::start(root.path(), near.number()).unwrap();
        Client::new(server.address(), far).upload("file", &file).unwrap();
        server.finish().unwrap();
        assert!(fs::read(root.path().join("file")).unwrap() == file);

        let near = TransferPort::reserve().unwrap();
        let server = Server::start(root.path(), bridge(near.number())).unwrap();
        let client = Client::new(server.address(), near.number());
        assert!(client.download("file").unwrap() == file);
        server.finish().unwrap();
    }
}

#[test]
fn what_is_missing_or_unknown_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let server = Server::start(root.path(), 0).unwrap();
    assert_eq!(ask(&server, "download missing"), "err");
    assert_eq!(ask(&server, "upload file x"), "err");
    assert_eq!(ask(&server, "GET / HTTP/1.1"), "err");
    server.finish().unwrap();
}

#[test]
fn what_they_cannot_read_ends_them() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("é"), "").unwrap();
    let server = Server::start(root.path(), 0).unwrap();
    assert_eq!(Client::new(server.address(), 0).ls().unwrap(), "");
    assert!(matches!(server.finish(), Err(Fault::Unreadable(name)) if name == "é".as_bytes()));

    let listener = TcpListener::bind((LOCALHOST, 0)).unwrap();
    let client = Client::new(listener.local_addr().unwrap(), 0);
    let replies = thread::spawn(move || {
        for reply in ["err not-found\n", "OK"] {
            let (mut control, _) = listener.accept().unwrap();
            message(&mut control).unwrap();
            control.write_all(reply.as_bytes()).unwrap();
        }
    });
    assert!(matches!(client.download("file"), Err(Fault::Unreadable(_))));
    assert!(matches!(client.upload("file", b"abc"), Err(Fault::Unreadable(_))));
    replies.join().unwrap();
}

#[test]
fn a_file_that_ends_early_is_told() {
    let root = tempfile::tempdir().unwrap();
    let port = TransferPort::reserve().unwrap();
    let server = Server::start(root.path(), port.number()).unwrap();
    assert_eq!(ask(&server, "upload file 4"), "ok");
    send_three_bytes(port.number(), Close::WithTheLastBytes);
    let ended = server.finish();
    assert!(matches!(ended, Err(Fault::Short { announced: 4, received: 3 })), "{ended:?}");
}

#[test]
fn the_server_binds_again_when_its_clients_close_first() {
    let root = tempfile::tempdir().unwrap();
    let port = TransferPort::reserve().unwrap();
    let server = Server::start(root.path(), port.number()).unwrap();
    for _ in 0..10 {
        assert_eq!(ask(&server, "upload file 3"), "ok");
        send_three_bytes(port.number(), Close::WithTheLastBytes);
    }
    server.finish().unwrap();
}

#[test]
fn the_server_cannot_bind_again_when_it_had_to_close_first() {
    let root = tempfile::tempdir().unwrap();
    let port = TransferPort::reserve().unwrap();
    let server = Server::start(root.path(), port.number()).unwrap();
    assert_eq!(ask(&server, "upload file 3"), "ok");
    send_three_bytes(port.number(), Close::Last);
    assert_eq!(ask(&server, "upload file 3"), "ok");
    assert!(is_a_failed_bind(server.finish()));
}

#[test]
fn the_client_binds_again_when_its_server_closes_first() {
    let port = TransferPort::reserve().unwrap();
    let client = Client::new(sender(port.number(), 10, Close::WithTheLastBytes), port.number());
    for _ in 0..10 {
        assert_eq!(client.download("file").unwrap(), b"abc");
    }
}

#[test]
fn the_client_cannot_bind_again_when_it_had_to_close_first() {
    let port = TransferPort::reserve().unwrap();
    let client = Client::new(sender(port.number(), 1, Close::Last), port.number());
    assert_eq!(client.download("file").unwrap(), b"abc");
    assert!(is_a_failed_bind(client.download("file")));
}

#[test]
#[should_panic(expected = "the transfer port cannot be bound")]
fn a_fault_nobody_asks_for_fails_the_test() {
    let root = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let server = Server::start(root.path(), port).unwrap();
    assert!(Client::new(server.address(), port).upload("file", b"abc").is_ok());
}
