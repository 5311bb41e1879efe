//! Who writes which staged file.

use coracle::limits::OWNERSHIP_MILLIS;

use super::volume::Volume;

/// One staged file that is being written, or waits for its commit.
pub(super) struct Claim<V: Volume> {
    /// The handle of the writer; never used twice.
    pub(super) ticket: u32,
    pub(super) session: u32,
    /// When it last made progress, in milliseconds.
    pub(super) progress: u64,
    /// When it was last synced, in milliseconds.
    pub(super) synced: u64,
    /// Bytes written since then.
    pub(super) unsynced: usize,
    pub(super) id: V::Id,
    pub(super) staged: V::Staged,
}

impl<V: Volume> Claim<V> {
    /// Whether nobody else may take it over yet (law 6).
    pub(super) fn is_alive(&self, now: u64) -> bool {
        now.saturating_sub(self.progress) < OWNERSHIP_MILLIS
    }
}

/// All claims.
pub(super) struct Claims<V: Volume, const FILES: usize>([Option<Claim<V>>; FILES]);

impl<V: Volume, const FILES: usize> Claims<V, FILES> {
    pub(super) const NONE: Self = Self([const { None }; FILES]);

    pub(super) fn iter(&self) -> impl Iterator<Item = &Claim<V>> {
        self.0.iter().flatten()
    }

    pub(super) fn has_room(&self) -> bool {
        self.0.iter().any(Option::is_none)
    }

    /// Take one more in; it comes back where there is no room.
    pub(super) fn add(&mut self, claim: Claim<V>) -> Result<(), Claim<V>> {
        match self.0.iter_mut().find(|place| place.is_none()) {
            Some(place) => {
                *place = Some(claim);
                Ok(())
            }
            None => Err(claim),
        }
    }

    pub(super) fn of(&mut self, ticket: u32) -> Option<&mut Claim<V>> {
        self.0.iter_mut().flatten().find(|claim| claim.ticket == ticket)
    }

    pub(super) fn of_id(&self, id: V::Id) -> Option<&Claim<V>> {
        self.iter().find(|claim| claim.id == id)
    }

    pub(super) fn take(&mut self, ticket: u32) -> Option<Claim<V>> {
        let is_it = |claim: &mut Claim<V>| claim.ticket == ticket;
        self.0.iter_mut().find_map(|place| place.take_if(is_it))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::NONE;
    }
}
