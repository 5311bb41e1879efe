//! The server from its options to its end.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use coracle::Config;
use coracle_desktop::descriptors;
use coracle_desktop::options::Durability;
use coracle_storage::folder::{Folder, FolderOptions};
use smoltcp::iface::SocketSet;

use super::capture::Capture;
use super::cli::{LinkOptions, Options, ServiceOptions, Switch, TrialOptions};
use super::device::Tap;
use super::failure::{Failure, Reach};
use super::host::Surroundings;
use super::medium::{Media, Served};
use super::network::{Network, hardware_address};
use super::program::{Listening, Program, System};
use super::ram::{RAM_MIN, RamMemory};
use super::size::{Size, memory};
use super::sockets;
use super::stack::{Identity, Stack};
use super::wire::Wire;
use crate::{Server, Settings};

/// File bytes in a frame of this server.
const CHUNK_LEN: usize = 64 << 10;

/// Bytes of command lines a client may leave unanswered: a thousand small files in flight.
const PIPELINE: u32 = 64 << 10;

/// How long the end of the program waits for what is still to be put away.
const LAST_FLUSHES: Duration = Duration::from_secs(5);

/// Serve until a signal ends it.
///
/// # Errors
///
/// If the server cannot begin, or its device goes.
pub fn run(options: &Options) -> Result<(), Failure> {
    let network = options.link.network().map_err(Failure::Addresses)?;
    let settings = settings(options)?;
    check_buffers(&options.service)?;
    let _log = options.log.start().map_err(refused("start threads"))?;
    network.check_machine().map_err(Failure::Addresses)?;
    let system = System::new().map_err(refused("await signals and threads"))?;
    match (&options.root, options.ram) {
        (Some(root), _) => {
            let folder = folder(root, &options.service)?;
            descriptors::raise_limit();
            let flushes = options.service.durability == Durability::Full;
            let workers = flushes.then(|| system.workers.clone());
            serve(options, &network, settings, &system, Served { folder, workers })
        }
        (None, ram) => {
            // One of both is given: the options say so.
            let size = ram.unwrap_or(RAM_MIN);
            let mut memory = RamMemory::new(size).map_err(|there| Failure::Ram(size, there))?;
            let disk = memory.disk();
            serve(options, &network, settings, &system, &disk)
        }
    }
}

fn refused(what: &'static str) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::System(what, error)
}

fn folder(root: &Path, service: &ServiceOptions) -> Result<Folder, Failure> {
    let options = FolderOptions {
        durability: service.durability.into(),
        read_only: service.read_only,
        ..Default::default()
    };
    Folder::open(root, options).map_err(|error| Failure::Root(root.to_owned(), error))
}

/// Refuse buffers that this machine could not give if all were full.
fn check_buffers(service: &ServiceOptions) -> Result<(), Failure> {
    let bytes = service.max_sessions.saturating_mul(2).saturating_mul(service.socket_buffer.0);
    let there = memory();
    if Size(bytes) > there {
        return Err(Failure::Buffers(Size(bytes), there));
    }
    Ok(())
}

fn settings(options: &Options) -> Result<Settings, Failure> {
    let service = &options.service;
    let transfer_port = service.transfer_port.port();
    if transfer_port == Some(service.control_port) {
        return Err(Failure::Ports(service.control_port));
    }
    let timeouts = options.timeouts.timeouts();
    let config = Config {
        chunk: CHUNK_LEN as u32,
        pipeline: PIPELINE,
        busy: u16::try_from(timeouts.busy / 1000).unwrap_or(u16::MAX),
        sessions: u32::try_from(service.max_sessions).ok(),
        read_only: service.read_only,
        classic: service.classic == Switch::On,
    };
    let control_port = service.control_port;
    Ok(Settings { control_port, transfer_port, timeouts, ..Settings::new(config) })
}

/// Make the device and everything on it, and serve.
fn serve<M: Media>(
    options: &Options,
    network: &Network,
    settings: Settings,
    system: &System,
    media: M,
) -> Result<(), Failure> {
    let (link, service) = (&options.link, &options.service);
    let tap = device(link, network)?;
    check_reach(options, network, tap.name())?;
    let capture = capture(&options.trial)?;
    let identity = Identity {
        hardware: link.mac.unwrap_or_else(|| hardware_address(tap.name())),
        seed: getrandom::u64().map_err(|error| refused("get random numbers")(error.into()))?,
    };
    tracing::info!(
        interface = tap.name(),
        mtu = tap.mtu(),
        offload = link.offload,
        mac = identity.hardware.to_string().replace('-', ":"),
        "attached"
    );
    let wire = wire(&options.trial, tap, capture, identity.seed)?;
    let mut sockets = SocketSet::new(Vec::new());
    let mut slots = sockets::slots(service.max_sessions, service.socket_buffer, &mut sockets);
    let mut doors = sockets::doors(&mut sockets);
    let owner = Surroundings::new(media, CHUNK_LEN);
    let server = Server::new(settings, owner, &mut slots, &mut doors);
    let mut stack = Stack::new(wire, network, identity, sockets);
    let listening = Listening::new(settings.control_port, options.root.as_deref(), options.ram);
    let served = Program::new(&mut stack, server, system, listening)
        .run(network, Duration::from_secs(service.grace));
    // What sessions had open is put away, and their peers hear that they are cut off.
    drop(slots);
    stack.end();
    system.workers.finish(LAST_FLUSHES);
    served
}

