//! What can be typed, explained.

use std::ffi::OsString;

use clap::error::ErrorKind;

use crate::failure::Failure;
use crate::progress::Progress;
use crate::shell::output;
use crate::shell::verb::Line;

/// Answer a line that the definition does not take, or that asks for help.
///
/// # Errors
///
/// [`Failure::Usage`], which has been told, unless help was asked for.
pub(crate) fn explain(error: &clap::Error, progress: &Progress) -> Result<(), Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output::explain(progress, &error.render().to_string())
        }
        ErrorKind::InvalidSubcommand | ErrorKind::MissingSubcommand => {
            eprint!("Please use one of the following command:\n{}", summary());
            Err(Failure::Usage("unknown command".to_owned()))
        }
        _ => {
            eprint!("{}", error.render());
            Err(Failure::Usage("wrong usage".to_owned()))
        }
    }
}

/// Explain a command, or list them all.
///
/// # Errors
///
/// [`Failure::Usage`] if there is no such command.
pub(crate) fn help(command: Option<&str>, progress: &Progress) -> Result<(), Failure> {
    let Some(command) = command else { return output::explain(progress, &summary()) };
    let words = [OsString::from(command), OsString::from("--help")];
    match Line::definition().try_get_matches_from(words) {
        Err(error) => explain(&error, progress),
        Ok(_) => Ok(()),
    }
}

/// Every command with its aliases and one line of explanation.
fn summary() -> String {
    let definition = Line::definition();
    let lines = definition.get_subcommands().map(|command| {
        let mut names = command.get_name().to_owned();
        for alias in command.get_visible_aliases() {
            names.push_str(", ");
            names.push_str(alias);
        }
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        format!("  {names:15} {}\n", about.trim_end_matches('.'))
    });
    lines.collect()
}
