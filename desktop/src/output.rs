//! Standard output, which somebody may or may not read.

use std::io::{self, Write};

/// Tell a line; nobody has to read it.
pub fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _nobody_reads = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Print what was asked for. Whoever has read enough may leave.
///
/// # Errors
///
/// If it cannot be written for another reason.
pub fn print(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
