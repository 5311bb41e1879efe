//! The desktop server: the core's machine and asynchronous driver over tokio, a folder as the
//! medium. The binary `coracled` is [`run`]; a [`Service`] serves any [`coracle::Storage`].

mod arrivals;
mod classic;
mod cli;
mod clock;
mod host;
mod link;
mod listener;
mod manual;
mod peer;
mod service;
mod session;
mod threads;
mod transfer;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use coracle_desktop::options::Durability;
use coracle_desktop::output::say;
use coracle_storage::folder::Folder;
use tokio::signal::unix::{SignalKind, signal};

pub use classic::ClassicChoice;
pub use cli::Options;
pub use manual::options;
pub use service::{SendStorage, Service, Settings};

/// Why the server cannot serve.
#[derive(Debug)]
pub enum Failure {
    /// The folder cannot be opened.
    Root(PathBuf, io::Error),
    /// An address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// An address beyond this machine needs an explicit word.
    Exposed(SocketAddr),
    /// The system refuses something that every server needs.
    System(&'static str, io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(root, error) => write!(
                f,
                "cannot serve {}: {error} (a folder that this user may read is needed)",
                root.display()
            ),
            Self::Listen(address, error) => {
                let remedy = match error.kind() {
                    io::ErrorKind::AddrNotAvailable => "an address of this machine",
                    io::ErrorKind::PermissionDenied => "a port from 1024",
                    _ => "another port",
                };
                write!(f, "cannot listen on {address}: {error} ({remedy}: --listen ADDRESS:PORT)")
            }
            Self::Exposed(address) => write!(
                f,
                "{address} can be reached from other machines, and whoever reaches it could read \
                 and write every file of the folder; if that is what you want, add \
                 --insecure-anyone-can-read-and-write"
            ),
            Self::System(what, error) => write!(f, "cannot {what}: {error}"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Root(_, error) | Self::Listen(_, error) | Self::System(_, error) => Some(error),
            Self::Exposed(_) => None,
        }
    }
}

/// Serve until a signal ends it.
///
/// # Errors
///
/// If the server cannot begin; once it serves, it goes on.
pub fn run(options: Options) -> Result<(), Failure> {
    let _log = options.log.start().map_err(|error| Failure::System("start threads", error))?;
    if let Some(address) = options.exposed() {
        if !options.insecure_anyone_can_read_and_write {
            return Err(Failure::Exposed(address));
        }
        tracing::warn!(%address, "anyone who reaches this address can read and write");
    }
    coracle_desktop::descriptors::raise_limit();
    let folder = Folder::open(&options.root, options.folder_options())
        .map_err(|error| Failure::Root(options.root.clone(), error))?;
    let runtime =
        runtime(options.max_sessions).map_err(|error| Failure::System("start threads", error))?;
    let served = runtime.block_on(serve(&options, folder));
    // A step that hangs in the medium must not keep the process.
    runtime.shutdown_background();
    served
}

/// Threads for a [`Service`] of so many sessions.
///
/// A step on the medium keeps the thread it runs on; when many do, another takes over the other
/// sessions: there may be as many threads as sessions that wait for a medium at one time, and
/// there are no more than are needed.
///
/// # Errors
///
/// If the system gives no threads.
pub fn runtime(max_sessions: usize) -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads::Threads::WORKERS)
        .max_blocking_threads(max_sessions.saturating_add(SPARE_THREADS))
        .enable_all()
        .build()
}

/// Threads beside those that wait for a medium: more than a machine has cores.
const SPARE_THREADS: usize = 256;

async fn serve(options: &Options, folder: Folder) -> Result<(), Failure> {
    let system = |what| move |error| Failure::System(what, error);
    let mut terminate = signal(SignalKind::terminate()).map_err(system("await SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("await SIGINT"))?;
    let settings = Settings {
        max_sessions: options.max_sessions,
        max_sessions_per_peer: options.max_sessions_per_peer,
        read_only: options.read_only,
        classic: options.classic,
        flushes: options.durability == Durability::Full,
        timeouts: options.timeouts.timeouts(),
        transfer_port: options.transfer_port.port(),
    };
    let mut service = Service::new(settings, move || folder.session());
    for &address in &options.listen {
        let bound = service.listen(address).map_err(|error| Failure::Listen(address, error))?;
        say(&format!("Server Port: {}", bound.port()));
        tracing::info!(address = %bound, root = %options.root.display(), "listening");
    }
    say("The server is ready to receive");

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!(grace_seconds = options.grace, "shutting down");
    tokio::select! {
        all = service.shut_down(Duration::from_secs(options.grace)) => {
            if !all {
                tracing::warn!("sessions were cut off; their uploads can be continued");
            }
        }
        _ = terminate.recv() => tracing::warn!("second signal: ending at once"),
        _ = interrupt.recv() => tracing::warn!("second signal: ending at once"),
    }
    Ok(())
}
