//! Our server and the ancestor's client, which cannot tell it from its own.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use coracle_tests::ancestor::Fault;

use super::{OsStr, Served, content, visible, with_each_size};

#[test]
fn a_folder_is_listed_as_the_ancestor_does() {
    let served = Served::start(&[]);
    assert_eq!(served.client.ls().unwrap(), "");
    served.put("one.txt", "");
    assert_eq!(served.client.ls().unwrap(), "one.txt");
    fs::create_dir(served.site.there("sub")).unwrap();
    // These would end the ancestor's client, which reads ASCII and splits at spaces.
    for name in [&b"a b"[..], "é".as_bytes(), b"\xff", b"a\x1bb", b"a\x7fb"] {
        served.put_bytes_name(name);
    }
    let listing = served.client.ls().unwrap();
    assert!(!listing.ends_with('\n'), "{listing:?}");
    let listed: BTreeSet<&str> = listing.split('\n').collect();
    assert_eq!(listed, BTreeSet::from(["one.txt", "sub"]));
}

#[test]
fn every_size_goes_and_comes() {
    with_each_size(|served, size| {
        let file = content(size);
        served.client.upload("file", &file).unwrap();
        assert!(served.client.download("file").unwrap() == file, "{size} bytes");
        assert!(fs::read(served.site.there("file")).unwrap() == file, "{size} bytes stored");
        assert_eq!(visible(served.site.root.path()), ["file"]);
    });
}

#[test]
fn ten_downloads_in_a_row() {
    with_each_size(|served, size| {
        let file = content(size);
        served.put("file", &file);
        for number in 1..=10 {
            match served.client.download("file") {
                Ok(bytes) => assert!(bytes == file, "number {number} of {size} bytes"),
                Err(fault) => panic!("number {number} of {size} bytes: {fault}"),
            }
        }
    });
}

pub fn ten_uploads_in_a_row() {
    let served = Served::start(&[]);
    for number in 1..=10 {
        let name = format!("file{number}");
        served.client.upload(&name, &content(1000 * number)).unwrap();
    }
    // Behind the last one.
    assert!(served.client.download("file10").unwrap() == content(10_000));
    for number in 1..=10 {
        let stored = fs::read(served.site.there(format!("file{number}"))).unwrap();
        assert!(stored == content(1000 * number), "number {number}");
    }
}

pub fn ten_of_both_in_turns() {
    let served = Served::start(&[]);
    for number in 1..=10 {
        let file = content(20_000 * number);
        served.client.upload("file", &file).unwrap();
        assert_eq!(served.client.ls().unwrap(), "file", "number {number}");
        assert!(served.client.download("file").unwrap() == file, "number {number}");
    }
}

pub fn ten_of_both_without_a_pause() {
    let served = Served::start(&[]);
    served.put("still", content(70_000));
    for number in 1..=10 {
        served.client.upload("file", &content(number)).unwrap();
        assert!(served.client.download("still").unwrap() == content(70_000), "number {number}");
    }
    assert!(served.client.download("file").unwrap() == content(10));
}

#[test]
fn what_cannot_be_is_err_and_nothing_else() {
    let served = Served::start(&[]);
    fs::create_dir(served.site.there("sub")).unwrap();
    for name in ["missing", "sub", "../secret", "/", "sub/../.."] {
        let ended = served.client.download(name);
        assert!(matches!(ended, Err(Fault::Refused)), "{name}: {ended:?}");
    }
    for name in ["sub", "../secret", "/", "missing/file"] {
        let ended = served.client.upload(name, b"abc");
        assert!(matches!(ended, Err(Fault::Refused)), "{name}: {ended:?}");
    }
    assert_eq!(visible(served.site.root.path()), ["sub"]);
}

#[test]
fn a_read_only_server_takes_nothing() {
    let served = Served::start(&["--read-only"]);
    served.put("file", "abc");
    assert!(matches!(served.client.upload("file", b"new"), Err(Fault::Refused)));
    assert_eq!(served.client.download("file").unwrap(), b"abc");
}

#[test]
fn an_upload_needs_the_transfer_port() {
    let served = Served::start(&[]);
    let taken = std::net::TcpListener::bind(served.transfer_address()).unwrap();
    assert!(matches!(served.client.upload("file", b"abc"), Err(Fault::Refused)));
    drop(taken);
    served.client.upload("file", b"abc").unwrap();
    served.holds_only("file", b"abc");
}

impl Served {
    /// An empty file with a name that need not be text.
    fn put_bytes_name(&self, name: &[u8]) {
        fs::write(self.site.there(OsStr::from_bytes(name)), "").unwrap();
    }
}
