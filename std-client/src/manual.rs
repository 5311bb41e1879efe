//! What can be asked for instead of a command: completions, the man page, the list of hosts.

use std::io;
use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory};
use coracle_desktop::manual::{Asked, Manual};
use coracle_desktop::{man, output};

use crate::cli::Cli;
use crate::completions;
use crate::config::Config;
use crate::failure::Failure;
use crate::tour::TOUR;

/// How the program is run without a host.
const OTHER_USAGE: &str = "\ncoracle --list-hosts\ncoracle --completions <SHELL>\ncoracle --man";

/// Do what is asked for instead of a command, if anything is.
pub(crate) fn answer(matches: &ArgMatches) -> Option<Result<(), Failure>> {
    let text = match Manual::asked(matches) {
        Some(Asked::Completions(shell)) => Ok(completions::script(shell)),
        Some(Asked::ManPage) => man_page().map_err(|error| unwritable(&error)),
        None if matches.get_flag("list_hosts") => {
            let file = matches.get_one::<PathBuf>("config");
            Config::read(file.map(AsRef::as_ref)).map(|config| hosts(&config))
        }
        None => return None,
    };
    let print = |text: String| output::print(text.as_bytes()).map_err(|error| unwritable(&error));
    Some(text.and_then(print))
}

fn unwritable(error: &io::Error) -> Failure {
    Failure::Local(format!("cannot write to standard output: {error}"))
}

fn man_page() -> io::Result<String> {
    let mut built = Cli::command();
    built.build();
    let usage = man::usage(&mut built) + OTHER_USAGE;
    man::page(Cli::command(), usage, TOUR).map(|page| man::spelled(&page))
}

/// A name and its address on each line, with a tab between, as completions want it.
fn hosts(config: &Config) -> String {
    config.hosts().map(|(name, address)| format!("{name}\t{address}\n")).collect()
}
