//! Instructions per KiB of a transfer through the core alone, on a Cortex-M3 in QEMU: from and to
//! memory, without a network.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::iter::once;

use coracle::limits::{CHUNK_BUFFER_LEN, CHUNK_LEN};
use coracle::{Config, FixedServer, Medium, Outcome, Timeouts, poll};
use coracle_probes::checksums::{WAYS, Way};
use coracle_probes::memory::{Flat, Link, UPLOAD_HEAD, chunks, end_of, frames_of};
use coracle_probes::ticks::Counter;
use cortex_m_semihosting::hprintln;

coracle_probes::qemu_image!(main);

/// KiB of the two transfers whose difference is measured: what begins and ends them is not.
const FEW: usize = 16;
const MANY: usize = 144;

fn main() {
    let peripherals = cortex_m::Peripherals::take().expect("nobody else has them");
    let counter = Counter::new(peripherals.SYST);
    report("upload", |kib| {
        let end = end_of(kib);
        let head = once(UPLOAD_HEAD).chain(frames_of(kib));
        serve(&counter, head.chain([&end[..], b"exit\n"]), 0)
    });
    report("download", |kib| {
        serve(&counter, once(&b"hello 1\ndownload a\nexit\n"[..]), kib * CHUNK_LEN)
    });
    report("copy", |kib| counter.of(|| copy(kib)));
    for way in &WAYS {
        hprintln!("table {} {}", way.name, way.table);
        report(way.name, |kib| counter.of(|| checksum(way, kib)));
    }
}

/// Print instructions per KiB of what takes so many for some KiB.
fn report(name: &str, mut instructions: impl FnMut(usize) -> u64) {
    let (few, many) = (instructions(FEW), instructions(MANY));
    hprintln!("instructions {} {}", name, (many - few) / (MANY - FEW) as u64);
}

/// Instructions of a session of this script, with a file of this length to download.
fn serve<'a>(counter: &Counter, script: impl Iterator<Item = &'a [u8]>, length: usize) -> u64 {
    let mut server = FixedServer::new(Config::new(), [0; CHUNK_BUFFER_LEN]);
    let mut driver = poll::Driver::new(Timeouts::DEFAULT, 0);
    let mut medium = Medium::new(Flat::new(length as u64));
    let mut link = Link::new(script);
    let mut ended = Ok(poll::Progress::Again);
    let instructions = counter.of(|| {
        ended = poll::serve(&mut server, &mut driver, &mut link, &mut medium, 0, usize::MAX);
    });
    assert_eq!(ended, Ok(poll::Progress::Done(Outcome::Exit)));
    instructions
}

/// What a transfer must do besides the checksum, once for each side: the bytes are copied.
fn copy(kib: usize) {
    let mut to = [0; CHUNK_LEN];
    for chunk in chunks(kib) {
        to.copy_from_slice(black_box(chunk));
        black_box(&to);
    }
}

fn checksum(way: &Way, kib: usize) {
    for chunk in chunks(kib) {
        black_box((way.checksum)(black_box(chunk)));
    }
}