fn device(link: &LinkOptions, network: &Network) -> Result<Tap, Failure> {
    let setup = link.device(network);
    let tap = if link.setup { setup.create() } else { setup.attach() };
    tap.map_err(Failure::Device)
}

fn capture(trial: &TrialOptions) -> Result<Option<Capture>, Failure> {
    let create = |path: &PathBuf| {
        Capture::create(path).map_err(|error| Failure::Capture(path.clone(), error))
    };
    trial.pcap.as_ref().map(create).transpose()
}

/// The device with what is to go wrong on it.
fn wire(
    trial: &TrialOptions,
    tap: Tap,
    capture: Option<Capture>,
    seed: u64,
) -> Result<Wire, Failure> {
    let faults = trial.faults(seed as u32);
    if faults.any() {
        tracing::warn!(seed = faults.seed, "frames are lost or damaged, as asked for");
    }
    Wire::new(tap, Some(&faults), capture).map_err(Failure::Offload)
}

/// Refuse to serve others than this machine without an explicit word, and tell who is served.
fn check_reach(options: &Options, network: &Network, name: &str) -> Result<(), Failure> {
    let reach = reach(network, name);
    let what = if options.service.read_only { "read" } else { "read and write" };
    match reach {
        Some(reach) if !options.link.insecure_anyone_can_read_and_write => {
            Err(Failure::Exposed(reach))
        }
        Some(reach) => {
            tracing::warn!("anyone who reaches the server {reach} can {what}");
            Ok(())
        }
        None => {
            tracing::warn!(
                "whoever reaches {name} can {what}: every user of this machine, and others if it \
                 forwards to it or puts it into a bridge"
            );
            Ok(())
        }
    }
}

/// How others than this machine reach the server, as far as can be told.
fn reach(network: &Network, name: &str) -> Option<Reach> {
    let bridge = fs::read_link(format!("/sys/class/net/{name}/master")).ok();
    let bridge = bridge.as_deref().and_then(Path::file_name);
    if let Some(bridge) = bridge {
        return Some(Reach::Bridge(bridge.to_string_lossy().into_owned()));
    }
    if network.dhcp {
        return Some(Reach::Dhcp);
    }
    network.gateways.first().copied().map(Reach::Gateway)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn options(line: &str) -> Options {
        let line = format!("coracle-tap --addr 192.168.69.1/24 --ram 1M {line}");
        Options::try_parse_from(line.split_whitespace()).unwrap()
    }

    #[test]
    fn the_server_is_set_as_the_options_say() {
        let settings =
            settings(&options("--control-port 7 --busy-timeout 9 --classic on")).unwrap();
        assert_eq!((settings.control_port, settings.transfer_port), (7, Some(3333)));
        assert_eq!((settings.config.busy, settings.timeouts.busy), (9, 9000));
        assert!(settings.config.classic);
        assert_eq!(settings.config.sessions, Some(32));
    }

    #[test]
    fn ports_and_buffers_must_fit() {
        let same = settings(&options("--control-port 3333"));
        assert!(matches!(same, Err(Failure::Ports(3333))));
        assert_eq!(settings(&options("--transfer-port none")).unwrap().transfer_port, None);
        let huge = options("--max-sessions 4096 --socket-buffer 1G");
        assert!(matches!(check_buffers(&huge.service), Err(Failure::Buffers(..))));
        check_buffers(&options("").service).unwrap();
    }

    #[test]
    fn who_reaches_more_than_this_machine_must_say_so() {
        let check = |line: &str, name: &str| {
            let options = options(line);
            check_reach(&options, &options.link.network().unwrap(), name)
        };
        let beyond = "--gateway 192.168.69.9";
        let word = "--insecure-anyone-can-read-and-write";
        check("", "no-such-tap").unwrap();
        assert!(matches!(check(beyond, "no-such-tap"), Err(Failure::Exposed(_))));
        assert!(matches!(check("--dhcp", "no-such-tap"), Err(Failure::Exposed(Reach::Dhcp))));
        check(&format!("{beyond} {word}"), "no-such-tap").unwrap();
    }
}
