//! Law 10, and the causes of errors: folders, renames, removals.

use super::Fixture;
use super::tools::{get, keep, names, ok, partial, path, put, refused, stage};
use crate::limits::OWNERSHIP_MILLIS;
use crate::path::Path;
use crate::reply::Code;
use crate::storage::{Kind, Storage};

const LAW: &str = "10 (names)";

pub(super) fn folders_are_made_and_removed<F: Fixture>(fixture: F) {
    let (mut session, mut other) = (fixture.session(), fixture.session());
    ok(LAW, session.make_folder(path(b"d")));
    refused(LAW, session.make_folder(path(b"d")), Code::Exists);
    refused(LAW, session.make_folder(path(b"no/d")), Code::NotFound);
    refused(LAW, session.make_folder(Path::ROOT), Code::Exists);
    assert_eq!(ok(LAW, other.stat(path(b"d"))).kind, Kind::Folder, "law {LAW}: a folder");
    put(LAW, &mut session, b"d/a", b"x");
    refused(LAW, session.make_folder(path(b"d/a")), Code::Exists);
    refused(LAW, session.make_folder(path(b"d/a/e")), Code::NotDirectory);
    refused(LAW, session.remove(path(b"d")), Code::NotEmpty);
    ok(LAW, session.remove(path(b"d/a")));
    refused(LAW, session.remove(path(b"d/a")), Code::NotFound);
    leftovers_go_with_their_folder(&fixture, &mut session, &mut other);
    refused(LAW, session.remove(Path::ROOT), Code::Denied);
    assert!(names(&mut other, b"/").is_empty(), "law {LAW}: all is removed");
}

fn leftovers_go_with_their_folder<F: Fixture>(
    fixture: &F,
    session: &mut F::Session<'_>,
    other: &mut F::Session<'_>,
) {
    keep(LAW, session, b"d/a", b"leftover");
    let staged = stage(LAW, other, b"d/b", b"being written");
    refused(LAW, session.remove(path(b"d")), Code::Busy);
    other.keep(staged);
    ok(LAW, session.remove(path(b"d")));
    refused(LAW, session.stat(path(b"d")), Code::NotFound);
    refused(LAW, session.stage(path(b"d/a"), None), Code::NotFound);
    // A folder of the same name starts without the leftovers.
    ok(LAW, session.make_folder(path(b"d")));
    refused("5 (partials)", session.open_partial(path(b"d/a")), Code::NotFound);
    fixture.pass(OWNERSHIP_MILLIS);
    put(LAW, session, b"d/a", b"x");
    ok(LAW, session.remove(path(b"d/a")));
    ok(LAW, session.remove(path(b"d")));
}

pub(super) fn renames_replace_files_only<F: Fixture>(fixture: F) {
    let mut session = fixture.session();
    put(LAW, &mut session, b"a", b"a");
    put(LAW, &mut session, b"b", b"b");
    ok(LAW, session.make_folder(path(b"d")));
    ok(LAW, session.make_folder(path(b"e")));
    ok(LAW, session.rename(path(b"a"), path(b"b")));
    assert_eq!(get(&mut session, b"b"), Ok(b"a".to_vec()), "law {LAW}: replaced");
    refused(LAW, session.rename(path(b"a"), path(b"c")), Code::NotFound);
    refused(LAW, session.rename(path(b"b"), path(b"d")), Code::IsDirectory);
    refused(LAW, session.rename(path(b"d"), path(b"e")), Code::Exists);
    refused(LAW, session.rename(path(b"d"), path(b"b")), Code::Exists);
    refused(LAW, session.rename(path(b"d"), path(b"d/x")), Code::BadArgument);
    refused(LAW, session.rename(path(b"b"), path(b"no/x")), Code::NotFound);
    refused(LAW, session.rename(Path::ROOT, path(b"x")), Code::Denied);
    refused(LAW, session.rename(path(b"b"), Path::ROOT), Code::Denied);
    ok(LAW, session.rename(path(b"b"), path(b"b")));
    ok(LAW, session.rename(path(b"b"), path(b"d/b")));
    keep(LAW, &mut session, b"d/p", b"partial");
    ok(LAW, session.rename(path(b"d"), path(b"e/d")));
    assert_eq!(get(&mut session, b"e/d/b"), Ok(b"a".to_vec()), "law {LAW}: moved with its folder");
    assert_eq!(partial(&mut session, b"e/d/p"), Ok(b"partial".to_vec()), "law {LAW}: moved too");
    // The old name is not remembered by any session.
    refused(LAW, session.stage(path(b"d/b"), None), Code::NotFound);
    ok(LAW, session.make_folder(path(b"d")));
    put(LAW, &mut session, b"d/b", b"another");
    assert_eq!(get(&mut session, b"e/d/b"), Ok(b"a".to_vec()), "law {LAW}: two folders");
    assert_eq!(names(&mut session, b"/"), [b"d", b"e"], "law {LAW}: names");
}

pub(super) fn errors_name_the_cause<F: Fixture>(fixture: F) {
    let law = "9 (the true reason)";
    let mut session = fixture.session();
    put(law, &mut session, b"a", b"x");
    ok(law, session.make_folder(path(b"d")));
    refused(law, session.stat(path(b"b")), Code::NotFound);
    refused(law, session.stat(path(b"a/b")), Code::NotDirectory);
    refused(law, session.open(path(b"a/b")), Code::NotDirectory);
    refused(law, session.stage(path(b"a/b"), None), Code::NotDirectory);
    refused(law, session.open(path(b"d")), Code::IsDirectory);
    refused(law, session.open(Path::ROOT), Code::IsDirectory);
    refused(law, session.stage(path(b"d"), None), Code::IsDirectory);
    refused(law, session.stage(Path::ROOT, None), Code::IsDirectory);
    refused(law, session.stage(path(b"no/a"), None), Code::NotFound);
    refused(law, session.resume(path(b"a"), None), Code::NotFound);
    refused(law, session.open_folder(path(b"a")), Code::NotDirectory);
    assert_eq!(ok(law, session.stat(Path::ROOT)).kind, Kind::Folder, "law {law}: the root");
    let staged = stage(law, &mut session, b"a", b"new");
    session.discard(staged);
    assert_eq!(get(&mut session, b"a"), Ok(b"x".to_vec()), "law 1: discarded is discarded");
}
