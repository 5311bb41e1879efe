//! Which files are being read, and which folders listed.

use core::num::NonZeroU32;

use super::error::Error;

/// One open file or listing.
#[derive(Clone, Copy, Debug)]
struct Reader<I> {
    /// The handle; never used twice.
    number: NonZeroU32,
    session: u32,
    /// `None` when what was open is being written again, or gone.
    id: Option<I>,
}

/// All of them.
pub(super) struct Readers<I, const FILES: usize>([Option<Reader<I>>; FILES]);

impl<I: Copy + Eq, const FILES: usize> Readers<I, FILES> {
    pub(super) const NONE: Self = Self([const { None }; FILES]);

    pub(super) fn check_room(&self) -> Result<(), Error> {
        if self.0.iter().any(Option::is_none) { Ok(()) } else { Err(Error::TooManyOpen) }
    }

    pub(super) fn add(&mut self, number: NonZeroU32, session: u32, id: I) {
        if let Some(place) = self.0.iter_mut().find(|place| place.is_none()) {
            *place = Some(Reader { number, session, id: Some(id) });
        }
    }

    /// Whether a handle may go on to read.
    pub(super) fn check(&self, number: NonZeroU32) -> Result<(), Error> {
        let mut all = self.0.iter().flatten();
        match all.find(|reader| reader.number == number) {
            Some(reader) if reader.id.is_some() => Ok(()),
            _ => Err(Error::GoesOn),
        }
    }

    pub(super) fn close(&mut self, number: NonZeroU32) {
        self.retain(|reader| reader.number != number);
    }

    pub(super) fn end_session(&mut self, session: u32) {
        self.retain(|reader| reader.session != session);
    }

    /// Refuse to touch what is being read (law 4).
    pub(super) fn check_unused(&self, id: I) -> Result<(), Error> {
        let is_read = self.0.iter().flatten().any(|reader| reader.id == Some(id));
        if is_read { Err(Error::BeingRead) } else { Ok(()) }
    }

    /// What is open has another identity from now on, or is not to be read any more.
    pub(super) fn change(&mut self, old: I, new: Option<I>) {
        for reader in self.0.iter_mut().flatten().filter(|reader| reader.id == Some(old)) {
            reader.id = new;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::NONE;
    }

    fn retain(&mut self, stays: impl Fn(&Reader<I>) -> bool) {
        for place in &mut self.0 {
            place.take_if(|reader| !stays(reader));
        }
    }
}
