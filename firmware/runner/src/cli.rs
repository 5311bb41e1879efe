//! The program: its options are its manual.

use std::io::{self, BufRead, BufReader, IsTerminal};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{fs, thread};

use clap::Parser;

use crate::qemu::{CONTROL, GUEST, Network, Setup, TRANSFER, explain, is_usual};
use crate::{card, log};

/// Run an image of the firmware in QEMU.
///
/// The image of the card is made with some example files on it if there is none. The ports of the
/// server are forwarded, and its log is printed. Ctrl-C ends it.
#[derive(Clone, Debug, Parser)]
#[command(name = "coracle-qemu", version, max_term_width = 100)]
pub struct Options {
    /// The image, an ELF file.
    image: PathBuf,

    /// The image of the card; its size is a power of two. `card.img` beside the build of the
    /// firmware if none is given.
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,

    /// Leave the slot empty.
    #[arg(long, conflicts_with = "card")]
    no_card: bool,

    /// The port of this machine that leads to the control port of the image. The transfer port is
    /// always 3333.
    #[arg(long, value_name = "PORT", default_value_t = CONTROL, conflicts_with = "tap")]
    port: u16,

    /// The address of this machine at which the ports are. Whoever can reach it can read and write
    /// the card.
    #[arg(long, value_name = "ADDRESS", default_value_t = Ipv4Addr::LOCALHOST.into(), conflicts_with = "tap")]
    listen: IpAddr,

    /// Use this TAP interface, which is there and up, instead of forwarded ports. The image has
    /// the address that was chosen when it was built.
    #[arg(long, value_name = "NAME")]
    tap: Option<String>,
}

impl Options {
    /// Run the image to its end, which is also ours.
    pub fn run(&self) -> ExitCode {
        match self.try_run() {
            Ok(code) => code,
            Err(error) => {
                eprintln!("coracle-qemu: {error}");
                ExitCode::FAILURE
            }
        }
    }

    fn try_run(&self) -> io::Result<ExitCode> {
        let elf = fs::read(&self.image).map_err(|error| at(&self.image, &error))?;
        let setup = Setup {
            image: self.image.clone(),
            card: self.card()?,
            network: match &self.tap {
                Some(name) => Network::Tap(name.clone()),
                None => Network::User { address: self.listen, port: self.port },
            },
            monitor: None,
            arguments: Vec::new(),
        };
        self.greet(setup.card.as_deref());
        run(&mut setup.command(), &elf)
    }

    /// The card, which is made if it is not there.
    fn card(&self) -> io::Result<Option<PathBuf>> {
        if self.no_card {
            return Ok(None);
        }
        let beside = || self.image.parent().unwrap_or(Path::new(".")).join("../../card.img");
        let path = self.card.clone().unwrap_or_else(beside);
        match card::create_with_examples(&path) {
            Ok(()) => eprintln!("A new card: {}", path.display()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(at(&path, &error)),
        }
        fs::canonicalize(path).map(Some)
    }

    /// Say how to get there.
    fn greet(&self, card: Option<&Path>) {
        match card {
            Some(card) => eprintln!("Card: {}", card.display()),
            None => eprintln!("Card: none"),
        }
        let host = match (&self.tap, self.port) {
            (Some(_), _) => GUEST.to_string(),
            (None, CONTROL) => self.listen.to_string(),
            (None, port) => format!("{}:{port}", self.listen),
        };
        if self.tap.is_none() {
            eprintln!("Ports: {}, {TRANSFER} at {}", self.port, self.listen);
        }
        eprintln!("From another terminal: coracle {host} ls");
    }
}

/// Run QEMU, and print what it says.
fn run(command: &mut Command, elf: &[u8]) -> io::Result<ExitCode> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(explain)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            let lines = stderr.into_iter().flat_map(|stderr| BufReader::new(stderr).lines());
            for line in lines.map_while(Result::ok).filter(|line| !is_usual(line)) {
                eprintln!("{line}");
            }
        });
        let is_coloured = io::stdout().is_terminal();
        stdout.map_or(Ok(()), |log| log::read(elf, log, is_coloured, |line| println!("{line}")))
    });
    if result.is_err() {
        // Nothing that comes now can be understood.
        child.kill()?;
    }
    let status = child.wait()?;
    result?;
    // Exit codes of QEMU are those of the image.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1).into())
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_those_of_the_manual() {
        use clap::CommandFactory;
        Options::command().debug_assert();
        let parsed = Options::try_parse_from(["coracle-qemu", "image", "--port", "4000"]).unwrap();
        assert_eq!((parsed.port, parsed.listen), (4000, Ipv4Addr::LOCALHOST.into()));
        assert!(Options::try_parse_from(["x", "image", "--tap", "t", "--port", "1"]).is_err());
        assert!(Options::try_parse_from(["x", "image", "--no-card", "--card", "c"]).is_err());
    }

    #[test]
    fn an_image_that_is_not_there_is_named() {
        let options = Options::parse_from(["coracle-qemu", "/nowhere/image"]);
        let error = options.try_run().unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/image: "), "{error}");
    }
}
