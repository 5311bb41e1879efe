//! The classic dialect with line ends, as a person types it, and without, cut anywhere.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};

use super::{End, Served, end_of};
use crate::support::raw::Raw;

#[test]
fn answers_to_lines_are_lines() {
    let served = Served::start(&[]);
    served.put("one.txt", "");
    served.put("two words", "");
    fs::create_dir(served.site.there("sub")).unwrap();
    for command in ["ls\n", "ls\r\n", "ls /\n"] {
        let answer = served.answer(command);
        let listed: BTreeSet<&str> = answer.strip_suffix('\n').unwrap().split('\n').collect();
        assert_eq!(listed, BTreeSet::from(["one.txt", "two words", "sub"]), "{command:?}");
    }
    served.put("sub/three", "");
    assert_eq!(served.answer("ls sub\n"), "three\n");
}

#[test]
fn refusals_of_lines_have_a_reason() {
    let served = Served::start(&[]);
    served.put("file", "");
    fs::create_dir(served.site.there("sub")).unwrap();
    for (command, code) in [
        ("ls missing\n", "not-found"),
        ("ls file\n", "not-directory"),
        ("download missing\n", "not-found"),
        ("download sub\n", "is-directory"),
        ("download ../file\n", "bad-path"),
        ("upload sub 1\n", "is-directory"),
        ("upload missing/file 1\n", "not-found"),
        ("upload file -1\n", "bad-argument"),
        ("upload file 0x10\n", "bad-argument"),
        ("upload file 9223372036854775808\n", "bad-argument"),
        ("upload file\n", "bad-argument"),
        ("remove file\n", "bad-command"),
    ] {
        let answer = served.answer(command);
        assert!(answer.starts_with(&format!("err {code} ")), "{command:?}: {answer:?}");
        assert!(answer.ends_with('\n') && answer.lines().count() == 1, "{command:?}: {answer:?}");
    }
}

#[test]
fn without_a_line_end_a_refusal_is_three_bytes() {
    let served = Served::start(&[]);
    for command in ["download missing", "ls missing", "upload missing/file 1", "download ../x"] {
        assert_eq!(served.answer(command), "err", "{command:?}");
    }
}

#[test]
fn names_reach_to_the_end_of_the_line() {
    let served = Served::start(&[]);
    let listener = TcpListener::bind(served.transfer_address()).unwrap();
    for name in ["two words", " blanks around ", "100%", "%41", "grün", "-c"] {
        served.put(name, name);
        let mut control = Raw::connect(served.site.address());
        assert_eq!(control.ask(&format!("download {name}")), name.len().to_string(), "{name:?}");
        let mut bytes = String::new();
        listener.accept().unwrap().0.read_to_string(&mut bytes).unwrap();
        assert_eq!(bytes, name);
    }
    drop(listener);
    for name in ["more words 5", " in front", "%42"] {
        let _control = served.announce(name, 3);
        let mut stream = served.dial();
        stream.write_all(b"abc").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(end_of(stream), End::Closed, "{name:?}");
        assert_eq!(fs::read(served.site.there(name)).unwrap(), b"abc", "{name:?}");
    }
}

#[test]
fn commands_come_byte_by_byte() {
    let served = Served::start(&[]);
    served.put("file", "");
    for command in ["ls", "ls\n", "ls\r\n"] {
        let mut control = Raw::connect(served.site.address());
        for byte in command.bytes() {
            control.send([byte]);
        }
        let answer = control.rest();
        assert_eq!(answer.trim_ascii_end(), b"file", "{command:?}");
        assert_eq!(answer.ends_with(b"\n"), command.ends_with('\n'), "{command:?}");
    }
}

#[test]
fn the_end_of_the_stream_completes_a_command() {
    let served = Served::start(&[]);
    served.put("file", "");
    for (command, answer) in [("ls", "file"), ("download missing", "err"), ("lost", "err")] {
        let mut control = Raw::connect(served.site.address());
        control.send(command);
        control.finish_sending();
        assert_eq!(control.rest(), answer.as_bytes(), "{command:?}");
    }
}

#[test]
fn what_follows_a_command_is_not_read() {
    let served = Served::start(&[]);
    served.put("file", "abc");
    assert_eq!(served.answer("ls\nupload file 0\ndownload file\n"), "file\n");
    served.holds_only("file", b"abc");
}
