//! `coracle-ledger`: measures what coracle takes of a chip, and keeps account of it.
//!
//! Without options it measures everything and writes the figures and the page that shows them.
//! With `--check` it compares with the figures as they stand, and fails where one has grown.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

mod cargo;
mod elf;
mod figures;
mod images;
mod page;
mod proof;
mod qemu;
mod repository;

use figures::Figures;
use repository::Repository;

/// Measure what coracle takes of a chip: flash, memory, instructions.
///
/// Needs the targets of rust-toolchain.toml, and qemu-system-arm for what must run.
#[derive(Parser)]
struct Options {
    /// Compare with the figures as they stand instead of writing new ones; fail where one has grown
    /// by more than 2 %.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("coracle-ledger: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<ExitCode> {
    let repository = Repository::find()?;
    let stood = repository.figures();
    let mut measured = images::measure(&repository)?;
    proof::check(&repository)?;
    if !qemu::measure(&repository, &mut measured)? {
        let stood = stood.as_ref().ok();
        stood.inspect(|stood| measured.take_over(stood, qemu::KINDS));
    }
    if options.check {
        return Ok(check(&stood?, &measured));
    }
    repository.write(&measured)?;
    println!("Written: {} and {}.", repository::FIGURES, repository::PAGE);
    Ok(ExitCode::SUCCESS)
}

/// Say what has changed; growth is a failure.
fn check(stood: &Figures, measured: &Figures) -> ExitCode {
    let changes = stood.changes(measured);
    for change in &changes {
        println!("{change}");
    }
    if changes.is_empty() {
        println!("No figure has changed by more than {} %.", figures::TOLERANCE);
    } else {
        println!("If it is meant: cargo run --package coracle-ledger");
    }
    if changes.iter().any(figures::Change::is_failure) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
