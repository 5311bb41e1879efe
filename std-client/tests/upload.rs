//! Uploads: what is sent, what proves it, what is tried again.

mod support;

use std::fs;

use support::{Fake, coracle, coracle_with, crc, pattern, receipt, script, tempdir};

#[test]
fn files_are_sent_without_waiting_and_their_receipts_checked() {
    let folder = tempdir().unwrap();
    let big = pattern(600_000);
    fs::write(folder.path().join("a b"), &big).unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    let day = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400);
    for name in ["a b", "empty"] {
        fs::File::options()
            .write(true)
            .open(folder.path().join(name))
            .unwrap()
            .set_modified(day)
            .unwrap();
    }
    let expected = big.clone();
    let fake = Fake::start(vec![script(move |peer| {
        peer.greet();
        peer.expect("upload /dir/a%20b 600000 mtime=86400");
        let (data, last) = peer.frames();
        assert!(data == expected && last == 2);
        peer.expect("upload /dir/empty 0 mtime=86400");
        assert_eq!(peer.frames(), (Vec::new(), 2));
        // Only now is anything answered.
        peer.say(receipt(&expected));
        peer.say("ok 0 00000000 cached\n");
        peer.exit();
    })]);
    let arguments = ["-v", "upload", "a b", "empty", "dir/"];
    let outcome = coracle(folder.path(), fake.address, &arguments).expect(0);
    fake.finish();
    assert!(outcome.err.contains("dir/empty: 0 00000000 cached"), "{outcome:?}");
    assert!(outcome.err.contains(&format!("{:08x} flushed", crc(&big))), "{outcome:?}");
}

#[test]
fn names_on_the_server() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("sub/f"), "x").unwrap();
    fs::write(folder.path().join("g"), "x").unwrap();
    for (arguments, lines) in [
        (&["put", "sub/f"][..], &["/f"][..]),
        (&["put", "sub/f", "h"], &["/h"]),
        (&["put", "sub/f", "/h/i/"], &["/h/i/f"]),
        (&["put", "sub/f", "g", "/"], &["/f", "/g"]),
        (&["put", "sub/f", "g", "there"], &["/there/f", "/there/g"]),
    ] {
        let fake = Fake::start(vec![script(move |peer| {
            peer.greet();
            for name in lines {
                let line = peer.line();
                assert_eq!(line.split(' ').nth(1), Some(*name));
                assert_eq!(peer.frames().0, b"x");
                peer.say(receipt(b"x"));
            }
            peer.exit();
        })]);
        coracle(folder.path(), fake.address, arguments).expect(0);
        fake.finish();
    }
    // Three local files and no folder: a pattern of the shell, most likely.
    let nowhere = "127.0.0.1:1".parse().unwrap();
    let outcome = coracle(folder.path(), nowhere, &["put", "sub/f", "g", "g"]).expect(2);
    assert!(outcome.err.contains("is a local file"), "{outcome:?}");
}

#[test]
fn standard_input_has_no_size() {
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        peer.expect("upload /log -");
        assert_eq!(peer.frames(), (b"piped".to_vec(), 2));
        peer.say(receipt(b"piped"));
        peer.exit();
    })]);
    let folder = tempdir().unwrap();
    coracle_with(folder.path(), fake.address, &["upload", "-", "log"], b"piped").expect(0);
    fake.finish();
}

#[test]
fn a_refusal_comes_early_and_stops_the_file_but_not_the_others() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("big"), pattern(50_000_000)).unwrap();
    fs::write(folder.path().join("small"), "x").unwrap();
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        assert!(peer.line().starts_with("upload /big 50000000"));
        peer.say("err no-space the medium is full\n");
        let (data, last) = peer.frames();
        assert_eq!(last, 3, "FAIL");
        assert!(data.len() < 50_000_000);
        assert!(peer.line().starts_with("upload /small 1"));
        peer.frames();
        peer.say(receipt(b"x"));
        peer.exit();
    })]);
    let outcome = coracle(folder.path(), fake.address, &["upload", "big", "small", "/"]).expect(1);
    fake.finish();
    let (refusal, summary) = outcome.err.split_once('\n').unwrap();
    assert_eq!(refusal, "coracle: /big: the medium is full (no-space)");
    assert!(summary.starts_with("1 of 2 files uploaded: "), "{summary}");
}

#[test]
fn a_wrong_receipt_is_an_integrity_error() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("f"), "bytes").unwrap();
    for reply in ["ok 5 00000000 flushed\n".to_owned(), receipt(b"byte")] {
        let fake = Fake::start(vec![script(move |peer| {
            peer.greet();
            peer.line();
            peer.frames();
            peer.say(reply);
            peer.gone();
        })]);
        let outcome = coracle(folder.path(), fake.address, &["upload", "f"]).expect(4);
        fake.finish();
        assert!(outcome.err.contains("stored something else"), "{outcome:?}");
    }
}

