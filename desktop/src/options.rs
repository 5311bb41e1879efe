//! Options that servers have in common; their help is the manual.

use std::str::FromStr;

use clap::builder::RangedI64ValueParser;
use clap::{Args, ValueEnum, value_parser};
use coracle::Timeouts;

/// How long sessions may wait for their peer.
#[derive(Clone, Debug, Args)]
pub struct TimeoutOptions {
    /// Seconds until the first line of a session.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = seconds())]
    pub first_line_timeout: u32,

    /// Seconds until a started line is complete.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = seconds())]
    pub line_timeout: u32,

    /// Seconds without progress that end a transfer, or in which its connection must be made.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = seconds())]
    pub transfer_timeout: u32,

    /// Seconds between two commands that end a session.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = seconds())]
    pub idle_timeout: u32,

    /// Seconds for which signs of life without file bytes count as progress.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = seconds())]
    pub busy_timeout: u32,

    /// Bytes per second that a transfer must reach on average; 0: any rate will do.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub min_rate: u32,
}

impl TimeoutOptions {
    /// As the core takes them.
    pub fn timeouts(&self) -> Timeouts {
        Timeouts {
            first_line: self.first_line_timeout * 1000,
            line: self.line_timeout * 1000,
            transfer: self.transfer_timeout * 1000,
            idle: self.idle_timeout * 1000,
            busy: self.busy_timeout * 1000,
            min_rate: self.min_rate,
        }
    }
}

/// What an upload's receipt promises: the value of `--durability`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// Flushed to the disk.
    Full,
    /// Renamed into place.
    Rename,
}

impl From<Durability> for coracle::Durability {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Full => Self::Flushed,
            Durability::Rename => Self::Cached,
        }
    }
}

/// The value of `--transfer-port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferChoice {
    /// This port, or any if it is 0.
    Port(u16),
    /// None.
    None,
}

impl TransferChoice {
    /// The port, if there is to be one.
    pub fn port(self) -> Option<u16> {
        match self {
            Self::Port(port) => Some(port),
            Self::None => None,
        }
    }
}

impl FromStr for TransferChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            port => port.parse().map(Self::Port).map_err(|_| {
                format!("{port:?} is neither a port from 0 to 65535 nor the word none")
            }),
        }
    }
}

/// Takes seconds that are not nothing, and whose milliseconds fit the core's timers.
pub fn seconds() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(1..=4_000_000)
}

/// Takes a count that is not 0.
///
/// # Errors
///
/// What is needed.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1 is needed".into()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn timeouts(line: &[&str]) -> Result<Timeouts, clap::Error> {
        let command = TimeoutOptions::augment_args(Command::new("server").no_binary_name(true));
        let options = TimeoutOptions::from_arg_matches(&command.try_get_matches_from(line)?)?;
        Ok(options.timeouts())
    }

    #[test]
    fn the_timeouts_are_those_of_the_protocol_unless_others_are_given() {
        assert_eq!(timeouts(&[]).unwrap(), Timeouts::DEFAULT);
        let line = [
            ["--first-line-timeout", "1"],
            ["--line-timeout", "2"],
            ["--transfer-timeout", "3"],
            ["--idle-timeout", "4000000"],
            ["--busy-timeout", "5"],
            ["--min-rate", "6"],
        ];
        let expected = Timeouts {
            first_line: 1000,
            line: 2000,
            transfer: 3000,
            idle: 4_000_000_000,
            busy: 5000,
            min_rate: 6,
        };
        assert_eq!(timeouts(line.as_flattened()).unwrap(), expected);
        for wrong in ["0", "4000001", "soon"] {
            assert!(timeouts(&["--line-timeout", wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_transfer_port_is_a_number_or_none() {
        let port = |text: &str| text.parse().map(TransferChoice::port);
        assert_eq!(port("3333"), Ok(Some(3333)));
        assert_eq!(port("0"), Ok(Some(0)));
        assert_eq!(port("none"), Ok(None));
        for wrong in ["", "65536", "-1", "None"] {
            assert!(port(wrong).is_err_and(|why| why.contains("the word none")), "{wrong:?}");
        }
    }

    #[test]
    fn none_is_not_a_count() {
        assert_eq!(at_least_one("1"), Ok(1));
        assert!(at_least_one("0").is_err() && at_least_one("many").is_err());
    }
}
