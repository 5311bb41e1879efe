//! Which files are being read, and which folders listed.

use super::error::Error;

/// One open file or listing.
#[derive(Clone, Copy, Debug)]
struct Reader<I> {
    /// The handle; never used twice. 0: this place is free, so that an empty table is all zeros
    /// and takes no flash.
    number: u32,
    session: u32,
    /// `None` when what was open is being written again, or gone.
    id: Option<I>,
}

/// All of them.
pub(super) struct Readers<I, const FILES: usize>([Reader<I>; FILES]);

impl<I: Copy + Eq, const FILES: usize> Readers<I, FILES> {
    const FREE: Reader<I> = Reader { number: 0, session: 0, id: None };

    pub(super) const NONE: Self = Self([Self::FREE; FILES]);

    pub(super) fn check_room(&self) -> Result<(), Error> {
        if self.0.iter().any(|reader| reader.number == 0) {
            Ok(())
        } else {
            Err(Error::TooManyOpen)
        }
    }

    pub(super) fn add(&mut self, number: u32, session: u32, id: I) {
        if let Some(place) = self.0.iter_mut().find(|reader| reader.number == 0) {
            *place = Reader { number, session, id: Some(id) };
        }
    }

    /// Whether a handle may go on to read.
    pub(super) fn check(&self, number: u32) -> Result<(), Error> {
        let is_it = |reader: &Reader<I>| reader.number == number && reader.id.is_some();
        if self.0.iter().any(is_it) { Ok(()) } else { Err(Error::GoesOn) }
    }

    pub(super) fn close(&mut self, number: u32) {
        self.free(|reader| reader.number == number);
    }

    pub(super) fn end_session(&mut self, session: u32) {
        self.free(|reader| reader.session == session);
    }

    /// Refuse to touch what is being read (law 4).
    pub(super) fn check_unused(&self, id: I) -> Result<(), Error> {
        let is_read = self.0.iter().any(|reader| reader.id == Some(id));
        if is_read { Err(Error::BeingRead) } else { Ok(()) }
    }

    /// What is open has another identity from now on, or is not to be read any more.
    pub(super) fn change(&mut self, old: I, new: Option<I>) {
        for reader in self.0.iter_mut().filter(|reader| reader.id == Some(old)) {
            reader.id = new;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|reader| reader.number == 0)
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().filter(|reader| reader.number != 0).count()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::NONE;
    }

    fn free(&mut self, goes: impl Fn(&Reader<I>) -> bool) {
        for reader in self.0.iter_mut().filter(|reader| goes(reader)) {
            *reader = Self::FREE;
        }
    }
}
