//! The coracle client for desktops: the library behind the program `coracle`.
//!
//! A [`coracle::client::Client`] on a non-blocking TCP connection, driven from one thread. What
//! the program promises stands in its `--help`; the files here are one noun each.

mod arguments;
mod chunk;
mod classic;
mod cli;
mod commands;
mod completions;
mod config;
mod connection;
mod download;
mod exit;
mod failure;
mod folder;
mod link;
mod man;
mod manual;
mod plan;
mod print;
mod progress;
mod remote;
mod retry;
mod session;
mod site;
mod source;
mod staged;
mod tour;
mod transfer;
mod upload;
mod watch;

use core::time::Duration;
use std::process::ExitCode;

pub use cli::{Cli, Command, Options};
pub use connection::{Dialer, Host};
pub use exit::Exit;
pub use failure::Failure;
pub use manual::Manual;
pub use print::{Row, Shown, Size, Time};

use progress::Progress;
use site::Site;
use watch::Interrupt;

/// The program, with the arguments of the process.
pub fn main() -> ExitCode {
    arguments::read().map_or_else(|exit| exit, |cli| run(&cli)).into()
}

/// The program; what goes wrong is told on standard error.
pub fn run(cli: &Cli) -> Exit {
    let progress = Progress::new(&cli.options);
    let interrupt = Interrupt::on_signals();
    let folder = cli.options.folder.clone().unwrap_or_default();
    let mut site = Site::new(dialer(cli), &interrupt, &progress, folder);
    let result = site.run(&cli.command, &cli.options);
    progress.end();
    result.map_or_else(|failure| failure.exit(), |()| Exit::Done)
}

fn dialer(cli: &Cli) -> Dialer {
    Dialer {
        host: cli.host.clone(),
        connect_timeout: Duration::from_secs(cli.options.connect_timeout.into()),
        local_port: cli.options.local_port,
    }
}
