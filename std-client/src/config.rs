//! The configuration file: hosts with names, and options that need not be typed again.
//!
//! What may stand in it is told in `docs/config.md`; a test holds that page to this file.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use serde::Deserialize;
use toml::Spanned;

use crate::cli::{Cli, SECONDS};
use crate::connection::Host;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::print::Shown;

/// The variable of the environment that names another file.
const VARIABLE: &str = "CORACLE_CONFIG";

/// What the file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(skip)]
    file: PathBuf,
    #[serde(default)]
    defaults: Settings,
    #[serde(default)]
    hosts: BTreeMap<Name, Settings>,
}

/// What may be said about one host, or about all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    pub(crate) address: Option<Spanned<Host>>,
    pub(crate) folder: Option<Place>,
    pub(crate) timeout: Option<Seconds>,
    pub(crate) connect_timeout: Option<Seconds>,
    pub(crate) retries: Option<u32>,
    pub(crate) one_connection: Option<bool>,
    pub(crate) classic: Option<bool>,
    pub(crate) classic_port: Option<NonZeroU16>,
    pub(crate) local_port: Option<NonZeroU16>,
}

impl Config {
    /// Read the file that the option or the environment names, else the one in its usual place
    /// if it is there.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if it cannot be read, and with file, line and column if it makes no
    /// sense: to a script both mean that nothing it does will work, while [`Failure::Local`] is
    /// about a file that was to be moved.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, Failure> {
        let from_environment =
            || env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        if let Some(path) = named.map(Path::to_owned).or_else(from_environment) {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            return Self::parse(path, &text);
        }
        let Some(path) = usual_place() else { return Ok(Self::default()) };
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    pub(crate) fn parse(file: PathBuf, text: &str) -> Result<Self, Failure> {
        let wrong = |at: usize, why: &str| {
            let before = text.get(..at).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|&letter| letter != '\n').count() + 1;
            let why = why.trim_end().replace('\n', ", ");
            Failure::Usage(format!("{}:{line}:{column}: {why}", Shown::path(&file)))
        };
        let mut config: Self = toml::from_str(text)
            .map_err(|error| wrong(error.span().map_or(0, |span| span.start), error.message()))?;
        if let Some(address) = &config.defaults.address {
            let why = "one address cannot be that of all hosts; `address` belongs to [hosts.NAME]";
            return Err(wrong(address.span().start, why));
        }
        config.file = file;
        Ok(config)
    }

    /// The file, if there is one.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// What is said about a host, and about all where nothing is said about this one.
    pub(crate) fn settings(&self, name: &str) -> Settings {
        match self.hosts.get(name) {
            Some(host) => host.clone().or(&self.defaults),
            None => self.defaults.clone(),
        }
    }

    /// The names, each with its address.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = (&str, Host)> {
        self.hosts.iter().map(|(Name(name), settings)| {
            let address = settings.address.as_ref();
            (
                name.as_str(),
                address.map_or_else(|| Host::named(name), |host| host.get_ref().clone()),
            )
        })
    }
}

impl Settings {
    fn or(self, other: &Self) -> Self {
        Self {
            address: self.address,
            folder: self.folder.or_else(|| other.folder.clone()),
            timeout: self.timeout.or(other.timeout),
            connect_timeout: self.connect_timeout.or(other.connect_timeout),
            retries: self.retries.or(other.retries),
            one_connection: self.one_connection.or(other.one_connection),
            classic: self.classic.or(other.classic),
            classic_port: self.classic_port.or(other.classic_port),
            local_port: self.local_port.or(other.local_port),
        }
    }
}

/// `$XDG_CONFIG_HOME/coracle/config.toml`; a relative folder counts as none, as the rule of that
/// variable says.
fn usual_place() -> Option<PathBuf> {
    let folder = |variable| env::var_os(variable).map(PathBuf::from).filter(|p| p.is_absolute());
    let base = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(base.join("coracle").join("config.toml"))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let path = Shown::path(path);
    Failure::Usage(format!("cannot read the configuration file {path}: {error}"))
}

