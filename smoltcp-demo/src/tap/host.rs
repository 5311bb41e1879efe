//! The surroundings of one session, and the owner of them all.

use std::sync::Arc;

use coracle::{Answer, Event, Refusal, Step, poll};
use coracle_desktop::counters::Counters;
use coracle_desktop::journal::{self, Journal};
use coracle_desktop::pool::{Chunk, Pool};
use smoltcp::wire::IpEndpoint;

use super::medium::Media;
use crate::{Ended, Owner, Port, Session};

/// What a session's machine asks for besides bytes: the medium, the log, the counters.
pub(super) struct Host<H> {
    medium: H,
    journal: Journal,
}

impl<H: poll::Host> poll::Host for Host<H> {
    fn answer(&mut self, step: Step<'_>) -> Option<Answer> {
        match step {
            Step::Stats(buffer) => Some(Answer::Filled(self.journal.counters().write(buffer))),
            step => self.medium.answer(step),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        self.journal.event(event);
    }
}

/// The owner of the server: what sessions share.
pub(super) struct Surroundings<M> {
    media: M,
    counters: Arc<Counters>,
    pool: Arc<Pool>,
}

impl<M: Media> Surroundings<M> {
    pub(super) fn new(media: M, chunk_len: usize) -> Self {
        Self { media, counters: Arc::default(), pool: Arc::new(Pool::new(chunk_len)) }
    }

    /// Tell the medium the time, in milliseconds.
    pub(super) fn set_now(&self, millis: u64) {
        self.media.set_now(millis);
    }
}

impl<M: Media> Owner for Surroundings<M> {
    type Chunk = Chunk;
    type Host = Host<M::Session>;

    fn chunk(&mut self) -> Chunk {
        Chunk::new(&self.pool)
    }

    fn begin(&mut self, session: &Session) -> Self::Host {
        let port = match session.port {
            Port::Control => journal::Port::Control,
            Port::Transfer => journal::Port::Transfer,
        };
        let journal = Journal::begin(&self.counters, &Ok(session.peer.into()), port);
        Host { medium: self.media.session(), journal }
    }

    fn end(&mut self, _session: &Session, host: Self::Host, ended: Ended) {
        host.journal.end(&ended);
    }

    fn turned_away(&mut self, peer: IpEndpoint, refusal: Refusal) {
        journal::turned_away(&self.counters, peer.into(), &refusal);
    }
}
