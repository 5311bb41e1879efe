//! The manual is true: its examples run, the man page names every option, colours keep away.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use coracle_tests::ancestor::{self, TransferPort};
use coracle_tests::process::{Server, program};
use support::{Ran, Site, tools};
use tempfile::TempDir;

const PROGRAMS: [&str; 2] = ["coracle", "coracled"];

/// What a program prints.
fn printed(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(program(name).unwrap()).args(arguments).output().unwrap();
    let ran = Ran::from(output).succeeded();
    ran.text().to_owned()
}

/// Lines that begin with two spaces, up to the next two, behind the options.
fn examples(help: &str, first_title: &str) -> Vec<String> {
    let (_, tour) = help.split_once(&format!("\n{first_title}:\n")).expect("a tour");
    let example = |line: &str| {
        let line = line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?;
        Some(line.split("  ").next()?.to_owned())
    };
    tour.lines().filter_map(example).collect()
}

/// A home in which the examples make sense.
struct World {
    site: Site,
    home: TempDir,
    /// The host named old.
    _old: ancestor::Server,
    _port: TransferPort,
    _old_root: TempDir,
}

impl World {
    fn new() -> Self {
        let site = Site::start(&[]);
        let home = tempfile::tempdir().unwrap();
        let folders = [".config/coracle", ".zfunc", ".config/fish/completions"];
        let more = [".local/share/bash-completion/completions", ".local/share/man/man1"];
        for folder in folders.iter().chain(&more) {
            fs::create_dir_all(home.path().join(folder)).unwrap();
        }
        let address = site.address();
        let names = ["boat", "127.0.0.1", "::1"];
        let host = |name| format!("[hosts.{name:?}]\naddress = \"{address}\"\n");
        let old_root = tempfile::tempdir().unwrap();
        let port = TransferPort::reserve().unwrap();
        let old = ancestor::Server::start(old_root.path(), port.number()).unwrap();
        let (old_address, number) = (old.address(), port.number());
        let old_host =
            format!("[hosts.old]\naddress = \"{old_address}\"\nclassic-port = {number}\n");
        let config = names.map(host).concat() + &old_host;
        fs::write(home.path().join(".config/coracle/config.toml"), config).unwrap();
        for folder in ["logs", "photos", "pictures"] {
            fs::create_dir(site.there(folder)).unwrap();
        }
        fs::write(site.there("photos/sea.png"), "sea").unwrap();
        fs::write(site.here("land.png"), "land").unwrap();
        fs::write(site.here("commands.txt"), "ls\ncd logs\n").unwrap();
        for folder in ["src", "backup", "photos"] {
            fs::create_dir(site.here(folder)).unwrap();
        }
        for file in ["log.txt", "a", "b", "c", "disk.img", "src/main", "photos/lake"] {
            fs::write(site.here(file), file).unwrap();
        }
        Self { site, home, _old: old, _port: port, _old_root: old_root }
    }

    /// The shell of a user who has installed the programs.
    fn shell(&self, line: &str) -> Command {
        let programs = program("coracle").unwrap().parent().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("bash");
        command.args(["-o", "pipefail", "-c", line]).current_dir(self.site.local.path());
        command.env("PATH", format!("{}:{path}", programs.display()));
        command.env("HOME", self.home.path()).stdin(Stdio::null());
        command.env_remove("XDG_CONFIG_HOME").env_remove("CORACLE_CONFIG");
        command
    }
}

#[test]
fn every_example_of_the_client_runs() {
    let world = World::new();
    let examples = examples(&printed("coracle", &["--help"]), "First steps");
    assert!(examples.len() > 20, "{examples:?}");
    for example in &examples {
        assert!(example.contains("coracle "), "{example:?} is no example");
        let ran = Ran::from(world.shell(example).output().unwrap());
        assert_eq!(ran.code, Some(0), "{example}: {}", ran.stderr);
    }
    let short = printed("coracle", &["-h"]);
    let world = World::new();
    for example in self::examples(&short, "Examples") {
        let ran = Ran::from(world.shell(&example).output().unwrap());
        assert_eq!(ran.code, Some(0), "{example}: {}", ran.stderr);
    }
}

#[test]
fn every_example_of_the_server_starts() {
    let world = World::new();
    let examples = examples(&printed("coracled", &["--help"]), "First steps");
    assert!(examples.len() > 10, "{examples:?}");
    for example in &examples {
        // Only a server on a free port can be started wherever this test runs. The others get to
        // the folder, which is missing: their options are right.
        let is_server = example.contains("~/shared");
        let ran = Ran::from(world.shell(example).output().unwrap());
        assert_eq!(ran.code, Some(i32::from(is_server)), "{example}: {}", ran.stderr);
        assert!(!is_server || ran.stderr.contains("cannot serve"), "{example}: {}", ran.stderr);
    }
    fs::create_dir(world.home.path().join("shared")).unwrap();
    let on_free_port = examples.iter().find(|line| line.contains("127.0.0.1:0")).unwrap();
    Server::start(world.shell(&format!("exec {on_free_port}"))).unwrap();
}

