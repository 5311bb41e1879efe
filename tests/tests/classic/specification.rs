//! The transcripts of the specification, as the server plays them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};

use super::{End, Served, end_of};
use crate::support::raw::Raw;

const SPECIFICATION: &str = include_str!("../../../PROTOCOL.md");

/// What goes over the connections.
#[derive(Debug)]
struct Transcript {
    command: String,
    reply: String,
    file: Option<String>,
}

/// The transcripts of the section on this dialect.
fn transcripts() -> Vec<Transcript> {
    let (_, section) = SPECIFICATION.split_once("\n## 21. ").expect("the section");
    let blocks = section.split("\n```\n").filter(|block| block.starts_with("C: "));
    blocks.map(|block| transcript(block).expect("a transcript")).collect()
}

fn transcript(block: &str) -> Option<Transcript> {
    let mut lines = block.lines();
    let command = bytes(lines.next()?.strip_prefix("C: ")?);
    let reply = bytes(lines.next()?.strip_prefix("S: ")?);
    let file = lines.next().and_then(|line| line.strip_prefix("T: ")).map(bytes);
    Some(Transcript { command, reply, file })
}

/// A line of a transcript shows LF and CR; nothing else ends it.
fn bytes(shown: &str) -> String {
    shown.replace("\\r", "\r").replace("\\n", "\n")
}

/// A listing has no order; anything else is one line.
fn lines(reply: &str) -> BTreeSet<&str> {
    reply.split('\n').collect()
}

#[test]
fn every_transcript_is_true() {
    let transcripts = transcripts();
    assert!(transcripts.len() >= 6, "only {} found", transcripts.len());
    for transcript in transcripts {
        let served = Served::start(&[]);
        served.put("boat.jpg", "");
        served.put("notes.txt", "123456789");
        let is_upload = transcript.command.starts_with("upload ");
        let listener = match transcript.file {
            Some(_) if !is_upload => Some(TcpListener::bind(served.transfer_address()).unwrap()),
            _ => None,
        };
        let mut control = Raw::connect(served.site.address());
        control.send(&transcript.command);
        let reply = String::from_utf8(control.rest()).unwrap();
        assert_eq!(lines(&reply), lines(&transcript.reply), "{transcript:?}");

        let Some(file) = &transcript.file else { continue };
        if let Some(listener) = listener {
            let mut sent = String::new();
            listener.accept().unwrap().0.read_to_string(&mut sent).unwrap();
            assert_eq!(sent, *file, "{transcript:?}");
        } else {
            let mut stream = served.dial();
            stream.write_all(file.as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(end_of(stream), End::Closed, "{transcript:?}");
            let (_, rest) = transcript.command.split_once(' ').unwrap();
            let (name, size) = rest.rsplit_once(' ').unwrap();
            assert_eq!(size.trim_end().parse(), Ok(file.len()), "{transcript:?}");
            assert_eq!(fs::read_to_string(served.site.there(name)).unwrap(), *file);
        }
    }
}
