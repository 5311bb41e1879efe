//! Starts an image of the firmware in QEMU.

use std::process::ExitCode;

use clap::Parser;
use coracle_qemu::cli::Options;

fn main() -> ExitCode {
    Options::parse().run()
}
