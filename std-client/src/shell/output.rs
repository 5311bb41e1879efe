//! What the shell itself prints.

use std::io::{Write, stdout};

use crate::failure::Failure;

/// Tell what a job has said: where the output is for results, beside it.
pub(crate) fn tell(is_terminal: bool, line: &str) {
    if is_terminal {
        say(line);
    } else {
        eprintln!("{line}");
    }
}

/// Print a result.
///
/// # Errors
///
/// [`Failure::Local`].
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let failed = |error| Failure::Local(format!("cannot write the output: {error}"));
    let mut out = stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(failed)
}

/// Tell a person at the terminal something; one who has gone needs nothing.
pub(crate) fn say(text: &str) {
    print(&format!("{text}\n")).ok();
}