#[test]
fn a_lost_receipt_is_settled_by_the_checksum() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("f"), "bytes").unwrap();
    let sum = receipt(b"bytes").replace(" flushed", "");
    let fake = Fake::start(vec![
        script(|peer| {
            peer.greet();
            peer.line();
            assert_eq!(peer.frames().1, 2);
        }),
        script(move |peer| {
            peer.greet();
            peer.expect("sum /f");
            peer.say(sum);
            peer.exit();
        }),
    ]);
    let outcome = coracle(folder.path(), fake.address, &["upload", "f"]).expect(0);
    fake.finish();
    assert!(outcome.err.contains("the receipt was lost, but the file is stored"), "{outcome:?}");
}

#[test]
fn what_was_not_stored_is_sent_again() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("f"), "bytes").unwrap();
    let fake = Fake::start(vec![
        script(|peer| {
            peer.greet();
            peer.line();
            assert_eq!(peer.frames().1, 2);
        }),
        script(move |peer| {
            peer.greet();
            peer.expect("sum /f");
            // The old file is still there.
            peer.say("ok 5 00000000\n");
            peer.expect("partial /f");
            peer.say("err not-found nothing\n");
            assert!(peer.line().starts_with("upload /f 5"));
            assert_eq!(peer.frames().0, b"bytes");
            peer.say(receipt(b"bytes"));
            peer.exit();
        }),
    ]);
    coracle(folder.path(), fake.address, &["upload", "f"]).expect(0);
    fake.finish();
}

#[test]
fn a_dropped_connection_is_continued_from_what_is_stored() {
    let folder = tempdir().unwrap();
    // More than the buffers of both sockets hold: the end is never sent.
    let bytes = pattern(20_000_000);
    fs::write(folder.path().join("f"), &bytes).unwrap();
    let all = bytes.clone();
    let fake = Fake::start(vec![
        script(|peer| {
            peer.greet();
            peer.line();
            peer.take(100_000);
        }),
        script(move |peer| {
            peer.greet();
            peer.expect("partial /f");
            peer.say(format!("ok 70000 {:08x}\n", crc(&all[..70_000])));
            let line = peer.line();
            let resume = format!("upload /f 20000000 70000 {:08x} mtime=", crc(&all[..70_000]));
            assert!(line.starts_with(&resume), "{line}");
            assert!(peer.frames().0 == all[70_000..]);
            peer.say(receipt(&all));
            peer.exit();
        }),
    ]);
    coracle(folder.path(), fake.address, &["upload", "f"]).expect(0);
    fake.finish();
}

#[test]
fn continuing_proves_the_beginning_or_restarts() {
    let folder = tempdir().unwrap();
    let bytes = pattern(5000);
    fs::write(folder.path().join("f"), &bytes).unwrap();
    for (partial, offset) in [
        (format!("ok 2000 {:08x}\n", crc(&bytes[..2000])), Some(2000)),
        ("ok 2000 00000000\n".to_owned(), None),
        (format!("ok 5001 {:08x}\n", crc(&bytes)), None),
        ("err not-found nothing\n".to_owned(), None),
    ] {
        let all = bytes.clone();
        let says_so = partial.starts_with("ok") && offset.is_none();
        let fake = Fake::start(vec![script(move |peer| {
            peer.greet();
            peer.expect("partial /f");
            peer.say(partial);
            let line = peer.line();
            assert_eq!(line.contains(" 2000 "), offset.is_some(), "{line}");
            assert!(peer.frames().0 == all[offset.unwrap_or(0)..]);
            peer.say(receipt(&all));
            peer.exit();
        })]);
        let outcome = coracle(folder.path(), fake.address, &["-c", "upload", "f"]).expect(0);
        fake.finish();
        assert_eq!(outcome.err.contains("starting from zero"), says_so, "{outcome:?}");
    }
}

#[test]
fn retries_end() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("f"), "x").unwrap();
    fs::write(folder.path().join("g"), "x").unwrap();
    let drop_it = || {
        script(|peer| {
            peer.greet();
            peer.line();
        })
    };
    let fake = Fake::start(vec![drop_it(), drop_it()]);
    let arguments = ["--retries", "1", "upload", "f", "g", "/"];
    let outcome = coracle(folder.path(), fake.address, &arguments).expect(3);
    fake.finish();
    assert!(outcome.err.contains("1 more file was not transferred"), "{outcome:?}");
}

#[test]
fn a_missing_local_file_stops_no_other() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("f"), "x").unwrap();
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        assert!(peer.line().starts_with("upload /f 1"));
        peer.frames();
        peer.say(receipt(b"x"));
        peer.exit();
    })]);
    let outcome = coracle(folder.path(), fake.address, &["upload", "none", "f", "/"]).expect(5);
    fake.finish();
    assert!(outcome.err.contains("cannot read none"), "{outcome:?}");
}

/// A server that closes in anger resets the connection; what it said before still counts.
#[test]
fn a_refusal_is_heard_although_the_connection_breaks() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("big"), pattern(50_000_000)).unwrap();
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        peer.line();
        // Much is on its way that is never read.
        peer.take(100_000);
        peer.say("err limit enough for today\n");
    })]);
    let arguments = ["--retries", "0", "upload", "big"];
    let outcome = coracle(folder.path(), fake.address, &arguments).expect(1);
    fake.finish();
    assert!(outcome.err.contains("enough for today (limit)"), "{outcome:?}");
}
