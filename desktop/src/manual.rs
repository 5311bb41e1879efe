//! The options that print how a program is used: completions for shells, the man page.

use std::io;

use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches};
pub use clap_complete::Shell;

use crate::output;

/// What a program can be asked for instead of what it is for.
#[derive(Clone, Debug, Args)]
pub struct Manual {
    /// Print the script that teaches a shell to complete words.
    #[arg(long, value_name = "SHELL", exclusive = true,
          value_parser = ["bash", "zsh", "fish"])]
    completions: Option<String>,

    /// Print the man page.
    #[arg(long, exclusive = true)]
    man: bool,
}

/// What it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The script for this shell.
    Completions(Shell),
    /// The man page.
    ManPage,
}

impl Manual {
    /// What these arguments ask for, if anything.
    pub fn asked(matches: &ArgMatches) -> Option<Asked> {
        let shell = matches.get_one::<String>("completions");
        if let Some(shell) = shell.and_then(|shell| shell.parse().ok()) {
            return Some(Asked::Completions(shell));
        }
        matches.get_flag("man").then_some(Asked::ManPage)
    }
}

/// The options of this process, [`Manual`] among them, or nothing if it was asked for something
/// else, which was printed.
///
/// # Errors
///
/// If that could not be made or printed. Wrong options end the process.
pub fn options<O: CommandFactory + FromArgMatches>(
    man_page: impl FnOnce() -> io::Result<String>,
) -> io::Result<Option<O>> {
    let matches = O::command().get_matches();
    let text = match Manual::asked(&matches) {
        Some(Asked::Completions(shell)) => completions(shell, &mut O::command()),
        Some(Asked::ManPage) => man_page()?,
        None => {
            let options = O::from_arg_matches(&matches);
            return Ok(Some(
                options.unwrap_or_else(|error| error.format(&mut O::command()).exit()),
            ));
        }
    };
    output::print(text.as_bytes()).map(|()| None)
}

/// The script that teaches a shell to complete the words of this command.
pub fn completions(shell: Shell, command: &mut Command) -> String {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
