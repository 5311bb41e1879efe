//! No name, no link and no race leads outside the root (H01, H02, H04–H08, H10, H11, H15,
//! H17–H20), and special files are left alone.

mod tools;

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use coracle::{Code, Kind, Path, Storage};
use coracle_storage::folder::{Folder, FolderOptions, FolderSession};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use tools::{Served, code, get, names, path, put};

/// A file and a folder beside the root, whose name begins with that of the root (H02).
fn with_secrets() -> Served {
    let served = Served::new();
    let outside = served.outer.path().join("root_secret");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "secret").unwrap();
    served
}

fn assert_untouched(served: &Served) {
    let outside = served.outer.path().join("root_secret");
    assert_eq!(fs::read(outside.join("file")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(fs::read_dir(served.outer.path()).unwrap().count(), 2);
}

/// Every command on a path that must not be reached.
fn assert_denied(session: &mut FolderSession, at: &[u8]) {
    assert_eq!(code(session.stat(path(at))), Code::Denied, "stat");
    assert_eq!(code(session.open(path(at))), Code::Denied, "open");
    assert_eq!(code(session.open_folder(path(at))), Code::Denied, "list");
    assert_eq!(code(session.stage(path(at), None)), Code::Denied, "stage");
    assert_eq!(code(session.resume(path(at), None)), Code::Denied, "resume");
}

#[test]
fn links_that_lead_outside_are_denied_and_not_listed() {
    let served = with_secrets();
    let mut session = served.session();
    for (link, to) in [
        ("file", "../root_secret/file"),
        ("folder", "../root_secret"),
        ("up", ".."),
        ("absolute", "/etc/hostname"),
        ("chain", "file"),
    ] {
        symlink(to, served.root.join(link)).unwrap();
        assert_eq!(code(session.stat(path(link.as_bytes()))), Code::Denied, "{link}");
        assert_denied_for_writing(&mut session, link.as_bytes());
    }
    for middle in ["folder/file", "up/root_secret/file", "folder/new"] {
        assert_denied(&mut session, middle.as_bytes());
        assert_eq!(code(session.remove(path(middle.as_bytes()))), Code::Denied, "{middle}");
        assert_eq!(code(session.make_folder(path(b"up/new"))), Code::Denied, "{middle}");
    }
    fs::write(served.root.join("mine"), "x").unwrap();
    assert_eq!(code(session.rename(path(b"mine"), path(b"folder/mine"))), Code::Denied);
    assert_eq!(code(session.rename(path(b"folder/file"), path(b"stolen"))), Code::Denied);
    assert_eq!(names(&mut session, b"/"), [b"mine"]);
    assert_untouched(&served);
}

fn assert_denied_for_writing(session: &mut FolderSession, link: &[u8]) {
    assert_eq!(code(session.open(path(link))), Code::Denied);
    assert_eq!(code(session.stage(path(link), None)), Code::Denied);
    assert_eq!(code(session.resume(path(link), None)), Code::Denied);
}

#[test]
fn removing_and_renaming_act_on_the_link_itself() {
    let served = with_secrets();
    let mut session = served.session();
    for link in ["a", "b"] {
        symlink("../root_secret", served.root.join(link)).unwrap();
    }
    session.remove(path(b"a")).unwrap();
    session.rename(path(b"b"), path(b"c")).unwrap();
    assert_eq!(fs::read_link(served.root.join("c")).unwrap().to_str(), Some("../root_secret"));
    put(&mut session, b"d", b"mine").unwrap();
    session.rename(path(b"d"), path(b"c")).unwrap();
    assert_eq!(get(&mut session, b"c"), Ok(b"mine".to_vec()));
    assert_untouched(&served);
}

#[test]
fn links_that_stay_inside_are_followed() {
    let served = Served::new();
    let mut session = served.session();
    session.make_folder(path(b"d")).unwrap();
    put(&mut session, b"d/a", b"old").unwrap();
    symlink("d/a", served.root.join("file")).unwrap();
    symlink("d", served.root.join("folder")).unwrap();
    symlink("../file", served.root.join("d/up")).unwrap();
    symlink("missing", served.root.join("dangling")).unwrap();
    symlink("circle", served.root.join("circle")).unwrap();
    for at in [&b"file"[..], b"folder/a", b"d/up", b"folder/up"] {
        assert_eq!(get(&mut session, at), Ok(b"old".to_vec()));
        assert_eq!(session.stat(path(at)).unwrap().size, 3);
    }
    assert_eq!(session.stat(path(b"folder")).unwrap().kind, Kind::Folder);
    assert_eq!(names(&mut session, b"/"), [&b"d"[..], b"file", b"folder"]);
    assert_eq!(names(&mut session, b"folder"), [&b"a"[..], b"up"]);
    put(&mut session, b"file", b"new").unwrap();
    assert!(served.root.join("file").is_symlink(), "the link stays, its target is replaced");
    assert_eq!(get(&mut session, b"d/a"), Ok(b"new".to_vec()));
    assert_eq!(code(session.open(path(b"dangling"))), Code::NotFound);
    assert_eq!(code(session.open(path(b"circle"))), Code::Denied);
    assert_eq!(code(session.stage(path(b"folder"), None)), Code::IsDirectory);
}

#[test]
fn the_root_may_be_a_link() {
    let served = with_secrets();
    let link = served.outer.path().join("link");
    symlink(&served.root, &link).unwrap();
    let mut session = Folder::open(&link, FolderOptions::default()).unwrap().session();
    put(&mut session, b"a", b"x").unwrap();
    fs::remove_file(&link).unwrap();
    assert_eq!(get(&mut session, b"a"), Ok(b"x".to_vec()), "the folder stays open");
    assert_untouched(&served);
}

#[test]
fn a_removed_root_is_no_empty_folder() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    fs::create_dir(&root).unwrap();
    let mut session = Folder::open(&root, FolderOptions::default()).unwrap().session();
    fs::remove_dir(&root).unwrap();
    assert_eq!(code(session.open_folder(Path::ROOT)), Code::NotFound);
    assert_eq!(code(session.stage(path(b"a"), Some(1))), Code::NotFound);
}

/// A component is exchanged for a link outside, over and over, while files go through it (H07).
#[test]
fn an_exchanged_component_never_leads_outside() {
    const ROUNDS: usize = 300;
    let served = with_secrets();
    let inside = served.root.join("d");
    fs::create_dir(&inside).unwrap();
    fs::write(inside.join("file"), "public").unwrap();
    let link = served.root.join("l");
    symlink("../root_secret", &link).unwrap();
    let exchange = || renameat_with(CWD, &inside, CWD, &link, RenameFlags::EXCHANGE);
    if let Err(error) = exchange() {
        eprintln!("SKIPPED: this file system cannot exchange names: {error}");
        return;
    }
    let done = AtomicBool::new(false);
    let exchanges = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                exchange().unwrap();
                exchanges.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut session = served.session();
        for round in 0..ROUNDS {
            let before = exchanges.load(Ordering::Relaxed);
            if let Ok(read) = get(&mut session, b"d/file") {
                assert_eq!(read, b"public");
            }
            let name = format!("d/{round}");
            let _ = put(&mut session, name.as_bytes(), b"x");
            // Each may fail, since the folder is not always there; outside is looked at below.
            let _ = session.rename(path(name.as_bytes()), path(b"d/moved"));
            let _ = session.remove(path(b"d/moved"));
            // Each round meets at least one exchange, on one processor too.
            while exchanges.load(Ordering::Relaxed) == before {
                std::thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_untouched(&served);
}

#[test]
fn special_files_are_denied_and_never_waited_for() {
    let served = Served::new();
    let mut session = served.session();
    let fifo = served.root.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(served.root.join("socket")).unwrap();
    symlink("fifo", served.root.join("link")).unwrap();
    for special in [&b"fifo"[..], b"socket", b"link"] {
        assert_eq!(code(session.stat(path(special))), Code::Denied);
        assert_eq!(code(session.open(path(special))), Code::Denied);
        assert_eq!(code(session.stage(path(special), None)), Code::Denied);
    }
    assert!(names(&mut session, b"/").is_empty());
    session.rename(path(b"fifo"), path(b"other")).unwrap();
    session.remove(path(b"other")).unwrap();
}

#[test]
fn staged_names_are_hidden_and_refused() {
    let served = Served::new();
    let mut session = served.session();
    session.make_folder(path(b"d")).unwrap();
    for name in [&b".coracle-x"[..], b"d/.coracle-", b".coracle-d/x", b".CORACLE-x"] {
        assert_eq!(code(session.stat(path(name))), Code::BadPath);
        assert_eq!(code(session.open(path(name))), Code::BadPath);
        assert_eq!(code(session.open_folder(path(name))), Code::BadPath);
        assert_eq!(code(session.stage(path(name), None)), Code::BadPath);
        assert_eq!(code(session.make_folder(path(name))), Code::BadPath);
        assert_eq!(code(session.remove(path(name))), Code::BadPath);
        assert_eq!(code(session.forget(path(name))), Code::BadPath);
        assert_eq!(code(session.open_partial(path(name))), Code::BadPath);
        assert_eq!(code(session.rename(path(b"d"), path(name))), Code::BadPath);
        assert_eq!(code(session.rename(path(name), path(b"e"))), Code::BadPath);
    }
    fs::write(served.root.join(".coracle-strange"), "x").unwrap();
    assert_eq!(names(&mut session, b"/"), [b"d"]);
    // Two uploads of one name share nothing that could be guessed (H20).
    let first = session.stage(path(b"a"), None).unwrap();
    let one = served.staged("");
    session.discard(first);
    let second = session.stage(path(b"a"), None).unwrap();
    let two = served.staged("");
    let random = |name: &String| name.rsplit('-').next().unwrap().to_string();
    let one = one.iter().map(random).find(|random| random.len() == 32).unwrap();
    assert!(two.iter().all(|name| random(name) != one));
    session.discard(second);
}

#[test]
fn names_are_bytes_and_arrive_exactly() {
    let served = Served::new();
    let mut session = served.session();
    let high: Vec<u8> = (0x80..=0xff).collect();
    let longest = [b'n'; 255];
    let odd: [&[u8]; 8] = [
        &high,
        &longest,
        b"-rf",
        b"CON",
        b"a.",
        "e\u{301}".as_bytes(), // H18: composed and decomposed names are two names
        "\u{e9}".as_bytes(),
        b"a%0Ab",
    ];
    for name in odd {
        put(&mut session, name, name).unwrap();
        assert_eq!(get(&mut session, name).as_deref(), Ok(name));
    }
    let mut expected: Vec<_> = odd.iter().map(|name| name.to_vec()).collect();
    expected.sort();
    assert_eq!(names(&mut session, b"/"), expected);
    assert_eq!(served.staged(""), Vec::<String>::new());
    // H17: one byte more is refused, not cut to another name; H01, H10, H11 likewise.
    for bad in [&[b'n'; 256][..], b"../x", b"a/../../x", b"x/..", b"", b".", b"a\0b", b"a\nb"] {
        assert!(Path::new(bad).is_err());
    }
}

/// Names that no path can hold are still told, so that the caller can count them.
#[test]
fn names_the_wire_cannot_hold_are_returned() {
    let served = Served::new();
    fs::write(served.root.join(std::ffi::OsStr::from_bytes(b"a\nb\\c")), "x").unwrap();
    assert_eq!(names(&mut served.session(), b"/"), [b"a\nb\\c"]);
}

#[test]
fn case_is_told_as_it_is() {
    let served = Served::new();
    let mut session = served.session();
    put(&mut session, b"case", b"x").unwrap();
    let folded = served.root.join("CASE").exists();
    assert_eq!(session.facts().unwrap().case_sensitive, !folded);
}
