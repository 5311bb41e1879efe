//! Laws 1, 2, 3, 5: what becomes visible, and what stays of an upload.

use std::vec::Vec;

use super::Fixture;
use super::tools::{
    bytes, get, keep, list, names, ok, partial, path, put, receipt, refused, stage, write,
};
use crate::reply::Code;
use crate::storage::{Kind, Storage};

pub(super) fn nothing_shows_before_the_commit<F: Fixture>(fixture: F) {
    let law = "1 (old or new)";
    let (mut writer, mut other) = (fixture.session(), fixture.session());
    let staged = stage(law, &mut writer, b"a", &bytes(2000, 1));
    let nowhere = |other: &mut F::Session<'_>| {
        assert!(names(other, b"/").is_empty(), "law {law}: a staged file is listed");
        refused(law, other.stat(path(b"a")), Code::NotFound);
        refused(law, other.open(path(b"a")), Code::NotFound);
    };
    nowhere(&mut other);
    writer.finish(staged, receipt(&bytes(2000, 1)), Some(1_000_000_000));
    nowhere(&mut other);
    assert!(writer.committed().is_none(), "law {law}: a result before the commit");
    writer.commit();
    let (told, result) = writer.committed().expect("law 1: a commit has a result");
    ok(law, result);
    assert_eq!(told, receipt(&bytes(2000, 1)), "law {law}: the receipt comes back");
    assert_eq!(get(&mut other, b"a"), Ok(bytes(2000, 1)), "law {law}: the whole new file");
    let found = ok(law, other.stat(path(b"a")));
    assert_eq!((found.kind, found.size), (Kind::File, 2000), "law {law}: kind and size");
    assert!(
        matches!(found.modified, None | Some(1_000_000_000)),
        "law {law}: the time that was asked for, or none, not {:?}",
        found.modified
    );
}

pub(super) fn replaced_in_one_step<F: Fixture>(fixture: F) {
    let law = "1 (old or new)";
    let (mut writer, mut other) = (fixture.session(), fixture.session());
    put(law, &mut writer, b"a", &bytes(3000, 1));
    let staged = stage(law, &mut writer, b"a", &bytes(10, 2));
    assert_eq!(get(&mut other, b"a"), Ok(bytes(3000, 1)), "law {law}: old until the commit");
    writer.finish(staged, receipt(&bytes(10, 2)), None);
    writer.commit();
    ok(law, writer.committed().expect("law 1: a commit has a result").1);
    assert_eq!(get(&mut other, b"a"), Ok(bytes(10, 2)), "law {law}: new after the commit");
    assert_eq!(names(&mut other, b"/"), [b"a"], "law {law}: one entry");
    drop((writer, other));
    let fixture = fixture.crash();
    let mut later = fixture.session();
    assert_eq!(get(&mut later, b"a"), Ok(bytes(10, 2)), "law {law}: new after a restart");
}

pub(super) fn a_group_is_reported_in_order<F: Fixture>(fixture: F) {
    let law = "1 (old or new)";
    let mut session = fixture.session();
    let mut reported = Vec::new();
    for round in 0..6u8 {
        let data = bytes(100 + usize::from(round), round);
        // The same name again: the last one finished is the one that stays.
        let name = [b'a' + round % 4];
        let staged = stage(law, &mut session, &name, &data);
        if !session.finish(staged, receipt(&data), None) {
            session.commit();
            drain(&mut session, &mut reported);
        }
    }
    session.commit();
    drain(&mut session, &mut reported);
    assert_eq!(reported, [100, 101, 102, 103, 104, 105], "law {law}: results in order");
    assert_eq!(get(&mut session, b"a"), Ok(bytes(104, 4)), "law {law}: the later one stays");
    assert_eq!(get(&mut session, b"c"), Ok(bytes(102, 2)), "law {law}: each file its bytes");
    session.commit();
    assert!(session.committed().is_none(), "law {law}: an empty commit has no results");
}

fn drain<S: Storage>(session: &mut S, reported: &mut Vec<u64>) {
    while let Some((told, result)) = session.committed() {
        ok("1 (old or new)", result);
        reported.push(told.length);
    }
}

pub(super) fn one_failure_in_a_group_stays_alone<F: Fixture>(fixture: F) {
    let law = "1 (old or new)";
    let mut session = fixture.session();
    let first = stage(law, &mut session, b"a", b"first");
    assert!(session.finish(first, receipt(b"first"), None), "law {law}: room for two");
    let second = stage(law, &mut session, b"b", b"second");
    session.finish(second, receipt(b"second"), None);
    ok(law, fixture.session().make_folder(path(b"a")));
    session.commit();
    let (_, result) = session.committed().expect("law 1: a result each");
    refused(law, result, Code::IsDirectory);
    let (_, result) = session.committed().expect("law 1: a result each");
    ok(law, result);
    assert_eq!(get(&mut session, b"b"), Ok(b"second".to_vec()), "law {law}: the other file");
    ok(law, session.remove(path(b"a")));
    assert_eq!(
        partial(&mut session, b"a"),
        Ok(b"first".to_vec()),
        "law 5 (partials): what could not be committed is kept"
    );
}

pub(super) fn sizes_around_a_chunk<F: Fixture>(fixture: F) {
    let mut session = fixture.session();
    for size in [0, 1, 255, 256, 257, 1023, 1024, 1025, 2048, 5000] {
        let data = bytes(size, size as u8);
        put("3 (short counts)", &mut session, b"a", &data);
        assert_eq!(get(&mut session, b"a"), Ok(data), "law 3 (short counts): {size} bytes");
    }
}

