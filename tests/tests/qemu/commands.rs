//! Every command of the client, and the files on the card as a PC sees them.

use std::fs;

use crate::site::{SOON, Site};
use crate::support::raw::frames;
use crate::support::until;
use crate::tools;

/// Neither a multiple of a block nor of a cluster.
const LARGE: usize = (1 << 20) + 777;

#[test]
fn files_go_there_and_come_back() {
    let Some(site) = Site::start() else { return };
    for (seed, length) in [0, 1, 511, 512, 513, 1024, 20_000, LARGE].into_iter().enumerate() {
        let bytes = site.write("file", seed as u64, length);
        site.run(&["upload", "file"]).succeeded();
        assert!(site.fetch("file") == bytes, "{length}");
        let sum = format!("{:08x} {length} file\n", crc32fast::hash(&bytes));
        assert_eq!(site.run(&["sum", "file"]).succeeded().text(), sum);
    }
}

#[test]
fn every_command_does_what_it_does_on_a_desktop() {
    let Some(site) = Site::start() else { return };
    site.write("one", 1, 3000);
    site.run(&["mkdir", "folder"]).succeeded();
    site.run(&["mkdir", "folder"]).said(1, "exists");
    site.run(&["upload", "one", "folder/eins"]).succeeded();
    let listed = site.run(&["ls", "folder"]).succeeded();
    assert!(listed.text().contains("3000") && listed.text().ends_with(" eins\n"), "{listed:?}");
    site.run(&["stat", "folder/eins"]).succeeded();
    site.run(&["stat", "nothing"]).said(1, "not-found");
    site.run(&["mv", "folder/eins", "Größe — 名.txt"]).succeeded();
    assert!(site.run(&["ls"]).succeeded().text().contains("Größe — 名.txt"));
    site.run(&["rm", "folder"]).succeeded();
    site.run(&["rm", "Größe — 名.txt"]).succeeded();
    assert_eq!(site.run(&["ls"]).succeeded().text(), "");
    assert!(site.run(&["df"]).succeeded().text().contains("MiB free"));
    assert!(site.run(&["stats"]).succeeded().text().contains("commands="));
    site.run(&["partial", "nothing"]).said(1, "not-found");
    site.run(&["forget", "nothing"]).said(1, "not-found");
}

#[test]
fn an_interrupted_upload_is_known_continued_and_forgotten() {
    let Some(site) = Site::start() else { return };
    let bytes = site.write("file", 3, LARGE);
    for verb in ["partial", "forget"] {
        let mut raw = site.session();
        raw.send(format!("upload file {}\n", bytes.len()));
        raw.send(&frames(&bytes[..LARGE / 2])[..LARGE / 2]);
        drop(raw);
        until("it is a partial", || site.run(&["partial", "file"]).code == Some(0));
        site.run(&[verb, "file"]).succeeded();
    }
    site.run(&["partial", "file"]).said(1, "not-found");
    site.run(&["upload", "file"]).succeeded();
    assert!(site.fetch("file") == bytes);
}

#[test]
fn an_interrupted_upload_goes_on_where_it_was() {
    let Some(site) = Site::start() else { return };
    let bytes = site.write("file", 4, LARGE);
    let mut raw = site.session();
    raw.send(format!("upload file {}\n", bytes.len()));
    raw.send(&frames(&bytes[..LARGE / 2])[..LARGE / 2]);
    drop(raw);
    until("it is a partial", || site.run(&["partial", "file"]).code == Some(0));
    let ran = site.run(&["--json", "upload", "--continue", "file"]).succeeded();
    eprintln!("{}", ran.text());
    assert!(site.fetch("file") == bytes);
}

#[test]
fn trees_go_there_and_come_back() {
    let Some(site) = Site::start() else { return };
    fs::create_dir_all(site.here("tree/deep/er")).unwrap();
    for (number, name) in ["a", "deep/b", "deep/er/c", "deep/er/d e"].into_iter().enumerate() {
        site.write(&format!("tree/{name}"), number as u64, number * 5000);
    }
    site.run(&["upload", "-r", "tree"]).succeeded();
    fs::rename(site.here("tree"), site.here("before")).unwrap();
    site.run(&["download", "-r", "tree"]).succeeded();
    for name in ["a", "deep/b", "deep/er/c", "deep/er/d e"] {
        let [before, after] = ["before", "tree"].map(|root| site.here(format!("{root}/{name}")));
        assert!(fs::read(before).unwrap() == fs::read(after).unwrap(), "{name}");
    }
}

#[test]
fn a_pc_reads_what_the_client_wrote() {
    if !tools::are_there() {
        return;
    }
    let Some(mut site) = Site::start() else { return };
    let large = site.write("large", 1, LARGE);
    let small = site.write("small", 2, 10);
    site.run(&["mkdir", "A folder"]).succeeded();
    site.run(&["upload", "large", "A folder/A long name, and a large file.bin"]).succeeded();
    site.run(&["upload", "small", "SHORT.TXT"]).succeeded();
    // Twice: the second replaces the first.
    site.run(&["upload", "large", "replaced"]).succeeded();
    site.run(&["upload", "small", "replaced"]).succeeded();
    site.run(&["upload", "large", "gone"]).succeeded();
    site.run(&["rm", "gone"]).succeeded();
    site.qemu.kill().unwrap();
    let card = site.card();
    tools::check(card);
    assert!(tools::read(card, "/A folder/A long name, and a large file.bin") == large);
    assert_eq!(tools::read(card, "/SHORT.TXT"), small);
    assert_eq!(tools::read(card, "/replaced"), small);
}

#[test]
fn the_client_reads_what_a_pc_wrote() {
    if !tools::are_there() {
        return;
    }
    let Some(mut site) = Site::start() else { return };
    site.qemu.kill().unwrap();
    let bytes = site.write("file", 4, LARGE);
    tools::make_folder(site.card(), "/From a PC");
    for path in ["/From a PC/With a very long name indeed.bin", "/SHORT.BIN"] {
        tools::write(site.card(), &site.here("file"), path);
    }
    site.power_cycle();
    assert!(site.fetch("From a PC/With a very long name indeed.bin") == bytes);
    assert!(site.fetch("SHORT.BIN") == bytes);
    assert!(site.run(&["ls"]).succeeded().text().contains("From a PC/"));
}

#[test]
fn an_address_from_dhcp_serves_as_well() {
    let Some(site) = Site::start_image("dhcp") else { return };
    let bytes = site.write("file", 5, 100_000);
    site.run(&["upload", "file"]).succeeded();
    assert!(site.fetch("file") == bytes);
}

#[test]
fn the_log_tells_who_did_what() {
    let Some(mut site) = Site::start() else { return };
    site.write("file", 6, 3000);
    site.run(&["upload", "file", "a b"]).succeeded();
    site.run(&["download", "nothing"]).said(1, "not-found");
    for text in ["on the control port", "upload /a b, 3000 B", "Uploaded", "download /nothing"] {
        site.qemu.wait_for(text, SOON).unwrap();
    }
    site.qemu.wait_for("not-found", SOON).unwrap();
}
