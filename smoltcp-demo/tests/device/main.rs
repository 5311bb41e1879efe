//! TAP devices of a real kernel, each test in a network namespace of its own.
//!
//! They need root and `ip`; without, they are skipped, which is told (see `coracle_tests::network`).

mod errors;
mod forwarding;
mod stack;

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use coracle_smoltcp::tap::capture::Capture;
use coracle_smoltcp::tap::fault::Faults;
use coracle_smoltcp::tap::setup::{Setup, beside};
use coracle_smoltcp::tap::wire::Wire;
use coracle_tests::network::{Host, Network};

use stack::{cidr, echoing, exchange};

const ADDRESSES: [&str; 2] = ["192.168.69.1/24", "fd00::1/64"];
const ECHOES: [&str; 2] = ["192.168.69.1:7", "[fd00::1]:7"];

/// Hosts for a test, one test at a time: a command that another one starts would have this one's
/// device open until it has become another program.
struct Alone(Network, #[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Alone {
    fn or_skip() -> Option<Self> {
        static ONE: Mutex<()> = Mutex::new(());
        // Whether another test has failed does not matter.
        let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Network::or_skip().map(|network| Self(network, guard))
    }

    fn run(&self, work: impl FnOnce() + Send) {
        self.0.on(Host::Server, work);
    }
}

fn setup(offload: bool, mtu: Option<u16>) -> Setup {
    let host = ADDRESSES.iter().map(|ours| beside(cidr(ours)).unwrap()).collect();
    Setup { name: "tap0".into(), offload, host, mtu }
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Run a command in the namespace of this thread; what it says on standard output.
fn run(line: &str) -> String {
    let output = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn large_contents_come_back_right_at_every_mtu_with_and_without_offload() {
    let Some(host) = Alone::or_skip() else { return };
    host.run(|| {
        for (mtu, offload) in
            [(1500, false), (1500, true), (9000, true), (65_521, false), (65_521, true)]
        {
            let make = || {
                let tap = setup(offload, Some(mtu)).create().unwrap();
                assert_eq!((tap.name(), tap.mtu()), ("tap0", usize::from(mtu)));
                Wire::new(tap, None, None).unwrap()
            };
            // The first connection is made as soon as the device is: with an address that were
            // not valid yet it would fail.
            echoing(make, &ADDRESSES, 4, || {
                for (number, echo) in ECHOES.iter().chain(&ECHOES).enumerate() {
                    exchange(address(echo), u64::from(mtu) + number as u64, 24 << 20);
                }
            });
            assert!(!run("ip link").contains("tap0"), "it is gone with the program");
        }
    });
}

#[test]
fn a_device_made_with_the_commands_that_are_told_serves_with_and_without_offload() {
    let Some(host) = Alone::or_skip() else { return };
    host.run(|| {
        let commands = setup(true, Some(2000)).commands();
        run(&commands.replace("sudo ", ""));
        for offload in [true, false, true] {
            let setup = setup(offload, None);
            let make = || {
                let mut wire = Wire::new(setup.attach().unwrap(), None, None).unwrap();
                assert!(wire.trouble().is_none(), "it is up");
                wire
            };
            echoing(make, &ADDRESSES, 2, || {
                for (number, echo) in ECHOES.iter().enumerate() {
                    exchange(address(echo), number as u64, 4 << 20);
                }
            });
        }
        run(&setup(true, None).removal().replace("sudo ", ""));
        assert!(!run("ip link").contains("tap0"));
    });
}

#[test]
fn a_capture_has_what_went_over_the_wire() {
    let Some(host) = Alone::or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    for offload in [false, true] {
        let path = folder.path().join(format!("{offload}.pcap"));
        host.run(|| {
            let make = || {
                let capture = Capture::create(&path).unwrap();
                Wire::new(setup(offload, None).create().unwrap(), None, Some(capture)).unwrap()
            };
            echoing(make, &ADDRESSES, 1, || exchange(address(ECHOES[0]), 1, 1 << 20));
        });
        let file = fs::read(&path).unwrap();
        let mut rest = &file[24..];
        let (mut bytes, mut longest) = (0, 0);
        while !rest.is_empty() {
            let len = u32::from_ne_bytes(rest[8..12].try_into().unwrap()) as usize;
            longest = longest.max(len);
            bytes += len;
            rest = &rest[16 + len..];
        }
        assert!(bytes > 2 << 20, "both ways: {bytes}");
        assert_eq!(longest > 1514, offload, "{longest}");
    }
}

#[test]
fn contents_come_back_right_over_a_link_that_loses_and_damages_frames() {
    let Some(host) = Alone::or_skip() else { return };
    host.run(|| {
        let faults = Faults { drop_chance: 3, corrupt_chance: 3, ..Faults::default() };
        // Longer frames than the injector knows: it says so, and none are sent.
        let make = || {
            let tap = setup(false, Some(9000)).create().unwrap();
            Wire::new(tap, Some(&faults), None).unwrap()
        };
        for echo in ECHOES {
            echoing(make, &ADDRESSES, 1, || exchange(address(echo), 2, 128 << 10));
        }
        let tap = setup(true, None).create().unwrap();
        let text = Wire::new(tap, Some(&faults), None).map(drop).unwrap_err().to_string();
        assert!(text.contains("faults cannot be injected with --offload"), "{text}");
    });
}
