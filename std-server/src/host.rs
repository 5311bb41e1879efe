//! The surroundings of one session: its medium, the transfer port, the log.

use std::sync::Arc;
use std::time::Instant;

use coracle::{Answer, Code, Event, Host as _, Medium, Refusal, Step};
use tokio::task::spawn_blocking;

use crate::service::{SendStorage, Shared};
use crate::transfer::{Lease, TransferPort};

/// What one session's machine asks for besides bytes.
pub(crate) struct Host<S: SendStorage> {
    shared: Arc<Shared>,
    /// The number of the session, for the log.
    id: u64,
    /// `None` only while a step runs on another thread.
    medium: Option<Medium<S>>,
    /// The transfer port that belongs to the control port of this session.
    transfer: Option<Arc<TransferPort>>,
    lease: Option<Lease>,
    command: Instant,
    /// Whether that command is a download.
    downloads: bool,
}

impl<S: SendStorage> Host<S> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        id: u64,
        storage: S,
        transfer: Option<Arc<TransferPort>>,
    ) -> Self {
        let medium = Some(Medium::new(storage));
        Self {
            shared,
            id,
            medium,
            transfer,
            lease: None,
            command: Instant::now(),
            downloads: false,
        }
    }

    /// The session is over: put away what it has open, and let go of the transfer port.
    pub(crate) fn end(&mut self) {
        if let Some(medium) = self.medium.take() {
            // What was finished is committed now, which may wait for the disk.
            self.shared.threads.run(|| drop(medium));
        }
        self.lease = None;
    }

    async fn open_transfer(&mut self) -> Option<u16> {
        let lease = self.transfer.as_ref()?.lease().await;
        let lease = lease
            .inspect_err(|error| {
                tracing::warn!(session = self.id, %error, "transfer port cannot be opened");
            })
            .ok()?;
        let port = lease.port();
        self.lease = Some(lease);
        Some(port)
    }

    /// A commit may wait long for the disk: on a thread of its own, so that the driver can tell
    /// the peer that we live. If the session ends meanwhile, the commit still runs to its end.
    async fn commit(&mut self) -> Answer {
        let Some(mut medium) = self.medium.take() else { return LOST };
        let run = spawn_blocking(move || (medium.answer(Step::Commit), medium));
        match run.await {
            Ok((answer, medium)) => {
                self.medium = Some(medium);
                answer
            }
            Err(_) => LOST,
        }
    }

    fn log_transfer(
        &self,
        what: &'static str,
        bytes: u64,
        crc: Option<u32>,
        flushed: Option<bool>,
    ) {
        let seconds = self.command.elapsed().as_secs_f64();
        let rate = (bytes as f64 / seconds.max(1e-6)) as u64;
        tracing::info!(
            session = self.id,
            bytes,
            crc = crc.map(|crc| tracing::field::display(format!("{crc:08x}"))),
            flushed,
            milliseconds = (seconds * 1000.0) as u64,
            bytes_per_second = rate,
            "{what}"
        );
    }
}

/// As the ancestor's server says it.
const MISSING: &str = "File requested not found sending err msg...";

/// The thread that had the medium died with it.
const LOST: Answer = Answer::Refused(Refusal::new(Code::Io, "internal: the medium is lost"));

impl<S: SendStorage> coracle::asynch::Host for Host<S> {
    async fn answer(&mut self, step: Step<'_>) -> Answer {
        match step {
            Step::Transfer => Answer::Transfer(self.open_transfer().await),
            Step::Stats(buffer) => Answer::Filled(self.shared.counters.write(buffer)),
            Step::Commit if self.shared.flushes => self.commit().await,
            step => {
                let Some(medium) = &mut self.medium else { return LOST };
                self.shared.threads.run(|| medium.answer(step))
            }
        }
    }

    fn event(&mut self, event: Event<'_>) {
        let session = self.id;
        match event {
            Event::Command { verb, path, size } => {
                self.command = Instant::now();
                self.shared.counters.command();
                self.downloads = verb == "download";
                let path = path.map(tracing::field::display);
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
                self.shared.counters.downloaded(length);
                self.log_transfer("download done", length, None, None);
            }
            Event::Uploaded { receipt, durability } => {
                self.shared.counters.uploaded(receipt.length);
                let flushed = durability == coracle::Durability::Flushed;
                self.log_transfer(
                    "Upload from client complete...",
                    receipt.length,
                    Some(receipt.crc),
                    Some(flushed),
                );
            }
            Event::Refused(refusal) => {
                self.shared.counters.refused();
                let is_missing = self.downloads && refusal.code == Code::NotFound;
                let what = if is_missing { MISSING } else { "refused" };
                tracing::info!(session, code = %refusal.code, reason = refusal.message, "{what}");
            }
            Event::Abandoned { length } => tracing::info!(session, bytes = length, "abandoned"),
            _ => {}
        }
    }
}
