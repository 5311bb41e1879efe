//! `coracled`: serves a folder.

use std::process::ExitCode;

use coracle_server::{Failure, options, run};

fn main() -> ExitCode {
    let options = options().map_err(|error| Failure::System("write to standard output", error));
    match options.and_then(|options| options.map_or(Ok(()), run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("coracled: {error}");
            ExitCode::FAILURE
        }
    }
}
