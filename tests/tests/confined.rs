//! The served folder is a boundary: what the wire names lies in it, or is refused.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use coracle_tests::process::Server;
use support::names;
use support::raw::{Raw, upload};
use tempfile::TempDir;

/// A folder to serve between files that must stay out of reach.
struct Walled {
    outer: TempDir,
    _server: Server,
    raw: Raw,
}

const SECRET: &str = "out of reach";

impl Walled {
    fn start() -> Self {
        Self::serve("served")
    }

    /// Serve the folder by a name of it.
    fn serve(name: &str) -> Self {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("served");
        fs::create_dir_all(root.join("folder")).unwrap();
        fs::write(root.join("file"), "inside").unwrap();
        fs::write(root.join("folder/file"), "deep inside").unwrap();
        // A sibling whose name begins with that of the served folder.
        fs::create_dir(outer.path().join("served_secret")).unwrap();
        fs::write(outer.path().join("served_secret/x"), SECRET).unwrap();
        fs::write(outer.path().join("secret"), SECRET).unwrap();
        symlink("served", outer.path().join("by-link")).unwrap();
        let mut command = Server::command(&outer.path().join(name)).unwrap();
        command.args(["--transfer-port", "none", "--quiet"]);
        let server = Server::start(command).unwrap();
        let (raw, _) = Raw::session(server.address());
        Self { outer, _server: server, raw }
    }

    fn root(&self) -> PathBuf {
        self.outer.path().join("served")
    }

    /// Every command on this path must be refused with this code.
    #[track_caller]
    fn refuses(&mut self, path: &str, code: &str) {
        self.refuses_to_read(path, code);
        for line in ["rm {}", "mv {} new", "mv file {}", "mkdir {}"] {
            self.refuses_line(&line.replace("{}", path), code);
        }
    }

    /// Every command that follows links.
    #[track_caller]
    fn refuses_to_read(&mut self, path: &str, code: &str) {
        for line in ["ls {}", "stat {}", "sum {}", "download {}", "partial {}", "forget {}"] {
            self.refuses_line(&line.replace("{}", path), code);
        }
        self.raw.send(upload(path, b"intruder"));
        let reply = self.raw.line();
        assert!(reply.starts_with(&format!("err {code} ")), "upload {path}: {reply:?}");
    }

    #[track_caller]
    fn refuses_line(&mut self, line: &str, code: &str) {
        let reply = self.raw.ask(line);
        assert!(reply.starts_with(&format!("err {code} ")), "{line}: {reply:?}");
    }

    fn is_untouched(&self) -> bool {
        let outside = ["by-link", "secret", "served", "served_secret"];
        names(self.outer.path()) == outside
            && fs::read_to_string(self.outer.path().join("secret")).unwrap() == SECRET
            && fs::read_to_string(self.outer.path().join("served_secret/x")).unwrap() == SECRET
            && fs::read_to_string(self.root().join("file")).unwrap() == "inside"
    }

    fn listing(&mut self, path: &str) -> Vec<String> {
        self.raw.send(format!("ls {path}\n"));
        let mut listed = Vec::new();
        loop {
            let line = self.raw.line();
            if line.starts_with("ok ") {
                listed.sort();
                return listed;
            }
            listed.push(line.rsplit(' ').next().unwrap().to_owned());
        }
    }
}

#[test]
fn ways_up_are_refused() {
    let mut walled = Walled::start();
    for path in [
        "..",
        "../secret",
        "/../secret",
        "folder/../../secret",
        "folder/..",
        "folder/../file",
        "%2E%2E/secret",
        "..%2Fsecret",
        "folder%2f..%2f..%2fsecret",
        "../served_secret/x",
        "../served/file",
    ] {
        walled.refuses(path, "bad-path");
    }
    let deep = "../".repeat(100) + "etc/passwd";
    walled.refuses(&deep, "bad-path");
    assert!(walled.is_untouched());
    assert_eq!(walled.listing("/"), ["file", "folder"]);
}

