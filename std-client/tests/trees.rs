//! Trees and patterns from servers that lie: no name leads out, everything has an end, a part
//! that fails fails alone.

mod support;

use std::fs;

use support::{Fake, Peer, Script, coracle, download, names, receipt, script, tempdir};

/// The session that is asked what there is; it stays open while files are moved.
fn surveyed(answers: impl FnOnce(&mut Peer) + Send + 'static) -> Script {
    script(move |peer| {
        peer.greet();
        answers(peer);
    })
}

/// One session for the files, after the survey has been answered.
fn fetched(files: &'static [(&'static str, &'static [u8])]) -> Script {
    script(move |peer| {
        peer.greet();
        for (name, bytes) in files {
            peer.expect(&format!("download {name}"));
            peer.say(download(bytes));
        }
        peer.exit();
    })
}

/// H72: names in a listing that would lead elsewhere.
#[test]
fn names_that_lead_out_are_a_broken_protocol() {
    for name in ["..", ".", "..%2Fevil", "a/b", "%00", "a%5Cb", "a%0Ab", "/etc"] {
        let fake = Fake::start(vec![
            surveyed(move |peer| {
                peer.expect("stat /t");
                peer.say("ok d - -\n");
                peer.expect("ls /t");
                peer.say(format!("- d - - good\n- f 1 - {name}\n- f 1 - fine\nok 3\n"));
            }),
            script(|_| {}),
        ]);
        let folder = tempdir().unwrap();
        let inside = folder.path().join("inside");
        fs::create_dir(&inside).unwrap();
        let outcome = coracle(&inside, fake.address, &["download", "-r", "t"]).expect(3);
        fake.finish();
        assert!(outcome.err.contains("which cannot be one"), "{name}: {outcome:?}");
        assert_eq!(names(folder.path()), ["inside"], "{name}");
        // Nothing of a listing that lies is believed.
        assert_eq!(names(&inside), ["t"], "{name}");
        assert!(names(&inside.join("t")).is_empty(), "{name}");
    }
}

#[test]
fn patterns_believe_no_such_name_either() {
    let fake = Fake::start(vec![
        surveyed(|peer| {
            peer.expect("stat /*");
            peer.say("err not-found nothing there\n");
            peer.expect("ls /");
            peer.say("- f 1 - ..%2Fevil\nok 1\n");
        }),
        script(|_| {}),
    ]);
    let folder = tempdir().unwrap();
    let outcome = coracle(folder.path(), fake.address, &["download", "*"]).expect(3);
    fake.finish();
    assert!(outcome.err.contains("..%2Fevil") || outcome.err.contains("../evil"), "{outcome:?}");
    assert!(names(folder.path()).is_empty());
}

/// A folder that holds itself: paths become too long, and that is the end.
#[test]
fn a_folder_without_end_has_an_end() {
    let name = "x".repeat(200);
    let fake = Fake::start(vec![
        surveyed(move |peer| {
            peer.expect("stat /t");
            peer.say("ok d - -\n");
            for depth in 0..3 {
                peer.expect(&format!("ls /t{}", format!("/{name}").repeat(depth)));
                peer.say(format!("- d - - {name}\nok 1\n"));
            }
        }),
        script(|_| {}),
    ]);
    let folder = tempdir().unwrap();
    let outcome = coracle(folder.path(), fake.address, &["download", "-r", "t"]).expect(1);
    fake.finish();
    assert!(outcome.err.contains("longer than 512 bytes"), "{outcome:?}");
}

/// What cannot be listed fails alone; folders are asked for before the answers are there.
#[test]
fn a_folder_that_cannot_be_listed_fails_alone() {
    let fake = Fake::start(vec![
        surveyed(|peer| {
            peer.expect("stat /t");
            peer.expect("stat /g");
            peer.say("ok d - -\nok f 1 -\n");
            peer.expect("ls /t");
            peer.say("- d - - a\n- d - - b\nok 2\n");
            peer.expect("ls /t/a");
            peer.expect("ls /t/b");
            peer.say("- f 9 - half\nerr denied no\n- f 1 - f\nok 1\n");
        }),
        fetched(&[("/t/b/f", b"F"), ("/g", b"G")]),
    ]);
    let folder = tempdir().unwrap();
    let arguments = ["download", "-r", "t", "g", "-o", "."];
    let outcome = coracle(folder.path(), fake.address, &arguments).expect(1);
    fake.finish();
    assert!(outcome.err.contains("t/a: no (denied)"), "{outcome:?}");
    assert!(outcome.err.contains("2 files downloaded: 2 bytes"), "{outcome:?}");
    assert_eq!(names(folder.path()), ["g", "t"]);
    assert_eq!(names(&folder.path().join("t")), ["a", "b"]);
}

/// The connection is lost within a listing: it is asked again, and what came before it is kept.
#[test]
fn a_survey_goes_on_after_a_lost_connection() {
    let fake = Fake::start(vec![
        surveyed(|peer| {
            peer.expect("stat /t");
            peer.say("ok d - -\n");
            peer.expect("ls /t");
            peer.say("- f 1 - f\n");
        }),
        surveyed(|peer| {
            peer.expect("ls /t");
            peer.say("- f 1 - f\nok 1\n");
        }),
        fetched(&[("/t/f", b"F")]),
    ]);
    let folder = tempdir().unwrap();
    let outcome = coracle(folder.path(), fake.address, &["download", "-r", "t"]).expect(0);
    fake.finish();
    assert!(outcome.err.contains("trying again"), "{outcome:?}");
    assert_eq!(fs::read(folder.path().join("t/f")).unwrap(), b"F");
}

/// Folders are made in one go; one that is there already is looked at.
#[test]
fn folders_are_made_before_files_are_sent() {
    let fake = Fake::start(vec![
        surveyed(|peer| {
            peer.expect("mkdir /t");
            peer.expect("mkdir /t/a");
            peer.expect("mkdir /t/b");
            peer.say("err exists it is there\nok\nerr exists it is there\n");
            peer.expect("stat /t");
            peer.expect("stat /t/b");
            peer.say("ok d - -\nok f 7 -\n");
        }),
        script(|peer| {
            peer.greet();
            assert!(peer.line().starts_with("upload /t/a/f 1 "));
            peer.frames();
            peer.say(receipt(b"A"));
            peer.exit();
        }),
    ]);
    let folder = tempdir().unwrap();
    for name in ["a", "b"] {
        fs::create_dir_all(folder.path().join("t").join(name)).unwrap();
        fs::write(folder.path().join("t").join(name).join("f"), "A").unwrap();
    }
    let outcome = coracle(folder.path(), fake.address, &["upload", "-r", "t"]).expect(1);
    fake.finish();
    assert!(outcome.err.contains("t/b: a file is there where a folder is meant"), "{outcome:?}");
    assert!(outcome.err.contains("1 more file was not transferred"), "{outcome:?}");
}

/// A listing that is for ever is stopped, and nothing is fetched.
#[test]
fn a_listing_without_end_has_an_end() {
    let fake = Fake::start(vec![surveyed(|peer| {
        peer.expect("stat /t");
        peer.say("ok d - -\n");
        peer.expect("ls /t");
        let some = "- f 1 - f\n".repeat(1000);
        while peer.try_say(&some) {}
    })]);
    let folder = tempdir().unwrap();
    let outcome = coracle(folder.path(), fake.address, &["download", "-r", "t"]).expect(3);
    fake.finish();
    assert!(outcome.err.contains("more than 2000000 entries"), "{outcome:?}");
    assert!(names(folder.path()).is_empty());
}
