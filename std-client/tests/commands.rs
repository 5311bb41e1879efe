//! Commands that move no file: what is printed, what is exited with.

mod support;

use std::net::{Ipv4Addr, TcpListener};

use support::{Fake, coracle, script, tempdir};

#[test]
fn listings_are_sorted_readable_and_harmless() {
    let fake = Fake::start(vec![script(|peer| {
        // Both lines come at once: a listing costs one round trip.
        peer.expect("hello 1");
        peer.expect("ls /");
        peer.say(support::GREETING);
        peer.say("- f 1050000000 0 a%20b\n- d - - docs\n");
        peer.say("- f 1 - %1b]0;evil%07\n- f 2 - x\u{202e}gpj.exe\n- f 3 - %9b2J%ff\n");
        peer.say("ok 5\n");
        peer.gone();
    })]);
    let folder = tempdir().unwrap();
    let outcome = coracle(folder.path(), fake.address, &["ls"]).expect(0);
    fake.finish();
    assert_eq!(
        outcome.out,
        "f            1 -                    \\x1b]0;evil\\x07\n\
         f   1050000000 1970-01-01T00:00:00Z a b\n\
         d            - -                    docs/\n\
         f            2 -                    x\\u{202e}gpj.exe\n\
         f            3 -                    \\x9b2J\\xff\n"
    );
    assert_eq!(outcome.err, "");
}

#[test]
fn a_refusal_is_told_harmlessly_and_the_others_are_tried() {
    let fake = Fake::start(vec![script(|peer| {
        peer.greet();
        peer.expect("rm /a");
        peer.expect("rm /b%20c");
        peer.expect("rm /d");
        peer.say("ok\nerr not-empty \x1b[2Jthe folder\r has entries\nok\n");
        peer.gone();
    })]);
    let folder = tempdir().unwrap();
    let outcome = coracle(folder.path(), fake.address, &["rm", "a", "b c", "d/"]).expect(1);
    fake.finish();
    assert_eq!(outcome.err, "coracle: b c: \\x1b[2Jthe folder\\x0d has entries (not-empty)\n");
}

#[test]
fn every_command_has_its_line_and_its_output() {
    for (arguments, line, reply, out) in [
        (
            &["stat", "a/b"][..],
            "stat /a/b",
            "f 5 86400",
            "f            5 1970-01-02T00:00:00Z a/b\n",
        ),
        (&["sum", "f"], "sum /f", "5 0000abcd", "0000abcd 5 f\n"),
        (&["sum", "f", "7", "9"], "sum /f 7 9", "5 0000abcd", "0000abcd 5 f\n"),
        (&["df"], "df", "1536 1048576", "1.5 KiB free of 1.0 MiB (1536 of 1048576 bytes)\n"),
        (&["stats"], "stats", "a=1 b=\x07", "a=1\nb=\\x07\n"),
        (&["mv", "a", "/b"], "mv /a /b", "", ""),
        (&["mkdir", "-", "--", "-x"], "mkdir /-", "", ""),
        (&["partial", "f"], "partial /f", "3 00000001", "00000001 3 f\n"),
        (&["forget", "f"], "forget /f", "", ""),
    ] {
        let is_two = arguments.contains(&"-x");
        let fake = Fake::start(vec![script(move |peer| {
            peer.greet();
            peer.expect(line);
            if is_two {
                peer.expect("mkdir /-x");
                peer.say("ok\n");
            }
            peer.say(format!("ok {reply}\n").replace(" \n", "\n"));
            peer.gone();
        })]);
        let folder = tempdir().unwrap();
        let outcome = coracle(folder.path(), fake.address, arguments).expect(0);
        fake.finish();
        assert_eq!(outcome.out, out, "{arguments:?}");
        assert_eq!(outcome.err, "", "{arguments:?}");
    }
}

#[test]
fn wrong_usage_needs_no_server() {
    // Nothing listens here any more.
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let folder = tempdir().unwrap();
    for arguments in [
        &["dance"][..],
        &["rm"],
        &["ls", "a", "b"],
        &["ls", "../x"],
        &["ls", ""],
        &["stat", "a//b"],
        &["stat", "a\\b"],
        &["stat", "a\nb"],
        &["sum", "f", "-1"],
        &["sum", "f", "9223372036854775808"],
        &["download"],
        &["download", "/"],
        &["download", "a", "b", "-o", "no-folder"],
        &["upload"],
        &["upload", "-"],
        &["upload", "-", "folder/"],
        &["upload", "..", "/"],
        &["ls", "--timeout", "0"],
        &["ls", "-q", "-v"],
        &["ls", "-q", "--json"],
        &["download", "-r", "a", "-o", "-"],
        &["download", "*", "-o", "-", "-r"],
        &["--classic", "download", "*"],
        &["--classic", "upload", "-r", "."],
        &["ls", "--local-port", "65536"],
    ] {
        let outcome = coracle(folder.path(), address, arguments).expect(2);
        assert_ne!(outcome.err, "", "{arguments:?}");
    }
    let help = coracle(folder.path(), address, &["--help"]).expect(0);
    assert!(help.out.contains("First steps:") && help.out.contains("Exit status:"));
    assert!(coracle(folder.path(), address, &["--version"]).expect(0).out.starts_with("coracle "));
}

#[test]
fn no_server_is_a_connection_error() {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let folder = tempdir().unwrap();
    for arguments in [&["ls"][..], &["download", "a"], &["upload", "Cargo.toml"]] {
        std::fs::write(folder.path().join("Cargo.toml"), "x").unwrap();
        let outcome = coracle(folder.path(), address, arguments).expect(3);
        assert!(outcome.err.contains(&address.to_string()), "{outcome:?}");
    }
}

#[test]
fn a_refused_session_says_why() {
    let fake = Fake::start(vec![script(|peer| {
        peer.expect("hello 1");
        peer.say("err unsupported this server speaks version 7\n");
        peer.line();
        peer.gone();
    })]);
    let folder = tempdir().unwrap();
    let outcome = coracle(folder.path(), fake.address, &["df"]).expect(1);
    fake.finish();
    assert_eq!(outcome.err, "coracle: this server speaks version 7 (unsupported)\n");
}

#[test]
fn other_servers_are_recognised_as_such() {
    for banner in ["220 FTP server ready\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "\x03\0\0\0"] {
        let fake = Fake::start(vec![script(move |peer| {
            peer.say(banner);
            peer.line();
            peer.line();
        })]);
        let folder = tempdir().unwrap();
        coracle(folder.path(), fake.address, &["df"]).expect(3);
        fake.finish();
    }
}
