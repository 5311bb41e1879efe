//! The control port, the transfer port, IPv6, several listeners.

mod support;

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use support::{Client, Daemon, PATIENCE, upload};

fn transfer_port(greeting: &str) -> Option<u16> {
    greeting.split(' ').find_map(|field| field.strip_prefix("transfer=")?.parse().ok())
}

#[test]
fn the_transfer_port_is_open_only_while_someone_asked_for_it() {
    let daemon = Daemon::start(&[]);
    assert_eq!(transfer_port(&daemon.connect().ask("hello 1")), None);

    let mut control = daemon.connect();
    let port = transfer_port(&control.ask("hello 1 transfer=yes")).expect("a transfer port");
    let mut second = daemon.connect();
    assert_eq!(transfer_port(&second.ask("hello 1 transfer=yes")), Some(port), "it is shared");

    let address = SocketAddr::new(daemon.address.ip(), port);
    let mut transfer = Client::to(address);
    assert!(transfer.ask("hello 1").starts_with("ok 1 "), "a whole session");
    transfer.send(&upload("a", b"abc"));
    assert!(transfer.reply().starts_with("ok 3 "));
    assert_eq!(control.ask("stat a").split(' ').nth(2), Some("3"));
    assert_eq!(transfer.ask("exit"), "ok");
    drop(transfer);

    assert_eq!(control.ask("exit"), "ok");
    assert!(Client::to(address).ask("hello 1").starts_with("ok 1 "), "the other still needs it");
    assert_eq!(second.ask("exit"), "ok");
    second.rest();
    let begun = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(begun.elapsed() < PATIENCE, "the listener stays open");
    }
    // Nothing lingers: another program can take the port, without SO_REUSEADDR tricks of ours.
    let begun = Instant::now();
    while TcpListener::bind(address).is_err() {
        assert!(begun.elapsed() < PATIENCE, "the port stays taken");
    }
}

#[test]
fn without_a_transfer_port_none_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for choice in ["none", &port] {
        let root = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_coracled"));
        command.args(["--listen", "127.0.0.1:0", "--transfer-port", choice]);
        let daemon = Daemon::spawn(command, root);
        let greeting = daemon.connect().ask("hello 1 transfer=yes");
        assert!(greeting.starts_with("ok 1 "), "{greeting}");
        assert_eq!(transfer_port(&greeting), None);
    }
}

#[test]
fn several_addresses_and_both_families() {
    let root = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_coracled"));
    command.args(["--listen", "127.0.0.1:0", "--transfer-port", "none"]);
    let v6 = TcpListener::bind("[::1]:0").is_ok();
    if !v6 {
        eprintln!("SKIPPED in part: this machine has no IPv6 loopback (enable IPv6 on lo)");
        return;
    }
    command.args(["--listen", "[::1]:0"]);
    let (mut child, ports) = start_on_two_ports(command, root.path());
    for (ip, port) in ["127.0.0.1", "::1"].into_iter().zip(ports) {
        let address = SocketAddr::new(ip.parse::<IpAddr>().unwrap(), port);
        assert!(Client::to(address).ask("hello 1").starts_with("ok 1 "));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn control_ports_of_one_address_share_its_transfer_port() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let root = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_coracled"));
    command.args(["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    command.args(["--transfer-port", &free.to_string()]);
    let (mut child, ports) = start_on_two_ports(command, root.path());
    let open: Vec<_> = ports
        .iter()
        .map(|&port| {
            let mut client = Client::to(([127, 0, 0, 1], port).into());
            assert_eq!(transfer_port(&client.ask("hello 1 transfer=yes")), Some(free));
            client
        })
        .collect();
    drop(open);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The second port is printed before `ready`: read it by hand.
fn start_on_two_ports(mut command: Command, root: &Path) -> (Child, Vec<u16>) {
    let mut child = command.arg(root).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let ports = (0..2)
        .map(|_| {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line.trim().strip_prefix("Server Port: ").unwrap().parse().unwrap()
        })
        .collect();
    (child, ports)
}
