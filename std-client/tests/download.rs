//! Downloads: what becomes visible, what stays, what is tried again.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use support::{
    Fake, Outcome, Script, command, coracle, crc, data, download, end, names, pattern, script,
    staged, tempdir, until,
};

/// A session that answers one download of `line` with `bytes` and is ended in order.
fn answers(line: &'static str, bytes: Vec<u8>) -> Script {
    script(move |peer| {
        peer.greet();
        peer.expect(line);
        peer.say(&bytes);
        peer.exit();
        peer.gone();
    })
}

/// A session that is lost within the answer.
fn drops(line: String, bytes: Vec<u8>) -> Script {
    script(move |peer| {
        peer.greet();
        peer.expect(&line);
        peer.say(&bytes);
    })
}

#[test]
fn a_file_arrives_with_its_time_and_ordinary_permissions() {
    let bytes = pattern(700_000);
    let fake = Fake::start(vec![answers("download /a/f", download(&bytes))]);
    let folder = tempdir().unwrap();
    let outcome = coracle(folder.path(), fake.address, &["download", "a/f"]).expect(0);
    fake.finish();
    let said = "Start downloading..\nfile size: 700000\nDownload is finished!\n";
    assert_eq!((&*outcome.out, &*outcome.err), ("", said));
    assert_eq!(names(folder.path()), ["f"]);
    let file = folder.path().join("f");
    assert!(fs::read(&file).unwrap() == bytes);
    let metadata = fs::metadata(&file).unwrap();
    let day = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
    assert_eq!(metadata.modified().unwrap(), day);
    fs::write(folder.path().join("other"), "").unwrap();
    let ordinary = fs::metadata(folder.path().join("other")).unwrap().permissions();
    assert_eq!(metadata.permissions(), ordinary);
}

#[test]
fn empty_files_and_standard_output() {
    let bytes = b"standard output".as_slice();
    let fake = Fake::start(vec![
        answers("download /empty", download(b"")),
        answers("download /f", download(bytes)),
    ]);
    let folder = tempdir().unwrap();
    coracle(folder.path(), fake.address, &["get", "empty", "here"]).expect(0);
    let outcome = coracle(folder.path(), fake.address, &["get", "f", "-o", "-"]).expect(0);
    fake.finish();
    assert_eq!(outcome.out.as_bytes(), bytes);
    assert_eq!(names(folder.path()), ["here"]);
    assert_eq!(fs::read(folder.path().join("here")).unwrap(), b"");
}

#[test]
fn what_is_replaced_keeps_its_permissions_and_is_old_until_the_end() {
    let bytes = pattern(3000);
    let folder = tempdir().unwrap();
    let file = folder.path().join("f");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let seen = file.clone();
    let half = bytes.clone();
    let fake = Fake::start(vec![script(move |peer| {
        peer.greet();
        peer.expect("download /f");
        peer.say(format!("ok {0} {0} -\n", half.len()));
        peer.say(data(&half));
        let parent = seen.parent().unwrap();
        until(|| staged(parent).iter().any(|path| fs::metadata(path).unwrap().len() > 0));
        assert_eq!(fs::read(&seen).unwrap(), b"old");
        peer.say(end(&half));
        peer.exit();
    })]);
    coracle(folder.path(), fake.address, &["download", "f"]).expect(0);
    fake.finish();
    assert!(fs::read(&file).unwrap() == bytes);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(names(folder.path()), ["f"]);
}

#[test]
fn no_clobber_asks_for_nothing() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("f"), "old").unwrap();
    let fake = Fake::start(vec![answers("download /g", download(b"new"))]);
    let arguments = ["--no-clobber", "download", "f", "g", "-o", "./"];
    let outcome = coracle(folder.path(), fake.address, &arguments).expect(5);
    fake.finish();
    assert!(outcome.err.contains("f exists"), "{outcome:?}");
    assert_eq!(fs::read(folder.path().join("f")).unwrap(), b"old");
    assert_eq!(fs::read(folder.path().join("g")).unwrap(), b"new");
}