#[test]
fn the_help_fits_a_hundred_columns() {
    for name in PROGRAMS {
        for option in ["-h", "--help"] {
            let help = printed(name, &[option]);
            let long = help.lines().find(|line| line.chars().count() > 100);
            assert_eq!(long, None);
        }
    }
}

/// The long options that a help names.
fn options(help: &str) -> Vec<String> {
    let is_option = |line: &&str| line.trim_start().starts_with('-');
    let words = help.lines().filter(is_option).flat_map(|line| line.split([' ', ',', '=', '[']));
    let mut options: Vec<_> =
        words.filter(|word| word.starts_with("--") && word.len() > 2).map(String::from).collect();
    options.sort();
    options.dedup();
    options
}

#[test]
fn the_man_pages_name_every_command_and_option() {
    for name in PROGRAMS {
        let page = printed(name, &["--man"]).replace("\\-", "-");
        let mut helps = vec![printed(name, &["--help"])];
        if name == "coracle" {
            for command in commands(&helps[0]) {
                assert!(
                    page.contains(&format!(".SS {command}"))
                        || page.contains(&format!(".SS \"{command}, ")),
                    "{command}"
                );
                helps.push(printed(name, &["boat", &command, "--help"]));
            }
        }
        let options = options(&helps.concat());
        assert!(options.len() > 12, "{options:?}");
        for option in options {
            assert!(page.contains(&format!("\\fB{option}\\fR")), "{name}: {option}");
        }
    }
}

/// The commands that the help lists, but the one that explains the others.
fn commands(help: &str) -> Vec<String> {
    let (_, list) = help.split_once("\nCommands:\n").unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(String::from).collect()
}

#[test]
fn the_man_pages_are_formatted_without_a_warning() {
    if !tools::is_there("groff") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in PROGRAMS {
        let page = folder.path().join(name);
        fs::write(&page, printed(name, &["--man"])).unwrap();
        let ran = Ran::from(groff(&page, &["-z", "-ww"])).succeeded();
        assert_eq!(ran.stderr, "", "{name}");
        let ran = Ran::from(groff(&page, &["-Tutf8", "-P-cbou"])).succeeded();
        // What is copied from the page works as it stands there.
        let help = printed(name, &["--help"]);
        for example in examples(&help, "First steps") {
            assert!(ran.text().contains(&example), "{name}: {example}");
        }
        for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "FIRST STEPS", "EXIT STATUS"]
        {
            assert!(ran.text().lines().any(|line| line == heading), "{name}: {heading}");
        }
    }
}

fn groff(page: &Path, options: &[&str]) -> std::process::Output {
    Command::new("groff").arg("-man").args(options).arg(page).output().unwrap()
}

#[test]
fn what_cannot_be_printed_is_told() {
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    for (name, code) in [("coracle", 5), ("coracled", 1)] {
        for arguments in [&["--man"][..], &["--completions", "bash"]] {
            let mut command = Command::new(program(name).unwrap());
            let output = command.args(arguments).stdout(full()).stderr(Stdio::piped()).output();
            Ran::from(output.unwrap()).said(code, "cannot write to standard output");
        }
    }
}

#[test]
fn colours_are_for_terminals_and_for_those_who_like_them() {
    for name in PROGRAMS {
        let path = program(name).unwrap();
        let on_terminal = |variables: &[(&str, &str)]| {
            // `script` runs a program on a terminal.
            let mut command = Command::new("script");
            command.args(["-qec", &format!("{} --help", path.display()), "/dev/null"]);
            command.env("TERM", "xterm").env_remove("NO_COLOR").stdin(Stdio::null());
            command.env_remove("CLICOLOR").env_remove("CLICOLOR_FORCE");
            // Where it is set a terminal is taken for one with colours, whatever `TERM` says.
            command.env_remove("CI");
            let ran = Ran::from(command.envs(variables.iter().copied()).output().unwrap());
            ran.succeeded().text().to_owned()
        };
        assert!(on_terminal(&[]).contains("\x1b["));
        assert!(!on_terminal(&[("NO_COLOR", "1")]).contains('\x1b'));
        assert!(!on_terminal(&[("TERM", "dumb")]).contains('\x1b'));
        assert!(!printed(name, &["--help"]).contains('\x1b'));
    }
}
