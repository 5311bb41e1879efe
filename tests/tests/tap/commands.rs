//! Every command of the desktop client, by either family of addresses, on one connection and on
//! two, from a folder and from memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use coracle_tests::network::Family;
use coracle_tests::payload;

use crate::site::{FOLDER, RAM, Site, same};
use crate::support::raw::frames;
use crate::support::{Ran, Running, names};

/// Larger than all buffers on the way.
const LARGE: u64 = (3 << 20) + 5;

/// The client as it reaches the server in one way.
#[derive(Clone, Copy)]
struct Way<'a> {
    site: &'a Site,
    family: Family,
    connections: &'a [&'a str],
}

impl Way<'_> {
    fn run(self, arguments: &[&str]) -> Ran {
        let arguments = [self.connections, arguments].concat();
        Running::of(&mut self.site.client_by(self.family, &arguments)).finish()
    }

    /// Run it, and what it prints.
    #[track_caller]
    fn text(self, arguments: &[&str]) -> String {
        self.run(arguments).succeeded().text().to_owned()
    }

    fn every_command(self) {
        self.files_go_and_come();
        self.entries_are_told();
        self.names_are_changed();
        self.trees_go_and_come();
        assert!(self.text(&["df"]).contains(" free of "));
        assert!(self.text(&["stats"]).contains("uploads="));
    }

    fn files_go_and_come(self) {
        let site = self.site;
        for (seed, size) in [(1, 0), (2, 1), (3, 1024), (4, 70_000), (5, LARGE)] {
            payload::write_file(&site.here("f"), seed, size).unwrap();
            let told = self.run(&["-v", "upload", "f"]).succeeded().stderr;
            assert!(told.contains(&format!("{size} ")), "the receipt: {told}");
            self.run(&["download", "f", "back"]).succeeded();
            assert!(same(site.here("f"), site.here("back")), "{size} bytes");
        }
        self.run(&["upload", "f", "back", "/"]).succeeded();
        self.run(&["download", "missing"]).said(1, "No such file found on the server!");
        self.run(&["upload", "missing"]).said(5, "No such file found locally...");
    }

    fn entries_are_told(self) {
        let crc = payload::sum_file(&self.site.here("f")).unwrap().crc;
        assert_eq!(self.text(&["sum", "f"]), format!("{crc:08x} {LARGE} f\n"));
        let row = self.text(&["stat", "f"]);
        assert!(row.starts_with(&format!("f {LARGE:>12} ")) && row.ends_with(" f\n"), "{row:?}");
        let rows = self.text(&["ls"]);
        assert!(rows.contains(&row) && rows.lines().count() == 2, "{rows}");
        assert_eq!(self.text(&["ls", "/"]), rows);
        self.run(&["stat", "missing"]).said(1, "(not-found)");
    }

    fn names_are_changed(self) {
        self.run(&["mkdir", "d", "d/e"]).succeeded();
        self.run(&["mv", "back", "d/e/moved"]).succeeded();
        assert!(self.text(&["ls", "d/e"]).ends_with(" moved\n"));
        self.run(&["rm", "d"]).said(1, "(not-empty)");
        self.run(&["rm", "d/e/moved", "d/e", "d"]).succeeded();
        assert!(self.text(&["ls"]).ends_with(" f\n"));
    }

    fn trees_go_and_come(self) {
        let tree = self.site.here("tree");
        fs::create_dir_all(tree.join("empty/inner")).unwrap();
        fs::create_dir_all(tree.join("a b")).unwrap();
        for (seed, name) in ["x", "a b/y", "a b/é", "empty/.z"].iter().enumerate() {
            payload::write_file(&tree.join(name), seed as u64, seed as u64 * 5000).unwrap();
        }
        self.run(&["upload", "-r", "tree"]).said(0, "4 files uploaded");
        self.run(&["download", "-r", "tree", "fetched"]).said(0, "4 files downloaded");
        assert_eq!(contents(&self.site.here("fetched")), contents(&tree));
        self.run(&["download", "tree/a*/*", "-o", "."]).said(0, "2 files downloaded");
    }
}

/// Files with their bytes, and folders, by path below `top`.
fn contents(top: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let (mut all, mut folders) = (BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(top.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let is_folder = entry.file_type().unwrap().is_dir();
            all.insert(path.clone(), (!is_folder).then(|| fs::read(entry.path()).unwrap()));
            if is_folder {
                folders.push(path);
            }
        }
    }
    all
}

fn every_command(served: &[&str], family: Family, connections: &[&str], options: &[&str]) {
    let Some(site) = Site::start(&[served, options].concat()) else { return };
    Way { site: &site, family, connections }.every_command();
}

