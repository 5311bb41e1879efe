//! The firmware on a link of its own: floods from nobody, and the classic dialect, whose server
//! connects to its client.

use std::fs;
use std::net::{IpAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use coracle_qemu::card;
use coracle_qemu::qemu::{Network, Qemu, Setup};
use coracle_tests::ancestor::Client;
use coracle_tests::network::{Family, TAP, Wire, or_skip};
use coracle_tests::payload;
use coracle_tests::process::program;
use tempfile::TempDir;

use crate::forged::Forger;
use crate::site::{SERVING, SOON, has_qemu, image_at};
use crate::support::raw::Raw;
use crate::support::{Ran, Running, Stop, until};

const CONTROL: u16 = 2222;
const TRANSFER: u16 = 3333;

/// More than fits into the buffers on the way.
const LARGE: usize = 2 << 20;

/// A host with a wire to a machine.
struct Linked {
    qemu: Qemu,
    wire: Wire,
    local: TempDir,
}

impl Linked {
    /// `None` if there is no QEMU, or no TAP.
    fn start() -> Option<Self> {
        if !has_qemu() {
            return None;
        }
        let wire = or_skip(|| Wire::new(1500))?;
        let local = tempfile::tempdir().unwrap();
        let card = local.path().join(".card.img");
        card::create(&card, card::SIZE).unwrap();
        let setup = Setup {
            image: image_at("classic", &Family::V4.server_network()),
            card: Some(card),
            network: Network::Tap(TAP.to_owned()),
            monitor: None,
            arguments: Vec::new(),
        };
        let mut qemu = Qemu::spawn(wire.host.adopt(&setup.command()), &setup).unwrap();
        qemu.wait_for(SERVING, SOON).unwrap();
        Some(Self { qemu, wire, local })
    }

    fn client(&self, arguments: &[&str]) -> Command {
        let mut command = self.wire.host.command(&program("coracle").unwrap());
        command.arg(Family::V4.server().to_string()).args(arguments);
        command.current_dir(self.local.path()).env("CORACLE_CONFIG", "/dev/null");
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Running::of(&mut self.client(arguments)).finish()
    }

    /// Begin to upload and to download; then something else goes on until both are through.
    fn transfer_during(&mut self, disturb: impl Fn(u32) + Send) {
        let (there, here) = (payload::bytes(1, LARGE), payload::bytes(2, LARGE));
        fs::write(self.local.path().join("down"), &there).unwrap();
        self.run(&["upload", "down"]).succeeded();
        let connect = || TcpStream::connect((Family::V4.server(), CONTROL)).unwrap();
        let mut down = Raw::from(self.wire.host.on(connect));
        assert!(down.ask("hello 1").starts_with("ok 1 "));
        down.send("download down\n");
        assert!(down.line().starts_with("ok "));
        let mut command = self.client(&["--one-connection", "upload", "-", "up"]);
        let (first, second) = here.split_at(LARGE / 2);
        let mut up = Running::with_input(command.stdin(Stdio::piped()), first);
        self.qemu.wait_for("upload /up", SOON).unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let stop = &stop;
            scope.spawn(move || flood(disturb, stop));
            let _stop = Stop(stop);
            up.write(second);
            up.finish().succeeded();
            assert!(down.file().unwrap() == there);
        });
        drop(down);
        until("a newcomer is served", || {
            self.run(&["--retries", "0", "download", "up", "back"]).code == Some(0)
        });
        assert!(fs::read(self.local.path().join("back")).unwrap() == here);
    }
}

/// Do it again and again until it is to stop.
fn flood(disturb: impl Fn(u32), stop: &AtomicBool) {
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        disturb(number);
        // Some thousand a second.
        if number % 20 == 19 {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn a_flood_of_datagrams_stops_no_transfer() {
    let Some(mut linked) = Linked::start() else { return };
    let socket = linked.wire.host.on(|| UdpSocket::bind((Family::V4.host(2), 0)).unwrap());
    let datagram = [0x5a; 1400];
    linked.transfer_during(|number| {
        let port = 1 + (number % 60_000) as u16;
        // A queue that is full loses them, as any network does.
        let _lost = socket.send_to(&datagram, (Family::V4.server(), port));
    });
}

#[test]
fn a_flood_of_half_open_connections_stops_no_transfer() {
    let Some(mut linked) = Linked::start() else { return };
    let forger = Forger::on(&linked.wire);
    linked.transfer_during(|number| {
        // A neighbour that is not there.
        let IpAddr::V4(address) = Family::V4.host(10 + (number % 200) as u8) else {
            unreachable!("it is IPv4")
        };
        let from = SocketAddrV4::new(address, 1024 + (number % 60_000) as u16);
        let port = [CONTROL, TRANSFER][number as usize % 2];
        // Now and then a reset of nothing.
        match number % 16 {
            0 => forger.reset(from, port, None),
            _ => forger.syn(from, port),
        }
    });
}

#[test]
fn the_classic_dialect_is_spoken_where_it_is_built_in() {
    let Some(linked) = Linked::start() else { return };
    let bytes = payload::bytes(2, 100_000);
    linked.wire.host.on(|| {
        let client = Client::new((Family::V4.server(), CONTROL).into(), TRANSFER);
        client.upload("file", &bytes).unwrap();
        assert!(client.download("file").unwrap() == bytes);
        assert!(client.ls().unwrap().contains("file"));
    });
    let ran = linked.run(&["--classic", "download", "file", "ours"]);
    ran.succeeded();
    assert!(fs::read(linked.local.path().join("ours")).unwrap() == bytes);
}
