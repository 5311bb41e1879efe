//! The options of `coracled`; their help is the manual.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueHint};
use coracle_desktop::log::LogOptions;
use coracle_desktop::manual::Manual;
use coracle_desktop::options::{Durability, TimeoutOptions, TransferChoice, at_least_one};
use coracle_desktop::tour;
use coracle_storage::folder::FolderOptions;

use crate::classic::ClassicChoice;
use crate::manual::{ESSENTIALS, TOUR};

/// Serve a folder to coracle clients.
///
/// Whoever reaches the port can read and write: by default only this machine can. Uploads are
/// staged, flushed and renamed: a file is the old one or the new one, and `ok` means that it
/// survives a power cut.
#[derive(Clone, Debug, Parser)]
#[command(name = "coracled", version, max_term_width = 100, arg_required_else_help = true,
          after_help = tour::essentials(ESSENTIALS), after_long_help = tour::told(TOUR))]
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

    /// How long sessions may wait for their peer.
    #[command(flatten)]
    pub timeouts: TimeoutOptions,

    /// Seconds that running transfers get to finish after the first SIGTERM or SIGINT; a second
    /// signal ends at once.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub grace: u64,

    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogOptions,

    /// What can be asked for instead.
    #[command(flatten, next_help_heading = "Instead of serving")]
    pub manual: Manual,
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let needed = |_| "an IP address and a port are needed, as 127.0.0.1:2222 or [::1]:2222".into();
    text.parse().map_err(needed)
}

impl Options {
    pub(crate) fn folder_options(&self) -> FolderOptions {
        FolderOptions {
            durability: self.durability.into(),
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
