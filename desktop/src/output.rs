//! Standard output, which somebody may or may not read.

use std::io::{self, Write};

/// Tell a line; nobody has to read it.
pub fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _nobody_reads = writeln!(out, "{line}").and_then(|()| out.flush());
}
