//! One script through the three drivers: the same bytes, however they are cut, and whether or not
//! a step takes its time.

mod support;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use coracle::asynch::Inline;
use coracle::{Outcome, Timeouts};
use support::links::{Link, Stopped};
use support::{
    Disk, Noting, Script, crc, data, disk, fail, frames, payload, run, run_hesitant, server, upload,
};

type Run = fn(&std::cell::RefCell<Disk>, &[u8], usize) -> (Vec<u8>, Option<Outcome>);

fn run_blocking(
    disk: &std::cell::RefCell<Disk>,
    input: &[u8],
    step: usize,
) -> (Vec<u8>, Option<Outcome>) {
    let mut link = Link(Script::new(input, step));
    let outcome =
        coracle::blocking::serve(&mut server(), &mut link, &mut Noting::new(disk)).unwrap();
    (link.0.output, Some(outcome))
}

fn run_async(
    disk: &std::cell::RefCell<Disk>,
    input: &[u8],
    step: usize,
) -> (Vec<u8>, Option<Outcome>) {
    let mut link = Link(Script::new(input, step));
    let mut server = server();
    let mut host = Inline(Noting::new(disk));
    let outcome = {
        let future =
            coracle::asynch::serve(&mut server, &mut link, &mut host, &Stopped, Timeouts::DEFAULT);
        // Nothing in the script ever waits.
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome.unwrap(),
            Poll::Pending => panic!("waits for nothing"),
        }
    };
    (link.0.output, Some(outcome))
}

/// A session that meets every command, refusal and kind of frame.
fn script() -> Vec<u8> {
    let bytes = payload(5000);
    let resumed = format!("upload big 5000 2000 {:08x}\n", crc(&bytes[..2000]));
    [
        &b"hello 1\nmkdir d\n"[..],
        &upload("d/a", b"hello"),
        &upload("d/b", b""),
        &upload("d/a", &bytes[..1025]),
        b"upload big 5000\n",
        &data(&bytes[..1500]),
        &data(&bytes[1500..2000]),
        &fail("io cut"),
        b"partial big\n",
        resumed.as_bytes(),
        &frames(&bytes[2000..], 777),
        b"upload no/where 3\n",
        &data(b"\nls"),
        &fail("x"),
        b"ls d\nls\nsum big\ndownload d/a\ndownload big 4000\ndownload none\nstat d\nrm d\n",
        b"mv d/a d/c\nrm d/b\nrm d/c\nrm d\ndf\nhelp\nstats\nnonsense\n\nexit\n",
    ]
    .concat()
}

#[test]
fn three_drivers_one_transcript() {
    let script = script();
    let (whole, outcome) = run(&disk(), &script, usize::MAX);
    assert_eq!(outcome, Some(Outcome::Exit));
    let drivers: [(&str, Run); 4] = [
        ("poll", run),
        ("poll with steps that pend", run_hesitant),
        ("blocking", run_blocking),
        ("async", run_async),
    ];
    for (name, driver) in drivers {
        for step in [1, 2, 3, 7, 64, 1023, 1024, 1025, 4096, usize::MAX] {
            let (output, outcome) = driver(&disk(), &script, step);
            assert_eq!(outcome, Some(Outcome::Exit), "{name}, {step} at a time");
            assert!(
                collapsed(&output) == collapsed(&whole),
                "{name}, {step} bytes at a time: {:#?}",
                support::show(&output)
            );
        }
    }
    for step in [1, 5, 1028] {
        let transcripts: Vec<_> =
            drivers.iter().map(|(_, driver)| driver(&disk(), &script, step).0).collect();
        assert!(transcripts.iter().all(|other| *other == transcripts[0]), "{step} at a time");
    }
}

/// Without the `+ busy` lines: how many uploads share a commit depends on what is at hand.
fn collapsed(output: &[u8]) -> Vec<String> {
    support::show(output).into_iter().filter(|line| line != "+ busy").collect()
}

/// After a cut anywhere, what is visible is what was there before or the whole new file.
#[test]
fn a_script_cut_at_every_byte_leaves_old_or_new() {
    let (old, new) = (payload(1100), payload(2300));
    let script = [&b"hello 1\n"[..], &upload("a", &new)].concat();
    for cut in 0..=script.len() {
        for driver in [run, run_hesitant, run_blocking, run_async] {
            let disk = disk();
            run(&disk, &[&b"hello 1\n"[..], &upload("a", &old)].concat(), usize::MAX);
            driver(&disk, &script[..cut], 1000);
            let (output, _) = run(&disk, b"hello 1\nsum a\nls\n", usize::MAX);
            let lines = support::show(&output);
            let expected = if cut == script.len() { &new } else { &old };
            let sum = format!("ok {} {:08x}", expected.len(), crc(expected));
            assert_eq!(lines[1], sum, "cut after {cut} bytes");
            assert_eq!(lines.len(), 4, "cut after {cut} bytes: one visible file: {lines:?}");
        }
    }
}

/// Damage of any kind: the answers do not depend on the driver or on how the bytes are cut, and
/// nothing panics, stands still or lends an empty slice.
#[test]
fn a_damaged_script_has_one_transcript() {
    let script = script();
    let mut random = payload(40_000).into_iter();
    let mut below = |bound: usize| {
        let mut byte = || usize::from(random.next().expect("enough"));
        (byte() << 16 | byte() << 8 | byte()) % bound
    };
    for _ in 0..800 {
        let mut damaged = script.clone();
        for _ in 0..=below(4) {
            let at = 8 + below(damaged.len() - 9);
            let end = at + 1 + below((damaged.len() - at).min(300));
            match below(4) {
                0 => damaged[at] = below(256) as u8,
                1 => drop(damaged.drain(at..end)),
                2 => damaged.insert(at, *b"\n\r \0\x01\x02\x03\x04".get(below(8)).unwrap()),
                _ => drop(damaged.splice(at..at, script[at.min(99)..at.min(99) + 400].to_vec())),
            }
        }
        let (whole, outcome) = run(&disk(), &damaged, usize::MAX);
        let drivers: [(Run, usize); 5] =
            [(run, 1), (run, 1000), (run_hesitant, 99), (run_blocking, 7), (run_async, 100)];
        for (driver, step) in drivers {
            let (output, ended) = driver(&disk(), &damaged, step);
            assert_eq!(ended, outcome, "{}", damaged.escape_ascii());
            assert_eq!(collapsed(&output), collapsed(&whole), "{}", damaged.escape_ascii());
        }
    }
}
