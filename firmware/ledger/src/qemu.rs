//! What shows only when an image runs: instructions and stack, on a Cortex-M3 in QEMU.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cargo::Image;
use crate::figures::Figures;
use crate::repository::Repository;

/// The first words of the figures that are measured here.
pub const KINDS: &[&str] = &["instructions", "session", "stack", "table"];

const QEMU: &str = "qemu-system-arm";
const TARGET: &str = "thumbv7m-none-eabi";
const IMAGES: [&str; 2] = ["instructions", "stack"];

/// Seconds that an image may take; it needs less than one.
const PATIENCE: &str = "60";

/// Run every image and keep what it prints. Returns whether there is a QEMU.
///
/// # Errors
///
/// If an image fails, or if there is no QEMU and `CORACLE_REQUIRE` names `qemu`.
pub fn measure(repository: &Repository, figures: &mut Figures) -> Result<bool> {
    if let Err(error) = Command::new(QEMU).arg("--version").stdout(Stdio::null()).status() {
        let message = format!("{QEMU} cannot be run ({error}); Debian has it in {QEMU}");
        if env::var("CORACLE_REQUIRE").is_ok_and(|names| names.split(',').any(|n| n == "qemu")) {
            bail!("{message}, and CORACLE_REQUIRE asks for it");
        }
        eprintln!(
            "SKIPPED: instructions and stack: {message} (CORACLE_REQUIRE=qemu fails instead)"
        );
        return Ok(false);
    }
    for bin in IMAGES {
        eprintln!("{TARGET}: {bin} in QEMU");
        let image = Image::run(bin).build(repository, TARGET)?;
        let printed = run(&image).with_context(|| format!("{bin} in QEMU"))?;
        figures.take_over(&Figures::parse(&printed)?, KINDS);
    }
    Ok(true)
}

/// Run an image to its end, in a time that counts instructions, and say what it printed.
fn run(image: &Path) -> Result<String> {
    let output = Command::new("timeout")
        .args([PATIENCE, QEMU, "-machine", "lm3s6965evb", "-nographic", "-monitor", "none"])
        .args(["-serial", "none", "-icount", "shift=6"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(image)
        .stdin(Stdio::null())
        .output()?;
    let printed = String::from_utf8(output.stdout)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}:\n{printed}{said}", output.status);
    }
    Ok(printed)
}
