//! Laws 3, 4, 8: reading files and folders.

use std::format;
use std::vec::Vec;

use super::Fixture;
use super::tools::{
    bytes, get, keep, list, names, next, ok, partial, path, put, read_all, refused, stage,
};
use crate::reply::Code;
use crate::storage::{Kind, Storage};

pub(super) fn reads_end_at_the_end<F: Fixture>(fixture: F) {
    let law = "3 (short counts)";
    let mut session = fixture.session();
    put(law, &mut session, b"a", &bytes(1500, 3));
    let (mut file, found) = ok(law, session.open(path(b"a")));
    assert_eq!((found.kind, found.size), (Kind::File, 1500), "law {law}: what was opened");
    assert_eq!(ok(law, session.read_at(&mut file, 3, &mut [])), 0, "law {law}: empty buffer");
    let mut buffer = [0; 64];
    for end in [1500, 1501, i64::MAX as u64] {
        let read = ok(law, session.read_at(&mut file, end, &mut buffer));
        assert_eq!(read, 0, "law {law}: bytes at offset {end} of 1500");
    }
    let read = ok(law, session.read_at(&mut file, 1499, &mut buffer));
    assert_eq!(buffer[..read], bytes(1500, 3)[1499..], "law {law}: the last byte");
    session.close(file);
}

pub(super) fn an_open_file_stays_itself<F: Fixture>(fixture: F) {
    let law = "4 (an open file stays itself)";
    let (mut reader, mut writer) = (fixture.session(), fixture.session());
    put(law, &mut writer, b"a", &bytes(2000, 1));
    let (mut file, _) = ok(law, reader.open(path(b"a")));
    let data = bytes(2000, 2);
    let staged = stage(law, &mut writer, b"a", &data);
    writer.finish(staged, super::tools::receipt(&data), None);
    writer.commit();
    let replaced = writer.committed().expect("law 1: a commit has a result").1;
    let busy = replaced.is_err();
    if busy {
        refused(law, replaced, Code::Busy);
    }
    let removed = writer.remove(path(b"a"));
    if removed.is_err() {
        refused(law, removed, Code::Busy);
    }
    // Whatever takes the room of the old bytes must not be read through the old handle.
    put(law, &mut writer, b"b", &bytes(2000, 4));
    assert_eq!(read_all(law, &mut reader, &mut file), bytes(2000, 1), "law {law}: the old bytes");
    assert_eq!(ok(law, reader.metadata(&mut file)).size, 2000, "law {law}: the old size");
    reader.close(file);
    put(law, &mut writer, b"a", b"free again");
    assert_eq!(get(&mut reader, b"a"), Ok(b"free again".to_vec()), "law {law}: after the close");
}

pub(super) fn stamps_tell_changes<F: Fixture>(fixture: F) {
    let law = "4 (an open file stays itself)";
    let mut session = fixture.session();
    put(law, &mut session, b"a", &bytes(100, 1));
    let before = ok(law, session.stat(path(b"a")));
    let (mut file, opened) = ok(law, session.open(path(b"a")));
    assert_eq!(opened, before, "law {law}: open and stat agree");
    let again = ok(law, session.metadata(&mut file));
    assert_eq!(again, opened, "law {law}: nothing changed");
    session.close(file);
    put(law, &mut session, b"a", &bytes(101, 1));
    let after = ok(law, session.stat(path(b"a")));
    assert_ne!(after.stamp, before.stamp, "law {law}: a replaced file has another stamp");
}

pub(super) fn listings_show_what_is_there<F: Fixture>(fixture: F) {
    let law = "8 (listings)";
    let mut session = fixture.session();
    assert!(names(&mut session, b"/").is_empty(), "law {law}: an empty folder");
    ok(law, session.make_folder(path(b"d")));
    let odd = [&b"d/-rf"[..], b"d/ls", b"d/a b", b"d/~", b"d/...", b"d/%41"];
    for name in odd {
        put(law, &mut session, name, name);
    }
    let long = [b"d/".to_vec(), [b'n'; 255].to_vec()].concat();
    put(law, &mut session, &long, b"long");
    keep(law, &mut session, b"d/partial", b"not shown");
    let staged = stage(law, &mut session, b"d/staged", b"not shown");
    let mut expected: Vec<Vec<u8>> = odd.iter().map(|name| name[2..].to_vec()).collect();
    expected.push([b'n'; 255].to_vec());
    expected.sort();
    assert_eq!(names(&mut session, b"d"), expected, "law {law}: each entry once");
    for (name, metadata) in list(&mut session, b"d") {
        let size = if name.len() == 255 { 4 } else { name.len() as u64 + 2 };
        assert_eq!((metadata.kind, metadata.size), (Kind::File, size), "law {law}: what it is");
    }
    let root = list(&mut session, b"/");
    assert_eq!(root.len(), 1, "law {law}: only the folder");
    assert_eq!((root[0].1.kind, root[0].1.size), (Kind::Folder, 0), "law {law}: a folder");
    session.discard(staged);
    refused(law, session.open_folder(path(b"d/ls")), Code::NotDirectory);
    refused(law, session.open_folder(path(b"e")), Code::NotFound);
}

/// Entries that exist throughout are shown once, whatever happens to the others (H47).
pub(super) fn listings_survive_changes<F: Fixture>(fixture: F) {
    let law = "8 (listings)";
    let (mut lister, mut writer) = (fixture.session(), fixture.session());
    let stay: Vec<Vec<u8>> = (0..8).map(|n| format!("stay{n}").into_bytes()).collect();
    for name in &stay {
        put(law, &mut writer, name, name);
        put(law, &mut writer, &[b"go", &name[..]].concat(), b"x");
    }
    let mut folder = ok(law, lister.open_folder(path(b"/")));
    let mut seen = Vec::new();
    for at in 0..200 {
        let Some((name, _)) = next(&mut lister, &mut folder) else { break };
        assert!(at < 100, "law {law}: the listing has no end");
        seen.push(name);
        if let Some(name) = stay.get(at) {
            let gone = [b"go", &name[..]].concat();
            ok(law, writer.remove(path(&gone)));
            put(law, &mut writer, b"replaced", name);
            let newer = [b"new", &name[..]].concat();
            put(law, &mut writer, &newer, b"x");
            ok(law, writer.remove(path(&newer)));
        }
    }
    lister.close_folder(folder);
    for name in &stay {
        let times = seen.iter().filter(|seen| *seen == name).count();
        assert_eq!(times, 1, "law {law}: an entry that stayed was shown {times} times");
    }
    assert_eq!(partial(&mut writer, b"replaced"), Err(Code::NotFound), "law 5 (partials)");
}
