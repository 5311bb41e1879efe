//! The coracle client for desktops: the library behind the program `coracle`.
//!
//! A [`coracle::client::Client`] on a non-blocking TCP connection, driven from one thread. What
//! the program promises stands in its `--help`; the files here are one noun each.

mod chunk;
mod cli;
mod commands;
mod connection;
mod download;
mod exit;
mod failure;
mod link;
mod plan;
mod print;
mod progress;
mod remote;
mod retry;
mod session;
mod source;
mod staged;
mod transfer;
mod upload;
mod watch;

use core::time::Duration;
use std::process::ExitCode;

use clap::Parser;

pub use cli::{Cli, Command, Options};
pub use connection::{Dialer, Host};
pub use exit::Exit;
pub use failure::Failure;
pub use print::{Row, Shown, Size, Time};

use commands::Commands;
use download::Downloads;
use progress::Progress;
use session::Session;
use transfer::Transfer;
use upload::Uploads;
use watch::Interrupt;

/// The program, with the arguments of the process.
pub fn main() -> ExitCode {
    run(&Cli::parse()).into()
}

/// The program; what goes wrong is told on standard error.
pub fn run(cli: &Cli) -> Exit {
    let progress = Progress::new(&cli.options);
    let result = match Commands::of(&cli.command, &progress) {
        Some(commands) => told(&progress, commands).and_then(|them| ask(cli, them, &progress)),
        None => transfer(cli, &progress),
    };
    progress.end();
    result.map_or_else(|failure| failure.exit(), |()| Exit::Done)
}

/// What goes wrong before there is a session is told here, all else where it happens.
fn told<T>(progress: &Progress, result: Result<T, Failure>) -> Result<T, Failure> {
    result.inspect_err(|failure| progress.error(failure))
}

fn ask(cli: &Cli, mut commands: Commands<'_>, progress: &Progress) -> Result<(), Failure> {
    let interrupt = Interrupt::on_signals();
    let stream = told(progress, dialer(cli).control())?;
    let mut session = Session::new(stream, false, &interrupt, timeout(cli));
    let result = session.run(&mut commands);
    commands.finish(result)
}

fn transfer(cli: &Cli, progress: &Progress) -> Result<(), Failure> {
    let options = &cli.options;
    let dialer = dialer(cli);
    let interrupt = Interrupt::on_signals();
    let transfer = Transfer {
        dialer: &dialer,
        interrupt: &interrupt,
        progress,
        timeout: timeout(cli),
        retries: options.retries,
        one_connection: options.one_connection,
    };
    match &cli.command {
        Command::Download { names, output } => {
            let files = told(progress, plan::downloads(names, output.as_deref()))?;
            let mut queue = Downloads::new(files, options.resume, options.no_clobber, progress);
            transfer.run(&mut queue);
            queue.outcome()
        }
        Command::Upload { names } => {
            let files = told(progress, plan::uploads(names))?;
            let mut queue = Uploads::new(files, options.resume, progress);
            transfer.run(&mut queue);
            queue.outcome()
        }
        _ => Ok(()),
    }
}

fn dialer(cli: &Cli) -> Dialer {
    Dialer {
        host: cli.host.clone(),
        connect_timeout: Duration::from_secs(cli.options.connect_timeout.into()),
        local_port: cli.options.local_port,
    }
}

fn timeout(cli: &Cli) -> Duration {
    Duration::from_secs(cli.options.timeout.into())
}
