//! The surroundings of one session: its medium, the transfer port, the log.

use std::sync::Arc;

use coracle::{Answer, Code, Event, Host as _, Medium, Refusal, Step};
use coracle_desktop::journal::Journal;
use tokio::task::spawn_blocking;

use crate::service::{SendStorage, Shared};
use crate::transfer::{Lease, TransferPort};

/// What one session's machine asks for besides bytes.
pub(crate) struct Host<S: SendStorage> {
    shared: Arc<Shared>,
    journal: Journal,
    /// `None` only while a step runs on another thread.
    medium: Option<Medium<S>>,
    /// The transfer port that belongs to the control port of this session.
    transfer: Option<Arc<TransferPort>>,
    lease: Option<Lease>,
}

impl<S: SendStorage> Host<S> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        journal: Journal,
        storage: S,
        transfer: Option<Arc<TransferPort>>,
    ) -> Self {
        let medium = Some(Medium::new(storage));
        Self { shared, journal, medium, transfer, lease: None }
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
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
                let session = self.journal.session();
                tracing::warn!(session, %error, "transfer port cannot be opened");
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
}

/// The thread that had the medium died with it.
const LOST: Answer = Answer::Refused(Refusal::new(Code::Io, "internal: the medium is lost"));

impl<S: SendStorage> coracle::asynch::Host for Host<S> {
    async fn answer(&mut self, step: Step<'_>) -> Answer {
        match step {
            Step::Transfer => Answer::Transfer(self.open_transfer().await),
            Step::Stats(buffer) => Answer::Filled(self.journal.counters().write(buffer)),
            Step::Commit if self.shared.flushes => self.commit().await,
            step => {
                let Some(medium) = &mut self.medium else { return LOST };
                self.shared.threads.run(|| medium.answer(step))
            }
        }
    }

    fn event(&mut self, event: Event<'_>) {
        self.journal.event(event);
    }
}
