//! One case: the same files moved by each program, in turn.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use coracle_tests::cpu;
use coracle_tests::payload::{self, Sum};
use coracle_tests::relay::{Link, Relay};
use tempfile::TempDir;

use crate::peer::{Direction, Folders, Peer, Service};
use crate::report::{Figures, Run};

/// The files of a case and their checksums.
pub(crate) struct Files {
    folders: Folders,
    sums: Vec<Sum>,
    _keep: TempDir,
}

impl Files {
    /// Make `count` files of `length` bytes each below `dir`.
    pub(crate) fn make(dir: &Path, count: u32, length: u64) -> io::Result<Self> {
        let keep = tempfile::Builder::new().prefix("bench").tempdir_in(dir)?;
        let root = keep.path().join("root");
        let folders = Folders {
            source: root.join("down"),
            uploaded: root.join("up"),
            downloaded: keep.path().join("got"),
            names: (0..count).map(|number| format!("f{number:05}")).collect(),
            root,
        };
        for folder in [&folders.source, &folders.uploaded, &folders.downloaded] {
            fs::create_dir_all(folder)?;
        }
        // A server that runs as another user must reach the files.
        fs::set_permissions(keep.path(), Permissions::from_mode(0o755))?;
        let mut sums = Vec::with_capacity(folders.names.len());
        for (seed, name) in (1..).zip(&folders.names) {
            sums.push(payload::write_file(&folders.source.join(name), seed, length)?);
        }
        Ok(Self { folders, sums, _keep: keep })
    }

    /// Bytes in all.
    pub(crate) fn bytes(&self) -> u64 {
        self.sums.iter().map(|sum| sum.length).sum()
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.sums.len()
    }

    /// The target is empty before each run: every program makes its files anew.
    fn clear(&self, direction: Direction) -> io::Result<()> {
        for entry in fs::read_dir(self.folders.target(direction))? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    /// Every file has arrived as it was.
    fn verify(&self, direction: Direction, peer: &dyn Peer) -> io::Result<()> {
        for (name, expected) in self.folders.names.iter().zip(&self.sums) {
            let path = self.folders.target(direction).join(name);
            let found = payload::sum_file(&path).map_err(|error| {
                io::Error::other(format!("{}: {}: {error}", peer.name(), path.display()))
            })?;
            if found != *expected {
                let what =
                    format!("{}: {name} arrived as {found:?}, not {expected:?}", peer.name());
                return Err(io::Error::other(what));
            }
        }
        Ok(())
    }
}

/// Run each of `peers` `runs` times each way; with a delay, through a relay.
pub(crate) fn run(
    files: &Files,
    peers: &[Box<dyn Peer>],
    runs: u32,
    delay: Option<Duration>,
) -> io::Result<Vec<Figures>> {
    let mut services = Vec::new();
    for peer in peers {
        let service = peer.serve(&files.folders)?;
        let relay = match delay {
            Some(delay) => Some(Relay::start(service.address(), Link { delay, cuts: Vec::new() })?),
            None => None,
        };
        services.push((&**peer, service, relay));
    }
    let mut figures = Vec::new();
    for direction in [Direction::Download, Direction::Upload] {
        let mut table: Vec<Vec<Run>> = peers.iter().map(|_| Vec::new()).collect();
        // The first files of all pay for memory that the system has to find.
        for (peer, service, relay) in &services {
            let address = relay.as_ref().map_or(service.address(), Relay::address);
            once(files, *peer, &**service, address, direction)?;
        }
        for round in 0..runs as usize {
            // Nobody always comes first or behind the same neighbour.
            for turn in 0..services.len() {
                let which = (round + turn) % services.len();
                let (peer, service, relay) = &services[which];
                let address = relay.as_ref().map_or(service.address(), Relay::address);
                table[which].push(once(files, *peer, &**service, address, direction)?);
            }
        }
        for (peer, runs) in peers.iter().zip(table) {
            figures.push(Figures { program: peer.name(), direction, runs });
        }
    }
    Ok(figures)
}

/// One run: the clients from the start of the first to the end of the last, processes and all; then
/// the check.
fn once(
    files: &Files,
    peer: &dyn Peer,
    service: &dyn Service,
    address: SocketAddr,
    direction: Direction,
) -> io::Result<Run> {
    files.clear(direction)?;
    let clients = peer.clients(address, direction, &files.folders)?;
    let mut clients: Vec<Command> =
        clients.into_iter().map(|client| service.reached_by(client)).collect();
    let server_cpu = || service.only_process().map(cpu::of_process).transpose();
    let server_before = server_cpu()?;
    let client_before = cpu::of_ended_children()?;
    let start = Instant::now();
    let failed = run_together(&mut clients)?;
    let seconds = start.elapsed().as_secs_f64();
    if let Some(status) = failed {
        let what = format!("{}: the {} failed ({status})", peer.name(), direction.name());
        return Err(io::Error::other(what));
    }
    let client_cpu = cpu::of_ended_children()? - client_before;
    let server_cpu = server_cpu()?.zip(server_before).map(|(after, before)| after - before);
    if peer.keeps(direction) {
        files.verify(direction, peer)?;
    }
    Ok(Run { seconds, client_cpu, server_cpu })
}

/// Run commands at the same time to the last end; how one failed, if one did.
fn run_together(commands: &mut [Command]) -> io::Result<Option<ExitStatus>> {
    let mut running = Vec::with_capacity(commands.len());
    for command in commands {
        running.push(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?);
    }
    let mut failed = None;
    for child in &mut running {
        let status = child.wait()?;
        if !status.success() {
            failed = Some(status);
        }
    }
    Ok(failed)
}
