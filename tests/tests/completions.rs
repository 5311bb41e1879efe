//! The completions are scripts of their shells, and complete.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use coracle_tests::process::program;
use support::{Ran, tools};
use tempfile::TempDir;

/// The scripts of both programs in a folder, with files and a configuration to complete.
struct Scripts {
    folder: TempDir,
    shell: &'static str,
}

impl Scripts {
    /// Nothing where the shell is missing.
    fn of(shell: &'static str) -> Option<Self> {
        if !tools::is_there(shell) {
            return None;
        }
        let scripts = Self { folder: tempfile::tempdir().unwrap(), shell };
        for name in ["coracle", "coracled"] {
            let mut command = Command::new(program(name).unwrap());
            let ran = Ran::from(command.args(["--completions", shell]).output().unwrap());
            fs::write(scripts.path(name), ran.succeeded().stdout).unwrap();
        }
        let config = "[hosts.boat]\naddress = \"127.0.0.1:1\"\n[hosts.barge]\n[hosts.raft]\n";
        fs::write(scripts.folder.path().join("config.toml"), config).unwrap();
        Some(scripts)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.{}", self.shell))
    }

    /// Run something in the shell; the programs are on its path.
    fn run(&self, arguments: &[&str]) -> Ran {
        let programs = program("coracle").unwrap().parent().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap();
        // A shell that waits for what does not come is ended.
        let mut command = Command::new("timeout");
        command.args(["60", self.shell]).args(arguments).current_dir(self.folder.path());
        command.env("PATH", format!("{}:{path}", programs.display()));
        command.env("HOME", self.folder.path()).env_remove("XDG_CONFIG_HOME");
        command.env("CORACLE_CONFIG", self.folder.path().join("config.toml"));
        command.output().unwrap().into()
    }

    /// Their syntax is right.
    fn are_valid(&self) {
        for name in ["coracle", "coracled"] {
            let path = self.path(name);
            let ran = self.run(&["-n", path.to_str().unwrap()]).succeeded();
            assert_eq!(ran.stderr, "", "{name}");
        }
    }
}

#[test]
fn bash_completes() {
    let scripts = Scripts::of("bash").expect("bash runs all scripts of the project");
    scripts.are_valid();
    for (words, expected) in [
        ("coracle boat dow", "download"),
        ("coracle boat:2222 dow", "download"),
        ("coracle -q --timeout 5 boat dow", "download"),
        ("coracle boat m", "mkdir mv"),
        ("coracle b", "barge boat"),
        ("coracle -c --retries 3 ra", "raft"),
        ("coracle boat --one", "--one-connection"),
        ("coracle boat get --out", "--output"),
        ("coracle --compl", "--completions"),
        ("coracle --completions f", "fish"),
        ("coracle boat upload ''", ""),
        ("coracled --dur", "--durability"),
        ("coracled --durability r", "rename"),
    ] {
        // As readline does: `:` is a word of its own.
        let script = "source \"$0.bash\"
            function=$(complete -p \"$0\")
            function=${function##*-F } function=${function%% *}
            eval \"COMP_WORDS=(${1//:/ : })\"
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            $function \"$0\" \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"
            echo \"${COMPREPLY[@]}\"";
        let (name, _) = words.split_once(' ').unwrap();
        let ran = scripts.run(&["--norc", "-c", script, name, words]).succeeded();
        let mut found: Vec<_> = ran.text().split_whitespace().collect();
        found.sort();
        assert_eq!(found.join(" "), expected, "{words}: {}", ran.stderr);
    }
}

#[test]
fn fish_completes() {
    let Some(scripts) = Scripts::of("fish") else { return };
    scripts.are_valid();
    fs::write(scripts.folder.path().join("download-me"), "").unwrap();
    for (line, expected) in [
        ("coracle boat dow", "download"),
        ("coracle -q --timeout 5 boat dow", "download"),
        ("coracle boat m", "mkdir mv"),
        ("coracle b", "barge boat"),
        ("coracle boat --one", "--one-connection"),
        ("coracle boat get --out", "--output"),
        ("coracle boat upload down", "download-me"),
        ("coracle boat rm down", ""),
        ("coracle boat --timeout 5 upload down", "download-me"),
        ("coracle --one", "--one-connection"),
        ("coracle --completions f", "fish"),
        ("coracled --dur", "--durability"),
        ("coracled --durability r", "rename"),
    ] {
        let (name, _) = line.split_once(' ').unwrap();
        let script = format!("source {name}.fish; complete -C '{line}'");
        let ran = scripts.run(&["--no-config", "-c", &script]).succeeded();
        let mut found: Vec<_> =
            ran.text().lines().filter_map(|line| line.split('\t').next()).collect();
        found.sort();
        assert_eq!(found.join(" "), expected, "{line}: {}", ran.stderr);
    }
}

#[test]
fn zsh_completes() {
    let Some(scripts) = Scripts::of("zsh") else { return };
    scripts.are_valid();
    for name in ["coracle", "coracled"] {
        fs::rename(scripts.path(name), scripts.folder.path().join(format!("_{name}"))).unwrap();
    }
    // A shell on a terminal of its own, with a key that shows what the line has become.
    let script = r#"
        zmodload zsh/zpty
        zpty inner zsh -f -i
        zpty -w inner 'PS1= RPS1= ; fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D
            zstyle ":completion:*" hosts; unsetopt zle_bracketed_paste
            shown() { print -r -- "<<$BUFFER>>" }; zle -N shown; bindkey "^T" shown
            print is-""ready'
        zpty -r -m inner ready '*is-ready*'
        zpty -w -n inner "$0"$'\t\x14'
        zpty -r -m inner line '*<<*>>*'
        line=${line##*<<}
        print -r -- "${line%%>>*}""#;
    for (typed, expected) in [
        ("coracle boat dow", "coracle boat download "),
        ("coracle -q --timeout 5 boat dow", "coracle -q --timeout 5 boat download "),
        ("coracle ra", "coracle raft "),
        ("coracle boat --one", "coracle boat --one-connection "),
        ("coracle --completions f", "coracle --completions fish "),
        ("coracle boat upload conf", "coracle boat upload config.toml "),
        ("coracled --dura", "coracled --durability="),
        ("coracled --durability r", "coracled --durability rename "),
    ] {
        let ran = scripts.run(&["-f", "-c", script, typed]).succeeded();
        assert_eq!(ran.text().trim_end_matches('\n'), expected, "{}", ran.stderr);
    }
}
