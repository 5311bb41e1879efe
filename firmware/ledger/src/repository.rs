//! Where things lie.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::figures::Figures;
use crate::page;

/// The figures, for programs.
pub const FIGURES: &str = "firmware/ledger/figures.txt";

/// The figures, for people.
pub const PAGE: &str = "docs/ledger.md";

/// The root of the sources.
pub struct Repository(PathBuf);

impl Repository {
    /// The repository that this program was built from.
    ///
    /// # Errors
    ///
    /// If it has been moved or removed since.
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().context("the sources that this program was built from")?;
        Ok(Self(root))
    }

    /// A file or folder of it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// The figures as they stand.
    ///
    /// # Errors
    ///
    /// If there is no such file, or no sense in it.
    pub fn figures(&self) -> Result<Figures> {
        let text = fs::read_to_string(self.path(FIGURES));
        text.map_err(Into::into).and_then(|text| Figures::parse(&text)).context(FIGURES)
    }

    /// Write the figures, and the page that shows them.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn write(&self, figures: &Figures) -> Result<()> {
        fs::write(self.path(FIGURES), figures.to_string()).context(FIGURES)?;
        fs::write(self.path(PAGE), page::of(figures)).context(PAGE)
    }
}
