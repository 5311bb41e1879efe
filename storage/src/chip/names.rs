//! Folders, removals, renames.

use coracle::{Kind, Metadata, Path};

use super::Chip;
use super::error::Error;
use super::session::{ChipFile, ChipFolder};
use super::volume::{Entry, Volume};

/// The root has no entry and no time.
const ROOT: Metadata = Metadata { kind: Kind::Folder, size: 0, modified: None, stamp: 0 };

impl<V: Volume, const FILES: usize> Chip<V, FILES> {
    pub(super) fn stat(&mut self, path: Path<'_>) -> Result<Metadata, Error> {
        self.ready()?;
        let Some(place) = self.volume.place(path)? else { return Ok(ROOT) };
        Ok(self.entry(place)?.metadata)
    }

    pub(super) fn open(
        &mut self,
        path: Path<'_>,
        session: u32,
    ) -> Result<(ChipFile<V>, Metadata), Error> {
        self.ready()?;
        let place = self.volume.place(path)?.ok_or(Error::IsDirectory)?;
        let entry = self.entry(place)?;
        if is_folder(&entry) {
            return Err(Error::IsDirectory);
        }
        self.open_at(place, entry.id, session)
    }

    pub(super) fn open_at(
        &mut self,
        place: V::Place<'_>,
        id: V::Id,
        session: u32,
    ) -> Result<(ChipFile<V>, Metadata), Error> {
        self.readers.check_room()?;
        let (file, metadata) = self.volume.open(place, id)?;
        let number = self.number();
        self.readers.add(number, session, id);
        Ok((ChipFile { number, mount: self.mount, file, metadata }, metadata))
    }

    pub(super) fn open_folder(
        &mut self,
        path: Path<'_>,
        session: u32,
    ) -> Result<ChipFolder<V>, Error> {
        self.ready()?;
        let mut folder = None;
        if let Some(place) = self.volume.place(path)? {
            let entry = self.entry(place)?;
            if !is_folder(&entry) {
                return Err(Error::IsFile);
            }
            self.readers.check_room()?;
            folder = Some((place, entry.id));
        }
        let listing = self.volume.list(folder)?;
        let number = folder.map(|(_, id)| {
            let number = self.number();
            self.readers.add(number, session, id);
            number
        });
        Ok(ChipFolder { number, mount: self.mount, listing })
    }

    pub(super) fn remove(&mut self, path: Path<'_>) -> Result<(), Error> {
        self.ready()?;
        let place = self.volume.place(path)?.ok_or(Error::IsRoot)?;
        let entry = self.entry(place)?;
        self.readers.check_unused(entry.id)?;
        if is_folder(&entry) {
            self.empty(place, entry.id)?;
        }
        self.volume.remove(place, &entry)
    }

    /// Remove what uploads left in a folder that holds nothing else.
    fn empty(&mut self, place: V::Place<'_>, folder: V::Id) -> Result<(), Error> {
        loop {
            let (claims, now) = (&self.claims, self.now);
            let (mut is_written, mut leftover) = (false, None);
            let has_entries = self.volume.survey(place, folder, &mut |id| {
                is_written |= claims.of_id(id).is_some_and(|claim| claim.is_alive(now));
                leftover = Some(id);
            })?;
            match leftover {
                _ if has_entries => return Err(Error::NotEmpty),
                Some(_) if is_written => return Err(Error::Busy),
                Some(id) => self.clear(place, folder, id)?,
                None => return Ok(()),
            }
        }
    }

    fn clear(&mut self, place: V::Place<'_>, folder: V::Id, leftover: V::Id) -> Result<(), Error> {
        let ticket = self.claims.of_id(leftover).map(|claim| claim.ticket);
        if let Some(claim) = ticket.and_then(|ticket| self.claims.take(ticket)) {
            self.volume.release(claim.staged);
        }
        self.readers.change(leftover, None);
        self.volume.clear(place, folder, leftover)
    }

    pub(super) fn make_folder(&mut self, path: Path<'_>) -> Result<(), Error> {
        self.ready()?;
        let place = self.volume.place(path)?.ok_or(Error::Exists)?;
        match self.entry(place) {
            Err(Error::NotFound) => self.volume.make_folder(place),
            Err(error) => Err(error),
            Ok(_) => Err(Error::Exists),
        }
    }

    pub(super) fn rename(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), Error> {
        self.ready()?;
        let old = self.volume.place(from)?.ok_or(Error::IsRoot)?;
        let entry = self.entry(old)?;
        let new = self.volume.place(to)?.ok_or(Error::IsRoot)?;
        if is_folder(&entry) && from != to && to.is_within(from) {
            return Err(Error::IntoItself);
        }
        let target = match self.entry(new) {
            Err(Error::NotFound) => None,
            found => Some(found?).filter(|found| found.id != entry.id || from == to),
        };
        match target {
            Some(target) if target.id == entry.id => return Ok(()),
            Some(_) if is_folder(&entry) => return Err(Error::Exists),
            Some(target) if is_folder(&target) => return Err(Error::IsDirectory),
            Some(target) => self.readers.check_unused(target.id)?,
            None => {}
        }
        if is_folder(&entry) {
            self.check_still()?;
        }
        let id = self.volume.rename(old, &entry, new, target.map(|target| target.id))?;
        self.readers.change(entry.id, Some(id));
        Ok(())
    }

    /// Where handles do not follow their folder, it must not move.
    fn check_still(&self) -> Result<(), Error> {
        let is_still = self.readers.is_empty() && self.claims.iter().next().is_none();
        if V::FOLLOWS || is_still { Ok(()) } else { Err(Error::FilesOpen) }
    }

    fn entry(&mut self, place: V::Place<'_>) -> Result<Entry<V::Id>, Error> {
        self.volume.look(place, &mut |_| {})?.ok_or(Error::NotFound)
    }
}

fn is_folder<I>(entry: &Entry<I>) -> bool {
    entry.metadata.kind == Kind::Folder
}
