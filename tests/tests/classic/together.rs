//! Both programs of ours, in the classic dialect.

use std::fs;
use std::net::{Ipv6Addr, SocketAddr};

use coracle_tests::ancestor::TransferPort;

use super::{Served, content, with_each_size};
use crate::support::{Ran, Running, names};

impl Served {
    /// Run our client in the classic dialect.
    fn classic(&self, arguments: &[&str]) -> Ran {
        self.classic_at(self.site.address(), arguments)
    }

    fn classic_at(&self, address: SocketAddr, arguments: &[&str]) -> Ran {
        let port = self.port.number().to_string();
        let options = ["--classic", "--classic-port", &port];
        let arguments = [arguments, &options].concat();
        Running::of(&mut self.site.client_at(address, &arguments)).finish()
    }
}

#[test]
fn every_size_goes_and_comes() {
    with_each_size(|served, size| {
        fs::write(served.site.here("file"), content(size)).unwrap();
        served.classic(&["upload", "file"]).succeeded();
        served.classic(&["download", "file", "back"]).succeeded();
        assert!(fs::read(served.site.here("back")).unwrap() == content(size), "{size} bytes");
        assert_eq!(names(served.site.root.path()), ["file"]);
        assert_eq!(names(served.site.local.path()), ["back", "file"]);
    });
}

pub fn ten_of_both_in_turns() {
    let served = Served::start(&[]);
    for number in 1..=10 {
        fs::write(served.site.here("file"), content(number * 20_000)).unwrap();
        served.classic(&["upload", "file", "there"]).succeeded();
        assert_eq!(served.classic(&["ls"]).succeeded().text(), "there\n");
        served.classic(&["download", "there", "back"]).succeeded();
        assert!(fs::read(served.site.here("back")).unwrap() == content(number * 20_000));
    }
    // All the while nothing is left that keeps the ancestor's client from the port.
    assert!(served.client.download("there").unwrap() == content(200_000));
}

#[test]
fn both_ways_over_ipv6() {
    let control = TransferPort::reserve().unwrap();
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, control.number()));
    let served = Served::start(&["--listen", &address.to_string()]);
    fs::write(served.site.here("file"), content(70_000)).unwrap();
    for _ in 0..3 {
        served.classic_at(address, &["upload", "file"]).succeeded();
        assert_eq!(served.classic_at(address, &["ls"]).succeeded().text(), "file\n");
        served.classic_at(address, &["download", "file", "back"]).succeeded();
        assert!(fs::read(served.site.here("back")).unwrap() == content(70_000));
    }
}

#[test]
fn an_empty_folder_and_a_missing_file() {
    let served = Served::start(&[]);
    assert_eq!(served.classic(&["ls"]).succeeded().text(), "");
    served.classic(&["download", "missing"]).ended_with(1);
    assert_eq!(names(served.site.local.path()), [] as [&str; 0]);
}

#[test]
fn a_receipt_means_that_the_file_is_there() {
    let served = Served::start(&[]);
    for number in 1..=10 {
        fs::write(served.site.here("file"), content(number)).unwrap();
        served.classic(&["upload", "file"]).succeeded();
        let stored = fs::read(served.site.there("file")).unwrap();
        assert!(stored == content(number), "it closes after the commit; number {number}");
    }
}

#[test]
fn an_upload_the_server_resets_is_no_success() {
    let served = Served::start(&["--read-only"]);
    fs::write(served.site.here("file"), "abc").unwrap();
    served.classic(&["upload", "file"]).ended_with(1);
    let served = Served::start(&["--classic", "off", "--line-timeout", "1"]);
    fs::write(served.site.here("file"), "abc").unwrap();
    served.classic(&["upload", "file"]).ended_with(1);
}