#[test]
fn several_files_are_asked_for_at_once_and_go_on_after_a_refusal() {
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        for line in ["download /a", "download /x/b", "download /c"] {
            peer.expect(line);
        }
        peer.say(download(b"A"));
        peer.say("err not-found nothing there\n");
        peer.say(download(b"C"));
        peer.exit();
    })]);
    let folder = tempdir().unwrap();
    let outcome = coracle(folder.path(), fake.address, &["download", "a", "x/b", "c"]).expect(1);
    fake.finish();
    let (refusal, summary) = outcome.err.split_once('\n').unwrap();
    assert_eq!(refusal, "coracle: x/b: No such file found on the server! (not-found)");
    assert!(summary.starts_with("2 of 3 files downloaded: 2 bytes in "), "{summary}");
    assert_eq!(names(folder.path()), ["a", "c"]);
}

#[test]
fn a_dropped_connection_is_continued() {
    let bytes = pattern(10_000);
    // Three whole frames, and the beginning of the next.
    let got = 3 * 1000 + 988;
    let part = [b"ok 10000 10000 -\n".as_slice(), &data(&bytes)[..got + 4 * 4]].concat();
    let rest = format!("download /f {got} crc={:08x}", crc(&bytes[..got]));
    let reply = format!("ok {} 10000 -\n", 10_000 - got);
    let answer = [reply.as_bytes(), &data(&bytes[got..]), &end(&bytes[got..])].concat();
    let fake = Fake::start(vec![
        drops("download /f".to_owned(), part),
        script(move |peer| {
            peer.greet();
            peer.expect(&rest);
            peer.say(&answer);
            peer.exit();
        }),
    ]);
    let folder = tempdir().unwrap();
    let outcome = coracle(folder.path(), fake.address, &["download", "f"]).expect(0);
    fake.finish();
    assert!(outcome.err.contains("trying again"), "{outcome:?}");
    assert!(fs::read(folder.path().join("f")).unwrap() == bytes);
    assert_eq!(names(folder.path()), ["f"]);
}

#[test]
fn what_stopped_is_invisible_and_can_be_continued() {
    let bytes = pattern(5000);
    let folder = tempdir().unwrap();
    let part = [b"ok 5000 5000 -\n".as_slice(), &data(&bytes[..2000])].concat();
    let line = "download /f".to_owned();
    let fake = Fake::start(vec![drops(line.clone(), part.clone()), drops(line, part)]);
    for _ in 0..2 {
        // The second, fresh attempt replaces what the first left.
        coracle(folder.path(), fake.address, &["--retries", "0", "download", "f"]).expect(3);
        let [left] = &staged(folder.path())[..] else { panic!("{:?}", names(folder.path())) };
        assert_eq!(names(folder.path()).len(), 1);
        assert!(fs::read(left).unwrap() == bytes[..2000]);
    }
    fake.finish();
    let rest = format!("download /f 2000 crc={:08x}", crc(&bytes[..2000]));
    let answer = [b"ok 3000 5000 -\n".as_slice(), &data(&bytes[2000..]), &end(&bytes[2000..])];
    let fake = Fake::start(vec![answers(rest.leak(), answer.concat())]);
    coracle(folder.path(), fake.address, &["-c", "download", "f"]).expect(0);
    fake.finish();
    assert!(fs::read(folder.path().join("f")).unwrap() == bytes);
    assert_eq!(names(folder.path()), ["f"]);
}

#[test]
fn a_shorter_file_is_continued_and_a_different_one_restarted() {
    let bytes = pattern(5000);
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("f"), &bytes[..1234]).unwrap();
    let rest = format!("download /f 1234 crc={:08x}", crc(&bytes[..1234]));
    let answer = [b"ok 3766 5000 -\n".as_slice(), &data(&bytes[1234..]), &end(&bytes[1234..])];
    let other = b"quite another file".as_slice();
    let whole = format!("download /f 5000 crc={:08x}", crc(&bytes));
    let fake = Fake::start(vec![
        answers(rest.leak(), answer.concat()),
        script(move |peer| {
            peer.greet();
            peer.expect(&whole);
            peer.say("err bad-argument beyond the end\n");
            peer.expect("download /f");
            peer.say(download(other));
            peer.exit();
        }),
    ]);
    coracle(folder.path(), fake.address, &["-c", "download", "f"]).expect(0);
    assert!(fs::read(folder.path().join("f")).unwrap() == bytes);
    let outcome = coracle(folder.path(), fake.address, &["-c", "download", "f"]).expect(0);
    fake.finish();
    assert!(outcome.err.contains("starting from zero"), "{outcome:?}");
    assert_eq!(fs::read(folder.path().join("f")).unwrap(), other);
}

