//! Law 6: who may write a path.

use super::Fixture;
use super::tools::{get, ok, partial, path, put, receipt, refused, stage, write};
use crate::limits::OWNERSHIP_MILLIS;
use crate::reply::Code;
use crate::storage::Storage;

const LAW: &str = "6 (ownership)";

pub(super) fn others_are_busy<F: Fixture>(fixture: F) {
    let (mut owner, mut other) = (fixture.session(), fixture.session());
    let staged = stage(LAW, &mut owner, b"a", b"bytes");
    refused(LAW, other.stage(path(b"a"), None), Code::Busy);
    refused(LAW, other.resume(path(b"a"), None), Code::Busy);
    refused(LAW, other.open_partial(path(b"a")), Code::Busy);
    refused(LAW, other.forget(path(b"a")), Code::Busy);
    put(LAW, &mut other, b"b", b"another path is free");
    owner.keep(staged);
    assert_eq!(partial(&mut other, b"a"), Ok(b"bytes".to_vec()), "law {LAW}: free when kept");
    // Who only reads a partial owns nothing.
    let (reading, _) = ok(LAW, owner.open_partial(path(b"a")));
    let (staged, _) = ok(LAW, other.resume(path(b"a"), None));
    owner.close(reading);
    refused(LAW, owner.stage(path(b"a"), None), Code::Busy);
    other.discard(staged);
    put(LAW, &mut owner, b"a", b"free when discarded");
    put(LAW, &mut other, b"a", b"free when committed");
}

pub(super) fn signs_of_life_are_progress<F: Fixture>(fixture: F) {
    let (mut owner, mut other) = (fixture.session(), fixture.session());
    let mut staged = stage(LAW, &mut owner, b"a", b"bytes");
    for _ in 0..3 {
        fixture.pass(OWNERSHIP_MILLIS - 1000);
        refused(LAW, other.stage(path(b"a"), None), Code::Busy);
        owner.alive(&mut staged);
        fixture.pass(OWNERSHIP_MILLIS - 1000);
        refused(LAW, other.resume(path(b"a"), None), Code::Busy);
        write(LAW, &mut owner, &mut staged, 5, b"more");
    }
    owner.finish(staged, receipt(b"bytesmore"), None);
    owner.commit();
    ok(LAW, owner.committed().expect("law 6: a commit has a result").1);
}

pub(super) fn one_session_may_write_a_path_twice<F: Fixture>(fixture: F) {
    let mut session = fixture.session();
    let first = stage(LAW, &mut session, b"a", b"first");
    session.finish(first, receipt(b"first"), None);
    let second = stage(LAW, &mut session, b"a", b"second");
    session.commit();
    ok(LAW, session.committed().expect("law 6: a commit has a result").1);
    refused(LAW, fixture.session().stage(path(b"a"), None), Code::Busy);
    session.finish(second, receipt(b"second"), None);
    session.commit();
    ok(LAW, session.committed().expect("law 6: a commit has a result").1);
    assert_eq!(get(&mut session, b"a"), Ok(b"second".to_vec()), "law {LAW}: the later file");
}

pub(super) fn a_resume_takes_over<F: Fixture>(fixture: F) {
    let (mut old, mut new) = (fixture.session(), fixture.session());
    let mut stalled = stage(LAW, &mut old, b"a", b"12345");
    fixture.pass(OWNERSHIP_MILLIS);
    assert_eq!(partial(&mut new, b"a"), Ok(b"12345".to_vec()), "law {LAW}: answers to all");
    let (mut staged, stored) = ok(LAW, new.resume(path(b"a"), None));
    assert_eq!(stored, 5, "law {LAW}: stored bytes");
    refused(LAW, old.write_at(&mut stalled, 5, b"x"), Code::Busy);
    refused(LAW, old.read_staged(&mut stalled, 0, &mut [0; 4]), Code::Busy);
    refused(LAW, old.truncate(&mut stalled, 0), Code::Busy);
    old.alive(&mut stalled);
    write(LAW, &mut new, &mut staged, 5, b"678");
    old.keep(stalled);
    refused(LAW, old.stage(path(b"a"), None), Code::Busy);
    new.finish(staged, receipt(b"12345678"), None);
    new.commit();
    ok(LAW, new.committed().expect("law 6: a commit has a result").1);
    assert_eq!(get(&mut old, b"a"), Ok(b"12345678".to_vec()), "law {LAW}: only the new bytes");
    refused(LAW, old.open_partial(path(b"a")), Code::NotFound);
}

pub(super) fn a_fresh_upload_takes_over<F: Fixture>(fixture: F) {
    let (mut old, mut new) = (fixture.session(), fixture.session());
    let mut stalled = stage(LAW, &mut old, b"a", b"stalled");
    fixture.pass(OWNERSHIP_MILLIS);
    let staged = ok(LAW, new.stage(path(b"a"), None));
    refused(LAW, old.write_at(&mut stalled, 7, b"x"), Code::Busy);
    old.discard(stalled);
    new.keep(staged);
    assert_eq!(
        partial(&mut new, b"a"),
        Ok(b"stalled".to_vec()),
        "law 5 (partials): what was taken over stays until there is something newer"
    );
}

pub(super) fn a_finished_file_is_taken_over_whole<F: Fixture>(fixture: F) {
    let (mut old, mut new) = (fixture.session(), fixture.session());
    let finished = stage(LAW, &mut old, b"a", b"finished");
    old.finish(finished, receipt(b"finished"), None);
    fixture.pass(OWNERSHIP_MILLIS);
    put(LAW, &mut new, b"a", b"new");
    old.commit();
    let (_, result) = old.committed().expect("law 6: a commit has a result");
    refused(LAW, result, Code::Busy);
    assert_eq!(get(&mut old, b"a"), Ok(b"new".to_vec()), "law {LAW}: not undone by the old one");
}
