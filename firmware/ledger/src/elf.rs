//! Reading images: what a chip must hold of them, and who calls whom.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use object::read::{
    File, Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionKind, SymbolKind,
};
use rustc_demangle::demangle;

/// Bytes of an image on a chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Code, constants, and the first values of statics.
    pub flash: u64,
    /// Statics.
    pub ram: u64,
}

impl Sizes {
    /// What another image does not have.
    pub fn without(self, other: Self) -> Self {
        let Self { flash, ram } = self;
        Self { flash: flash.saturating_sub(other.flash), ram: ram.saturating_sub(other.ram) }
    }
}

/// Measure an image. Tables for unwinding do not count: no chip has them.
///
/// # Errors
///
/// If it is none.
pub fn sizes(image: &[u8]) -> Result<Sizes> {
    let file = File::parse(image).context("not an image")?;
    let mut sizes = Sizes::default();
    for section in file.sections() {
        let is_unwinding = section.name().is_ok_and(|name| name.starts_with(".eh_frame"));
        match section.kind() {
            _ if is_unwinding => {}
            SectionKind::Text | SectionKind::ReadOnlyData | SectionKind::ReadOnlyString => {
                sizes.flash += section.size();
            }
            SectionKind::Data => {
                sizes.flash += section.size();
                sizes.ram += section.size();
            }
            SectionKind::UninitializedData => sizes.ram += section.size(),
            _ => {}
        }
    }
    Ok(sizes)
}

/// Bytes of the functions of a module.
///
/// # Errors
///
/// If it is no image.
pub fn code_of(image: &[u8], module: &str) -> Result<u64> {
    let file = File::parse(image).context("not an image")?;
    let functions: BTreeMap<u64, u64> = file
        .symbols()
        .filter(|symbol| symbol.is_definition() && symbol.kind() == SymbolKind::Text)
        .filter(|symbol| symbol.name().is_ok_and(|name| is_of(&plain_name(name), module)))
        .map(|symbol| (symbol.address(), symbol.size()))
        .collect();
    Ok(functions.values().sum())
}

/// Whether a function is one of a module, by itself or as a method of one of its types.
fn is_of(function: &str, module: &str) -> bool {
    function.trim_start_matches('<').starts_with(module)
}

/// The names of all functions from which a function is referred to, in an image that was linked
/// with its relocations.
///
/// # Errors
///
/// If it is none, or was linked without them.
pub fn callers(image: &[u8], callee: &str) -> Result<BTreeSet<String>> {
    let file = File::parse(image).context("not an image")?;
    let text = file.section_by_name(".text").context("no code")?;
    let mut relocations = text.relocations().peekable();
    relocations.peek().context("linked without --emit-relocs")?;
    let mut callers = BTreeSet::new();
    // In an image that is linked a relocation stands at an address, not at an offset.
    for (address, relocation) in relocations {
        let RelocationTarget::Symbol(target) = relocation.target() else { continue };
        let target = file.symbol_by_index(target)?;
        if plain_name(target.name()?) == callee {
            callers.insert(function_at(&file, address));
        }
    }
    Ok(callers)
}

/// The function that holds this address.
fn function_at(file: &File<'_>, address: u64) -> String {
    let holds = |start: u64, size: u64| (start..start + size).contains(&address);
    let holder = file.symbols().find(|symbol| {
        // The lowest bit of a function's address says that it is in Thumb code.
        symbol.is_definition() && holds(symbol.address() & !1, symbol.size())
    });
    let name = holder.and_then(|symbol| symbol.name().ok().map(plain_name));
    name.unwrap_or_else(|| format!("code at {address:#x}"))
}

/// A name as in the sources.
fn plain_name(symbol: &str) -> String {
    format!("{:#}", demangle(symbol))
}
