//! What a PC says of a card: mtools, and the checker of dosfstools.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;

use coracle_qemu::card;

use crate::support::tools;

/// Whether these tools are there.
#[track_caller]
pub fn are_there() -> bool {
    tools::is_there_for("qemu", "mcopy") && tools::is_there_for("qemu", "fsck.fat")
}

/// The first partition of a card, as mtools name it.
fn volume(card: &Path) -> String {
    let begin = card::partition(&mut File::open(card).unwrap()).unwrap().start;
    format!("{}@@{begin}", card.display())
}

fn run(command: &mut Command) -> Vec<u8> {
    // Names are UTF-8 as they are.
    let output = command.env("LC_ALL", "C.UTF-8").env("MTOOLS_SKIP_CHECK", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}

/// The content of a file on a card.
pub fn read(card: &Path, path: &str) -> Vec<u8> {
    run(Command::new("mtype").arg("-i").arg(volume(card)).arg(format!("::{path}")))
}

/// Put a file onto a card.
pub fn write(card: &Path, from: &Path, path: &str) {
    run(Command::new("mcopy").arg("-i").arg(volume(card)).arg(from).arg(format!("::{path}")));
}

/// Make a folder on a card.
pub fn make_folder(card: &Path, path: &str) {
    run(Command::new("mmd").arg("-i").arg(volume(card)).arg(format!("::{path}")));
}

/// Whether a volume is without fault, as a PC sees it.
#[track_caller]
pub fn check(card: &Path) {
    let volume = extracted(card);
    let mut command = Command::new("fsck.fat");
    let output = command.arg("-n").arg(&volume).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    fs::remove_file(volume).unwrap();
}

/// The volume of a card as a file of its own, beside it: the checker knows no partitions.
fn extracted(card: &Path) -> PathBuf {
    let mut file = File::open(card).unwrap();
    let range = card::partition(&mut file).unwrap();
    let path = card.with_extension("volume");
    let mut volume = File::create(&path).unwrap();
    file.seek(SeekFrom::Start(range.start)).unwrap();
    std::io::copy(&mut file.take(range.end - range.start), &mut volume).unwrap();
    path
}
