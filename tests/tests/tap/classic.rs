//! The classic dialect: the ancestor's programs against a server that dials out by itself.

use std::fs;
use std::thread;

use coracle_tests::ancestor::{Client, Fault};
use coracle_tests::network::Family;
use coracle_tests::payload;

use crate::site::{CONTROL, FOLDER, RAM, Site, TRANSFER, same};
use crate::support::{Ran, names};

/// File bytes that fill one segment of the wire to the last; with timestamps there are fewer.
const SEGMENTS: [usize; 2] = [1460, 1448];

fn content(size: usize) -> Vec<u8> {
    payload::bytes(size as u64, size)
}

/// A server that speaks it, and the ancestor's client on the host.
struct Served(Site);

impl Served {
    fn start(options: &[&str]) -> Option<Self> {
        Site::start(&[&["--classic", "on"], options].concat()).map(Self)
    }

    fn client<T: Send>(&self, work: impl FnOnce(Client) -> T + Send) -> T {
        let server = (Family::V4.server(), CONTROL).into();
        self.0.wire.host.on(|| work(Client::new(server, TRANSFER)))
    }

    /// Our client in the classic dialect.
    fn ours(&self, family: Family, arguments: &[&str]) -> Ran {
        let arguments = [&["--classic"], arguments].concat();
        self.0.client_by(family, &arguments).output().unwrap().into()
    }
}

#[test]
fn the_ancestors_client_downloads_ten_times_in_a_row() {
    let Some(served) = Served::start(FOLDER) else { return };
    fs::write(served.0.there("file"), content(200_000)).unwrap();
    served.client(|client| {
        for number in 1..=10 {
            assert!(client.download("file").unwrap() == content(200_000), "number {number}");
        }
    });
}

#[test]
fn the_ancestors_client_uploads_ten_times_in_a_row() {
    let Some(served) = Served::start(FOLDER) else { return };
    served.client(|client| {
        for number in 1..=10 {
            client.upload("file", &content(number * 20_000)).unwrap();
            // A download waits for the upload before it.
            assert!(client.download("file").unwrap() == content(number * 20_000));
        }
        for number in 1..=10 {
            client.upload("file", &content(number * 30_000)).unwrap();
        }
        assert!(client.download("file").unwrap() == content(300_000));
    });
    assert_eq!(names(served.0.root.path()), ["file"]);
}

#[test]
fn every_size_goes_and_comes() {
    // Most of it is waiting for the quiet behind a command.
    thread::scope(|scope| {
        for options in [FOLDER, RAM, &["--offload"]] {
            scope.spawn(move || every_size(options));
        }
    });
}

fn every_size(options: &[&str]) {
    let Some(served) = Served::start(options) else { return };
    let around = |segment: usize| {
        [1, 2, 5].into_iter().flat_map(move |count| segment * count - 1..=segment * count + 1)
    };
    let sizes = SEGMENTS.into_iter().flat_map(around).chain([0, 1, 1023, 1024, 1025, 1 << 20]);
    served.client(|client| {
        for size in sizes {
            client.upload("file", &content(size)).unwrap();
            assert!(client.download("file").unwrap() == content(size), "{size} bytes");
        }
        assert_eq!(client.ls().unwrap(), "file");
        assert!(matches!(client.download("missing"), Err(Fault::Refused)));
    });
}

#[test]
fn our_client_speaks_it_by_either_family() {
    let Some(served) = Served::start(FOLDER) else { return };
    let site = &served.0;
    for family in [Family::V4, Family::V6] {
        for number in 1..=5 {
            fs::write(site.here("file"), content(number * 50_000)).unwrap();
            served.ours(family, &["upload", "file"]).succeeded();
            assert_eq!(served.ours(family, &["ls"]).succeeded().text(), "file\n");
            served.ours(family, &["download", "file", "back"]).succeeded();
            assert!(same(site.here("file"), site.here("back")));
        }
        served.ours(family, &["download", "missing"]).ended_with(1);
    }
}

#[test]
fn both_dialects_share_a_server() {
    let Some(served) = Served::start(FOLDER) else { return };
    let site = &served.0;
    fs::write(site.here("native"), content(70_000)).unwrap();
    for _ in 0..3 {
        site.run(&["upload", "native"]).succeeded();
        served.client(|client| {
            assert!(client.download("native").unwrap() == content(70_000));
            client.upload("classic", &content(80_000)).unwrap();
            assert!(client.download("classic").unwrap() == content(80_000));
        });
        site.run(&["download", "classic"]).succeeded();
        assert!(fs::read(site.here("classic")).unwrap() == content(80_000));
    }
}

#[test]
fn it_is_not_spoken_unless_it_is_asked_for() {
    let Some(site) = Site::start(&[]) else { return };
    fs::write(site.there("file"), "abc").unwrap();
    for command in ["ls", "download file", "upload file 3"] {
        let reply = site.raw(2).ask(command);
        assert!(reply.starts_with("err bad-command "), "{reply:?}");
    }
    // Nor is the transfer port open.
    assert!(site.connect(2, TRANSFER).is_err());
}
