//! `coracled`: serves a folder.

use std::process::ExitCode;

use clap::Parser;
use coracle_server::{Options, run};

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("coracled: {error}");
            ExitCode::FAILURE
        }
    }
}
