//! The coracle client for desktops: the library behind the program `coracle`.
//!
//! A [`coracle::client::Client`] on a non-blocking TCP connection, driven from one thread. What
//! the program promises stands in its `--help`; the files here are one noun each.

mod arguments;
mod ask;
mod bars;
mod chunk;
mod classic;
mod cli;
mod colour;
mod commands;
mod completions;
mod config;
mod connection;
mod download;
mod exit;
mod failure;
mod fetched;
mod folder;
mod job;
mod json;
mod link;
mod made;
mod manual;
mod moves;
mod pattern;
mod plan;
mod print;
mod progress;
mod remote;
mod retry;
mod sending;
mod sent;
mod session;
mod shell;
mod site;
mod source;
mod staged;
mod survey;
mod told;
mod tour;
mod transfer;
mod tree;
mod upload;
mod watch;
mod watched;

use core::time::Duration;
use std::process::ExitCode;

pub use cli::{Cli, Command, Options};
pub use connection::{Dialer, Host};
pub use exit::Exit;
pub use failure::Failure;
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
    let Some(command) = &cli.command else { return shell::run(cli) };
    let progress = Progress::new(&cli.options);
    let interrupt = Interrupt::on_signals();
    let folder = cli.options.folder.clone().unwrap_or_default();
    let mut site = Site::new(dialer(&cli.host, &cli.options), &interrupt, &progress, folder);
    if cli.options.classic && matches!(command, Command::Download { .. } | Command::Upload { .. }) {
        progress.note(classic::NOTE);
    }
    let result = progress.end(site.run(command, &cli.options));
    result.map_or_else(|failure| failure.exit(), |()| Exit::Done)
}

fn dialer(host: &Host, options: &Options) -> Dialer {
    Dialer {
        host: host.clone(),
        connect_timeout: Duration::from_secs(options.connect_timeout.into()),
        local_port: options.local_port,
        interrupt: Interrupt::default(),
    }
}
