//! `coracle-tap` over a TAP device, beside a bare source and sink on the same stack, each with a
//! host and a device of its own.

mod bare;
mod ours;

use std::io;

use coracle_tests::network::Wire;

use crate::case::{self, Files};
use crate::options::Options;
use crate::peer::Peer;
use crate::report::{Report, Unit};

pub(crate) use bare::{receive, send};

use bare::BareStack;
use ours::{OnTap, Served};

/// Bytes of the receive and of the transmit buffer of each connection, on either side.
const SOCKET_BUFFER: usize = 512 << 10;

/// Sessions at once.
const SESSIONS: u32 = 16;

/// The MTU where it is not what is measured.
const USUAL_MTU: u16 = 1500;

/// The device between the two sides; each program has one of its own.
#[derive(Clone, Copy, Debug)]
struct Link {
    mtu: u16,
    queue: u32,
    offload: bool,
}

impl Link {
    fn wire(self) -> io::Result<Wire> {
        let wire = Wire::new(self.mtu)?;
        wire.set_queue(self.queue)?;
        Ok(wire)
    }
}

/// Measure all of it, where this machine can.
pub(crate) fn measure(options: &Options, report: &mut Report) -> io::Result<()> {
    if let Err(error) = Wire::new(USUAL_MTU).map(drop) {
        eprintln!("tap left out: root, TAP and `ip` (iproute2) are needed: {error}");
        return Ok(());
    }
    for &mtu in &options.mtu {
        for offload in [false, true] {
            one_file(options, report, Link { mtu, offload, queue: options.queue })?;
        }
    }
    let link = Link { mtu: USUAL_MTU, offload: false, queue: options.queue };
    sessions(options, report, link)?;
    stalled(options, report, link)
}

/// One file each way: from and to memory, from and to a folder, and bare.
fn one_file(options: &Options, report: &mut Report, link: Link) -> io::Result<()> {
    let files = Files::make(&options.dir, 1, options.tap_size)?;
    let ours = OnTap::new(link, files.bytes());
    let bare = BareStack { link, bytes: files.bytes(), has_files: false };
    let peers: Vec<Box<dyn Peer>> = vec![
        Box::new(ours),
        Box::new(OnTap { name: "folder", served: Served::Folder, ..ours }),
        Box::new(bare),
        Box::new(BareStack { has_files: true, ..bare }),
    ];
    let (words, letters) = if link.offload { (", offload", "-offload") } else { ("", "") };
    let title = format!("tap: MTU {}{words}, one file of {} bytes", link.mtu, files.bytes());
    let case = format!("tap-{}{letters}", link.mtu);
    add(options, report, (&title, &case), &files, peers)
}

/// The same files by many sessions at once, and by one.
fn sessions(options: &Options, report: &mut Report, link: Link) -> io::Result<()> {
    let files = Files::make(&options.dir, SESSIONS, options.tap_size / u64::from(SESSIONS))?;
    let one = OnTap { name: "one", ..OnTap::new(link, files.bytes()) };
    let many = OnTap { is_client_a_file: true, ..OnTap::new(link, files.bytes()) };
    let title = format!("tap: {} bytes by {SESSIONS} sessions at once, and by one", files.bytes());
    add(options, report, (&title, "tap-sessions"), &files, vec![Box::new(many), Box::new(one)])
}

/// One session alone, and beside one whose peer reads nothing.
fn stalled(options: &Options, report: &mut Report, link: Link) -> io::Result<()> {
    let files = Files::make(&options.dir, 1, options.tap_size)?;
    let alone = OnTap { name: "alone", ..OnTap::new(link, files.bytes()) };
    let beside = OnTap { is_beside_stalled: true, ..OnTap::new(link, files.bytes()) };
    let title = format!("tap: {} bytes beside a stalled session, and alone", files.bytes());
    add(options, report, (&title, "tap-stalled"), &files, vec![Box::new(beside), Box::new(alone)])
}

/// Run a case with the programs that are there; of others it is said what is missing.
fn add(
    options: &Options,
    report: &mut Report,
    (title, case): (&str, &str),
    files: &Files,
    mut peers: Vec<Box<dyn Peer>>,
) -> io::Result<()> {
    peers.retain(|peer| match peer.check() {
        Ok(()) => true,
        Err(error) => {
            eprintln!("{case}: {} left out: {error}", peer.name());
            false
        }
    });
    if peers.is_empty() {
        return Ok(());
    }
    let figures = case::run(files, &peers, options.runs, None)?;
    report.add(title, case, Unit::MegabytesPerSecond(files.bytes()), figures);
    Ok(())
}
