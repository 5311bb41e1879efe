//! What the server's machine answers, byte for byte.

mod support;

use coracle::{Code, Outcome};
use support::{crc, data, disk, fail, frames, payload, replies, run, upload};

const HELLO: &[u8] = b"hello 1\n";

fn after_hello(disk: &std::cell::RefCell<support::Disk>, input: &[u8]) -> Vec<String> {
    let mut lines = replies(disk, &[HELLO, input].concat());
    assert!(lines.remove(0).starts_with("ok 1 "), "hello is answered first");
    lines
}

#[test]
fn hello_tells_the_limits() {
    let lines = replies(&disk(), b"hello 1 transfer=yes x-future=1\n");
    let fields: Vec<_> = lines[0].split(' ').collect();
    for field in [
        "chunk=1024",
        "line=640",
        "name=255",
        "path=512",
        "pipeline=512",
        "busy=60",
        "case=sensitive",
        "readonly=no",
    ] {
        assert!(fields.contains(&field), "{field} in {lines:?}");
    }
    assert!(fields.iter().any(|field| field.starts_with("verbs=hello,ls,stat,sum,download,")));
    assert!(!lines[0].contains("transfer="), "no port is open");
}

#[test]
fn a_session_begins_with_hello() {
    for (first, code) in [
        (&b"ls\n"[..], "bad-command"),
        (b"hello 2\nls\n", "unsupported"),
        (b"hello 1 line=639\n", "bad-argument"),
        (b"hello\n", "bad-argument"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "bad-command"),
        (b"stat\n", "bad-command"),
        (b"ls ../x\n", "bad-command"),
        (b"upload\n", "bad-command"),
        (b"upload a 3\n\x01\0\0\x03abc", "bad-command"),
        (b"\x01\0\0\x03abc", "bad-command"),
    ] {
        let (output, outcome) = run(&disk(), first, usize::MAX);
        let lines = support::show(&output);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with(&format!("err {code} ")), "{lines:?}");
        assert!(matches!(outcome, Some(Outcome::Refused(why)) if why.code.word() == code));
    }
    for later in ["hello 1", "hello 2", "hello", "hello 1 line=639"] {
        let lines = after_hello(&disk(), format!("{later}\nnoop\n").as_bytes());
        assert!(lines[0].starts_with("err bad-command "), "{later}: {lines:?}");
        assert_eq!(lines[1], "ok", "a later hello ends nothing");
    }
}

#[test]
fn reserved_first_bytes_are_closed_in_silence() {
    for first in [0x00, 0x80, 0xff] {
        let (output, outcome) = run(&disk(), &[first, b'\n'], 1);
        assert_eq!((output.as_slice(), outcome), (&b""[..], Some(Outcome::Reserved)));
    }
}

#[test]
fn every_command_has_one_final_reply() {
    let disk = disk();
    let script = [
        &b"mkdir dir\n"[..],
        &upload("dir/a%20b", b"hello"),
        b"stat dir/a%20b\nstat dir\nls dir\nls\nsum dir/a%20b\nsum dir/a%20b 1 3\n",
        b"mv dir/a%20b c\nls dir\nstat dir/a%20b\nrm dir\nrm c\nls /\nnoop\n\r\n\nexit\nls\n",
    ];
    let lines = after_hello(&disk, &script.concat());
    let expected = [
        "ok",
        "+ busy",
        &format!("ok 5 {:08x} cached", crc(b"hello")),
        "ok f 5 -",
        "ok d - -",
        "- f 5 - a%20b",
        "ok 1",
        "- d - - dir",
        "ok 1",
        &format!("ok 5 {:08x}", crc(b"hello")),
        &format!("ok 3 {:08x}", crc(b"ell")),
        "ok",
        "ok 0",
        "err not-found",
        "ok",
        "ok",
        "ok 0",
        "ok",
        "ok",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line:?} for {expected:?}");
    }
}

