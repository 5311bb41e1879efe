//! The command line, completed by the configuration file.

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::cli::{Cli, Options};
use crate::config::{Config, Settings};
use crate::connection::Host;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manual;
use crate::print::Shown;
use crate::progress::Progress;

/// Read them as if the user had typed everything. Where something else than a command was asked
/// for, or something is wrong, that is done or told: the exit says how it went.
pub(crate) fn read() -> Result<Cli, Exit> {
    match answered() {
        Some(Ok(())) => Err(Exit::Done),
        Some(Err(failure)) => {
            eprintln!("coracle: {failure}");
            Err(failure.exit())
        }
        None => complete(&Cli::command().get_matches()),
    }
}

/// What is asked for instead of a command needs no host.
fn answered() -> Option<Result<(), Failure>> {
    let command = Cli::command().subcommand_required(false);
    let command = command.mut_arg("host", |host| host.required(false));
    manual::answer(&command.try_get_matches().ok()?)
}

fn complete(matches: &ArgMatches) -> Result<Cli, Exit> {
    let cli = Cli::from_arg_matches(matches);
    let mut cli = cli.unwrap_or_else(|error| error.format(&mut Cli::command()).exit());
    let config = Config::read(cli.options.config.as_deref()).map_err(|failure| {
        // The command line was understood: what is wrong is told as the user wants it.
        Progress::new(&cli.options).failed(failure).exit()
    })?;
    fill_in(&mut cli, matches, &config);
    Ok(cli)
}

/// What the configuration says where nothing was typed.
fn fill_in(cli: &mut Cli, matches: &ArgMatches, config: &Config) {
    let settings = config.settings(&cli.host.name);
    if let Some(address) = &settings.address {
        let Host { name, port } = address.get_ref().clone();
        let port = typed_port(matches).unwrap_or(port);
        let host = Host { name, port };
        if cli.options.verbose {
            let file = Shown::path(config.file());
            eprintln!("coracle: {} is {host}, says {file}", cli.host.name);
        }
        cli.host = host;
    }
    let is_given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    apply(settings, &mut cli.options, is_given);
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
    if let Some(port) = settings.classic_port.filter(|_| set("classic_port")) {
        options.classic_port = port.into();
    }
    if let Some(classic) = settings.classic.filter(|_| set("classic") && set("no_classic")) {
        options.classic = classic;
    }
    options.classic &= !options.no_classic;
    // In the classic dialect there is no choice, and none was typed.
    let is_open = set("one_connection") && set("no_one_connection") && !options.classic;
    if let Some(one_connection) = settings.one_connection.filter(|_| is_open) {
        options.one_connection = one_connection;
    }
    options.one_connection &= !options.no_one_connection;
    options.local_port = options.local_port.or(settings.local_port.map(Into::into));
    options.folder = options.folder.take().or(settings.folder.map(|place| place.0));
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const CONFIG: &str = "[defaults]\ntimeout = 1\nconnect-timeout = 2\nretries = 3\n\
        one-connection = true\nlocal-port = 4\nfolder = \"a\"\nclassic-port = 5\n\
        [hosts.boat]\naddress = \"10.0.0.7:99\"\ntimeout = 11\n\
        [hosts.old]\nclassic = true\n";

    fn read(line: &str) -> Cli {
        let matches = Cli::command().try_get_matches_from(line.split(' ')).unwrap();
        let mut cli = Cli::from_arg_matches(&matches).unwrap();
        let config = Config::parse(PathBuf::new(), CONFIG).unwrap();
        fill_in(&mut cli, &matches, &config);
        cli
    }

    #[test]
    fn what_is_not_typed_is_filled_in() {
        let Cli { host, options, .. } = read("coracle boat ls");
        assert_eq!(host.to_string(), "10.0.0.7:99");
        assert_eq!((options.timeout, options.connect_timeout, options.retries), (11, 2, 3));
        assert_eq!((options.one_connection, options.local_port), (true, Some(4)));
        assert_eq!(options.folder.unwrap().path().as_bytes(), b"/a");
        assert_eq!((options.classic, options.classic_port), (false, 5));
        let old = read("coracle old ls").options;
        assert!(old.classic && !old.one_connection);
        let Cli { host, options, .. } = read("coracle raft:5 ls");
        assert_eq!((host.to_string(), options.timeout), ("raft:5".to_owned(), 1));
    }

    #[test]
    fn what_is_typed_stays_wherever_it_stands() {
        // The values built in, too: typing one is a wish.
        let typed = "--timeout 60 --connect-timeout 10 --retries 5 --no-one-connection \
            --local-port 6 --folder b --classic-port 3333";
        for line in [format!("coracle {typed} boat:7 ls"), format!("coracle boat:7 ls {typed}")] {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            let Cli { host, options, .. } = read(&line);
            assert_eq!(host.to_string(), "10.0.0.7:7", "{line}");
            assert_eq!(options.classic_port, 3333, "{line}");
            let numbers = (options.timeout, options.connect_timeout, options.retries);
            assert_eq!(numbers, (60, 10, 5), "{line}");
            assert_eq!((options.one_connection, options.local_port), (false, Some(6)), "{line}");
            assert_eq!(options.folder.unwrap().path().as_bytes(), b"/b", "{line}");
        }
        assert!(read("coracle boat get a --one-connection").options.one_connection);
        assert!(read("coracle boat get a --classic").options.classic);
        let old = read("coracle old get a --no-classic").options;
        assert!(!old.classic && old.one_connection);
    }
}
