//! Looking at entries: listings, staged files of a name, small files.

use coracle::{Kind, Metadata};

use super::LittleFs;
use super::entry::{Content, Found, Key, Spot};
use super::flash::Flash;
use super::log::Blocks;
use super::names::{self, Name};
use super::volume::LittlePlace;
use crate::chip::Error;

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    /// The first pair of the folder of this name.
    pub(super) fn folder_at(&mut self, place: LittlePlace<'_>) -> Result<Blocks, Error> {
        match self.named(place.folder, place.name)? {
            Some((_, Found { content: Content::Folder(first), .. })) => Ok(first),
            Some(_) => Err(Error::IsFile),
            None => Err(Error::NotFound),
        }
    }

    /// The place of a folder's first entry.
    fn first(&mut self, folder: Blocks) -> Result<Spot, Error> {
        Ok(Spot { pair: self.fetch(folder)?, entry: 0, found: false })
    }

    /// The ticket of an entry that is a staged file.
    fn ticket(&mut self, found: &Found) -> Result<Option<u32>, Error> {
        let mut memory = [0; names::NAME_LEN];
        Ok(names::ticket_of(self.piece(found.name, &mut memory)?))
    }

    /// An entry as a staged file of this target.
    /// The ticket and the length of each staged file of a name.
    pub(super) fn each_staged(
        &mut self,
        place: LittlePlace<'_>,
        mut each: impl FnMut(u32, u64),
    ) -> Result<(), Error> {
        let beginning = Name::beginning(place.name, self.shape.name_max);
        let key = Key::Beginning(beginning.as_bytes());
        let mut spot = self.seek(place.folder, key)?;
        while let Some((_, found)) = self.next_entry(&mut spot)? {
            if !self.compare(found.name, key)?.is_eq() {
                break;
            }
            // Names of which only the end differs, where it had no room, begin alike.
            if let Some(target) = found.target
                && self.holds(target, place.name)?
                && let Some(ticket) = self.ticket(&found)?
            {
                each(ticket, found.metadata().size);
            }
        }
        Ok(())
    }

    /// The ticket of each entry of a folder that is a staged file, `None` for each other one.
    pub(super) fn each_ticket(
        &mut self,
        folder: Blocks,
        mut each: impl FnMut(Option<u32>),
    ) -> Result<(), Error> {
        let mut spot = self.first(folder)?;
        while let Some((_, found)) = self.next_entry(&mut spot)? {
            each(self.ticket(&found)?);
        }
        Ok(())
    }

    /// Remove the staged file with this ticket from a folder.
    pub(super) fn clear_ticket(&mut self, folder: Blocks, ticket: u32) -> Result<(), Error> {
        let mut spot = self.first(folder)?;
        while let Some((entry, found)) = self.next_entry(&mut spot)? {
            if self.ticket(&found)? == Some(ticket) {
                return self.take_out_file((spot.pair.blocks(), entry), &found);
            }
        }
        Err(Error::NotFound)
    }

    /// Read bytes of a file that lies in the log.
    pub(super) fn read_inline(
        &mut self,
        serial: u32,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, Error> {
        let slot = *self.open.get(serial)?;
        let pair = self.fetch(slot.pair)?;
        let Content::Inline(piece) = self.entry(&pair, slot.entry)?.content else {
            return Err(Error::Damaged);
        };
        let len = buffer.len().min(piece.len.saturating_sub(offset) as usize);
        let buffer = buffer.get_mut(..len).unwrap_or_default();
        self.store.read(piece.block, piece.offset.saturating_add(offset), buffer, 0)?;
        Ok(len)
    }

    /// The next entry of a listing that clients see.
    pub(super) fn next_visible(
        &mut self,
        serial: u32,
        name: &mut [u8],
    ) -> Result<Option<(Metadata, usize)>, Error> {
        let slot = *self.open.get(serial)?;
        let mut spot = Spot { entry: slot.entry, ..self.first(slot.pair)? };
        while let Some((_, found)) = self.next_entry(&mut spot)? {
            let len = self.piece(found.name, name)?.len();
            let is_staged = names::ticket_of(name.get(..len).unwrap_or_default()).is_some();
            let slot = self.open.get(serial)?;
            (slot.pair, slot.entry) = (spot.pair.blocks(), spot.entry);
            if !is_staged && !matches!(found.content, Content::Superblock(_)) {
                return Ok(Some((found.metadata(), len)));
            }
        }
        Ok(None)
    }
}

impl Found {
    pub(super) fn metadata(&self) -> Metadata {
        let (kind, size, head) = match self.content {
            Content::Folder(_) | Content::Superblock(_) => (Kind::Folder, 0, 0),
            Content::Inline(piece) => (Kind::File, piece.len, piece.offset),
            Content::Chain(chain) => (Kind::File, chain.size, chain.head),
        };
        // New bytes lie in other blocks than the old ones.
        let stamp = u64::from(head) << 32 | u64::from(size);
        Metadata { kind, size: u64::from(size), modified: self.modified, stamp }
    }
}
