//! Staged files and partials, and who writes them.

use coracle::limits::PATH_MAX;
use coracle::{Durability, Metadata, Path};

use super::Chip;
use super::claims::Claim;
use super::error::Error;
use super::session::{ChipFile, ChipStaged};
use super::sight::{Sight, Writer};
use super::volume::Volume;

/// Bytes of an upload after which it is synced: a power cut loses no more of a partial, and the
/// cost, a block of the folder and two waits for the medium, is less than one block in a hundred.
const SYNC_BYTES: usize = 1 << 20;

/// Milliseconds likewise, for slow links.
const SYNC_MILLIS: u64 = 5_000;

/// Leftovers of one name that are discarded at once. A medium that shows ever more is damaged.
const LEFTOVERS_MAX: usize = 64;

impl<V: Volume, const FILES: usize> Chip<V, FILES> {
    pub(super) fn open_partial(
        &mut self,
        path: Path<'_>,
        session: u32,
    ) -> Result<(ChipFile<V>, Metadata), Error> {
        let (place, sight) = self.turn_to(path, session, Error::NoPartial)?;
        sight.check_owner()?;
        let stalled = sight.stalled.and_then(|ticket| self.claims.of(ticket));
        let id = match stalled.filter(|claim| self.volume.length(&claim.staged) > 0) {
            Some(claim) => {
                self.volume.sync(&mut claim.staged)?;
                claim.id
            }
            None => sight.partial.ok_or(Error::NoPartial)?.id,
        };
        self.open_at(place, id, session)
    }

    pub(super) fn stage(
        &mut self,
        path: Path<'_>,
        size: Option<u64>,
        session: u32,
    ) -> Result<ChipStaged, Error> {
        let (place, sight) = self.turn_to(path, session, Error::IsDirectory)?;
        sight.check_file()?;
        sight.check_owner()?;
        self.check_size(size.unwrap_or(0), 0)?;
        let sight = self.settle(place, session, sight)?;
        self.make_room()?;
        let (id, staged) = self.volume.stage(place, sight.newest)?;
        self.claim(id, staged, session)
    }

    pub(super) fn resume(
        &mut self,
        path: Path<'_>,
        size: Option<u64>,
        session: u32,
    ) -> Result<(ChipStaged, u64), Error> {
        let (place, sight) = self.turn_to(path, session, Error::IsDirectory)?;
        sight.check_file()?;
        sight.check_owner()?;
        let partial = self.settle(place, session, sight)?.partial.ok_or(Error::NoPartial)?;
        self.check_size(size.unwrap_or(0), partial.length)?;
        self.make_room()?;
        let (staged, stored) = self.volume.resume(place, partial.id)?;
        // What a reader has seen of it may be cut or changed now.
        self.readers.change(partial.id, None);
        Ok((self.claim(partial.id, staged, session)?, stored))
    }

    pub(super) fn forget(&mut self, path: Path<'_>, session: u32) -> Result<(), Error> {
        let (place, sight) = self.turn_to(path, session, Error::NoPartial)?;
        sight.check_owner()?;
        let partial = self.settle(place, session, sight)?.partial.ok_or(Error::NoPartial)?;
        self.drop_leftover(place, partial.id)
    }

