//! The options of `coracled`; their help is the manual.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, ValueEnum, ValueHint};
use coracle::Timeouts;
use coracle_desktop::log::LogOptions;
use coracle_storage::folder::FolderOptions;

use crate::classic::ClassicChoice;
use crate::manual::{self, Manual};

/// Serve a folder to coracle clients.
///
/// Whoever reaches the port can read and write: by default only this machine can. Uploads are
/// staged, flushed and renamed: a file is the old one or the new one, and `ok` means that it
/// survives a power cut.
#[derive(Clone, Debug, Parser)]
#[command(name = "coracled", version, max_term_width = 100, arg_required_else_help = true,
          after_help = manual::essentials(), after_long_help = manual::tour())]
pub struct Options {
    /// The folder to serve; nothing outside it can be reached.
    #[arg(value_hint = ValueHint::DirPath)]
    pub root: PathBuf,

    /// Address and port to serve; port 0 takes a free one. May be given several times.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:2222",
        value_parser = socket_address)]
    pub listen: Vec<SocketAddr>,

    /// Port for transfers beside the control port, open only while a client asks for it;
    /// 0 takes a free one, `none` does without.
    #[arg(long, value_name = "PORT|none", default_value = "3333")]
    pub transfer_port: TransferChoice,

    /// Who may speak the classic dialect, which knows no checksums: the programs of the
    /// protocol's ancestor, which find the transfer port only as 3333.
    #[arg(long, value_enum, default_value_t)]
    pub classic: ClassicChoice,

    /// Listen beyond this machine although there are no keys.
    #[arg(long)]
    pub insecure_anyone_can_read_and_write: bool,

    /// Refuse every command that writes.
    #[arg(long)]
    pub read_only: bool,

    /// Sessions that may be open at once.
    #[arg(long, value_name = "COUNT", default_value_t = 4096, value_parser = at_least_one)]
    pub max_sessions: usize,

    /// Sessions that may be open at once from one address.
    #[arg(long, value_name = "COUNT", default_value_t = 1024, value_parser = at_least_one)]
    pub max_sessions_per_peer: usize,

    /// What `ok` to an upload means: `full`: flushed to the disk; `rename`: complete, but a
    /// power cut may undo it (the receipt says `cached`).
    #[arg(long, value_enum, default_value_t = Durability::Full)]
    pub durability: Durability,

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

    /// Seconds that running transfers get to finish after the first SIGTERM or SIGINT; a second
    /// signal ends at once.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub grace: u64,

    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogOptions,

    /// What can be asked for instead.
    #[command(flatten)]
    pub manual: Manual,
}

/// What an upload's receipt promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// Flushed to the disk.
    Full,
    /// Renamed into place.
    Rename,
}

/// The value of `--transfer-port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferChoice {
    /// This port, or any if it is 0.
    Port(u16),
    /// None.
    None,
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

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let needed = |_| "an IP address and a port are needed, as 127.0.0.1:2222 or [::1]:2222".into();
    text.parse().map_err(needed)
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1 is needed".into()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}

fn seconds() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=4_000_000)
}

impl Options {
    /// The timers as the core takes them.
    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            first_line: self.first_line_timeout * 1000,
            line: self.line_timeout * 1000,
            transfer: self.transfer_timeout * 1000,
            idle: self.idle_timeout * 1000,
            busy: self.busy_timeout * 1000,
            min_rate: self.min_rate,
        }
    }

    pub(crate) fn folder_options(&self) -> FolderOptions {
        FolderOptions {
            durability: match self.durability {
                Durability::Full => coracle::Durability::Flushed,
                Durability::Rename => coracle::Durability::Cached,
            },
            read_only: self.read_only,
            ..Default::default()
        }
    }

    /// The first address that others than this machine may reach.
    pub(crate) fn exposed(&self) -> Option<SocketAddr> {
        let beyond = |address: &&SocketAddr| !address.ip().to_canonical().is_loopback();
        self.listen.iter().find(beyond).copied()
    }
}
