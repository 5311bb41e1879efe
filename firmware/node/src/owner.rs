//! Sessions: each gets its own view of the medium, and a line in the log.

use core::cell::RefCell;

use coracle::ram::{self, Disk, Memory};
use coracle::{Refusal, Storage};
use coracle_smoltcp::{Ended, Owner, Session};
use smoltcp::wire::IpEndpoint;

use crate::board::Clock;
use crate::chunk::Chunk;
use crate::host::Logged;
use crate::log;

/// A medium that sessions share.
pub trait Media {
    /// The medium as one session sees it.
    type Storage: Storage;

    /// One more session.
    fn session(&mut self) -> Self::Storage;

    /// The time, in milliseconds that never go back; told once a turn of the main loop. The laws
    /// of [`Storage`] need it: who writes no more gives way to others.
    fn set_now(&mut self, millis: u64);
}

/// A RAM disk as a medium.
pub struct Ram<'a, M: Memory>(pub &'a RefCell<Disk<M>>);

impl<'a, M: Memory> Media for Ram<'a, M> {
    type Storage = ram::Session<'a, M>;

    fn session(&mut self) -> Self::Storage {
        ram::Session::new(self.0)
    }

    fn set_now(&mut self, millis: u64) {
        // No session holds it between two turns.
        if let Ok(mut disk) = self.0.try_borrow_mut() {
            disk.set_now(millis);
        }
    }
}

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
