//! What a session leaves in the log and in the counters, in the same words whichever server it
//! is one of.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use coracle::{Code, Durability, Event, Outcome, Refusal};
use tracing::field::display;

use crate::counters::Counters;

/// As the ancestor's server says it.
const MISSING: &str = "File requested not found sending err msg...";

/// What becomes of one session.
#[derive(Debug)]
pub struct Journal {
    counters: Arc<Counters>,
    session: u64,
    /// When the running command began.
    command: Instant,
    /// Whether it is a download.
    downloads: bool,
}

/// Which port a session came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The control port.
    Control,
    /// The transfer port.
    Transfer,
}

impl Journal {
    /// A session begins, and gets the next number.
    pub fn begin(counters: &Arc<Counters>, peer: &io::Result<SocketAddr>, port: Port) -> Self {
        let session = counters.session();
        let port = match port {
            Port::Control => "control",
            Port::Transfer => "transfer",
        };
        match peer {
            Ok(peer) => {
                tracing::info!(session, %peer, port, "Established Connection with: {peer}");
            }
            Err(error) => tracing::info!(session, %error, port, "Established Connection"),
        }
        let counters = Arc::clone(counters);
        Self { counters, session, command: Instant::now(), downloads: false }
    }

    /// The number of the session, from 1.
    pub fn session(&self) -> u64 {
        self.session
    }

    /// What all sessions share.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Something happens in it.
    pub fn event(&mut self, event: Event<'_>) {
        let session = self.session;
        match event {
            Event::Command { verb, path, size } => {
                self.command = Instant::now();
                self.counters.command();
                self.downloads = verb == "download";
                let path = path.map(display);
                match size {
                    Some(size) => tracing::info!(
                        session,
                        verb,
                        path,
                        size,
                        "MSG: Received {verb} command, file size: {size}"
                    ),
                    None => tracing::info!(session, verb, path, "MSG: Received {verb} command"),
                }
            }
            Event::Downloaded { length } => {
                self.counters.downloaded(length);
                self.transferred("download done", length, None, None);
            }
            Event::Uploaded { receipt, durability } => {
                self.counters.uploaded(receipt.length);
                let flushed = durability == Durability::Flushed;
                self.transferred(
                    "Upload from client complete...",
                    receipt.length,
                    Some(receipt.crc),
                    Some(flushed),
                );
            }
            Event::Refused(refusal) => {
                self.counters.refused();
                let is_missing = self.downloads && refusal.code == Code::NotFound;
                let what = if is_missing { MISSING } else { "refused" };
                tracing::info!(session, code = %refusal.code, reason = refusal.message, "{what}");
            }
            Event::Abandoned { length } => tracing::info!(session, bytes = length, "abandoned"),
            _ => {}
        }
    }

    fn transferred(&self, what: &'static str, bytes: u64, crc: Option<u32>, flushed: Option<bool>) {
        let seconds = self.command.elapsed().as_secs_f64();
        let rate = (bytes as f64 / seconds.max(1e-6)) as u64;
        tracing::info!(
            session = self.session,
            bytes,
            crc = crc.map(|crc| display(format!("{crc:08x}"))),
            flushed,
            milliseconds = (seconds * 1000.0) as u64,
            bytes_per_second = rate,
            "{what}"
        );
    }

    /// It is over.
    pub fn end<E: Display>(&self, ended: &Result<Outcome, E>) {
        let session = self.session;
        match ended {
            Ok(Outcome::Exit | Outcome::Ended) => tracing::info!(session, "closed"),
            Ok(Outcome::Lost) => tracing::info!(session, "connection lost"),
            Ok(Outcome::Refused(refusal)) => {
                tracing::info!(session, code = %refusal.code, reason = refusal.message, "closed");
            }
            Ok(other) => tracing::info!(session, outcome = ?other, "closed"),
            Err(error) => tracing::info!(session, %error, "connection lost"),
        }
    }
}

/// A newcomer gets no session.
pub fn turned_away(counters: &Counters, peer: SocketAddr, refusal: &Refusal) {
    tracing::info!(%peer, code = %refusal.code, reason = refusal.message, "refused");
    counters.refused();
}