#[test]
fn signals_leave_what_can_be_continued() {
    for (signal, code, killed) in [
        (Signal::INT, Some(130), None),
        (Signal::TERM, Some(130), None),
        (Signal::KILL, None, Some(9)),
    ] {
        let bytes = pattern(5000);
        let folder = tempdir().unwrap();
        let part = [b"ok 5000 5000 -\n".as_slice(), &data(&bytes[..2000])].concat();
        let fake = Fake::start(vec![script(move |peer| {
            peer.greet();
            peer.expect("download /f");
            peer.say(&part);
            peer.gone();
        })]);
        let child = command(folder.path(), fake.address, &["download", "f"]).spawn().unwrap();
        until(|| staged(folder.path()).iter().any(|p| fs::metadata(p).unwrap().len() == 2000));
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.status.signal()), (code, killed));
        let says_how = String::from_utf8_lossy(&output.stderr).contains("--continue");
        assert_eq!(says_how, code.is_some());
        fake.finish();
        assert_eq!(names(folder.path()).len(), 1);
        let [left] = &staged(folder.path())[..] else { panic!() };
        assert!(fs::read(left).unwrap() == bytes[..2000]);
    }
}

#[test]
fn busy_is_tried_again() {
    let fake = Fake::start(vec![
        script(|peer| {
            peer.greet();
            peer.expect("download /f");
            peer.say("err busy somebody writes it\n");
            peer.exit();
        }),
        answers("download /f", download(b"now")),
    ]);
    let folder = tempdir().unwrap();
    coracle(folder.path(), fake.address, &["download", "f"]).expect(0);
    fake.finish();
    assert_eq!(fs::read(folder.path().join("f")).unwrap(), b"now");
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        peer.expect("download /f");
        peer.say("err busy somebody writes it\n");
        peer.exit();
    })]);
    let outcome = coracle(folder.path(), fake.address, &["download", "f", "--retries", "0"]);
    fake.finish();
    assert!(outcome.expect(1).err.contains("somebody writes it (busy)"));
}

#[test]
fn the_transfer_port_is_used_where_it_can_be_reached() {
    let transfers = Fake::start(vec![script(|peer| {
        // A session of its own, that does not wait for its greeting.
        peer.expect("hello 1");
        peer.expect("download /f");
        peer.say(support::GREETING);
        peer.say(download(b"second"));
        peer.exit();
        peer.gone();
    })]);
    let port = transfers.address.port();
    let fake = Fake::start(vec![script(move |peer| {
        peer.expect("hello 1 transfer=yes");
        peer.say(support::GREETING.replace('\n', &format!(" transfer={port}\n")));
        peer.gone();
    })]);
    let folder = tempdir().unwrap();
    coracle(folder.path(), fake.address, &["download", "f"]).expect(0);
    fake.finish();
    transfers.finish();
    assert_eq!(fs::read(folder.path().join("f")).unwrap(), b"second");

    // Nobody listens there any more: the first connection will do.
    let fake = Fake::start(vec![script(move |peer| {
        peer.expect("hello 1 transfer=yes");
        peer.say(support::GREETING.replace('\n', &format!(" transfer={port}\n")));
        peer.expect("download /f");
        peer.say(download(b"first"));
        peer.exit();
    })]);
    let outcome: Outcome = coracle(folder.path(), fake.address, &["-v", "download", "f"]).expect(0);
    fake.finish();
    assert!(outcome.err.contains("no transfer port"), "{outcome:?}");
    assert_eq!(fs::read(folder.path().join("f")).unwrap(), b"first");
}

#[test]
fn one_connection_asks_for_no_other() {
    let fake = Fake::start(vec![script(move |peer| {
        peer.expect("hello 1");
        // Told all the same: not used.
        peer.say(support::GREETING.replace('\n', " transfer=9\n"));
        peer.expect("download /f");
        peer.say(download(b"one"));
        peer.exit();
    })]);
    let folder = tempdir().unwrap();
    coracle(folder.path(), fake.address, &["--one-connection", "download", "f"]).expect(0);
    fake.finish();
}