    /// Look at the name of a path; `root` is why not at the root.
    fn turn_to<'p>(
        &mut self,
        path: Path<'p>,
        session: u32,
        root: Error,
    ) -> Result<(V::Place<'p>, Sight<V::Id>), Error> {
        self.ready()?;
        let place = self.volume.place(path)?.ok_or(root)?;
        Ok((place, self.sight(place, session)?))
    }

    pub(super) fn write(
        &mut self,
        staged: &ChipStaged,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, Error> {
        self.check(staged.mount)?;
        let claim = self.claims.of(staged.ticket).ok_or(Error::Busy)?;
        claim.progress = self.now;
        let written = self.volume.write(&mut claim.staged, offset, data)?;
        claim.unsynced = claim.unsynced.saturating_add(written);
        if claim.unsynced >= SYNC_BYTES || self.now.saturating_sub(claim.synced) >= SYNC_MILLIS {
            self.volume.sync(&mut claim.staged)?;
            claim.unsynced = 0;
            claim.synced = self.now;
        }
        Ok(written)
    }

    pub(super) fn read_staged(
        &mut self,
        staged: &ChipStaged,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Error> {
        self.check(staged.mount)?;
        let claim = self.claims.of(staged.ticket).ok_or(Error::Busy)?;
        self.volume.read_staged(&mut claim.staged, offset, buffer)
    }

    pub(super) fn truncate(&mut self, staged: &ChipStaged, length: u64) -> Result<(), Error> {
        self.check(staged.mount)?;
        let claim = self.claims.of(staged.ticket).ok_or(Error::Busy)?;
        self.readers.change(claim.id, None);
        self.volume.truncate(&mut claim.staged, length)
    }

    pub(super) fn alive(&mut self, staged: &ChipStaged) {
        let now = self.now;
        if staged.mount == self.mount
            && let Some(claim) = self.claims.of(staged.ticket)
        {
            claim.progress = now;
        }
    }

    /// Make a finished file durable and visible.
    pub(super) fn commit(
        &mut self,
        staged: &ChipStaged,
        modified: Option<u64>,
    ) -> Result<Durability, Error> {
        self.check(staged.mount)?;
        let claim = self.claims.of(staged.ticket).ok_or(Error::Busy)?;
        if let Err(error) = self.volume.sync(&mut claim.staged) {
            self.discard(staged);
            return Err(error);
        }
        if let Err(error) = self.publish(staged.ticket, modified) {
            self.keep(staged);
            return Err(error);
        }
        Ok(Durability::Flushed)
    }

    fn publish(&mut self, ticket: u32, modified: Option<u64>) -> Result<(), Error> {
        let claim = self.claims.of(ticket).ok_or(Error::Busy)?;
        let (id, session) = (claim.id, claim.session);
        let mut memory = [0; PATH_MAX];
        let place = self.volume.target(&claim.staged, &mut memory)?;
        let sight = self.sight(place, session)?;
        sight.check_file()?;
        let old = sight.entry.map(|entry| entry.id);
        old.map_or(Ok(()), |old| self.readers.check_unused(old))?;
        let claim = self.claims.of(ticket).ok_or(Error::Busy)?;
        self.volume.publish(&mut claim.staged, place, old, modified)?;
        self.readers.change(id, None);
        self.claims.take(ticket);
        self.discard_partials(place, None)
    }

    /// Stop writing: what is stored is the partial now.
    pub(super) fn keep(&mut self, staged: &ChipStaged) {
        if staged.mount == self.mount {
            // Who keeps is told nothing; what the medium did not take is not there later.
            let _ = self.keep_claim(staged.ticket);
        }
    }

    pub(super) fn discard(&mut self, staged: &ChipStaged) {
        if staged.mount == self.mount
            && let Some(claim) = self.claims.take(staged.ticket)
        {
            // Likewise: what the medium does not let go of stays a partial.
            let _ = self.drop_claim(claim);
        }
    }

    fn keep_claim(&mut self, ticket: u32) -> Result<(), Error> {
        let Some(mut claim) = self.claims.take(ticket) else { return Ok(()) };
        if self.volume.length(&claim.staged) == 0 {
            return self.drop_claim(claim);
        }
        let synced = self.volume.sync(&mut claim.staged);
        let mut memory = [0; PATH_MAX];
        let place = self.volume.target(&claim.staged, &mut memory);
        self.volume.release(claim.staged);
        synced?;
        self.discard_partials(place?, Some(claim.id))
    }

    pub(super) fn drop_claim(&mut self, claim: Claim<V>) -> Result<(), Error> {
        self.readers.change(claim.id, None);
        let mut memory = [0; PATH_MAX];
        let place = self.volume.target(&claim.staged, &mut memory);
        self.volume.release(claim.staged);
        self.volume.discard(place?, claim.id)
    }

    /// A session is gone: what it wrote is kept.
    pub(super) fn end_session(&mut self, session: u32) {
        self.readers.end_session(session);
        while let Some(ticket) = self.ticket(|claim| claim.session == session) {
            let _ = self.keep_claim(ticket);
        }
    }

    /// Discard all that nobody writes of a name, but one (law 5).
    fn discard_partials(&mut self, place: V::Place<'_>, but: Option<V::Id>) -> Result<(), Error> {
        for _ in 0..LEFTOVERS_MAX {
            let mut found = None;
            let claims = &self.claims;
            self.volume.look(place, &mut |leftover| {
                if Some(leftover.id) != but && claims.of_id(leftover.id).is_none() {
                    found = Some(leftover.id);
                }
            })?;
            let Some(id) = found else { return Ok(()) };
            self.drop_leftover(place, id)?;
        }
        Err(Error::Damaged)
    }

    fn drop_leftover(&mut self, place: V::Place<'_>, id: V::Id) -> Result<(), Error> {
        self.readers.change(id, None);
        self.volume.discard(place, id)
    }

    /// Look at a name.
    fn sight(&mut self, place: V::Place<'_>, session: u32) -> Result<Sight<V::Id>, Error> {
        let mut sight = Sight::NOTHING;
        let (claims, now) = (&self.claims, self.now);
        sight.entry = self.volume.look(place, &mut |leftover| {
            let writer = match claims.of_id(leftover.id) {
                None => Writer::Nobody,
                Some(claim) if claim.session == session => Writer::Itself,
                Some(claim) if claim.is_alive(now) => Writer::Alive,
                Some(claim) => Writer::Stalled(claim.ticket),
            };
            sight.see(leftover, &writer);
        })?;
        Ok(sight)
    }

    /// What others stopped writing becomes the partial, and the older ones go.
    fn settle(
        &mut self,
        place: V::Place<'_>,
        session: u32,
        mut sight: Sight<V::Id>,
    ) -> Result<Sight<V::Id>, Error> {
        for _ in 0..LEFTOVERS_MAX {
            if let Some(ticket) = sight.stalled {
                self.keep_claim(ticket)?;
            } else if let Some(id) = sight.useless {
                self.drop_leftover(place, id)?;
            } else {
                return Ok(sight);
            }
            sight = self.sight(place, session)?;
        }
        Err(Error::Damaged)
    }

    /// Refuse what does not fit: a file of that size, of which so much is stored.
    fn check_size(&mut self, size: u64, stored: u64) -> Result<(), Error> {
        let largest = self.volume.facts()?.largest;
        let space = self.volume.space()?;
        if size > largest.unwrap_or(space.total).min(space.total) {
            return Err(Error::TooLarge);
        }
        if size.saturating_sub(stored) > space.free { Err(Error::NoSpace) } else { Ok(()) }
    }

    /// See that one more file can be staged; a session that stalls must give up its place.
    fn make_room(&mut self) -> Result<(), Error> {
        if self.claims.has_room() {
            return Ok(());
        }
        let now = self.now;
        let stalled = self.ticket(|claim| !claim.is_alive(now)).ok_or(Error::TooManyOpen)?;
        self.keep_claim(stalled)
    }

    fn ticket(&self, want: impl Fn(&Claim<V>) -> bool) -> Option<u32> {
        self.claims.iter().find(|claim| want(claim)).map(|claim| claim.ticket)
    }

    fn claim(&mut self, id: V::Id, staged: V::Staged, session: u32) -> Result<ChipStaged, Error> {
        let (ticket, now) = (self.number(), self.now);
        let claim = Claim { ticket, session, progress: now, synced: now, unsynced: 0, id, staged };
        match self.claims.add(claim) {
            Ok(()) => Ok(ChipStaged { ticket, mount: self.mount }),
            Err(claim) => {
                self.volume.release(claim.staged);
                Err(Error::TooManyOpen)
            }
        }
    }
}
