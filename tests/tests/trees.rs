//! Whole trees and patterns with the real programs: what arrives is what lay there.

mod support;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use coracle_tests::payload;
use coracle_tests::relay::{Cut, Direction, End};
use support::{Site, cut, names, staged};

/// Files with their bytes and folders, by path below `top`; hidden ones included.
fn contents(top: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let (mut all, mut folders) = (BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(top.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path.clone());
                all.insert(path, None);
            } else {
                all.insert(path, Some(fs::read(entry.path()).unwrap()));
            }
        }
    }
    all
}

/// Empty folders and files, hidden ones, odd names, several levels.
fn plant(top: &Path) {
    for folder in ["empty", ".hidden/deep/deeper", "a b", "50%", "*"] {
        fs::create_dir_all(top.join(folder)).unwrap();
    }
    let odd = OsStr::from_bytes(b"not\xffutf8");
    let files = ["f", ".dot", ".hidden/deep/deeper/x", "a b/c d", "50%/%41", "*/?", "[a]", "é"];
    for (seed, file) in files.map(OsStr::new).into_iter().chain([odd]).enumerate() {
        payload::write_file(&top.join(file), seed as u64, seed as u64 * 1000).unwrap();
    }
}

#[test]
fn trees_there_and_back() {
    let site = Site::start(&[]);
    plant(&site.here("tree"));
    let planted = contents(&site.here("tree"));
    site.run(&["upload", "-r", "tree"]).said(0, "9 files uploaded");
    assert_eq!(contents(&site.there("tree")), planted);
    site.run(&["download", "-r", "tree", "back"]).said(0, "9 files downloaded");
    assert_eq!(contents(&site.here("back")), planted);
    assert!(staged(&site.here("back/a b")).is_empty());
    // Over what is there it goes as well.
    site.run(&["upload", "-r", "tree"]).succeeded();
    site.run(&["download", "-r", "tree"]).succeeded();
    assert_eq!(contents(&site.here("tree")), planted);
    // All that is served, into one folder.
    site.run(&["download", "-r", "/", "all"]).succeeded();
    assert_eq!(contents(&site.here("all/tree")), planted);
    // Or into the one that one is in.
    fs::remove_dir_all(site.here("tree")).unwrap();
    site.run(&["download", "-r", "/"]).succeeded();
    assert_eq!(contents(&site.here("tree")), planted);
}

#[test]
fn trees_go_where_cp_puts_them() {
    let site = Site::start(&[]);
    fs::create_dir_all(site.here("d/e")).unwrap();
    payload::write_file(&site.here("d/e/f"), 1, 10).unwrap();
    payload::write_file(&site.here("g"), 2, 10).unwrap();
    site.run(&["upload", "-r", "d", "new"]).succeeded();
    assert!(site.there("new/e/f").is_file());
    site.run(&["upload", "-r", "d", "new"]).succeeded();
    assert!(site.there("new/d/e/f").is_file());
    site.run(&["upload", "-r", "d", "g", "both"]).succeeded();
    assert_eq!(names(&site.there("both")), ["d", "g"]);
    site.run(&["upload", "-r", "d", "made/"]).succeeded();
    assert_eq!(names(&site.there("made")), ["d"]);
    site.run(&["upload", "-r", "d/.", "both"]).succeeded();
    assert_eq!(names(&site.there("both")), ["d", "e", "g"]);
    for here in [".", "./"] {
        let mut client = site.client(&["upload", "-r", here, "dots/"]);
        assert!(client.current_dir(site.here("d")).output().unwrap().status.success());
        assert_eq!(names(&site.there("dots")), ["e"]);
    }
    site.run(&["upload", "-r", "d/..", "both"]).said(2, "d/../. stands for what is in it");
    // Several, files and folders, into one folder; one of them under another name.
    fs::create_dir(site.here("in")).unwrap();
    site.run(&["download", "-r", "new/d", "both/g", "made", "-o", "in"]).succeeded();
    assert_eq!(names(&site.here("in")), ["d", "g", "made"]);
    site.run(&["download", "-r", "both/g", "h"]).succeeded();
    assert!(site.here("h").is_file());
    // Without -r a folder is told as such.
    site.run(&["upload", "d"]).said(5, "-r");
    site.run(&["download", "made"]).said(1, "-r");
    site.run(&["download", "mad*"]).said(1, "-r");
}

