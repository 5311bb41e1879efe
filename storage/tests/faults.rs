//! The medium fails: the true reason arrives, the old file stays, a retry works (H52–H56).

mod tools;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use coracle::{Code, Durability, Storage};
use coracle_storage::folder::{Folder, FolderOptions};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

use tools::{Plan, Served, code, get, names, path, put, receipt, stage};

const EIO: i32 = Errno::IO.raw_os_error();
const ENOSPC: i32 = Errno::NOSPC.raw_os_error();

/// Replace `a` and say what came of it.
fn replace(served: &Served, new: &[u8]) -> Result<Durability, Code> {
    let mut session = served.session();
    let mut staged = stage(&mut session, b"a", &new[..new.len() / 2])?;
    let half = new.len() / 2;
    if let Err(error) = session.write_at(&mut staged, half as u64, &new[half..]) {
        session.keep(staged);
        return Err(error.refusal().code);
    }
    session.finish(staged, receipt(new), Some(1_000_000_000));
    session.commit();
    session.committed().unwrap().1.map_err(|error| error.refusal().code)
}

/// Count the steps of a replacement that succeeds.
fn steps_of_a_replacement() -> Vec<&'static str> {
    let served = Served::new();
    put(&mut served.session(), b"a", b"old").unwrap();
    served.faults.plan(Plan::default());
    replace(&served, b"the new bytes").unwrap();
    served.faults.log()
}

#[test]
fn files_are_flushed_before_they_are_named_and_folders_after() {
    let steps = steps_of_a_replacement();
    let order = ["create", "write", "write", "mode", "time", "flush", "rename", "flush folder"];
    assert_eq!(steps, order);
}

#[test]
fn an_error_at_any_step_leaves_the_old_file_and_its_reason() {
    let steps = steps_of_a_replacement();
    for (errno, reason) in [(ENOSPC, Code::NoSpace), (EIO, Code::Io)] {
        for (at, step) in steps.iter().enumerate() {
            let served = Served::new();
            put(&mut served.session(), b"a", b"old").unwrap();
            served.faults.plan(Plan { fail: Some((at, errno)), ..Plan::default() });
            let result = replace(&served, b"the new bytes");
            assert_eq!(result, Err(reason), "{step}");
            let mut session = served.session();
            // Once renamed, the new file is whole, though nobody promises that it is durable.
            let visible: &[u8] = if *step == "flush folder" { b"the new bytes" } else { b"old" };
            assert_eq!(get(&mut session, b"a").as_deref(), Ok(visible), "{step}");
            assert_eq!(names(&mut session, b"/"), [b"a"], "{step}");
            assert!(served.staged("").len() <= 1, "{step}");
            let kept = session.open_partial(path(b"a")).is_ok();
            let stored = !matches!(*step, "create" | "flush" | "flush folder") && at != 1;
            assert_eq!(kept, stored, "{step} {at}: what is stored is the partial");
            assert_eq!(replace(&served, b"again"), Ok(Durability::Flushed), "{step}: a retry");
            assert_eq!(get(&mut session, b"a").as_deref(), Ok(&b"again"[..]), "{step}");
            assert!(served.staged("").is_empty(), "{step}: nothing is left over");
        }
    }
}

#[test]
fn after_a_power_cut_there_is_the_old_file_or_the_new_one() {
    for cut in 0..=steps_of_a_replacement().len() {
        let served = Served::new();
        put(&mut served.session(), b"a", b"old").unwrap();
        served.faults.plan(Plan { cut: Some(cut), ..Plan::default() });
        let told = replace(&served, b"the new bytes");
        let served = served.reopened();
        served.faults.plan(Plan::default());
        let mut session = served.session();
        let found = get(&mut session, b"a").unwrap();
        assert!(found == b"old" || found == b"the new bytes", "cut {cut}");
        assert!(told.is_err() || found == b"the new bytes", "cut {cut}: a promise was broken");
        assert_eq!(names(&mut session, b"/"), [b"a"], "cut {cut}");
        put(&mut session, b"a", b"again").unwrap();
        assert!(served.staged("").is_empty(), "cut {cut}");
    }
}

#[test]
fn short_writes_are_gone_on_with_and_empty_ones_are_errors() {
    let served = Served::new();
    let mut session = served.session();
    served.faults.plan(Plan { short: Some(3), ..Plan::default() });
    put(&mut session, b"a", b"more than three bytes").unwrap();
    assert_eq!(get(&mut session, b"a").as_deref(), Ok(&b"more than three bytes"[..]));
    served.faults.plan(Plan { short: Some(0), ..Plan::default() });
    assert_eq!(put(&mut session, b"a", b"other"), Err(Code::Io));
    assert_eq!(get(&mut session, b"a").as_deref(), Ok(&b"more than three bytes"[..]));
}