#[test]
fn other_ways_to_write_a_path_are_refused() {
    let mut walled = Walled::start();
    for path in [
        ".",
        "./file",
        "folder/.",
        "//file",
        "folder//file",
        "folder/",
        "//",
        "..\\secret",
        "folder\\..\\..\\secret",
        "..\\/secret",
        "\\\\server\\share",
        "C:\\secret",
        "\\\\?\\C:\\x",
        "file%00",
        "file%00.txt",
        "%00",
        "a%0Ab",
        "a%0Db",
        "a%1Bb",
        "a%7Fb",
    ] {
        walled.refuses(path, "bad-path");
    }
    // Not even a line: a raw byte that must be escaped, half an escape, no argument.
    for path in ["a\x00b", "a\x1bb", "a%", "a%0", "a%zz", "", "file ", " file"] {
        walled.refuses(path, "bad-argument");
    }
    assert!(walled.is_untouched());
    assert_eq!(walled.listing("/"), ["file", "folder"]);
}

#[test]
fn absolute_paths_are_paths_in_the_folder() {
    let mut walled = Walled::start();
    let secret = walled.outer.path().join("secret").display().to_string();
    assert!(walled.raw.ask("stat /file").starts_with("ok f 6 "));
    assert!(walled.raw.ask("stat /etc/passwd").starts_with("err not-found "));
    assert!(walled.raw.ask(&format!("stat {secret}")).starts_with("err not-found "));
    walled.refuses(&format!("/{secret}"), "bad-path");
    assert!(walled.is_untouched());
}

#[test]
fn names_that_mean_something_elsewhere_are_names() {
    let mut walled = Walled::start();
    let odd = ["~", "~root", "file:", "C:", "CON", "nul.txt", "a::$DATA", "dot.", "-rf", "ls", "*"];
    for name in odd {
        walled.raw.send(upload(name, name.as_bytes()));
        let reply = walled.raw.line();
        assert!(reply.starts_with("ok "), "{name}: {reply}");
        assert_eq!(fs::read_to_string(walled.root().join(name)).unwrap(), name);
    }
    // No pattern: `*` is that one file.
    assert_eq!(walled.raw.ask("rm *"), "ok");
    assert_eq!(walled.listing("/").len(), odd.len() + 1);
    assert!(walled.is_untouched());
}

#[test]
fn the_folder_itself_stays() {
    let mut walled = Walled::start();
    for line in ["rm /", "mv / x", "mv folder /"] {
        walled.refuses_line(line, "denied");
    }
    assert!(walled.raw.ask("stat /").starts_with("ok d - "));
    assert!(walled.raw.ask("download /").starts_with("err is-directory "));
    assert!(walled.is_untouched());
}

#[test]
fn links_that_lead_outside_are_denied_and_not_listed() {
    let mut walled = Walled::start();
    let outside = [
        ("to-secret", Path::new("../secret")),
        ("to-sibling", Path::new("../served_secret/x")),
        ("to-absolute", Path::new("/etc/passwd")),
        ("chain", Path::new("to-secret")),
    ];
    for (name, target) in outside {
        symlink(target, walled.root().join(name)).unwrap();
        walled.refuses_to_read(name, "denied");
    }
    for (name, target) in [("up", ".."), ("top", "/"), ("sibling", "../served_secret")] {
        symlink(target, walled.root().join(name)).unwrap();
        walled.refuses_to_read(name, "denied");
        // In the middle of a path, for every command.
        for inner in ["secret", "x", "served/file"] {
            walled.refuses(&format!("{name}/{inner}"), "denied");
        }
    }
    assert_eq!(walled.listing("/"), ["file", "folder"]);
    // The link itself can be moved and removed; what is behind it stays.
    assert_eq!(walled.raw.ask("mv to-secret moved"), "ok");
    assert_eq!(walled.raw.ask("rm moved"), "ok");
    assert_eq!(walled.raw.ask("rm up"), "ok");
    assert!(walled.is_untouched());
}

