//! The shell without a terminal: commands from a pipe.

mod support;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use support::{Fake, Outcome, Peer, coracle_with, download, script, staged, tempdir, until};

fn listing(peer: &mut Peer) {
    peer.expect("ls /");
    peer.say("- f 5 - a\nok 1\n");
}

const LISTING: &str = "f            5 -                    a\n";

#[test]
fn results_are_all_that_is_printed() {
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        listing(peer);
        peer.exit();
    })]);
    let folder = tempdir().unwrap();
    let input = b"# a comment\n\nls\r\nexit\nls\n";
    let outcome = coracle_with(folder.path(), fake.address, &[], input).expect(0);
    fake.finish();
    assert_eq!((&*outcome.out, &*outcome.err), (LISTING, ""));
}

#[test]
fn the_first_failure_ends_it_with_its_code() {
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        listing(peer);
        peer.expect("rm /b");
        peer.say("err not-found there is no such file\n");
        peer.gone();
    })]);
    let folder = tempdir().unwrap();
    let outcome = coracle_with(folder.path(), fake.address, &[], b"ls\nrm b\nls\n").expect(1);
    fake.finish();
    assert_eq!(outcome.out, LISTING);
    assert_eq!(outcome.err, "coracle: b: there is no such file (not-found)\n");
}

#[test]
fn the_last_line_needs_no_end_and_going_on_can_be_asked_for() {
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        peer.expect("rm /b");
        peer.say("err denied no\n");
        listing(peer);
        peer.exit();
    })]);
    let folder = tempdir().unwrap();
    let input = b"rm b\nnonsense\nls";
    let outcome = coracle_with(folder.path(), fake.address, &["--keep-going"], input).expect(1);
    fake.finish();
    assert_eq!(outcome.out, LISTING);
    assert!(outcome.err.contains("Please use one of the following command:"));
}

#[test]
fn names_are_quoted_as_in_a_shell_and_may_be_any_bytes() {
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        for name in ["a%20b", "it's", "c%20d", "%FF%FE", "x&"] {
            peer.expect(&format!("rm /{name}"));
            peer.say("ok\n");
        }
        peer.exit();
    })]);
    let folder = tempdir().unwrap();
    let input = b"rm 'a b' \"it's\" c\\ d\nrm \xff\xfe 'x&' # no job\n";
    let outcome = coracle_with(folder.path(), fake.address, &[], input).expect(0);
    fake.finish();
    assert_eq!((&*outcome.out, &*outcome.err), ("", ""));
}

#[test]
fn lines_that_are_none_are_told() {
    let long = [b"ls ".as_slice(), &b"x".repeat(70_000)].concat();
    for (line, told) in [
        (&b"ls a\0b"[..], "NUL"),
        (b"ls 'a", "quotation"),
        (&long, "longer than 65536 bytes"),
        (b"upload - x", "standard input"),
        (b"ls &", "only `download` and `upload`"),
        (b"exit &", "only `download` and `upload`"),
        (b"&", "in front of `&`"),
        (b"wait 7", "no job 7"),
        (b"ls a b", "unexpected argument"),
    ] {
        let fake = Fake::start(vec![]);
        let folder = tempdir().unwrap();
        let input = [line, b"\npwd\n"].concat();
        let outcome = coracle_with(folder.path(), fake.address, &[], &input).expect(2);
        assert!(outcome.err.contains(told), "{outcome:?}");
        assert_eq!(outcome.out, "");
        let outcome =
            coracle_with(folder.path(), fake.address, &["--keep-going"], &input).expect(2);
        assert_eq!(outcome.out, "/\n");
        fake.finish();
    }
}

#[test]
fn the_end_waits_for_jobs_and_takes_their_failure() {
    let fake = Fake::start(vec![
        script(|peer| {
            peer.greet();
            peer.expect("download /a");
            peer.say(download(b"12345"));
            peer.exit();
        }),
        script(|peer| {
            peer.greet();
            peer.expect("download /b");
            peer.say("err not-found there is no such file\n");
            peer.exit();
        }),
    ]);
    let folder = tempdir().unwrap();
    let input = b"download a &\nwait\ndownload b &\n";
    let outcome = coracle_with(folder.path(), fake.address, &[], input).expect(1);
    fake.finish();
    assert_eq!(outcome.out, "");
    assert!(outcome.err.contains("[1] done: download a\n"), "{outcome:?}");
    // Told once by the job, not again by the shell.
    assert_eq!(outcome.err.matches("No such file found").count(), 1, "{outcome:?}");
    assert!(outcome.err.ends_with("[1] failed: download b\n"), "{outcome:?}");
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"12345");
}

#[test]
fn a_signal_ends_everything_in_order() {
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        peer.expect("download /a");
        peer.say("ok 10 10 -\n");
        peer.say(support::data(b"12345"));
        peer.gone();
    })]);
    let folder = tempdir().unwrap();
    let mut command = support::command(folder.path(), fake.address, &["--keep-going"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"download a &\n").unwrap();
    let is_whole = |file: &PathBuf| fs::metadata(file).unwrap().len() == 5;
    until(|| staged(folder.path()).iter().any(is_whole));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let outcome = Outcome::of(&child.wait_with_output().unwrap()).expect(130);
    fake.finish();
    assert!(outcome.err.contains("[1] stopped: download a\n"), "{outcome:?}");
    drop(input);
}

#[test]
fn options_of_the_start_hold_for_every_line() {
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        peer.expect("download /a");
        peer.say(download(b"12345"));
        peer.exit();
    })]);
    let folder = tempdir().unwrap();
    let input = b"download a &\n";
    let options = ["--one-connection", "-q"];
    let outcome = coracle_with(folder.path(), fake.address, &options, input).expect(0);
    fake.finish();
    assert_eq!((&*outcome.out, &*outcome.err), ("", ""));
}

#[test]
fn output_that_nobody_reads_is_no_failure() {
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        peer.expect("ls /");
        peer.say("- f 5 - a\nok 1\n");
        peer.expect("rm /a");
        peer.say("ok\n");
        peer.exit();
    })]);
    let folder = tempdir().unwrap();
    let mut command = support::command(folder.path(), fake.address, &[]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"pwd\nls\nrm a\nhelp\n").unwrap();
    drop(input);
    let outcome = Outcome::of(&child.wait_with_output().unwrap()).expect(0);
    fake.finish();
    assert_eq!(outcome.err, "");
}
