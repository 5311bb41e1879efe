//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures coracle beside other programs on this machine, each in turn.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) selection: Selection,

    /// Rounds; every round runs each program once
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,

    /// Folder for the files; RAM-backed, so that no disk is measured
    #[arg(long, global = true, default_value = "/dev/shm")]
    pub(crate) dir: PathBuf,

    /// Programs to compare with
    #[arg(long, global = true, value_delimiter = ',', default_value = "bare,vsftpd")]
    pub(crate) against: Vec<Other>,

    /// Write the figures to this file as well
    #[arg(long, global = true)]
    pub(crate) json: Option<PathBuf>,

    /// Bytes of the large file
    #[arg(long, global = true, default_value_t = 1 << 30)]
    pub(crate) size: u64,

    /// Small files of 1 KiB without delay
    #[arg(long, global = true, default_value_t = 10_000)]
    pub(crate) files: u32,

    /// Small files of 1 KiB with delay
    #[arg(long, global = true, default_value_t = 1_000)]
    pub(crate) delayed_files: u32,

    /// Round trip of the delaying relay, in milliseconds
    #[arg(long, global = true, default_value_t = 20)]
    pub(crate) round_trip: u32,

    /// Bytes of the file that goes over TAP
    #[arg(long, global = true, default_value_t = 1 << 29)]
    pub(crate) tap_size: u64,

    /// MTUs of the TAP device
    #[arg(long, global = true, value_delimiter = ',', default_value = "1500,9000,65521")]
    pub(crate) mtu: Vec<u16>,

    /// Frames that may wait for the server on a TAP device: as `coracle-tap --setup` has it
    #[arg(long, global = true, default_value_t = 8192)]
    pub(crate) queue: u32,

    /// Sessions that are open at once and idle
    #[arg(long, global = true, default_value_t = 2_000)]
    pub(crate) sessions: u32,
}

/// What to measure.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Selection {
    /// One large file each way
    Large,
    /// Many small files each way
    Small,
    /// Small files through a relay that delays
    Delay,
    /// Memory of the server for each idle session
    Idle,
    /// The server on a userspace stack over TAP, beside a bare one: root only
    Tap,
    /// All of these
    All,
    /// The server of the bare program
    #[command(hide = true)]
    BareServe {
        /// Folder with `down` and `up`
        root: PathBuf,
    },
    /// The receiving client of the bare program
    #[command(hide = true)]
    BareReceive {
        /// Where the server is
        address: SocketAddr,
        /// Where the files go
        folder: PathBuf,
    },
    /// The sending client of the bare program
    #[command(hide = true)]
    BareSend {
        /// Where the server is
        address: SocketAddr,
        /// Whose files are sent
        folder: PathBuf,
    },
    /// The bare receiver of what a bare stack sends
    #[command(hide = true)]
    BareStackReceive {
        /// Where the source is
        address: SocketAddr,
        /// How many come
        bytes: u64,
        /// Where they are stored or come from
        file: Option<PathBuf>,
    },
    /// The bare sender to a bare stack
    #[command(hide = true)]
    BareStackSend {
        /// Where the sink is
        address: SocketAddr,
        /// How many go
        bytes: u64,
        /// Where they are stored or come from
        file: Option<PathBuf>,
    },
}

impl Selection {
    /// Whether `case` is to be measured.
    pub(crate) fn has(&self, case: &Self) -> bool {
        self == case || *self == Self::All
    }
}

/// A program to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Other {
    /// Read 64 KiB, send; receive, write: nothing else
    Bare,
    /// vsftpd with curl
    Vsftpd,
}
