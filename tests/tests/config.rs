//! The configuration file: what it changes, what beats it, what it must not say, and its page.

mod support;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use coracle_tests::process::program;
use support::{Ran, Running, Site};

const PAGE: &str = include_str!("../../docs/config.md");

/// A site and a configuration file.
struct Configured {
    site: Site,
    file: PathBuf,
}

impl Configured {
    fn new(text: &str) -> Self {
        let site = Site::start(&[]);
        let file = site.here("config.toml");
        let text = text.replace("ADDRESS", &site.address().to_string());
        fs::write(&file, text).unwrap();
        Self { site, file }
    }

    /// The client with these arguments, told of the file by the environment.
    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(&[("CORACLE_CONFIG", self.file.to_str().unwrap())], arguments)
    }

    /// The client in this environment.
    fn run_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let program = program("coracle").unwrap();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.site.local.path());
        for variable in ["CORACLE_CONFIG", "XDG_CONFIG_HOME", "HOME"] {
            command.env_remove(variable);
        }
        Running::of(command.envs(environment.iter().copied())).finish()
    }
}

#[test]
fn a_name_leads_to_its_address_and_folder() {
    let text = "[hosts.boat]\naddress = \"ADDRESS\"\nfolder = \"logs/today\"\n";
    let configured = Configured::new(text);
    fs::create_dir_all(configured.site.there("logs/today")).unwrap();
    fs::write(configured.site.there("logs/today/a"), "text").unwrap();
    let listed = configured.run(&["boat", "ls"]).succeeded();
    assert!(listed.text().trim_end().ends_with(" a"), "{}", listed.text());
    configured.run(&["boat", "get", "a", "-o", "got"]).succeeded();
    assert_eq!(fs::read(configured.site.here("got")).unwrap(), b"text");
    configured.run(&["boat", "put", "got"]).succeeded();
    assert_eq!(fs::read(configured.site.there("logs/today/got")).unwrap(), b"text");
    configured.run(&["boat", "stat", "/logs"]).succeeded();
    configured.run(&["boat", "stat", "../../logs"]).succeeded();
    configured.run(&["boat", "--folder", "/", "stat", "logs"]).succeeded();
    configured.run(&["boat", "stat", "../../.."]).said(2, "leads out of the served folder");
    configured.run(&["boat", "--folder", "..", "ls"]).said(2, "leads out of the served folder");

    let told = configured.run(&["boat", "-v", "ls"]).succeeded();
    let address = configured.site.address();
    assert!(told.stderr.contains(&format!("boat is {address}, says ")), "{}", told.stderr);
    let listed = configured.run(&["--list-hosts"]).succeeded();
    assert_eq!(listed.text(), format!("boat\t{address}\n"));
}

#[test]
fn a_name_that_the_network_knows_is_what_the_file_says() {
    let configured = Configured::new("[hosts.localhost]\naddress = \"ADDRESS\"\n");
    configured.run(&["localhost", "ls"]).succeeded();
    // A port on the command line beats that of the file.
    let port = configured.site.address().port();
    let typed = format!("localhost:{port}");
    configured.run(&[&typed, "ls"]).succeeded();
    let text = "[hosts.boat]\naddress = \"127.0.0.1:1\"\n";
    let elsewhere = Configured::new(text);
    elsewhere.run(&["boat", "ls"]).said(3, "127.0.0.1:1");
    let port = elsewhere.site.address().port();
    elsewhere.run(&[&format!("boat:{port}"), "ls"]).succeeded();
}

#[test]
fn the_command_line_beats_the_host_and_the_host_the_defaults() {
    // A port that somebody listens on cannot be bound: the refusal tells that it was tried.
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let defaults =
        format!("[defaults]\nlocal-port = {port}\n[hosts.boat]\naddress = \"ADDRESS\"\n");
    Configured::new(&defaults).run(&["boat", "ls"]).said(3, "in use");

    // Whether transfers have a connection of their own is seen in the sessions of the server.
    let text = "[hosts.boat]\naddress = \"ADDRESS\"\n[defaults]\none-connection = true\n";
    let configured = Configured::new(text);
    fs::write(configured.site.there("a"), "a").unwrap();
    let sessions = |arguments: &[&str]| {
        let before = configured.site.counter("sessions");
        configured.run(arguments).succeeded();
        configured.site.counter("sessions") - before
    };
    let one = sessions(&["boat", "get", "a"]);
    assert_eq!(sessions(&["boat", "get", "a", "--no-one-connection"]), one + 1);
    assert_eq!(sessions(&["--one-connection", "boat", "get", "a"]), one);
}

