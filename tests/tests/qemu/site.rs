//! A machine with a card, and the client beside it.

use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use coracle_qemu::card;
use coracle_qemu::firmware::Image;
use coracle_qemu::qemu::{CONTROL, Network, PROGRAM, Qemu, Setup};
use coracle_tests::process::program;
use tempfile::TempDir;

use crate::support::raw::Raw;
use crate::support::tools;
use crate::support::{Ran, Running};

/// Nothing takes this long, the boot of a machine included.
pub const SOON: Duration = Duration::from_secs(30);

/// What the server says when it serves.
pub const SERVING: &str = "serving at ";

/// Whether QEMU is there.
#[track_caller]
pub fn has_qemu() -> bool {
    tools::is_there_for("qemu", PROGRAM)
}

/// An image, built for the first test that needs it.
pub fn image(name: &str, features: &str) -> PathBuf {
    // Features in a folder of their own: nothing is built twice.
    build(&Image { name, features, ..Image::NEUTRAL }, &format!("firmware-{features}"))
}

/// The image of the server with these features, for this address.
pub fn image_at(features: &str, address: &str) -> PathBuf {
    let environment = &[("CORACLE_ADDRESS", address), ("CORACLE_ROUTER", "")];
    let image = Image { features, environment, ..Image::NEUTRAL };
    build(&image, &format!("firmware-{features}-here"))
}

fn build(image: &Image<'_>, folder: &str) -> PathBuf {
    static BUILDS: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BUILDS.lock().unwrap_or_else(PoisonError::into_inner);
    image.build(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder)).unwrap()
}

/// An address of the loopback that nobody else has, so that its ports are free.
fn address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = process::id() % (1 << 16) * 128 + NEXT.fetch_add(1, Ordering::Relaxed) % 128;
    let [_, a, b, c] = number.to_be_bytes();
    Ipv4Addr::new(127, 128 | a, b, c)
}

/// A machine that runs, its card, and a folder in which the client runs.
pub struct Site {
    pub qemu: Qemu,
    pub setup: Setup,
    pub local: TempDir,
    address: Ipv4Addr,
}

impl Site {
    /// With an empty card; `None` if there is no QEMU.
    pub fn start() -> Option<Self> {
        Self::start_image("")
    }

    /// The same with an image of these features.
    #[track_caller]
    pub fn start_image(features: &str) -> Option<Self> {
        if !has_qemu() {
            return None;
        }
        let local = tempfile::tempdir().unwrap();
        let path = local.path().join(".card.img");
        card::create(&path, card::SIZE).unwrap();
        Some(Self::start_with(local, Some(path), features))
    }

    /// With this card, or none.
    pub fn start_with(local: TempDir, card: Option<PathBuf>, features: &str) -> Self {
        let address = address();
        let setup = Setup {
            image: image("coracle-firmware", features),
            card,
            network: Network::User { address: IpAddr::V4(address), port: CONTROL },
            monitor: Some(local.path().join(".monitor")),
            arguments: Vec::new(),
        };
        let qemu = boot(&setup);
        Self { qemu, setup, local, address }
    }

    /// Pull the plug, and plug it in again.
    pub fn power_cycle(&mut self) {
        self.qemu.kill().unwrap();
        self.qemu = boot(&self.setup);
    }

    /// The image of the card.
    pub fn card(&self) -> &Path {
        self.setup.card.as_deref().expect("a card")
    }

    /// Where a file lies here.
    pub fn here(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.local.path().join(name.as_ref())
    }

    pub fn control(&self) -> SocketAddr {
        (self.address, CONTROL).into()
    }

    /// The client, with what follows the host.
    pub fn client<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(program("coracle").unwrap());
        command.arg(self.address.to_string()).args(arguments).current_dir(self.local.path());
        command.env("CORACLE_CONFIG", "/dev/null").stdin(process::Stdio::null());
        command
    }

    /// Run the client to its end.
    #[track_caller]
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ran {
        Running::of(&mut self.client(arguments)).finish()
    }

    /// Start the client.
    pub fn begin<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Running {
        Running::of(&mut self.client(arguments))
    }

    /// A session after its `hello`.
    pub fn session(&self) -> Raw {
        Raw::session(self.control()).0
    }

    /// Write a file here with the content of a seed.
    pub fn write(&self, name: &str, seed: u64, length: usize) -> Vec<u8> {
        let bytes = coracle_tests::payload::bytes(seed, length);
        std::fs::write(self.here(name), &bytes).unwrap();
        bytes
    }

    /// What the client gets of a file.
    #[track_caller]
    pub fn fetch(&self, path: &str) -> Vec<u8> {
        self.run(&["download", path, "-o", "-"]).succeeded().stdout
    }
}

/// Start a machine, and wait until it serves. Its port may still be that of one just killed.
fn boot(setup: &Setup) -> Qemu {
    let mut last = io::Error::other("never tried");
    for _ in 0..20 {
        let mut qemu = Qemu::start(setup).unwrap();
        match qemu.wait_for(SERVING, SOON) {
            Ok(_) => return qemu,
            Err(error) => last = error,
        }
    }
    panic!("it does not serve: {last}");
}
