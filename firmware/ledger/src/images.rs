//! The rows of the ledger: which images are measured, and for which targets.

use std::fs;

use anyhow::{Context, Result};

use crate::cargo::Image;
use crate::elf;
use crate::figures::Figures;
use crate::repository::Repository;

/// Every target.
pub const TARGETS: [&str; 4] = [
    "thumbv6m-none-eabi",
    "thumbv7m-none-eabi",
    "thumbv7em-none-eabi",
    "riscv32imac-unknown-none-elf",
];

/// A row.
pub struct Row {
    /// What it is called among the figures.
    pub name: &'static str,
    /// What it is called on the page.
    pub title: &'static str,
    image: Image,
    /// What is in the image without being meant.
    without: Option<Image>,
    targets: &'static [&'static str],
}

/// An image with nothing but its beginning.
const BASELINE: Option<Image> = Some(Image::probe("baseline"));

/// A row of the core without its surroundings.
const fn core(name: &'static str, title: &'static str) -> Row {
    Row { name, title, image: Image::probe(name), without: BASELINE, targets: &TARGETS }
}

/// A row of the firmware, as it is flashed.
const fn firmware(name: &'static str, title: &'static str, features: &'static str) -> Row {
    let image = Image::firmware(features);
    Row { name, title, image, without: None, targets: &FIRMWARE }
}

/// The target of the firmware.
const FIRMWARE: [&str; 1] = ["thumbv7m-none-eabi"];

/// All rows, in the order of the page.
pub static ROWS: [Row; 12] = [
    core("server", "server"),
    Row {
        image: Image::probe("server").small(),
        ..core("server-z", "server, `opt-level = \"z\"`")
    },
    core("server-client", "server and client"),
    core("server-classic", "server of both dialects"),
    core("all", "server and client of both dialects"),
    core("server-fat", "server, with FAT"),
    core("server-littlefs", "server, with littlefs"),
    firmware("image", "whole image: Ethernet, smoltcp, SD card, FAT", ""),
    firmware("image-classic", "whole image, both dialects", "classic"),
    firmware("image-dhcp", "whole image, with DHCP", "dhcp"),
    firmware("image-littlefs", "whole image, littlefs in place of FAT", "littlefs"),
    firmware("image-defmt", "whole image, with its log", "defmt"),
];

/// Build and measure every row.
///
/// # Errors
///
/// If an image cannot be built or read.
pub fn measure(repository: &Repository) -> Result<Figures> {
    let mut figures = Figures::default();
    for target in TARGETS {
        for row in ROWS.iter().filter(|row| row.targets.contains(&target)) {
            eprintln!("{target}: {}", row.name);
            let mut sizes = sizes(repository, &row.image, target)?;
            if let Some(image) = &row.without {
                sizes = sizes.without(self::sizes(repository, image, target)?);
            }
            figures.put(format!("flash {} {target}", row.name), sizes.flash);
            figures.put(format!("ram {} {target}", row.name), sizes.ram);
        }
    }
    Ok(figures)
}

fn sizes(repository: &Repository, image: &Image, target: &str) -> Result<elf::Sizes> {
    let path = image.build(repository, target)?;
    let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
    let stubs = elf::code_of(&bytes, "coracle_probes::opaque")?;
    let mut sizes = elf::sizes(&bytes).with_context(|| path.display().to_string())?;
    sizes.flash = sizes.flash.saturating_sub(stubs);
    Ok(sizes)
}