/// The name of a host: what can be given where a host can.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_command = name == "help" || Cli::command().find_subcommand(&name).is_some();
        match Host::split(&name) {
            _ if is_command => Err(format!("`{name}` cannot name a host: it is a command")),
            Ok((same, None)) if same == name && !name.starts_with('-') => Ok(Self(name)),
            _ => Err(format!(
                "`{name}` cannot name a host: it must not be empty, begin with `-` or contain \
                 spaces, slashes, brackets or colons"
            )),
        }
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A time to wait.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "i64")]
pub(crate) struct Seconds(pub(crate) u32);

impl TryFrom<i64> for Seconds {
    type Error = String;

    fn try_from(seconds: i64) -> Result<Self, String> {
        let is_allowed = SECONDS.contains(&seconds);
        let seconds = u32::try_from(seconds).ok().filter(|_| is_allowed);
        let (first, last) = (SECONDS.start(), SECONDS.end());
        seconds.map(Self).ok_or_else(|| format!("expected seconds from {first} to {last}"))
    }
}

/// A folder on the server.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Place(pub(crate) Folder);

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(folder: String) -> Result<Self, String> {
        let named = Folder::below_root(folder.as_ref());
        named.map(Self).map_err(|failure| failure.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Config, String> {
        Config::parse(PathBuf::from("file"), text).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_host_beats_the_defaults() {
        let text = "[defaults]\ntimeout = 5\nretries = 1\n[hosts.boat]\naddress = \"[::1]:7\"\n\
                    timeout = 9\none-connection = false\n[hosts.plain]\n";
        let config = parsed(text).unwrap();
        let boat = config.settings("boat");
        assert_eq!(boat.address.unwrap().into_inner(), "[::1]:7".parse().unwrap());
        assert_eq!(boat.timeout.unwrap().0, 9);
        assert_eq!((boat.retries, boat.one_connection), (Some(1), Some(false)));
        let other = config.settings("elsewhere");
        assert!(other.address.is_none());
        assert_eq!(other.timeout.unwrap().0, 5);
        let hosts: Vec<_> = config.hosts().map(|(name, host)| format!("{name} {host}")).collect();
        assert_eq!(hosts, ["boat [::1]:7", "plain plain:2222"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, place, why) in [
            ("[hosts.a]\ntiemout = 5", "file:2:1:", "`timeout`"),
            ("[hosts.a]\n timeout = \"5\"", "file:2:12:", "expected"),
            ("[hosts.a]\ntimeout = 0", "file:2:11:", "seconds from 1 to 86400"),
            ("[hosts.a]\nconnect-timeout = 86401", "file:2:19:", "seconds from 1 to 86400"),
            ("[hosts.a]\nretries = -1", "file:2:11:", "u32"),
            ("[hosts.a]\nlocal-port = 0", "file:2:14:", "nonzero"),
            ("[hosts.a]\nlocal-port = 65536", "file:2:14:", "u16"),
            ("[hosts.a]\none-connection = 1", "file:2:18:", "a boolean"),
            ("[hosts.a]\naddress = \"b:0\"", "file:2:11:", "port"),
            ("[hosts.a]\naddress = \"b c\"", "file:2:11:", "HOST:PORT"),
            ("[hosts.a]\nfolder = \"../b\"", "file:2:10:", "leads out"),
            ("[defaults]\naddress = \"b\"", "file:2:11:", "[hosts.NAME]"),
            ("\n[hosts.\"a b\"]", "file:2:8:", "cannot name a host"),
            ("\n[hosts.\"-q\"]", "file:2:8:", "cannot name a host"),
            ("\n[hosts.put]", "file:2:8:", "it is a command"),
            ("\n[hosts.help]", "file:2:8:", "it is a command"),
            ("[host.a]", "file:1:2:", "`hosts`"),
            ("[hosts.a]\ntimeout = ", "file:2:", "expected"),
            ("[hosts.a]\n[hosts.a]", "file:2:", "duplicate"),
        ] {
            let said = parsed(text).unwrap_err();
            assert!(said.starts_with(place) && said.contains(why), "{text:?}: {said}");
            assert!(!said.contains('\n'), "{said}");
        }
    }
}
