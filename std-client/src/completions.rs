//! Scripts that teach shells to complete words.
//!
//! They are generated from the options. The generators know no host before the command; what they
//! leave out stands in a file for each shell.

use clap::{Arg, Command, CommandFactory};
use coracle_desktop::manual::{self, Shell};

use crate::cli::Cli;

/// What is added to the scripts.
const BASH: &str = include_str!("completions/hosts.bash");
const FISH: &str = include_str!("completions/hosts.fish");
const ZSH: &str = include_str!("completions/hosts.zsh");

/// How the script of fish asks whether the command is still to come, and whether it is due.
const NEEDS_COMMAND: &str = "__fish_coracle_needs_command\"";
const HAS_HOST: &str = "__fish_coracle_has_host\"";

/// The script for a shell.
pub(crate) fn script(shell: Shell) -> String {
    let mut command = Cli::command();
    let script = manual::completions(shell, &mut command);
    match shell {
        Shell::Bash => format!("{script}\n{}", BASH.replace("VALUED", &valued(&command))),
        Shell::Fish => {
            format!("{}\n{FISH}", script.split_inclusive('\n').map(fished).collect::<String>())
        }
        Shell::Zsh => {
            let main = "\n_coracle() {";
            let script = script.replace(":_hosts", ":_coracle_hosts");
            script.replacen(main, &format!("\n{ZSH}{main}"), 1)
        }
        _ => script,
    }
}

/// A line of the script of fish: commands are offered behind the host, options anywhere.
fn fished(line: &str) -> String {
    match line.contains(" -l ") {
        true => line.to_owned(),
        false => line.replace(NEEDS_COMMAND, HAS_HOST),
    }
}

/// The options that take a value, as a pattern of bash.
fn valued(command: &Command) -> String {
    let takes_value = |arg: &&Arg| arg.get_action().takes_values() && !arg.is_positional();
    let options = command.get_arguments().filter(takes_value);
    let spelled = options.flat_map(|arg| {
        let short = arg.get_short().map(|short| format!("-{short}"));
        short.into_iter().chain(arg.get_long().map(|long| format!("--{long}")))
    });
    spelled.collect::<Vec<_>>().join(" | ")
}
