//! The command line, completed by the configuration file.

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::cli::{Cli, Options};
use crate::config::{Config, Settings};
use crate::connection::Host;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manual;

/// Read them as if the user had typed everything. Where something else than a command was asked
/// for, or something is wrong, that is done or told: the exit says how it went.
pub(crate) fn read() -> Result<Cli, Exit> {
    let told = |failure: Failure| {
        eprintln!("coracle: {failure}");
        failure.exit()
    };
    match answered() {
        Some(answered) => Err(answered.map_or_else(told, |()| Exit::Done)),
        None => complete(&Cli::command().get_matches()).map_err(told),
    }
}

/// What is asked for instead of a command needs no host.
fn answered() -> Option<Result<(), Failure>> {
    let command = Cli::command().subcommand_required(false);
    let command = command.mut_arg("host", |host| host.required(false));
    manual::answer(&command.try_get_matches().ok()?)
}

fn complete(matches: &ArgMatches) -> Result<Cli, Failure> {
    let read = Cli::from_arg_matches(matches);
    let mut cli = read.unwrap_or_else(|error| error.format(&mut Cli::command()).exit());
    let config = Config::read(cli.options.config.as_deref())?;
    let settings = config.settings(&cli.host.name);
    if let Some(address) = &settings.address {
        let Host { name, port } = address.get_ref().clone();
        let port = typed_port(matches).unwrap_or(port);
        let host = Host { name, port };
        if cli.options.verbose {
            let file = config.file().display();
            eprintln!("coracle: {} is {host}, says {file}", cli.host.name);
        }
        cli.host = host;
    }
    let is_given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    apply(settings, &mut cli.options, is_given);
    Ok(cli)
}

/// The port, where one stands behind the name.
fn typed_port(matches: &ArgMatches) -> Option<u16> {
    let mut typed = matches.get_raw("host")?;
    Host::split(typed.next()?.to_str()?).ok()?.1
}

/// What was typed stays.
fn apply(settings: Settings, options: &mut Options, is_given: impl Fn(&str) -> bool) {
    let set = |id| !is_given(id);
    if let Some(seconds) = settings.timeout.filter(|_| set("timeout")) {
        options.timeout = seconds.0;
    }
    if let Some(seconds) = settings.connect_timeout.filter(|_| set("connect_timeout")) {
        options.connect_timeout = seconds.0;
    }
    if let Some(retries) = settings.retries.filter(|_| set("retries")) {
        options.retries = retries;
    }
    let is_open = set("one_connection") && set("no_one_connection");
    if let Some(one_connection) = settings.one_connection.filter(|_| is_open) {
        options.one_connection = one_connection;
    }
    options.local_port = options.local_port.or(settings.local_port.map(Into::into));
    options.folder = options.folder.take().or(settings.folder.map(|place| place.0.into()));
}
