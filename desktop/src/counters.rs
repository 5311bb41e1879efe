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

#[cfg(test)]
mod tests {
    use super::*;

    fn written(counters: &Counters, room: usize) -> String {
        let mut buffer = vec![0; room];
        let len = counters.write(&mut buffer);
        String::from_utf8(buffer[..len].to_vec()).unwrap()
    }

    #[test]
    fn every_counter_has_its_field() {
        let counters = Counters::default();
        assert_eq!((counters.session(), counters.session()), (1, 2));
        (0..3).for_each(|_| counters.command());
        (0..4).for_each(|_| counters.refused());
        counters.downloaded(10);
        counters.downloaded(20);
        counters.uploaded(40);
        let all = " sessions=2 all_commands=3 refusals=4 downloads=2 downloaded=30 \
                   uploads=1 uploaded=40";
        assert_eq!(written(&counters, 1000), all);
        assert_eq!(written(&counters, all.len()), all);
    }

    #[test]
    fn a_field_that_does_not_fit_is_left_out_whole() {
        let counters = Counters::default();
        assert_eq!(written(&counters, " sessions=0 all_commands=".len()), " sessions=0");
        assert_eq!(written(&counters, 0), "");
    }
}