#[test]
fn downloads_are_framed_and_checked() {
    let disk = disk();
    let bytes = payload(2500);
    after_hello(&disk, &upload("a", &bytes));
    let whole = format!("END 2500 {:08x}", crc(&bytes));
    let rest = format!("END 1500 {:08x}", crc(&bytes[1000..]));
    let script = format!(
        "download a\ndownload a 1000 crc={:08x}\ndownload a 0 5\ndownload a 2500\n\
         download a 2501\ndownload a 2501 crc=00000000\ndownload a 5 crc=00000000\n\
         download a 2400 9999\ndownload b\ndownload /\n",
        crc(&bytes[..1000])
    );
    let lines = after_hello(&disk, script.as_bytes());
    let expected = [
        "ok 2500 2500 -",
        "DATA 1024",
        "DATA 1024",
        "DATA 452",
        &whole,
        "ok 1500 2500 -",
        "DATA 1024",
        "DATA 476",
        &rest,
        "ok 5 2500 -",
        "DATA 5",
        &format!("END 5 {:08x}", crc(&bytes[..5])),
        "ok 0 2500 -",
        "END 0 00000000",
        "err bad-argument",
        "err changed",
        "err changed",
        "ok 100 2500 -",
        "DATA 100",
        &format!("END 100 {:08x}", crc(&bytes[2400..])),
        "err not-found",
        "err is-directory",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line:?} for {expected:?}");
    }
}

#[test]
fn empty_files_work_both_ways() {
    let disk = disk();
    let script = [&upload("e", b"")[..], b"upload f -\n", &frames(b"", 1), b"download e\nls\n"];
    let lines = after_hello(&disk, &script.concat());
    assert_eq!(
        lines,
        [
            "+ busy",
            "ok 0 00000000 cached",
            "+ busy",
            "ok 0 00000000 cached",
            "ok 0 0 -",
            "END 0 00000000",
            "- f 0 - e",
            "- f 0 - f",
            "ok 2"
        ]
    );
}

#[test]
fn a_refused_upload_is_drained_and_never_read_as_commands() {
    let disk = disk();
    after_hello(&disk, &upload("keep", b"x"));
    let inner = data(b"\nrm keep\nexit\n");
    let end = frames(b"", 1);
    let script = [
        &b"upload no/a 14\n"[..],
        &inner,
        &end,
        b"upload ../a 14\n",
        &inner,
        &end,
        b"upload\n",
        &inner,
        &fail("x"),
        b"upload / 14\n",
        &inner,
        &fail(""),
        b"stat keep\n",
    ];
    let lines = after_hello(&disk, &script.concat());
    let codes: Vec<_> = lines.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(codes, ["not-found", "bad-path", "bad-argument", "is-directory", "f"]);
}

#[test]
fn wrong_bytes_are_never_stored() {
    let disk = disk();
    after_hello(&disk, &upload("a", b"old"));
    let bad_crc = coracle::End { length: 3, crc: 1 }.emit_frame();
    let bad_length = coracle::End { length: 4, crc: crc(b"new") }.emit_frame();
    let script = [
        &b"upload a 3\n"[..],
        &data(b"new"),
        &bad_crc,
        b"upload a 3\n",
        &data(b"new"),
        &bad_length,
        b"upload a 4\n",
        &frames(b"new", 9),
        b"upload a 2\n",
        &frames(b"new", 9),
        b"upload a 3\n",
        &data(b"ne"),
        &data(b"ww"),
        &fail("x"),
        b"partial a\nsum a\nls\n",
    ];
    let lines = after_hello(&disk, &script.concat());
    let codes: Vec<_> = lines.iter().take(6).map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(codes, ["corrupt", "corrupt", "corrupt", "corrupt", "corrupt", "not-found"]);
    assert_eq!(
        lines[6..],
        [format!("ok 3 {:08x}", crc(b"old")), "- f 3 - a".into(), "ok 1".into()]
    );
}

#[test]
fn an_interrupted_upload_is_resumed_from_proven_bytes() {
    let disk = disk();
    let bytes = payload(3000);
    let cut = [&b"upload a 3000\n"[..], &data(&bytes[..1000]), &data(&bytes[1000..2000])];
    after_hello(&disk, &cut.concat());
    let resume = |offset: usize, sum: u32| {
        let line = format!("upload a 3000 {offset} {sum:08x}\n").into_bytes();
        [line, frames(&bytes[offset..], 1024)].concat()
    };
    let script = [
        &b"partial a\nstat a\n"[..],
        &resume(1500, 1),
        &resume(2001, crc(&bytes[..2001])),
        b"partial a\n",
        &resume(1500, crc(&bytes[..1500])),
        b"partial a\nsum a\n",
    ];
    let lines = after_hello(&disk, &script.concat());
    let stored = format!("ok 2000 {:08x}", crc(&bytes[..2000]));
    let whole = format!("ok 3000 {:08x}", crc(&bytes));
    let expected = [
        &stored,
        "err not-found",
        "err changed",
        "err bad-argument",
        &stored,
        "+ busy",
        &format!("{whole} cached"),
        "err not-found",
        &whole,
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line:?} for {expected:?}");
    }
}