#[test]
fn links_that_stay_inside_are_followed_and_listed() {
    let mut walled = Walled::start();
    for (name, target) in [("near", "file"), ("deep", "folder/file"), ("same", "folder")] {
        symlink(target, walled.root().join(name)).unwrap();
    }
    symlink("../file", walled.root().join("folder/up")).unwrap();
    assert_eq!(walled.listing("/"), ["deep", "file", "folder", "near", "same"]);
    assert_eq!(walled.listing("same"), ["file", "up"]);
    for (path, content) in [("near", "inside"), ("same/file", "deep inside"), ("same/up", "inside")]
    {
        assert!(walled.raw.ask(&format!("download {path}")).starts_with("ok "), "{path}");
        assert_eq!(walled.raw.file().unwrap(), content.as_bytes());
    }
    walled.raw.send(upload("same/new", b"through a link"));
    assert!(walled.raw.line().starts_with("ok "));
    assert_eq!(fs::read(walled.root().join("folder/new")).unwrap(), b"through a link");
    assert!(walled.is_untouched());
}

#[test]
fn links_that_lead_nowhere_or_in_circles_are_refused() {
    let mut walled = Walled::start();
    symlink("missing", walled.root().join("dangling")).unwrap();
    symlink("circle", walled.root().join("circle")).unwrap();
    assert_eq!(walled.listing("/"), ["file", "folder"]);
    for line in ["stat dangling", "download dangling", "stat circle", "download circle"] {
        assert!(walled.raw.ask(line).starts_with("err "), "{line}");
    }
    assert!(walled.is_untouched());
}

#[test]
fn special_files_are_denied_at_once_and_not_listed() {
    let mut walled = Walled::start();
    let fifo = walled.root().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let _socket = UnixListener::bind(walled.root().join("socket")).unwrap();
    for name in ["fifo", "socket"] {
        // Nobody writes to the FIFO: opening it would wait for ever.
        for verb in ["ls", "stat", "sum", "download"] {
            walled.refuses_line(&format!("{verb} {name}"), "denied");
        }
        walled.raw.send(upload(name, b"intruder"));
        assert!(walled.raw.line().starts_with("err denied "));
        // Nothing was ever stored of an upload to it.
        walled.refuses_line(&format!("partial {name}"), "not-found");
    }
    assert_eq!(walled.listing("/"), ["file", "folder"]);
    assert_eq!(walled.raw.ask("rm fifo"), "ok");
    assert!(walled.is_untouched());
}

#[test]
fn a_link_in_the_place_of_a_staged_file_leads_nowhere() {
    let mut walled = Walled::start();
    // What a staged file of this path is called, but for the part nobody can guess.
    let stop = *b"\x03\0\0\0";
    walled.raw.send([b"upload x 9\n\x01\0\0\x03abc", &stop[..]].concat());
    assert!(walled.raw.line().starts_with("err aborted "));
    let staged = support::staged(&walled.root());
    let [staged] = &staged[..] else { panic!("{staged:?}") };
    fs::remove_file(staged).unwrap();
    symlink("../secret", staged).unwrap();
    let secret = crc32fast::hash(SECRET.as_bytes());
    for line in ["partial x".to_owned(), format!("upload x 20 {} {secret:08x}", SECRET.len())] {
        let reply = walled.raw.ask(&line);
        assert!(reply.starts_with("err "), "{line}: {reply}");
    }
    walled.raw.send(stop);
    assert!(walled.is_untouched());
    walled.raw.send(upload("x", b"new"));
    assert!(walled.raw.line().starts_with("ok 3 "));
    assert_eq!(fs::read(walled.root().join("x")).unwrap(), b"new");
    assert!(walled.is_untouched());
}

#[test]
fn a_served_folder_may_be_a_link() {
    let mut walled = Walled::serve("by-link");
    assert_eq!(walled.listing("/"), ["file", "folder"]);
    assert!(walled.raw.ask("stat folder/file").starts_with("ok f 11 "));
    walled.refuses("../secret", "bad-path");
    walled.raw.send(upload("folder/new", b"new"));
    assert!(walled.raw.line().starts_with("ok 3 "));
    assert_eq!(fs::read(walled.root().join("folder/new")).unwrap(), b"new");
    assert!(walled.is_untouched());
}
