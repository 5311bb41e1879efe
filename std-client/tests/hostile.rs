//! Hostile servers: nothing they say decides where bytes go, and everything has an end.

mod support;

use std::fs;

use support::{Fake, coracle, crc, data, download, end, names, script, staged, tempdir};

/// H71, H72: the local name is the one that was asked for.
#[test]
fn the_server_names_no_file() {
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        peer.expect("download /dir/f");
        // Fields that are not there in the protocol are an error, not a name.
        peer.say("ok 1 1 - ../../evil\n");
        peer.gone();
    })]);
    let folder = tempdir().unwrap();
    coracle(folder.path(), fake.address, &["download", "dir/f"]).expect(3);
    fake.finish();
    assert!(names(folder.path()).is_empty());
}

/// H75: another length or other bytes than announced never become visible.
#[test]
fn other_bytes_than_announced_stay_apart() {
    let wrong_crc = coracle::End { length: 4, crc: 0 }.emit_frame();
    let wrong_length = coracle::End { length: 5, crc: crc(b"1234") }.emit_frame();
    for answer in [
        [b"ok 4 4 -\n".as_slice(), &data(b"1234"), &wrong_crc].concat(),
        [b"ok 4 4 -\n".as_slice(), &data(b"1234"), &wrong_length].concat(),
        [b"ok 4 4 -\n".as_slice(), &data(b"12345")].concat(),
        [b"ok 4 4 -\n".as_slice(), &data(b"123"), &end(b"123")].concat(),
    ] {
        let fake = Fake::start(vec![
            script(move |peer| {
                peer.greet();
                peer.expect("download /f");
                peer.expect("download /g");
                peer.say(answer);
                peer.gone();
            }),
            // What was behind it is fetched all the same.
            script(|peer| {
                peer.greet();
                peer.expect("download /g");
                peer.say(download(b"good"));
                peer.exit();
            }),
        ]);
        let folder = tempdir().unwrap();
        fs::write(folder.path().join("f"), "old").unwrap();
        coracle(folder.path(), fake.address, &["download", "f", "g", "-o", "."]).expect(4);
        fake.finish();
        assert_eq!(fs::read(folder.path().join("f")).unwrap(), b"old");
        assert_eq!(fs::read(folder.path().join("g")).unwrap(), b"good");
        assert!(staged(folder.path()).len() <= 1);
    }
}

/// H74: a message without end is cut off, what comes after the end is not read as a reply.
#[test]
fn endless_messages_are_bounded() {
    for (tail, code) in [(vec![b'x'; 1 << 20], 3), (b"short\nok\nok\n".to_vec(), 1)] {
        let fake = Fake::start(vec![script(move |peer| {
            peer.greet();
            peer.expect("rm /f");
            peer.try_say("err io ");
            peer.try_say(&tail);
        })]);
        let folder = tempdir().unwrap();
        let outcome = coracle(folder.path(), fake.address, &["rm", "f"]).expect(code);
        fake.finish();
        assert!(outcome.err.len() < 2000);
    }
}

/// H48: what makes no progress has an end: empty lines, information, signs of life.
#[test]
fn endless_nothing_is_bounded() {
    for nothing in ["\n\r\n", "+ please wait\n", "+ busy\n"] {
        let fake = Fake::start(vec![script(move |peer| {
            assert!(peer.line().starts_with("hello"));
            peer.say(support::GREETING.replace("busy=60", "busy=1"));
            peer.expect("df");
            let nothing = nothing.repeat(100);
            while peer.try_say(&nothing) {}
        })]);
        let folder = tempdir().unwrap();
        let outcome = coracle(folder.path(), fake.address, &["--timeout", "1", "df"]).expect(3);
        fake.finish();
        assert!(outcome.err.contains("no progress for 1 s"), "{outcome:?}");
    }
}

/// A server that says nothing at all.
#[test]
fn silence_is_bounded() {
    let fake = Fake::start(vec![script(|peer| {
        peer.line();
        peer.line();
        peer.gone();
    })]);
    let folder = tempdir().unwrap();
    coracle(folder.path(), fake.address, &["--timeout", "1", "df"]).expect(3);
    fake.finish();
}

/// A transfer is tried again where there was a server, not where nobody ever spoke.
#[test]
fn silence_from_the_beginning_is_bounded_once() {
    let fake = Fake::start(vec![script(|peer| {
        assert!(peer.line().starts_with("hello 1"));
        peer.gone();
    })]);
    let folder = tempdir().unwrap();
    let arguments = ["--timeout", "1", "download", "f"];
    let outcome = coracle(folder.path(), fake.address, &arguments).expect(3);
    fake.finish();
    assert!(!outcome.err.contains("trying again"), "{outcome:?}");
}

/// Endless data is bounded by the size that was announced.
#[test]
fn endless_data_is_bounded() {
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        peer.expect("download /f");
        peer.say("ok 100000 100000 -\n");
        let frame = data(&[0; 1000]);
        while peer.try_say(&frame) {}
    })]);
    let folder = tempdir().unwrap();
    coracle(folder.path(), fake.address, &["download", "f"]).expect(4);
    fake.finish();
    let sizes = staged(folder.path()).into_iter().map(|path| fs::metadata(path).unwrap().len());
    assert!(sizes.sum::<u64>() <= 100_000);
}