#[test]
fn an_upload_that_ends_early_stays_a_partial() {
    let disk = disk();
    for (name, ending) in [("fail", fail("gone")), ("line", b"noop\n".to_vec()), ("lost", vec![])] {
        let start = format!("upload {name} 10\n").into_bytes();
        let lines = after_hello(&disk, &[&start[..], &data(b"abc"), &ending].concat());
        match name {
            "fail" => assert!(lines[0].starts_with("err aborted ")),
            "line" => assert!(lines[0].starts_with("err bad-command ")),
            _ => assert!(lines.is_empty(), "{lines:?}"),
        }
        let lines = after_hello(&disk, format!("partial {name}\nforget {name}\n").as_bytes());
        assert_eq!(lines, [format!("ok 3 {:08x}", crc(b"abc")), "ok".into()]);
    }
}

#[test]
fn small_uploads_are_committed_together_and_receipted_in_order() {
    let disk = disk();
    // They arrive in one piece, so that the next is at hand when one is done.
    let many: Vec<u8> = (0..4).flat_map(|n| upload(&format!("f{n}"), &[n; 9])).collect();
    let lines = after_hello(&disk, &[&many[..], b"stat f3\n"].concat());
    let receipts: Vec<_> = (0..4u8).map(|n| format!("ok 9 {:08x} cached", crc(&[n; 9]))).collect();
    let got: Vec<_> = lines.iter().filter(|line| *line != "+ busy").cloned().collect();
    assert_eq!(got, [&receipts[..], &["ok f 9 -".to_owned()]].concat());
    let commits = lines.iter().filter(|line| *line == "+ busy").count();
    assert!(commits < 4, "{lines:?}");
}

#[test]
fn lines_are_bounded() {
    let long = [b"stat ".to_vec(), vec![b'a'; 700], b"\nnoop\n".to_vec()].concat();
    let (output, outcome) = run(&disk(), &[HELLO, &long].concat(), usize::MAX);
    let lines = support::show(&output);
    assert!(lines[1].starts_with("err too-long "), "{lines:?}");
    assert_eq!(lines.len(), 2);
    assert!(matches!(outcome, Some(Outcome::Refused(why)) if why.code == Code::TooLong));
}

#[test]
fn end_of_input_at_a_boundary_is_an_end_and_within_a_line_a_loss() {
    assert_eq!(run(&disk(), b"hello 1\n", 1).1, Some(Outcome::Ended));
    assert_eq!(run(&disk(), b"hello 1\n\r\n", 1).1, Some(Outcome::Ended));
    assert_eq!(run(&disk(), b"hello 1\nnoo", 1).1, Some(Outcome::Lost));
    assert_eq!(run(&disk(), b"hello 1\nupload a 5\n\x01\0", 1).1, Some(Outcome::Lost));
    assert_eq!(run(&disk(), b"hello 1\nexit\nls", 1).1, Some(Outcome::Exit));
}

#[test]
fn names_that_leave_the_root_touch_nothing() {
    for path in ["../x", "a/../../x", "x/..", "..", "a//b", "a/", "./a", "a%5Cb", "a%0Ab", "a%00"] {
        for verb in ["ls", "stat", "sum", "download", "partial", "forget", "rm", "mkdir"] {
            let lines = after_hello(&disk(), format!("{verb} {path}\n").as_bytes());
            assert!(lines[0].starts_with("err bad-path "), "{verb} {path}: {lines:?}");
        }
    }
    for line in ["rm /", "mv / a", "mv a /"] {
        let lines = after_hello(&disk(), format!("{line}\n").as_bytes());
        assert!(lines[0].starts_with("err denied "), "{line}: {lines:?}");
    }
}

#[test]
fn names_that_look_like_something_else_are_names() {
    let disk = disk();
    for name in ["-rf", "ls", "~x", "file:", "crc=00000000", "%2D", "%01a"] {
        let lines = after_hello(&disk, &upload(name, b"x"));
        let expected = if name == "%01a" { "err bad-path" } else { "+ busy" };
        assert!(lines[0].starts_with(expected), "{name}: {lines:?}");
    }
    let lines = after_hello(&disk, b"ls\n");
    for name in ["-rf", "ls", "~x", "file:", "crc=00000000", "-"] {
        assert!(lines.contains(&format!("- f 1 - {name}")), "{lines:?}");
    }
}

#[test]
fn help_is_for_people() {
    let lines = after_hello(&disk(), b"help\n");
    assert!(lines.contains(&"+ upload <path> <size|-> [offset crc32] [mtime=<s>]".to_owned()));
    assert_eq!(lines.last().map(String::as_str), Some("ok"));
}
