//! `coracle-tap`: serves a folder or a RAM disk on a TCP/IP stack of its own, behind a TAP
//! interface.

use std::process::ExitCode;

use coracle_smoltcp::tap::{Failure, options, run};

fn main() -> ExitCode {
    let options = options().map_err(|error| Failure::System("write to standard output", error));
    match options.and_then(|options| options.as_ref().map_or(Ok(()), run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("coracle-tap: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
