//! Sessions: each gets its own view of the medium, and lines in the log.

use coracle::Refusal;
use coracle_smoltcp::{Ended, Owner, Session};
use smoltcp::wire::IpEndpoint;

use crate::board::Clock;
use crate::chunk::Chunk;
use crate::host::Logged;
use crate::log;
use crate::media::Media;

/// The owner of a node's sessions.
pub struct Sessions<M: Media> {
    media: M,
    clock: Clock,
}

impl<M: Media> Sessions<M> {
    pub(crate) const fn new(media: M, clock: Clock) -> Self {
        Self { media, clock }
    }

    pub(crate) fn set_now(&mut self, millis: u64) {
        self.media.set_now(millis);
    }
}

impl<M: Media> Owner for Sessions<M> {
    type Chunk = Chunk;
    type Host = Logged<M::Storage>;

    fn chunk(&mut self) -> Chunk {
        Chunk::new()
    }

    fn begin(&mut self, session: &Session) -> Self::Host {
        log::begun(session);
        Logged::new(self.media.session(), session.number, self.clock)
    }

    fn end(&mut self, session: &Session, _host: Self::Host, ended: Ended) {
        log::ended(session, &ended);
    }

    fn turned_away(&mut self, peer: IpEndpoint, refusal: Refusal) {
        log::turned_away(peer, refusal);
    }
}