#[test]
fn a_group_is_flushed_once_and_each_folder_once() {
    let served = Served::new();
    let mut session = served.session();
    session.make_folder(path(b"d")).unwrap();
    served.faults.plan(Plan::default());
    for at in 0..20 {
        let name = format!("{}{at}", if at % 2 == 0 { "d/" } else { "" });
        let staged = stage(&mut session, name.as_bytes(), b"x").unwrap();
        assert!(session.finish(staged, receipt(b"x"), None));
    }
    session.commit();
    while let Some((_, result)) = session.committed() {
        assert_eq!(result.unwrap(), Durability::Flushed);
    }
    let count = |what| served.faults.log().iter().filter(|step| **step == what).count();
    let counts = ["flush medium", "flush", "rename", "flush folder"].map(count);
    assert_eq!(counts, [1, 0, 20, 2]);
}

#[test]
fn where_the_medium_cannot_flush_at_once_each_file_is_flushed() {
    let served = Served::new();
    let mut session = served.session();
    let mut group = 0;
    for at in 0..9u8 {
        let staged = stage(&mut session, &[b'a' + at], b"x").unwrap();
        session.finish(staged, receipt(b"x"), None);
        group += 1;
    }
    served.faults.plan(Plan { fail: Some((0, EIO)), ..Plan::default() });
    session.commit();
    for _ in 0..group {
        assert_eq!(session.committed().unwrap().1.unwrap(), Durability::Flushed);
    }
    let log = served.faults.log();
    assert_eq!(log.iter().filter(|step| **step == "flush").count(), group);
}

#[test]
fn names_are_durable_when_told() {
    let served = Served::new();
    let mut session = served.session();
    put(&mut session, b"a", b"x").unwrap();
    served.faults.plan(Plan::default());
    session.make_folder(path(b"d")).unwrap();
    session.rename(path(b"a"), path(b"d/a")).unwrap();
    session.remove(path(b"d/a")).unwrap();
    let order = ["make folder", "flush folder", "rename", "flush folder", "flush folder"];
    assert_eq!(served.faults.log()[..5], order);
    assert_eq!(served.faults.log()[5..], ["unlink", "flush folder"]);
}

#[test]
fn nothing_is_flushed_where_receipts_say_cached() {
    let options = FolderOptions { durability: Durability::Cached, ..FolderOptions::default() };
    let served = Served::with_options(options);
    let mut session = served.session();
    assert_eq!(put(&mut session, b"a", b"x"), Ok(Durability::Cached));
    session.rename(path(b"a"), path(b"b")).unwrap();
    assert!(!served.faults.log().iter().any(|step| step.starts_with("flush")));
}

#[test]
fn a_new_file_has_ordinary_permissions_and_a_replaced_one_its_own() {
    let served = Served::new();
    let mut session = served.session();
    let ordinary = served.root.join("ordinary");
    fs::write(&ordinary, "x").unwrap();
    put(&mut session, b"a", b"x").unwrap();
    let mode = |name: &str| fs::metadata(served.root.join(name)).unwrap().mode() & 0o7777;
    assert_eq!(mode("a"), mode("ordinary"));
    for own in [0o600, 0o640, 0o444, 0o755] {
        fs::set_permissions(served.root.join("a"), fs::Permissions::from_mode(own)).unwrap();
        let staged = stage(&mut session, b"a", b"new").unwrap();
        let hidden = mode(&served.staged("")[0]);
        assert_eq!(hidden & 0o077 & !own, 0, "the staged file is open to more than the old one");
        session.finish(staged, receipt(b"new"), None);
        session.commit();
        assert!(session.committed().unwrap().1.is_ok());
        assert_eq!(mode("a"), own);
    }
}

/// Of a partial too, whatever the file has become meanwhile.
#[test]
fn a_resumed_upload_is_open_to_no_more_than_the_file_it_replaces() {
    let served = Served::new();
    let mut session = served.session();
    let staged = stage(&mut session, b"a", b"half").unwrap();
    session.keep(staged);
    fs::write(served.root.join("a"), "secret").unwrap();
    fs::set_permissions(served.root.join("a"), fs::Permissions::from_mode(0o600)).unwrap();
    let (staged, _) = session.resume(path(b"a"), None).unwrap();
    let mode = fs::metadata(served.root.join(&served.staged("")[0])).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    session.keep(staged);
}

