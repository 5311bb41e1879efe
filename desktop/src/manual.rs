//! The options that print how a program is used: completions of shells, the man page.

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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::man;
    use crate::tour::{self, Chapter};

    const TOUR: &[Chapter] = &[
        Chapter { title: "First steps", text: "\n  raft ~/shared   serve it" },
        Chapter { title: "Exit status", text: "\n0 done — `raft`" },
    ];

    /// A program.
    #[derive(Debug, Parser)]
    #[command(name = "raft", after_long_help = tour::told(TOUR))]
    struct Options {
        /// What it needs.
        #[arg(long)]
        root: String,

        #[command(flatten, next_help_heading = "Instead of floating")]
        manual: Manual,
    }

    fn asked(line: &[&str]) -> Option<Asked> {
        let command = Options::command().no_binary_name(true);
        Manual::asked(&command.try_get_matches_from(line).unwrap())
    }

    #[test]
    fn it_is_asked_for_without_what_the_program_needs() {
        assert_eq!(asked(&["--man"]), Some(Asked::ManPage));
        assert_eq!(asked(&["--completions", "fish"]), Some(Asked::Completions(Shell::Fish)));
        assert_eq!(asked(&["--root", "/"]), None);
        let both = Options::command().try_get_matches_from(["raft", "--man", "--root", "/"]);
        both.expect_err("one or the other");
    }

    #[test]
    fn a_script_completes_the_options() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = completions(shell, &mut Options::command());
            assert!(script.contains("raft") && script.contains("root"), "{shell}: {script}");
        }
    }

    #[test]
    fn the_help_has_the_tour_and_a_heading() {
        let help = Options::command().render_long_help().to_string();
        assert!(help.contains("\nInstead of floating:\n      --completions <SHELL>\n"), "{help}");
        assert!(
            help.ends_with(
                "First steps:\n  raft ~/shared   serve it\n\nExit status:\n0 done — `raft`\n"
            ),
            "{help:?}"
        );
    }

    #[test]
    fn a_page_is_what_every_formatter_understands() {
        let page = man::page(Options::command(), "raft\nraft --man".to_owned(), TOUR).unwrap();
        let page = man::spelled(&page);
        for part in [
            "\n.TH RAFT 1 ",
            "\\fBraft\\fR\n.br\n\\fBraft\\fR \\-\\-man\n",
            "\n.SH \"FIRST STEPS\"\n.nf\n  raft \\(ti/shared   serve it\n.fi\n",
            "\n.SH \"EXIT STATUS\"\n.nf\n0 done \\[u2014] \\(garaft\\(ga\n.fi\n",
        ] {
            assert!(page.contains(part), "{part:?} in {page}");
        }
        assert!(!page.contains("COMMANDS") && page.is_ascii());
    }
}