#[test]
fn links_and_special_files_are_left_out_and_told() {
    let site = Site::start(&[]);
    fs::create_dir_all(site.here("t/sub")).unwrap();
    payload::write_file(&site.here("t/f"), 1, 10).unwrap();
    symlink("f", site.here("t/link")).unwrap();
    symlink("..", site.here("t/sub/up")).unwrap();
    let status = std::process::Command::new("mkfifo").arg(site.here("t/fifo")).status().unwrap();
    assert!(status.success());
    let ran = site.run(&["upload", "-r", "t"]).succeeded();
    for skipped in ["t/link: skipped", "t/sub/up: skipped", "t/fifo: skipped"] {
        assert!(ran.stderr.contains(skipped), "{}", ran.stderr);
    }
    assert_eq!(names(&site.there("t")), ["f", "sub"]);
    assert!(names(&site.there("t/sub")).is_empty());
    // Nobody writes to it, and it is not waited for.
    site.run(&["upload", "t/fifo"]).said(5, "not a file");
}

#[test]
fn a_tree_is_not_written_through_links() {
    let site = Site::start(&[]);
    plant(&site.there("tree"));
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(site.here("tree")).unwrap();
    symlink(elsewhere.path(), site.here("tree/a b")).unwrap();
    fs::write(elsewhere.path().join("kept"), "kept").unwrap();
    symlink(elsewhere.path().join("kept"), site.here("tree/f")).unwrap();
    let ran = site.run(&["download", "-r", "tree"]).said(5, "tree/a b is a link");
    assert!(ran.stderr.contains("tree/f is a link"), "{}", ran.stderr);
    assert_eq!(names(elsewhere.path()), ["kept"]);
    assert_eq!(fs::read(elsewhere.path().join("kept")).unwrap(), b"kept");
    // The rest is there all the same.
    assert_eq!(fs::read(site.here("tree/é")).unwrap(), fs::read(site.there("tree/é")).unwrap());
    // The same for what a pattern matches: the name comes from the server.
    symlink(elsewhere.path().join("kept"), site.here("f")).unwrap();
    site.run(&["download", "tree/[f]"]).said(5, "f is a link");
    assert_eq!(fs::read(elsewhere.path().join("kept")).unwrap(), b"kept");
}

#[test]
fn a_loop_on_the_server_has_an_end() {
    let site = Site::start(&[]);
    fs::create_dir(site.there("loop")).unwrap();
    payload::write_file(&site.there("loop/f"), 1, 10).unwrap();
    symlink(".", site.there("loop/again-and-again-and-again-and-again-and-again")).unwrap();
    // Each round makes the path longer, and a path has at most 512 bytes.
    site.run(&["download", "-r", "loop"]).said(0, "12 files downloaded");
    assert!(site.here("loop/f").is_file());
}

#[test]
fn a_part_that_fails_does_not_stop_the_rest() {
    let site = Site::start(&[]);
    plant(&site.here("tree"));
    fs::create_dir(site.there("tree")).unwrap();
    payload::write_file(&site.there("tree/a b"), 7, 3).unwrap();
    site.run(&["upload", "-r", "tree"]).said(1, "a file is there");
    assert!(site.there("tree/f").is_file());
    let ran = site.run(&["download", "-r", "missing", "tree/50%", "-o", "."]).ended_with(1);
    assert!(ran.stderr.contains("missing: No such file found on the server!"), "{}", ran.stderr);
    assert!(site.here("50%/%41").is_file());
    // A name from the server turns no text around, also where it is in the way.
    let turned = "a\u{202e}b";
    payload::write_file(&site.there("tree/50%").join(turned), 1, 1).unwrap();
    fs::create_dir(site.here("50%").join(turned)).unwrap();
    let ran = site.run(&["download", "-r", "tree/50%"]).said(5, "a\\u{202e}b is no file");
    assert!(!ran.stderr.contains('\u{202e}'), "{}", ran.stderr);
}

/// The first connection is asked what there is, the second moves the files and breaks.
fn second_cut(direction: Direction) -> Vec<Cut> {
    vec![cut(direction, u64::MAX, End::Close), cut(direction, 2_500_000, End::Close)]
}