#[test]
fn the_file_is_found_where_the_page_says() {
    let configured = Configured::new("[hosts.boat]\naddress = \"ADDRESS\"\n");
    let file = configured.file.to_str().unwrap();
    let home = configured.site.here("home");
    let usual = home.join(".config/coracle");
    fs::create_dir_all(&usual).unwrap();
    fs::copy(&configured.file, usual.join("config.toml")).unwrap();
    let (home, other) = (home.to_str().unwrap(), configured.site.here("elsewhere"));
    let (base, other) = (format!("{home}/.config"), other.to_str().unwrap());
    let listed = |environment: &[(&str, &str)], arguments: &[&str]| {
        let mut all = vec!["--list-hosts"];
        all.extend(arguments);
        configured.run_with(environment, &all).succeeded().text().lines().count()
    };
    assert_eq!(listed(&[], &[]), 0);
    assert_eq!(listed(&[], &["--config", file]), 1);
    assert_eq!(listed(&[("HOME", home)], &[]), 1);
    assert_eq!(listed(&[("XDG_CONFIG_HOME", &base)], &[]), 1);
    assert_eq!(listed(&[("XDG_CONFIG_HOME", other), ("HOME", home)], &[]), 0);
    assert_eq!(listed(&[("CORACLE_CONFIG", file)], &[]), 1);
    assert_eq!(listed(&[("CORACLE_CONFIG", file)], &["--config", "/dev/null"]), 0);
    let missing = [("CORACLE_CONFIG", other)];
    configured.run_with(&missing, &["--list-hosts"]).said(2, "cannot read the configuration file");
    let ran = configured.run_with(&[], &["boat", "ls", "--config", other]);
    ran.said(2, "cannot read the configuration file");
}

#[test]
fn what_is_wrong_is_told_with_file_line_and_what_is_allowed() {
    for (text, place, why) in [
        ("[hosts.boat]\ntiemout = 5\n", ":2:1: ", "expected one of `address`"),
        ("[hosts.boat]\ntimeout = \"5\"\n", ":2:11: ", "invalid type: string"),
        ("[hosts.boat]\naddress = \"boat:0\"\n", ":2:11: ", "the port is wrong"),
        ("[defaults]\ntimeout = 0\n", ":2:11: ", "expected seconds from 1 to 86400"),
    ] {
        let configured = Configured::new(text);
        let ran = configured.run(&["boat", "ls"]).ended_with(2);
        let start = format!("coracle: {}{place}", configured.file.display());
        assert!(ran.stderr.starts_with(&start) && ran.stderr.contains(why), "{}", ran.stderr);
    }
}

/// The rows of the page's table: key and example.
fn keys() -> Vec<(&'static str, &'static str)> {
    let row = |line: &'static str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let key = cells.next()?.strip_suffix('`')?;
        Some((key, cells.nth(1)?.trim_matches('`')))
    };
    PAGE.lines().filter_map(row).collect()
}

#[test]
fn the_page_and_the_parser_know_the_same_keys() {
    let mut documented: Vec<_> = keys().into_iter().map(|(key, _)| key.to_owned()).collect();
    for (key, example) in keys() {
        let configured = Configured::new(&format!("[hosts.boat]\n{key} = {example}\n"));
        configured.run(&["--list-hosts"]).succeeded();
    }
    let configured = Configured::new("[hosts.boat]\nno-such-key = 1\n");
    let said = configured.run(&["--list-hosts"]).ended_with(2).stderr;
    let (_, allowed) = said.split_once("expected one of ").unwrap();
    let mut known: Vec<_> = allowed.trim().split(", ").map(|key| key.trim_matches('`')).collect();
    documented.sort();
    known.sort();
    assert_eq!(documented, known);
    // The help names them too.
    let help = configured.run(&["--help"]).succeeded();
    let (_, told) = help.text().split_once("Keys: ").unwrap();
    let (told, _) = told.split_once(", as").unwrap();
    let mut told: Vec<_> = told.split(',').map(str::trim).collect();
    told.sort();
    assert_eq!(told, known);
}

#[test]
fn the_example_of_the_page_is_right() {
    let (_, example) = PAGE.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let configured = Configured::new(example);
    let listed = configured.run(&["--list-hosts"]).succeeded();
    assert_eq!(listed.text(), "boat\t10.0.0.7:2222\nchip-2.local\tchip-2.local:2222\n");
}