#[test]
fn every_command_works_over_ipv4_on_two_connections() {
    every_command(FOLDER, Family::V4, &[], &[]);
}

#[test]
fn every_command_works_over_ipv4_on_one_connection() {
    every_command(FOLDER, Family::V4, &["--one-connection"], &[]);
}

#[test]
fn every_command_works_over_ipv6_on_two_connections() {
    every_command(FOLDER, Family::V6, &[], &[]);
}

#[test]
fn every_command_works_over_ipv6_on_one_connection() {
    every_command(FOLDER, Family::V6, &["--one-connection"], &[]);
}

#[test]
fn every_command_works_without_a_transfer_port() {
    every_command(FOLDER, Family::V4, &[], &["--transfer-port", "none"]);
}

#[test]
fn every_command_works_with_offload() {
    every_command(FOLDER, Family::V4, &[], &["--offload"]);
    every_command(FOLDER, Family::V6, &[], &["--offload"]);
}

#[test]
fn every_command_works_on_memory() {
    every_command(RAM, Family::V4, &[], &[]);
    every_command(RAM, Family::V6, &["--one-connection"], &[]);
}

#[test]
fn what_is_served_is_the_folder() {
    let Some(site) = Site::start(&[]) else { return };
    payload::write_file(&site.here("x"), 1, 100_000).unwrap();
    site.run(&["upload", "x"]).succeeded();
    assert!(same(site.here("x"), site.there("x")));
    fs::rename(site.there("x"), site.there("y")).unwrap();
    assert!(site.run(&["ls"]).succeeded().text().ends_with(" y\n"));
    let Some(site) = Site::start(&["--read-only"]) else { return };
    site.run(&["mkdir", "x"]).said(1, "(read-only)");
}

#[test]
fn memory_that_is_full_is_told_and_goes_on() {
    let Some(site) = Site::start(&["--ram", "1M"]) else { return };
    payload::write_file(&site.here("big"), 1, 2 << 20).unwrap();
    payload::write_file(&site.here("small"), 2, 100_000).unwrap();
    let ran = site.run(&["upload", "big"]).ended_with(1);
    let codes = ["(no-space)", "(too-large)"];
    assert!(codes.iter().any(|code| ran.stderr.contains(code)), "{}", ran.stderr);
    site.run(&["upload", "small"]).succeeded();
    site.run(&["download", "small", "back"]).succeeded();
    assert!(same(site.here("small"), site.here("back")));
}

#[test]
fn partials_are_told_continued_and_forgotten() {
    for served in [FOLDER, RAM] {
        let Some(site) = Site::start(served) else { return };
        let bytes = payload::bytes(7, 300_000);
        fs::write(site.here("x"), &bytes).unwrap();
        let leave = |count: usize| {
            let mut raw = site.session(2);
            raw.send(format!("upload x {}\n", bytes.len()));
            raw.send(&frames(&bytes[..count])[..4 + count]);
            raw.send(*b"\x03\0\0\0");
            assert!(raw.line().starts_with("err aborted "));
        };
        leave(60_000);
        let told = format!("{:08x} 60000 x\n", crc32fast::hash(&bytes[..60_000]));
        assert_eq!(site.run(&["partial", "x"]).succeeded().text(), told);
        site.run(&["forget", "x"]).succeeded();
        site.run(&["partial", "x"]).said(1, "(not-found)");
        leave(50_000);
        site.run(&["-c", "upload", "x"]).succeeded();
        site.run(&["download", "x", "back"]).succeeded();
        assert!(same(site.here("x"), site.here("back")));
        site.run(&["partial", "x"]).said(1, "(not-found)");
    }
}

#[test]
fn eight_clients_at_once_keep_their_files_apart() {
    for options in [FOLDER, &["--offload"]] {
        let Some(site) = Site::start(options) else { return };
        thread::scope(|scope| {
            for number in 0..8 {
                let site = &site;
                scope.spawn(move || {
                    let [sent, back] = [format!("f{number}"), format!("back{number}")];
                    for round in 0..3 {
                        let seed = number * 10 + round;
                        payload::write_file(&site.here(&sent), seed, LARGE + seed).unwrap();
                        site.run(&["upload", &sent]).succeeded();
                        site.run(&["download", &sent, &back]).succeeded();
                        assert!(same(site.here(&sent), site.here(&back)), "{sent}, round {round}");
                    }
                });
            }
        });
        assert_eq!(names(site.root.path()).len(), 8);
    }
}