/// A commit that fails after it gave the staged file the permissions of a read-only file.
#[test]
fn a_partial_that_may_not_be_written_is_gone_on_with() {
    if rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: nothing is forbidden to root (run as another user)");
        return;
    }
    let served = Served::new();
    let mut session = served.session();
    put(&mut session, b"a", b"old").unwrap();
    fs::set_permissions(served.root.join("a"), fs::Permissions::from_mode(0o444)).unwrap();
    for _ in 0..2 {
        let staged = stage(&mut session, b"a", b"new").unwrap();
        session.finish(staged, receipt(b"new"), None);
        // Mode, flush, rename.
        served.faults.plan(Plan { fail: Some((2, EIO)), ..Plan::default() });
        session.commit();
        assert_eq!(code(session.committed().unwrap().1), Code::Io);
        assert_eq!(served.staged("").len(), 1);
    }
    let (staged, stored) = session.resume(path(b"a"), None).unwrap();
    assert_eq!(stored, 3);
    session.keep(staged);
    session.forget(path(b"a")).unwrap();
    assert!(served.staged("").is_empty());
}

#[test]
fn times_are_recorded_and_ancient_ones_unknown() {
    let served = Served::new();
    let mut session = served.session();
    let staged = stage(&mut session, b"a", b"x").unwrap();
    session.finish(staged, receipt(b"x"), Some(1_234_567_890));
    session.commit();
    assert_eq!(session.stat(path(b"a")).unwrap().modified, Some(1_234_567_890));
    let before = std::time::UNIX_EPOCH - core::time::Duration::from_secs(5);
    fs::File::open(served.root.join("a")).unwrap().set_modified(before).unwrap();
    assert_eq!(session.stat(path(b"a")).unwrap().modified, None);
}

#[test]
fn a_read_only_folder_is_read_only() {
    let options = FolderOptions { read_only: true, ..FolderOptions::default() };
    let served = Served::with_options(options);
    fs::write(served.root.join("a"), "x").unwrap();
    let mut session = served.session();
    assert_eq!(get(&mut session, b"a"), Ok(b"x".to_vec()));
    assert_eq!(code(session.stage(path(b"a"), None)), Code::ReadOnly);
    assert_eq!(code(session.resume(path(b"a"), None)), Code::ReadOnly);
    assert_eq!(code(session.forget(path(b"a"))), Code::ReadOnly);
    assert_eq!(code(session.remove(path(b"a"))), Code::ReadOnly);
    assert_eq!(code(session.make_folder(path(b"d"))), Code::ReadOnly);
    assert_eq!(code(session.rename(path(b"a"), path(b"b"))), Code::ReadOnly);
    assert_eq!(served.faults.log(), [""; 0]);
}

#[test]
fn errors_of_the_host_are_told_as_their_cause() {
    let served = Served::new();
    let mut session = served.session();
    for (errno, cause) in [
        (Errno::NOSPC, Code::NoSpace),
        (Errno::DQUOT, Code::NoSpace),
        (Errno::FBIG, Code::TooLarge),
        (Errno::ACCESS, Code::Denied),
        (Errno::PERM, Code::Denied),
        (Errno::ROFS, Code::ReadOnly),
        (Errno::MFILE, Code::Limit),
        (Errno::NFILE, Code::Limit),
        (Errno::NAMETOOLONG, Code::BadPath),
        (Errno::IO, Code::Io),
    ] {
        served.faults.plan(Plan { fail: Some((0, errno.raw_os_error())), ..Plan::default() });
        let Err(error) = session.stage(path(b"a"), None) else { panic!("{errno:?}") };
        assert_eq!(error.refusal().code, cause, "{errno:?}");
        let source = core::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, std::io::Error::from(errno).to_string(), "for the log");
    }
}

/// A real disk that is full: needs root, for the mount.
#[test]
fn a_full_disk_is_told_and_the_old_file_stays() {
    let outer = tempfile::tempdir().unwrap();
    let options = c"size=256k,nr_inodes=64";
    if let Err(error) = mount("none", outer.path(), "tmpfs", MountFlags::empty(), options) {
        eprintln!("SKIPPED: a small file system cannot be mounted here: {error}");
        return;
    }
    let mounted = Mounted(outer);
    let folder = Folder::open(mounted.0.path(), FolderOptions::default()).unwrap();
    let mut session = folder.session();
    put(&mut session, b"a", &[1; 100_000]).unwrap();
    assert_eq!(code(session.stage(path(b"a"), Some(1 << 20))), Code::NoSpace);
    let mut staged = session.stage(path(b"a"), None).unwrap();
    let mut offset = 0;
    let error = loop {
        match session.write_at(&mut staged, offset, &[2; 10_000]) {
            Ok(written) => offset += written as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(error.refusal().code, Code::NoSpace);
    session.keep(staged);
    assert_eq!(get(&mut session, b"a"), Ok(vec![1; 100_000]));
    session.forget(path(b"a")).unwrap();
    put(&mut session, b"a", &[3; 50_000]).unwrap();
}

struct Mounted(TempDir);

impl Drop for Mounted {
    /// Detached, so that it goes as soon as the last file of a failed test is closed.
    fn drop(&mut self) {
        unmount(self.0.path(), UnmountFlags::DETACH).unwrap();
    }
}
