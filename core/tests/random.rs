//! Random sessions: the server never panics, never hangs, and answers the same however its
//! input is cut. proptest prints the seed and the smallest case of a failure.

mod support;

use coracle::Outcome;
use proptest::collection::vec;
use proptest::prelude::*;
use support::{data, disk, fail, frames, run, upload};

const PATHS: [&str; 8] = ["a", "b", "d/a", "d", "/", "no/a", "p", "d/p"];

/// Not `d`: while an upload to it waits for its commit, `d/a` is `not-found`, afterwards
/// `not-directory`; and whether it waits depends on the cuts.
const FILES: [&str; 5] = ["a", "b", "d/a", "/", "no/a"];

/// Where uploads break off: a commit that comes later, for want of input at hand, discards the
/// partials of its path.
const PARTIALS: [&str; 2] = ["p", "d/p"];

/// Something a client may send, sensible or not.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let path = prop::sample::select(&PATHS[..]);
    let file = prop::sample::select(&FILES[..]);
    let partial = prop::sample::select(&PARTIALS[..]);
    let verb = prop::sample::select(
        &["ls", "stat", "sum", "download", "partial", "forget", "rm", "mkdir"][..],
    );
    let bytes = vec(any::<u8>(), 0..3000);
    prop_oneof![
        8 => (verb, path.clone()).prop_map(|(verb, path)| format!("{verb} {path}\n").into_bytes()),
        8 => (file.clone(), bytes.clone()).prop_map(|(path, bytes)| upload(path, &bytes)),
        2 => (path.clone(), path.clone()).prop_map(|(from, to)| format!("mv {from} {to}\n").into_bytes()),
        2 => (file, bytes.clone(), 1..1500usize).prop_map(|(path, bytes, piece)| {
            [format!("upload {path} -\n").into_bytes(), frames(&bytes, piece)].concat()
        }),
        2 => (partial.clone(), bytes.clone()).prop_map(|(path, bytes)| {
            let line = format!("upload {path} {}\n", bytes.len() + 1).into_bytes();
            let part = if bytes.is_empty() { Vec::new() } else { data(&bytes) };
            [line, part, fail("aborted by hand")].concat()
        }),
        2 => (partial, 0..3000u64, any::<u32>(), bytes.clone()).prop_map(|(path, offset, crc, bytes)| {
            let line = format!("upload {path} 3000 {offset} {crc:08x}\n").into_bytes();
            [line, frames(&bytes, 512)].concat()
        }),
        2 => (path, 0..4000u64, 0..4000u64).prop_map(|(path, offset, length)| {
            format!("download {path} {offset} {length}\n").into_bytes()
        }),
        1 => Just(b"df\nstats\nhelp\nnoop\n\r\n\n".to_vec()),
        1 => bytes.prop_map(|bytes| frames(&bytes, 100)),
        1 => vec(any::<u8>(), 0..40),
        1 => "[a-z %]{0,30}\n".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn any_session_is_answered_the_same_however_it_is_cut(
        pieces in vec(piece(), 0..12),
        step in 1..1500usize,
        cut in 0.0..1.2f64,
    ) {
        let mut script = [&b"hello 1\n"[..], &pieces.concat()].concat();
        script.truncate((script.len() as f64 * cut) as usize);
        let (whole, ended) = run(&disk(), &script, usize::MAX);
        let (cut, ended_too) = run(&disk(), &script, step);
        prop_assert_eq!(ended, ended_too);
        prop_assert_ne!(ended, Some(Outcome::Misuse));
        prop_assert!(without_signs(&whole) == without_signs(&cut), "{} at a time", step);
    }

    #[test]
    fn any_bytes_end_a_session_in_order(bytes in vec(any::<u8>(), 0..4000), step in 1..100usize) {
        let (_, outcome) = run(&disk(), &bytes, step);
        prop_assert!(outcome.is_some_and(|outcome| outcome != Outcome::Misuse));
        let after_hello = [&b"hello 1\n"[..], &bytes].concat();
        let (_, outcome) = run(&disk(), &after_hello, step);
        prop_assert!(outcome.is_some_and(|outcome| outcome != Outcome::Misuse));
    }
}

/// How many uploads share a commit, and so how often `+ busy` is said, depends on the cuts.
fn without_signs(output: &[u8]) -> Vec<u8> {
    let mut rest = output;
    let mut kept = Vec::new();
    while let Some((&first, tail)) = rest.split_first() {
        if let Some(tail) = rest.strip_prefix(b"+ busy\n") {
            rest = tail;
        } else {
            kept.push(first);
            rest = tail;
        }
    }
    kept
}
