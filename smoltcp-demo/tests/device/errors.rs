//! What goes wrong is told, and nothing panics.

use coracle_smoltcp::tap::device::{Tap, Trouble};
use coracle_smoltcp::tap::setup::{OpenError, Setup};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use smoltcp::phy::{Device as _, TxToken as _};
use smoltcp::time::Instant;

use super::stack::told;
use super::{Alone, run, setup};

fn send(tap: &mut Tap) {
    // A frame of a type for experiments, to all.
    let token = tap.transmit(Instant::ZERO).unwrap();
    token.consume(60, |frame| {
        frame.fill(0xff);
        frame[12..14].copy_from_slice(&[0x88, 0xb5]);
    });
}

#[test]
fn an_interface_that_goes_down_and_one_that_goes_away_are_told_once() {
    let Some(host) = Alone::or_skip() else { return };
    host.run(|| {
        for offload in [false, true] {
            let mut tap = setup(offload, None).create().unwrap();
            send(&mut tap);
            assert!(tap.trouble().is_none());

            run("ip link set tap0 down");
            for round in 0..3 {
                send(&mut tap);
                let trouble = tap.trouble();
                assert_eq!(trouble.is_some(), round == 0, "{trouble:?}");
                assert!(trouble.is_none_or(|trouble| matches!(trouble, Trouble::Down(_))));
            }
            run("ip link set tap0 up");
            send(&mut tap);
            assert!(tap.trouble().is_none());
            run("ip link set tap0 down");
            send(&mut tap);
            let text = tap.trouble().unwrap().to_string();
            assert_eq!(text, "tap0 is down (sudo ip link set tap0 up)");

            run("ip link delete tap0");
            for round in 0..3 {
                send(&mut tap);
                assert!(tap.receive(Instant::ZERO).is_none());
                let trouble = tap.trouble();
                assert_eq!(trouble.is_some(), round == 0, "{trouble:?}");
                assert!(trouble.is_none_or(|trouble| matches!(trouble, Trouble::Gone(_))));
            }
        }
    });
}

#[test]
fn a_device_that_is_down_is_told_before_the_first_frame() {
    let Some(host) = Alone::or_skip() else { return };
    host.run(|| {
        let tap = Tap::open("tap%d", false).unwrap();
        assert_eq!(tap.name(), "tap0", "the kernel's choice");
        assert!(matches!(tap.trouble(), Some(Trouble::Down(name)) if name == "tap0"));
        assert!(tap.trouble().is_none());
    });
}

#[test]
fn devices_that_cannot_be_had_say_why() {
    let Some(host) = Alone::or_skip() else { return };
    host.run(|| {
        let taken = setup(false, None).create().unwrap();
        let text = told(setup(false, None).create());
        assert!(text.contains("there is an interface tap0 already: without --setup"), "{text}");
        let text = told(setup(false, None).attach());
        assert!(text.contains("another program uses tap0"), "{text}");
        drop(taken);

        run("ip tuntap add name tun0 mode tun && ip tuntap add name many mode tap multi_queue");
        for name in ["tun0", "many", "lo", "wire"] {
            let text = told(Tap::open(name, false));
            assert!(text.contains(&format!("{name} is there but is no TAP device")), "{text}");
        }
        for (mtu, text) in [
            (67, "67 is none: 68 to 65521"),
            (65_522, "65522 is none"),
            (1279, "too small for IPv6"),
        ] {
            let said = told(setup(false, Some(mtu)).create());
            assert!(said.contains(text), "{said}");
        }
        let text = told(setup(false, Some(9000)).attach());
        assert!(text.contains("sudo ip link set tap0 mtu 9000"), "{text}");
        let small = Setup { host: Vec::new(), ..setup(false, Some(68)) };
        assert_eq!(small.create().unwrap().mtu(), 68);

        run("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
        let text = told(setup(false, None).create());
        assert!(text.contains("fd00::2/64") && text.contains("IPv6 is off"), "{text}");
        assert!(!run("ip link").contains("tap0"), "what was made is gone");
    });
}

#[test]
fn without_rights_the_commands_are_told() {
    let Some(host) = Alone::or_skip() else { return };
    host.run(|| {
        run("ip tuntap add name other mode tap user 12345");
        let mine = Setup { name: "mine".into(), ..setup(true, Some(1400)) };
        run(&mine.commands().replace("sudo ", ""));
        let mut sets = capabilities(None).unwrap();
        sets.effective -= CapabilitySet::NET_ADMIN;
        // This thread's, which ends with the test.
        set_capabilities(None, sets).unwrap();
        let setup = setup(false, None);
        for result in [setup.create(), setup.attach()] {
            assert!(matches!(result, Err(OpenError::Rights(_))));
            let text = told(result);
            for command in setup.commands().lines() {
                assert!(text.contains(&format!("  {command}\n")), "{text}");
            }
        }
        let setup = Setup { name: "other".into(), ..setup };
        let text = told(setup.attach());
        assert!(text.starts_with("this user may not use the TAP device other"), "{text}");
        assert!(text.contains("192.168.69.2/24 dev other"), "{text}");
        let tap = Setup { mtu: None, ..mine }.attach().unwrap();
        assert_eq!(tap.mtu(), 1400, "what the commands made needs no rights");
        assert!(tap.trouble().is_none());
    });
}
