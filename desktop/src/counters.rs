//! What a server did since it began: `stats`.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of all sessions together.
#[derive(Debug, Default)]
pub struct Counters {
    sessions: AtomicU64,
    commands: AtomicU64,
    refusals: AtomicU64,
    downloads: AtomicU64,
    downloaded: AtomicU64,
    uploads: AtomicU64,
    uploaded: AtomicU64,
}

fn add(counter: &AtomicU64, count: u64) -> u64 {
    counter.fetch_add(count, Ordering::Relaxed)
}

impl Counters {
    /// A session begins; returns its number, from 1.
    pub(crate) fn session(&self) -> u64 {
        add(&self.sessions, 1) + 1
    }

    pub(crate) fn command(&self) {
        add(&self.commands, 1);
    }

    pub(crate) fn refused(&self) {
        add(&self.refusals, 1);
    }

    pub(crate) fn downloaded(&self, bytes: u64) {
        add(&self.downloads, 1);
        add(&self.downloaded, bytes);
    }

    pub(crate) fn uploaded(&self, bytes: u64) {
        add(&self.uploads, 1);
        add(&self.uploaded, bytes);
    }

    /// Write ` name=value` fields and say how many bytes they are.
    pub fn write(&self, buffer: &mut [u8]) -> usize {
        let mut text = Vec::new();
        for (name, counter) in [
            ("sessions", &self.sessions),
            ("all_commands", &self.commands),
            ("refusals", &self.refusals),
            ("downloads", &self.downloads),
            ("downloaded", &self.downloaded),
            ("uploads", &self.uploads),
            ("uploaded", &self.uploaded),
        ] {
            let before = text.len();
            let value = counter.load(Ordering::Relaxed);
            // Writing to a vector cannot fail.
            let _always = write!(text, " {name}={value}");
            if text.len() > buffer.len() {
                text.truncate(before);
                break;
            }
        }
        buffer[..text.len()].copy_from_slice(&text);
        text.len()
    }
}