pub(super) fn announced_sizes_are_checked<F: Fixture>(fixture: F) {
    let law = "9 (the true reason)";
    let mut session = fixture.session();
    let Err(error) = session.stage(path(b"a"), Some(i64::MAX as u64)) else {
        panic!("law {law}: 2^63 - 1 bytes were promised")
    };
    let code = error.into().code;
    assert!(matches!(code, Code::NoSpace | Code::TooLarge), "law {law}: refused as {code}");
    let space = ok(law, session.space());
    assert!(space.free <= space.total, "law {law}: {space:?}");
    ok(law, session.facts());
}

pub(super) fn kept_bytes_are_the_partial<F: Fixture>(fixture: F) {
    let law = "5 (partials)";
    let (mut session, mut other) = (fixture.session(), fixture.session());
    put(law, &mut session, b"a", b"old");
    keep(law, &mut session, b"a", b"first");
    assert_eq!(partial(&mut other, b"a"), Ok(b"first".to_vec()), "law {law}: kept");
    assert_eq!(get(&mut other, b"a"), Ok(b"old".to_vec()), "law 1: the old file stays");
    assert_eq!(names(&mut other, b"/"), [b"a"], "law {law}: a partial is not listed");
    keep(law, &mut session, b"a", b"second!");
    assert_eq!(partial(&mut other, b"a"), Ok(b"second!".to_vec()), "law {law}: the newer one");
    refused(law, other.open_partial(path(b"b")), Code::NotFound);
    ok(law, other.forget(path(b"a")));
    refused(law, other.forget(path(b"a")), Code::NotFound);
    refused(law, session.open_partial(path(b"a")), Code::NotFound);
    refused(law, session.resume(path(b"a"), None), Code::NotFound);
}

pub(super) fn an_empty_keep_leaves_the_older_partial<F: Fixture>(fixture: F) {
    let law = "5 (partials)";
    let mut session = fixture.session();
    keep(law, &mut session, b"a", b"");
    refused(law, session.open_partial(path(b"a")), Code::NotFound);
    keep(law, &mut session, b"a", b"older");
    keep(law, &mut session, b"a", b"");
    assert_eq!(partial(&mut session, b"a"), Ok(b"older".to_vec()), "law {law}: the older one");
}

pub(super) fn a_discarded_file_leaves_the_older_partial<F: Fixture>(fixture: F) {
    let law = "5 (partials)";
    let mut session = fixture.session();
    keep(law, &mut session, b"a", b"older");
    let staged = stage(law, &mut session, b"a", b"newer");
    session.discard(staged);
    assert_eq!(partial(&mut session, b"a"), Ok(b"older".to_vec()), "law {law}: the older one");
    let (staged, stored) = ok(law, session.resume(path(b"a"), None));
    assert_eq!(stored, 5, "law {law}: stored bytes");
    session.discard(staged);
    refused(law, session.open_partial(path(b"a")), Code::NotFound);
}

pub(super) fn a_commit_discards_partials<F: Fixture>(fixture: F) {
    let law = "5 (partials)";
    let mut session = fixture.session();
    keep(law, &mut session, b"a", b"older");
    put(law, &mut session, b"a", b"whole");
    refused(law, session.open_partial(path(b"a")), Code::NotFound);
    drop(session);
    let fixture = fixture.crash();
    refused(law, fixture.session().open_partial(path(b"a")), Code::NotFound);
}

pub(super) fn a_crash_leaves_partials<F: Fixture>(fixture: F) {
    let law = "5 (partials)";
    let mut session = fixture.session();
    put(law, &mut session, b"a", b"old");
    let staged = stage(law, &mut session, b"a", b"half a new");
    let empty = stage(law, &mut session, b"b", b"");
    drop((session, staged, empty));
    let fixture = fixture.crash();
    let mut later = fixture.session();
    assert_eq!(get(&mut later, b"a"), Ok(b"old".to_vec()), "law 1: old after a crash");
    assert_eq!(names(&mut later, b"/"), [b"a"], "law {law}: nothing else shows");
    assert_eq!(partial(&mut later, b"a"), Ok(b"half a new".to_vec()), "law {law}: after a crash");
    refused(law, later.open_partial(path(b"b")), Code::NotFound);
    let (staged, stored) = ok(law, later.resume(path(b"a"), Some(20)));
    assert_eq!(stored, 10, "law {law}: stored bytes");
    later.keep(staged);
}

pub(super) fn a_resumed_file_is_cut_and_continued<F: Fixture>(fixture: F) {
    let law = "5 (partials)";
    let mut session = fixture.session();
    let whole = bytes(3000, 9);
    keep(law, &mut session, b"a", &whole[..2000]);
    let (mut staged, stored) = ok(law, session.resume(path(b"a"), Some(3000)));
    assert_eq!(stored, 2000, "law {law}: stored bytes");
    let mut back = [0; 100];
    let read = ok(law, session.read_staged(&mut staged, 1990, &mut back));
    assert_eq!(back[..read], whole[1990..1990 + read], "law {law}: bytes read back");
    assert!(read > 0 && read <= 10, "law 3 (short counts): {read} of 10 bytes");
    ok(law, session.truncate(&mut staged, 1500));
    assert_eq!(ok(law, session.read_staged(&mut staged, 1500, &mut back)), 0, "law {law}: cut");
    write(law, &mut session, &mut staged, 1500, &whole[1500..]);
    session.finish(staged, receipt(&whole), None);
    session.commit();
    ok(law, session.committed().expect("law 1: a commit has a result").1);
    assert_eq!(get(&mut session, b"a"), Ok(whole), "law {law}: one whole file");
    assert_eq!(list(&mut session, b"/").len(), 1, "law {law}: nothing is left over");
}
