//! The specification is true: its examples are parsed, its tables compared with the code.

#![allow(clippy::std_instead_of_core, reason = "these programs stand on the standard library")]

use std::collections::BTreeSet;

use coracle::{Code, Command, End, Frame, Reply};

const SPECIFICATION: &str = include_str!("../../PROTOCOL.md");

/// Where the classic dialect begins, whose transcripts have a form of their own.
const CLASSIC: &str = "\n## 21. The classic dialect\n";

/// What is said of the native dialect, and what of the classic one.
fn dialects() -> (&'static str, &'static str) {
    SPECIFICATION.split_once(CLASSIC).expect("a section on either")
}

/// The lines of all code blocks without a language, with an empty line between blocks.
fn examples(text: &'static str) -> Vec<&'static str> {
    let mut lines = Vec::new();
    let mut inside = false;
    let mut plain = false;
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            plain = !inside && language.is_empty();
            inside = !inside;
            lines.push("");
        } else if plain {
            lines.push(line);
        }
    }
    lines
}

/// The bytes of a line that holds nothing but hexadecimal bytes, behind `C: ` or `S: ` or alone.
fn hexadecimal(line: &str) -> Option<Vec<u8>> {
    let line = line.strip_prefix("C: ").or(line.strip_prefix("S: ")).unwrap_or(line);
    let byte = |word: &str| (word.len() == 2).then(|| u8::from_str_radix(word, 16).ok())?;
    let bytes: Vec<u8> = line.split_whitespace().map(byte).collect::<Option<_>>()?;
    (!bytes.is_empty()).then_some(bytes)
}

/// File bytes in front of an END must have its length and checksum. Returns how many were checked.
fn check_frames(mut bytes: &[u8]) -> usize {
    let mut file = Vec::new();
    let mut ends = 0;
    while let Some((header, rest)) = bytes.split_first_chunk::<4>() {
        let frame = Frame::parse(*header).expect("a frame of the specification");
        bytes = match frame {
            // The header of the largest frame stands alone.
            Frame::Data(length) if rest.is_empty() => {
                assert_eq!(length, 1 << 20);
                rest
            }
            Frame::Data(length) => {
                let (data, rest) = rest.split_at(length as usize);
                file.extend_from_slice(data);
                rest
            }
            Frame::End => {
                let (payload, rest) = rest.split_first_chunk().expect("the payload of END");
                let end = End::parse_payload(*payload);
                if !file.is_empty() || end.length == 0 {
                    assert_eq!(end.length, file.len() as u64);
                    assert_eq!(end.crc, crc32fast::hash(&file));
                    ends += 1;
                }
                file.clear();
                rest
            }
            Frame::Fail(length) => {
                let (text, rest) = rest.split_at(length.into());
                let code = text.split(|&byte| byte == b' ').next().unwrap();
                assert!(Code::parse(code).is_some(), "{}", text.escape_ascii());
                rest
            }
            Frame::Busy => rest,
        };
    }
    assert!(bytes.is_empty(), "a frame is cut short: {bytes:02x?}");
    ends
}

#[test]
fn frames_are_right() {
    let mut run = Vec::new();
    let mut ends = 0;
    for line in examples(dialects().0).into_iter().chain([""]) {
        match hexadecimal(line) {
            Some(bytes) => run.extend(bytes),
            None => ends += check_frames(&std::mem::take(&mut run)),
        }
    }
    assert!(ends >= 6, "only {ends} transfers found");
}

#[test]
fn commands_and_replies_are_right() {
    let (mut commands, mut replies) = (0, 0);
    for line in examples(dialects().0) {
        if hexadecimal(line).is_some() {
            continue;
        }
        if let Some(command) = line.strip_prefix("C: ").filter(|line| !line.starts_with(['D', 'E']))
        {
            let parsed = Command::parse(&mut command.as_bytes().to_vec()).is_ok();
            assert!(parsed, "{command}");
            commands += 1;
        } else if let Some(reply) = line.strip_prefix("S: ") {
            let mut bytes = reply.as_bytes().to_vec();
            let parsed = Reply::parse(&mut bytes);
            assert!(parsed.is_some(), "{reply}");
            assert!(!matches!(parsed, Some(Reply::Err { code: None, .. })), "{reply}");
            replies += 1;
        }
    }
    assert!(commands >= 12 && replies >= 15, "only {commands} commands, {replies} replies found");
}

/// What the server answers to each of these is tested with the server itself; here, that the
/// refusals among them have the form and the codes of section 8.
#[test]
fn classic_refusals_are_right() {
    let (mut bare, mut lines) = (0, 0);
    for line in examples(dialects().1) {
        match line.strip_prefix("S: ") {
            Some("err") => bare += 1,
            Some(reply) if reply.starts_with("err") => {
                let mut bytes = reply.strip_suffix("\\n").unwrap().as_bytes().to_vec();
                let parsed = Reply::parse(&mut bytes);
                assert!(matches!(parsed, Some(Reply::Err { code: Some(_), .. })), "{reply}");
                lines += 1;
            }
            _ => {}
        }
    }
    assert!(bare >= 1 && lines >= 2, "only {bare} without and {lines} with a line end found");
}

#[test]
fn every_code_is_listed_and_none_besides() {
    let section = SPECIFICATION.split("\n## ").find(|part| part.starts_with("8. Replies")).unwrap();
    let listed: BTreeSet<&str> =
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let known: BTreeSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    assert_eq!(listed, known);
}
