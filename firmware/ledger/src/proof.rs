//! The proof that no way leads to a panic.
//!
//! The probes have a panic handler that calls a function which nobody has: if the optimizer could
//! not rule out every panic, they cannot be linked. That the rows of the ledger were linked is part
//! of the proof.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::cargo::Image;
use crate::elf;
use crate::repository::Repository;

/// What is proved besides the rows.
const PROVED: [&str; 3] = ["blocking", "ram-disk", "codecs"];

/// Where the proofs are led.
const TARGET: &str = "thumbv7m-none-eabi";

/// What the linker misses where a panic is reachable.
const MISSING: &str = "a_panic_is_reachable";

/// How a panic comes to the handler, from the last function to the first that is not part of it.
/// Every `async fn` has the guard at the end: it is reached only by an executor that polls a future
/// after its end.
const WAY: [&str; 3] = [
    "__rustc::rust_begin_unwind",
    "core::panicking::panic_fmt",
    "core::panicking::panic_const::panic_const_async_fn_resumed",
];

/// Lead every proof.
///
/// # Errors
///
/// The image in which a panic can be reached.
pub fn check(repository: &Repository) -> Result<()> {
    can_fail(repository)?;
    for bin in PROVED {
        eprintln!("{TARGET}: no way to a panic in {bin}");
        Image::probe(bin).build(repository, TARGET).context("a way to a panic?")?;
    }
    only_the_guard(repository)
}

/// An image with a panic cannot be linked, or all of this would prove nothing.
fn can_fail(repository: &Repository) -> Result<()> {
    let output = Image::probe("panicking").try_build(repository, TARGET)?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() || !said.contains(MISSING) {
        bail!("an image that panics was to fail for want of {MISSING}, but:\n{said}");
    }
    Ok(())
}

/// In the image of futures nothing leads to a panic but the guard of the compiler.
fn only_the_guard(repository: &Repository) -> Result<()> {
    eprintln!("{TARGET}: no way to a panic in executor");
    let path = Image::probe("executor").build(repository, TARGET)?;
    let image = fs::read(&path).with_context(|| path.display().to_string())?;
    for step in WAY.windows(2) {
        let [callee, caller] = step else { continue };
        let callers = elf::callers(&image, callee)?;
        if !callers.iter().eq([caller]) {
            bail!("a panic is reachable: {callee} is called by {callers:?}, not {caller} alone");
        }
    }
    Ok(())
}
