//! The surroundings of a classic connection: those of a session, and the transfer port.

use std::sync::Arc;
use std::time::Duration;

use coracle::classic::Way;
use coracle::{Answer, Code, Event, Refusal, Step};

use super::Ended;
use crate::arrivals::Expected;
use crate::host::Host;
use crate::peer::Peer;
use crate::service::SendStorage;
use crate::transfer::{Closed, Lease, TransferPort, Turn};

/// How long a transfer waits for the one before it.
const TURN: Duration = Duration::from_secs(10);

const NO_PORT: Refusal = Refusal::new(
    Code::Unsupported,
    "classic transfers need the transfer port to have a fixed number (--transfer-port 3333)",
);
const CROWDED: Refusal =
    Refusal::new(Code::Busy, "another classic transfer has the transfer port; try again");
const TAKEN: Refusal =
    Refusal::new(Code::Busy, "the transfer port cannot be opened; does another program use it?");
const OURS: Refusal = Refusal::new(
    Code::Busy,
    "a session has the transfer port open, which a client on this machine would need",
);

/// A session's host that can also make connections for files.
pub(super) struct ClassicHost<S: SendStorage> {
    host: Host<S>,
    transfer: Option<Arc<TransferPort>>,
    peer: Peer,
    prepared: Option<Prepared>,
}

/// What a transfer needs that was promised.
pub(super) enum Prepared {
    Sending(Sending),
    Receiving(Receiving),
}

/// A connection to the client can be made.
pub(super) struct Sending {
    pub(super) turn: Turn,
    pub(super) port: u16,
    /// On one machine the client's listener and ours would be in each other's way.
    pub(super) closed: Option<Closed>,
}

/// A connection of the client can come.
pub(super) struct Receiving {
    pub(super) turn: Turn,
    pub(super) lease: Lease,
    pub(super) expected: Expected,
}

impl<S: SendStorage> ClassicHost<S> {
    pub(super) fn new(host: Host<S>, transfer: Option<Arc<TransferPort>>, peer: Peer) -> Self {
        Self { host, transfer, peer, prepared: None }
    }

    pub(super) fn prepared(&mut self) -> Option<Prepared> {
        self.prepared.take()
    }

    /// There is no transfer: the next may have its turn.
    pub(super) fn pass(&mut self) {
        self.prepared = None;
    }

    pub(super) fn end(&mut self, ended: &Ended) {
        self.host.end();
        self.host.journal().end(ended);
    }

    /// Wait for the turn of this transfer, then see that its connection can be made, and keep it
    /// so.
    async fn prepare(&mut self, way: Way) -> Result<(), Refusal> {
        let transfer = self.transfer.as_ref().ok_or(NO_PORT)?;
        let port = transfer.number().ok_or(NO_PORT)?;
        let turn = transfer.turn(TURN).await.ok_or(CROWDED)?;
        self.prepared = Some(match way {
            Way::Download => {
                let closed = match self.peer.is_local() {
                    true => Some(transfer.keep_closed().await.ok_or(OURS)?),
                    false => None,
                };
                Prepared::Sending(Sending { turn, port, closed })
            }
            Way::Upload => {
                // Expected before it can come.
                let expected = transfer.arrivals().expect(self.peer);
                let lease = transfer.lease().await.map_err(|error| {
                    tracing::warn!(%error, port, "the transfer port cannot be opened");
                    TAKEN
                })?;
                Prepared::Receiving(Receiving { turn, lease, expected })
            }
        });
        Ok(())
    }
}

impl<S: SendStorage> coracle::asynch::Host for ClassicHost<S> {
    async fn answer(&mut self, step: Step<'_>) -> Answer {
        match step {
            Step::Prepare(way) => {
                self.prepare(way).await.map_or_else(Answer::Refused, |()| Answer::Done)
            }
            step => self.host.answer(step).await,
        }
    }

    fn event(&mut self, event: Event<'_>) {
        self.host.event(event);
    }
}