#[test]
fn what_is_there_whole_is_not_moved_again() {
    let site = Site::start(&[]);
    for (seed, name) in ["a", "b", "c"].iter().enumerate() {
        fs::create_dir_all(site.here("t")).unwrap();
        payload::write_file(&site.here(format!("t/{name}")), seed as u64, 1 << 20).unwrap();
    }
    // The upload is cut; -c goes on with what is missing, under the same name.
    let relay = site.relay(second_cut(Direction::ToServer));
    site.run_over(&relay, &["--retries", "0", "upload", "-r", "t", "there"]).ended_with(3);
    let before = relay.passed(Direction::ToServer);
    site.run_over(&relay, &["-c", "upload", "-r", "t", "there"]).succeeded();
    let passed = relay.passed(Direction::ToServer) - before;
    assert!(passed < 2_000_000, "{passed}");
    assert_eq!(contents(&site.there("there")), contents(&site.here("t")));
    // The same the other way.
    let relay = site.relay(second_cut(Direction::ToClient));
    site.run_over(&relay, &["--retries", "0", "download", "-r", "there", "u"]).ended_with(3);
    let before = relay.passed(Direction::ToClient);
    site.run_over(&relay, &["-c", "download", "-r", "there", "u"]).succeeded();
    let passed = relay.passed(Direction::ToClient) - before;
    assert!(passed < 2_000_000, "{passed}");
    assert_eq!(contents(&site.here("u")), contents(&site.here("t")));
    // Other bytes of the same length are found.
    payload::write_file(&site.here("u/b"), 99, 1 << 20).unwrap();
    site.run(&["-c", "download", "-r", "there", "u"]).succeeded();
    assert_eq!(contents(&site.here("u")), contents(&site.here("t")));
}

#[test]
fn patterns_name_what_matches() {
    let site = Site::start(&[]);
    for folder in ["logs/one", "logs/two", "logs/.three", "in"] {
        fs::create_dir_all(site.there(folder)).unwrap();
        fs::create_dir_all(site.here(folder)).unwrap();
    }
    let files = ["logs/one/a.txt", "logs/two/b.txt", "logs/two/.c.txt", "logs/two/d", "x[1].txt"];
    for (seed, file) in files.iter().enumerate() {
        payload::write_file(&site.there(file), seed as u64, 10).unwrap();
    }
    payload::write_file(&site.there("x1.txt"), 50, 10).unwrap();
    let fetched = |arguments: &[&str]| {
        let into = site.here("in");
        fs::remove_dir_all(&into).unwrap();
        fs::create_dir(&into).unwrap();
        site.run(&[&["download"], arguments, &["-o", "in"]].concat()).succeeded();
        names(&into)
    };
    assert_eq!(fetched(&["logs/*/*.txt"]), ["a.txt", "b.txt"]);
    assert_eq!(fetched(&["logs/two/.*"]), [".c.txt"]);
    assert_eq!(fetched(&["logs/[!o]*/?"]), ["d"]);
    assert_eq!(fetched(&["logs/*/d", "logs/two/d"]), ["d"]);
    // What is there literally wins.
    assert_eq!(fetched(&["x[1].txt"]), ["x[1].txt"]);
    assert_eq!(fetched(&["x[[1]?*.txt"]), ["x[1].txt"]);
    assert_eq!(fetched(&["-r", "logs/t*"]), ["two"]);
    // A bracket that is not closed is a letter, with a pattern beside it and without.
    for name in ["y[", "[y", "y[1.txt"] {
        payload::write_file(&site.here(name), 1, 10).unwrap();
        site.run(&["upload", name]).succeeded();
        assert_eq!(fetched(&[name]), [name]);
    }
    assert_eq!(fetched(&["y[*"]), ["y[", "y[1.txt"]);
    site.run(&["download", "*.nothing", "x1.txt", "-o", "in"]).said(1, "*.nothing: nothing");
    assert!(site.here("in/x1.txt").is_file());
    site.run(&["download", "logs/*/*", "-o", "one"]).ended_with(2);

    for file in ["p.png", "q.png", ".r.png", "s[1].png", "s1.png"] {
        payload::write_file(&site.here(file), 1, 10).unwrap();
    }
    site.run(&["upload", "?.png"]).said(0, "2 files uploaded");
    assert!(site.there("p.png").is_file() && site.there("q.png").is_file());
    site.run(&["upload", "s[1].png", "in/"]).succeeded();
    assert_eq!(names(&site.there("in")), ["s[1].png"]);
    site.run(&["upload", "*.nothing"]).said(5, "*.nothing: nothing here");
    site.run(&["upload", "p.png", "*.png"]).said(2, "matches local files");
}

#[test]
fn two_files_do_not_become_one() {
    let site = Site::start(&[]);
    for folder in ["a", "b"] {
        for top in [site.root.path(), site.local.path()] {
            fs::create_dir(top.join(folder)).unwrap();
            payload::write_file(&top.join(folder).join("f"), 1, 10).unwrap();
        }
    }
    site.run(&["download", "*/f", "-o", "."]).said(2, "would both become");
    site.run(&["upload", "*/f", "/"]).said(2, "would both become");
    assert!(!site.here("f").exists() && !site.there("f").exists());
}
