//! What can be asked for instead of a command: completions, the man page, the list of hosts.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{ArgMatches, Args};

use crate::completions;
use crate::config::Config;
use crate::failure::Failure;
use crate::man;

/// What can be asked for instead of a command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Instead of a command")]
pub struct Manual {
    /// Print the script that teaches a shell to complete words.
    #[arg(long, value_name = "SHELL", exclusive = true,
          value_parser = ["bash", "zsh", "fish"])]
    completions: Option<String>,

    /// Print the man page.
    #[arg(long, exclusive = true)]
    man: bool,

    /// Print the names of the configuration file and their addresses.
    #[arg(long, conflicts_with = "host")]
    list_hosts: bool,
}

/// Do what is asked for instead of a command, if anything is.
pub(crate) fn answer(matches: &ArgMatches) -> Option<Result<(), Failure>> {
    let shell = matches.get_one::<String>("completions");
    let text = if let Some(shell) = shell.and_then(|shell| shell.parse().ok()) {
        Ok(completions::script(shell))
    } else if matches.get_flag("man") {
        man::page().map_err(|error| unwritable(&error))
    } else if matches.get_flag("list_hosts") {
        let file = matches.get_one::<PathBuf>("config");
        Config::read(file.map(AsRef::as_ref)).map(|config| hosts(&config))
    } else {
        return None;
    };
    Some(text.and_then(|text| print(text.as_bytes())))
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        // Whoever reads has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| unwritable(&error)),
    }
}

fn unwritable(error: &io::Error) -> Failure {
    Failure::Local(format!("cannot write to standard output: {error}"))
}

/// A name and its address on each line, with a tab between, as completions want it.
fn hosts(config: &Config) -> String {
    config.hosts().map(|(name, address)| format!("{name}\t{address}\n")).collect()
}
