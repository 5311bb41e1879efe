//! What can be typed: the commands of the program, and those that only a shell has.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cli::{Command, Options};

/// A line, understood.
#[derive(Debug, Parser)]
#[command(name = "", no_binary_name = true, disable_help_subcommand = true)]
pub(crate) struct Line {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// One command of a shell.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    #[command(flatten)]
    Remote(Command),
    /// Go to another folder on the server; to / if none is given, back with `-`.
    Cd {
        /// The folder.
        path: Option<OsString>,
    },
    /// Print the folder on the server.
    Pwd,
    /// List a local folder.
    Lls {
        /// The folder; the one you are in if none is given.
        path: Option<PathBuf>,
    },
    /// Go to another local folder; home if none is given.
    Lcd {
        /// The folder.
        path: Option<PathBuf>,
    },
    /// Print the local folder.
    Lpwd,
    /// List what runs in the background: `download big &` starts it there.
    Jobs,
    /// Wait for a job, or for all.
    Wait {
        /// Its number.
        job: Option<u32>,
    },
    /// Stop a job, or all; what has come stays, -c continues it.
    Stop {
        /// Its number.
        job: Option<u32>,
    },
    /// Print what was typed.
    History,
    /// List the commands, or explain one.
    #[command(visible_alias = "?")]
    Help {
        /// The command.
        command: Option<String>,
    },
    /// Leave.
    #[command(visible_alias = "quit")]
    Exit,
}

impl Line {
    /// Understand the words; options that are not given are as `defaults` has them.
    /// `definition` is [`definition`](Self::definition): making it takes longer than a question
    /// to the server.
    pub(crate) fn parse_words(
        definition: &mut clap::Command,
        words: &[OsString],
        defaults: &Options,
    ) -> clap::error::Result<Self> {
        let matches = definition.try_get_matches_from_mut(words)?;
        let mut line = Self::from_arg_matches(&matches)?;
        inherit(&mut line.options, defaults, &matches);
        Ok(line)
    }

    /// The definition, with the options of every command among its own.
    pub(crate) fn definition() -> clap::Command {
        let mut command = Self::command();
        command.build();
        command
    }
}

fn inherit(given: &mut Options, defaults: &Options, matches: &ArgMatches) {
    let is_given = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
    // No `..`: a new option has to be thought of here. The folder is where the user is by now.
    let Options {
        quiet,
        verbose,
        resume,
        no_clobber,
        recursive,
        json,
        retries,
        one_connection,
        no_one_connection,
        folder: _,
        config: _,
        classic,
        no_classic,
        classic_port,
        timeout,
        connect_timeout,
        local_port,
    } = given;
    *json |= defaults.json && !*quiet && !*verbose;
    if !*quiet && !*verbose && !*json {
        (*quiet, *verbose) = (defaults.quiet, defaults.verbose);
    }
    *recursive |= defaults.recursive;
    *resume |= defaults.resume;
    *no_clobber |= defaults.no_clobber;
    *one_connection |= defaults.one_connection && !*no_one_connection;
    *classic |= defaults.classic && !*no_classic;
    if !is_given("classic_port") {
        *classic_port = defaults.classic_port;
    }
    *local_port = local_port.or(defaults.local_port);
    for (id, value, default) in [
        ("retries", retries, defaults.retries),
        ("timeout", timeout, defaults.timeout),
        ("connect_timeout", connect_timeout, defaults.connect_timeout),
    ] {
        if !is_given(id) {
            *value = default;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;

    fn parse(line: &[&str], defaults: &[&str]) -> clap::error::Result<Line> {
        let program = [&["coracle"], defaults, &["host"]].concat();
        let defaults = Cli::try_parse_from(program).unwrap().options;
        let words: Vec<_> = line.iter().map(OsString::from).collect();
        Line::parse_words(&mut Line::definition(), &words, &defaults)
    }

    #[test]
    fn the_definition_is_consistent() {
        Line::command().debug_assert();
    }

    #[test]
    fn options_of_the_start_are_the_defaults() {
        let Line { options, .. } = parse(&["ls"], &["-c", "--retries", "7", "-v"]).unwrap();
        assert!(options.resume && options.verbose);
        assert_eq!((options.retries, options.timeout), (7, 60));
        let typed = ["get", "x", "--retries", "2", "-q"];
        let Line { options, .. } = parse(&typed, &["--retries", "7", "-v"]).unwrap();
        assert!(options.quiet && !options.verbose);
        assert_eq!(options.retries, 2);
        let Line { options, .. } = parse(&["--retries", "5", "ls"], &["--retries", "7"]).unwrap();
        assert_eq!(options.retries, 5);
    }

    #[test]
    fn what_is_no_command_is_told_apart() {
        use clap::error::ErrorKind;
        for (words, kind) in [
            (&["foo"][..], ErrorKind::InvalidSubcommand),
            (&["-c", "foo"], ErrorKind::InvalidSubcommand),
            (&["download"], ErrorKind::MissingRequiredArgument),
            (&["ls", "--help"], ErrorKind::DisplayHelp),
        ] {
            assert_eq!(parse(words, &[]).unwrap_err().kind(), kind, "{words:?}");
        }
        assert!(matches!(parse(&["cd", "-"], &[]).unwrap().verb, Verb::Cd { path: Some(_) }));
        assert!(matches!(parse(&["quit"], &[]).unwrap().verb, Verb::Exit));
        assert!(matches!(parse(&["?"], &[]).unwrap().verb, Verb::Help { .. }));
    }
}
