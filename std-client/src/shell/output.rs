//! What the shell itself prints.

use std::io::{self, Write, stdout};

use crate::failure::Failure;
use crate::json::Found;
use crate::progress::Progress;

/// Tell what a job has said: where the output is for results, beside it.
pub(crate) fn tell(is_terminal: bool, line: &str) {
    if is_terminal {
        say(line);
    } else {
        eprintln!("{line}");
    }
}

/// Answer a command of the shell itself: as an event for a program, in words for a person.
///
/// # Errors
///
/// As [`print`].
pub(crate) fn answer(
    progress: &Progress,
    command: &'static str,
    found: Found<'_>,
    words: &str,
) -> Result<(), Failure> {
    match progress.json() {
        Some(json) => written(json.result(command, None, found)),
        None => print(words),
    }
}

/// Explain something: beside the events where a program reads those.
///
/// # Errors
///
/// As [`print`].
pub(crate) fn explain(progress: &Progress, text: &str) -> Result<(), Failure> {
    if progress.json().is_none() {
        return print(text);
    }
    eprint!("{text}");
    Ok(())
}

/// Print a result.
///
/// # Errors
///
/// As [`written`].
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// What came of writing a result. That nobody reads it any more is no failure.
///
/// # Errors
///
/// [`Failure::Local`].
pub(crate) fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.or_else(|error| Failure::unwritten(&error).map_or(Ok(()), Err))
}

/// Tell a person at the terminal something; one who has gone needs nothing.
pub(crate) fn say(text: &str) {
    print(&format!("{text}\n")).ok();
}
