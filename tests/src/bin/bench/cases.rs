//! The cases that move files.

use std::io;
use std::time::Duration;

use crate::bare::Bare;
use crate::case::{self, Files};
use crate::options::{Options, Other};
use crate::ours::Ours;
use crate::peer::Peer;
use crate::report::{Report, Unit};
use crate::vsftpd::Vsftpd;

/// Bytes of a small file.
const SMALL: u64 = 1024;

/// One large file.
pub(crate) fn large(options: &Options, report: &mut Report) -> io::Result<()> {
    let files = Files::make(&options.dir, 1, options.size)?;
    let title = format!("large: one file of {} bytes", options.size);
    let unit = Unit::MegabytesPerSecond(files.bytes());
    let figures = case::run(&files, &peers(options, false), options.runs, None)?;
    report.add(&title, "large", unit, figures);
    Ok(())
}

/// Many small files.
pub(crate) fn small(options: &Options, report: &mut Report) -> io::Result<()> {
    let files = Files::make(&options.dir, options.files, SMALL)?;
    let title = format!("small: {} files of {SMALL} bytes, one client", options.files);
    let unit = Unit::FilesPerSecond(files.count());
    let figures = case::run(&files, &peers(options, false), options.runs, None)?;
    report.add(&title, "small", unit, figures);
    Ok(())
}

/// Small files over a long way.
pub(crate) fn delay(options: &Options, report: &mut Report) -> io::Result<()> {
    let files = Files::make(&options.dir, options.delayed_files, SMALL)?;
    let title = format!(
        "delay: {} files of {SMALL} bytes, one client, {} ms round trip",
        options.delayed_files, options.round_trip
    );
    let one_way = Duration::from_millis(options.round_trip.into()) / 2;
    let figures = case::run(&files, &peers(options, true), options.runs, Some(one_way))?;
    report.add(&title, "delay", Unit::Seconds, figures);
    Ok(())
}

/// Ours and those to compare with, without those that cannot run here, which is said.
fn peers(options: &Options, delayed: bool) -> Vec<Box<dyn Peer>> {
    let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(Ours)];
    for other in [Other::Bare, Other::Vsftpd] {
        if options.against.contains(&other) {
            peers.push(match other {
                Other::Bare => Box::new(Bare),
                Other::Vsftpd => Box::new(Vsftpd),
            });
        }
    }
    peers.retain(|peer| match peer.check() {
        _ if delayed && !peer.uses_one_port() => {
            eprintln!("{} left out: it needs a second port, past the relay", peer.name());
            false
        }
        Ok(()) => true,
        Err(error) => {
            eprintln!("{} left out: {error}", peer.name());
            false
        }
    });
    peers
}
