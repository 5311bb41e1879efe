//! What was measured: names and numbers, kept as lines of text, and how they have changed.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};

/// Per cent by which a figure may grow unnoticed: the linker's alignment, a word more or less.
pub const TOLERANCE: u64 = 2;

/// Figures by their names, which are words: what is measured, of what, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures(BTreeMap<String, u64>);

/// How a figure has changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// By more than the tolerance, to the worse.
    Grown { name: String, old: u64, new: u64 },
    /// By more than the tolerance, to the better.
    Shrunk { name: String, old: u64, new: u64 },
    /// It stands in the file and was not measured.
    Gone { name: String },
    /// It was measured and does not stand in the file.
    New { name: String, new: u64 },
}

impl Figures {
    /// Keep a figure.
    pub fn put(&mut self, name: impl Into<String>, value: u64) {
        self.0.insert(name.into(), value);
    }

    /// The figure of this name.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    /// The second words and the values of all figures whose name begins with this word.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        let all = self.0.iter();
        all.filter_map(move |(name, &value)| {
            Some((name.strip_prefix(kind)?.strip_prefix(' ')?, value))
        })
    }

    /// Take the figures of these kinds from others.
    pub fn take_over(&mut self, others: &Self, kinds: &[&str]) {
        let is_meant = |name: &str| kinds.iter().any(|kind| name.split(' ').next() == Some(*kind));
        let meant = others.0.iter().filter(|(name, _)| is_meant(name));
        self.0.extend(meant.map(|(name, value)| (name.clone(), *value)));
    }

    /// Read lines of a name and a number.
    ///
    /// # Errors
    ///
    /// The line that is none.
    pub fn parse(text: &str) -> Result<Self> {
        let mut figures = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let bad = || format!("not a name and a number: {line:?}");
            let (name, value) = line.rsplit_once(' ').with_context(bad)?;
            figures.put(name, value.parse().with_context(bad)?);
        }
        Ok(figures)
    }

    /// What differs by more than the tolerance.
    pub fn changes(&self, measured: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (name, &old) in &self.0 {
            let name = name.clone();
            match measured.get(&name) {
                None => changes.push(Change::Gone { name }),
                Some(new) if exceeds(new, old) => changes.push(Change::Grown { name, old, new }),
                Some(new) if exceeds(old, new) => changes.push(Change::Shrunk { name, old, new }),
                Some(_) => {}
            }
        }
        let new = measured.0.iter().filter(|(name, _)| self.get(name).is_none());
        changes.extend(new.map(|(name, &new)| Change::New { name: name.clone(), new }));
        changes
    }
}

/// Whether a figure is larger than another one by more than the tolerance.
fn exceeds(large: u64, small: u64) -> bool {
    large * 100 > small * (100 + TOLERANCE)
}

impl Change {
    /// Whether the ledger must not be left so.
    pub fn is_failure(&self) -> bool {
        !matches!(self, Self::Shrunk { .. })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grown { name, old, new } => write!(f, "GROWN: {name}: {old} -> {new}"),
            Self::Shrunk { name, old, new } => {
                write!(f, "shrunk: {name}: {old} -> {new}; the ledger can be renewed")
            }
            Self::Gone { name } => write!(f, "GONE: {name} was not measured"),
            Self::New { name, new } => write!(f, "NEW: {name}: {new} is not in the ledger"),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| writeln!(f, "{name} {value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(lines: &str) -> Figures {
        Figures::parse(lines).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let mut figures = Figures::default();
        figures.put("flash server thumbv6m-none-eabi", 12_345);
        figures.put("stack server", 0);
        assert_eq!(Figures::parse(&figures.to_string()).unwrap(), figures);
        assert_eq!(figures.of("stack").collect::<Vec<_>>(), [("server", 0)]);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for bad in ["flash", "flash server", "flash server -1", "flash server 1k"] {
            let error = Figures::parse(bad).unwrap_err();
            assert!(error.to_string().contains(bad), "{error}");
        }
    }

    #[test]
    fn growth_beyond_the_tolerance_fails_and_less_does_not() {
        let stood = figures("flash server 10000\n");
        assert_eq!(stood.changes(&figures("flash server 10200\n")), []);
        assert_eq!(stood.changes(&figures("flash server 9804\n")), []);
        let grown = stood.changes(&figures("flash server 10201\n"));
        let name = "flash server".to_owned();
        assert_eq!(grown, [Change::Grown { name, old: 10_000, new: 10_201 }]);
        assert!(grown[0].is_failure());
        assert_eq!(grown[0].to_string(), "GROWN: flash server: 10000 -> 10201");
        let shrunk = stood.changes(&figures("flash server 9000\n"));
        assert!(!shrunk[0].is_failure());
        assert!(shrunk[0].to_string().starts_with("shrunk: flash server: 10000 -> 9000"));
    }

    #[test]
    fn nothing_may_become_something_only_on_purpose() {
        let grown = figures("ram server 0\n").changes(&figures("ram server 1\n"));
        assert!(grown[0].is_failure());
    }

    #[test]
    fn rows_that_come_and_go_are_named() {
        let changes = figures("flash a 1\n").changes(&figures("flash b 2\n"));
        let texts: Vec<_> = changes.iter().map(Change::to_string).collect();
        assert_eq!(
            texts,
            ["GONE: flash a was not measured", "NEW: flash b: 2 is not in the ledger"]
        );
        assert!(changes.iter().all(Change::is_failure));
    }

    #[test]
    fn what_cannot_be_measured_here_is_taken_over() {
        let mut measured = figures("flash a 1\n");
        measured.take_over(&figures("flash a 5\nstack a 7\nstacks b 8\n"), &["stack"]);
        assert_eq!(measured, figures("flash a 1\nstack a 7\n"));
    }
}
