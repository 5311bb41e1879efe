//! `bench`: coracle beside other programs, on one machine, in turn.
//!
//! Figures wander from run to run with whatever else the machine does: only ratios measured in
//! one run say something, so every round runs each program once.

#![allow(clippy::std_instead_of_core, reason = "these programs stand on the standard library")]

mod bare;
mod case;
mod cases;
mod curl;
mod idle;
mod options;
mod ours;
mod peer;
mod report;
mod tap;
mod vsftpd;

use std::fs;
use std::io;
use std::process::ExitCode;

use clap::Parser;

use crate::options::{Options, Selection};
use crate::report::Report;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    match &options.selection {
        Selection::BareServe { root } => return bare::serve(root),
        Selection::BareReceive { address, folder } => return bare::receive(*address, folder),
        Selection::BareSend { address, folder } => return bare::send(*address, folder),
        Selection::BareStackReceive { address, bytes, file } => {
            return tap::receive(*address, *bytes, file.as_deref());
        }
        Selection::BareStackSend { address, bytes, file } => {
            return tap::send(*address, *bytes, file.as_deref());
        }
        _ => {}
    }
    let mut report = Report::default();
    let selection = &options.selection;
    if selection.has(&Selection::Large) {
        cases::large(options, &mut report)?;
    }
    if selection.has(&Selection::Small) {
        cases::small(options, &mut report)?;
    }
    if selection.has(&Selection::Delay) {
        cases::delay(options, &mut report)?;
    }
    if selection.has(&Selection::Idle) {
        idle::measure(options, &mut report)?;
    }
    if selection.has(&Selection::Tap) {
        tap::measure(options, &mut report)?;
    }
    if let Some(path) = &options.json {
        fs::write(path, report.json())?;
    }
    Ok(())
}
