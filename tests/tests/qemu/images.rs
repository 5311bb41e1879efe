//! Images with one purpose each, and what the image of the server takes.

use std::path::Path;

use coracle_qemu::firmware::Image;
use coracle_qemu::qemu::{Network, Qemu, Setup};

use crate::site::{SOON, Site, has_qemu, image};
use crate::support::until;

/// Start an image without card and network.
fn start(name: &str) -> Qemu {
    let setup = Setup {
        image: image(name, ""),
        card: None,
        network: Network::Unplugged,
        monitor: None,
        arguments: Vec::new(),
    };
    Qemu::start(&setup).unwrap()
}

#[test]
fn a_stack_that_overflows_is_a_new_start_and_nothing_else() {
    if !has_qemu() {
        return;
    }
    let mut qemu = start("stack_overflow");
    for _ in 0..2 {
        qemu.wait_for("started", SOON).unwrap();
    }
    assert!(qemu.log().iter().all(|line| line.contains("started")), "{:?}", qemu.log());
}

#[test]
fn no_panic_is_reachable_in_core_file_system_and_drivers() {
    if !has_qemu() {
        return;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware-no-panic");
    // The log over semihosting is for trials, and has some.
    let features = "no-panic";
    let of = |name| Image { name, features, has_defaults: false, ..Image::NEUTRAL };
    of("no_panic").build(&target).unwrap();
    // The proof can fail: there are ways to a panic in smoltcp.
    let error = of("coracle-firmware").build(&target).unwrap_err().to_string();
    assert!(error.contains("a_panic_is_reachable"), "{error}");
}

/// The RAM that the image may take, in bytes: statics and the most that was used of the stack.
const RAM: usize = 40 << 10;

/// Two numbers of a line like `stack: 1 of 2 B`.
fn numbers(line: &str) -> Vec<usize> {
    line.split(' ').filter_map(|word| word.parse().ok()).collect()
}

/// The time of the last line.
fn seconds(log: &[String]) -> f64 {
    let time = |line: &String| line.split(' ').next()?.parse().ok();
    log.iter().rev().find_map(time).unwrap_or(0.0)
}

#[test]
fn the_ram_that_is_used_is_bounded() {
    let Some(mut site) = Site::start() else { return };
    site.write("file", 1, 300_000);
    site.run(&["mkdir", "a folder"]).succeeded();
    for _ in 0..2 {
        site.run(&["upload", "file", "a folder/with a long name"]).succeeded();
    }
    site.run(&["mv", "a folder/with a long name", "name"]).succeeded();
    site.run(&["rm", "a folder"]).succeeded();
    site.fetch("name");
    site.run(&["sum", "name"]).succeeded();
    site.run(&["ls"]).succeeded();
    // The mark is logged when it has risen, after half a second of the chip's time at most.
    let after = seconds(site.qemu.log());
    until("its clock goes on", || {
        site.run(&["ls"]).succeeded();
        seconds(site.qemu.log()) > after + 0.6
    });
    let log = site.qemu.log();
    let mut marks = log.iter().filter(|line| line.contains("stack: "));
    let [used, size] = numbers(marks.next_back().expect("a mark"))[..] else { panic!("{log:?}") };
    let line = log.iter().find(|line| line.contains("statics: ")).expect("the statics");
    let statics = numbers(line)[0];
    println!("statics {statics} B, stack {used} of {size} B");
    assert!(used + 512 < size, "the stack is nearly used up: {used} of {size}");
    assert!(statics + used <= RAM, "{statics} and {used}");
}
