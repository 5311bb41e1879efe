//! The parts of the core that an image may have, each called with arguments that may be anything.

use core::cell::RefCell;

use coracle::classic::{self, Way};
use coracle::client;
use coracle::limits::{CHUNK_BUFFER_LEN, LINE_MIN};
use coracle::poll::{self, Progress};
use coracle::{Config, FixedServer, Machine, Medium, Outcome, Path, Storage, Timeouts};
use coracle_storage::chip::{Chip, ChipSession, Volume};

use crate::opaque::{self, Caller, Link, any};

/// The chunk buffer of a chip.
pub type Chunk = [u8; CHUNK_BUFFER_LEN];

/// A machine for whatever configuration.
pub fn server() -> FixedServer {
    FixedServer::new(any(Config::new()), [0; CHUNK_BUFFER_LEN])
}

/// One session of this machine under the poll driver.
pub fn serve(machine: &mut impl Machine) -> Option<Outcome> {
    serve_from(machine, opaque::Medium)
}

/// One session of this machine under the poll driver, from this medium.
pub fn serve_from(machine: &mut impl Machine, storage: impl Storage) -> Option<Outcome> {
    let mut medium = Medium::new(storage);
    let mut driver = poll::Driver::new(any(Timeouts::DEFAULT), any(0));
    loop {
        match poll::serve(machine, &mut driver, &mut Link, &mut medium, any(0), any(32)) {
            Ok(Progress::Done(outcome)) => return any(Some(outcome)),
            Ok(progress) => any(progress),
            Err(_) => return None,
        };
    }
}

/// Sessions of the native dialect, one after another, on this file system.
pub fn serve_files(volume: impl Volume) {
    let chip = RefCell::new(Chip::<_, 6>::new(volume));
    while any(true) {
        if let Ok(mut chip) = chip.try_borrow_mut() {
            chip.set_now(any(0));
        }
        serve_from(&mut server(), ChipSession::new(&chip));
    }
}

/// One connection of the native dialect, or of the classic one if it turns out to be that.
pub fn serve_either() {
    let mut native = server();
    if serve(&mut native) == Some(Outcome::Classic) {
        serve_classic(native.into());
    }
}

/// One connection of the classic dialect, with its transfer.
pub fn serve_classic(mut machine: classic::Server<Chunk, LINE_MIN>) {
    if let Some(Outcome::Transfer(way)) = serve(&mut machine) {
        any((way, machine.size()));
        if any(true) {
            any(machine.connected()).ok();
        } else {
            machine.lost();
        }
        serve(&mut machine);
    }
}

/// A client of the native dialect.
pub fn client() -> client::FixedClient {
    client::FixedClient::new([0; CHUNK_BUFFER_LEN], any(true))
}

/// A client of the classic dialect.
pub fn classic_client() -> classic::FixedClient {
    classic::FixedClient::new([0; CHUNK_BUFFER_LEN])
}

/// One session of a client under the poll driver.
pub fn ask() {
    let mut client = client();
    let Ok(path) = Path::new(any(b"a")) else { return };
    ask_as(&mut client, path);
}

/// One session of a client of the classic dialect.
pub fn ask_classic() {
    let mut client = classic_client();
    let Ok(path) = Path::new(any(b"a")) else { return };
    ask_as(&mut client, path);
    any(client.patience());
    if client.quiet().is_ok() {
        ask_as(&mut client, path);
    }
    if client.way() == Some(Way::Upload) && client.connected().is_ok() {
        ask_as(&mut client, path);
    }
    if client.half_closed().is_ok() {
        ask_as(&mut client, path);
    }
}

fn ask_as(client: &mut impl client::Machine, path: Path<'_>) {
    let mut caller = Caller(path);
    while let Ok(waiting) = client::poll::advance(client, &mut Link, &mut caller) {
        if any(waiting) == client::poll::Waiting::Over {
            break;
        }
        if any(true) {
            let settled: Result<(), client::Error<()>> = client::poll::settle(client, &mut caller);
            any(settled).ok();
        }
    }
}
