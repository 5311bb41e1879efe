//! Programs that are measured: a server to start, a client to time.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which way the files go, seen from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the server.
    Download,
    /// To the server.
    Upload,
}

impl Direction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }
}

/// The folders of one case.
///
/// The files to move are made once; both directions read them there.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    /// What the servers serve; holds `down` and `up`.
    pub(crate) root: PathBuf,
    /// The files to move, `root/down`.
    pub(crate) source: PathBuf,
    /// Where uploads go, `root/up`.
    pub(crate) uploaded: PathBuf,
    /// Where downloads go.
    pub(crate) downloaded: PathBuf,
    /// The names of the files.
    pub(crate) names: Vec<String>,
}

impl Folders {
    /// The same folders, for these files only.
    pub(crate) fn with(&self, names: Vec<String>) -> Self {
        Self { names, ..self.clone() }
    }

    /// Where the files are afterwards.
    pub(crate) fn target(&self, direction: Direction) -> &Path {
        match direction {
            Direction::Download => &self.downloaded,
            Direction::Upload => &self.uploaded,
        }
    }
}

/// A program that can be measured.
pub(crate) trait Peer {
    /// Its name in tables.
    fn name(&self) -> &'static str;

    /// Whether it can run here; the error says what is missing and how to get it.
    fn check(&self) -> io::Result<()>;

    /// Whether all of it passes through one port, so that a relay can delay it.
    fn uses_one_port(&self) -> bool;

    /// Start its server.
    fn serve(&self, folders: &Folders) -> io::Result<Box<dyn Service>>;

    /// The client that moves every file of `folders`; it is timed from its start to its end.
    fn client(
        &self,
        address: SocketAddr,
        direction: Direction,
        folders: &Folders,
    ) -> io::Result<Command>;

    /// The clients that move every file of `folders` together, at the same time.
    fn clients(
        &self,
        address: SocketAddr,
        direction: Direction,
        folders: &Folders,
    ) -> io::Result<Vec<Command>> {
        Ok(vec![self.client(address, direction, folders)?])
    }

    /// Whether the files lie in the target afterwards, where they can be checked.
    fn keeps(&self, _direction: Direction) -> bool {
        true
    }
}

/// A running server, which ends with this value.
pub(crate) trait Service {
    /// Where it listens.
    fn address(&self) -> SocketAddr;

    /// Its process, if one process does all the work: those that a server makes for its sessions
    /// are gone before they can be asked what they used.
    fn only_process(&self) -> Option<u32>;

    /// The command on the host that reaches it: another one where that is not this one.
    fn reached_by(&self, command: Command) -> Command {
        command
    }
}
