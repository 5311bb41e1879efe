//! Staged files being written.

use super::LittleFs;
use super::chain::Chain;
use super::edit::{Edit, NewContent};
use super::entry::{Content, Found, Key, Spot};
use super::flash::Flash;
use super::names::Name;
use super::open::{Use, Writer};
use super::tag::kind;
use super::volume::{LittlePlace, LittleStaged};
use crate::chip::Error;

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    /// The entry of a staged file.
    pub(super) fn staged(
        &mut self,
        place: LittlePlace<'_>,
        ticket: u32,
    ) -> Result<(Spot, Found), Error> {
        let name = Name::staged(place.name, ticket, self.shape.name_max);
        let spot = self.seek(place.folder, Key::Name(name.as_bytes()))?;
        let spot = Some(spot).filter(|spot| spot.found).ok_or(Error::NotFound)?;
        Ok((spot, self.entry(&spot.pair, spot.entry)?))
    }

    pub(super) fn stage_at(
        &mut self,
        place: LittlePlace<'_>,
    ) -> Result<(u32, LittleStaged), Error> {
        self.check_name(place.name)?;
        if !self.open.has_room() {
            return Err(Error::TooManyOpen);
        }
        let ticket = self.last_ticket.wrapping_add(1);
        let name = Name::staged(place.name, ticket, self.shape.name_max);
        let target = Some(place.name);
        let content = NewContent::File { chain: Chain::EMPTY, modified: None, target };
        self.change(|fs| fs.put(place.folder, (kind::FILE, name.as_bytes()), content, None))?;
        self.last_ticket = ticket;
        let (spot, _) = self.seen(|fs| fs.staged(place, ticket))?;
        Ok((ticket, self.open_staged(place, &spot, Chain::EMPTY)?))
    }

    pub(super) fn resume_at(
        &mut self,
        place: LittlePlace<'_>,
        ticket: u32,
    ) -> Result<(LittleStaged, u64), Error> {
        let (spot, found) = self.staged(place, ticket)?;
        let chain = match found.content {
            Content::Chain(chain) => chain,
            Content::Inline(piece) if piece.len == 0 => Chain::EMPTY,
            _ => return Err(Error::Damaged),
        };
        Ok((self.open_staged(place, &spot, chain)?, u64::from(chain.size)))
    }

    fn open_staged(
        &mut self,
        place: LittlePlace<'_>,
        spot: &Spot,
        chain: Chain,
    ) -> Result<LittleStaged, Error> {
        let shared = self.blocks_for(chain.size)?;
        // Behind the last byte there may be some that were written and not stored.
        let writer = Writer { chain, stored: chain, shared, sealed: true };
        let at = (spot.pair.blocks(), spot.entry);
        Ok(LittleStaged(self.open.add(place.folder, at, Use::Writing(writer))?))
    }

    /// Blocks that a writer has, stored or not.
    fn held(&self, writer: &Writer) -> Result<u32, Error> {
        let stored = self.blocks_for(writer.stored.size)?;
        let written = self.blocks_for(writer.chain.size)?;
        Ok(stored.saturating_add(written).saturating_sub(writer.shared))
    }

    fn set_writer(&mut self, serial: u32, writer: Writer) -> Result<(), Error> {
        let before = *self.open.writer(serial)?;
        let (before, after) = (self.held(&before)?, self.held(&writer)?);
        self.used = self.used.saturating_add(after).saturating_sub(before);
        *self.open.writer(serial)? = writer;
        Ok(())
    }

    pub(super) fn write_staged(
        &mut self,
        serial: u32,
        offset: u32,
        data: &[u8],
    ) -> Result<usize, Error> {
        if offset < self.open.writer(serial)?.chain.size {
            self.cut_staged(serial, offset)?;
        }
        let mut left = data;
        while !left.is_empty() {
            match self.change(|fs| fs.append_staged(serial, left)) {
                // What there was room for is written.
                Err(Error::NoSpace | Error::TooLarge) if left.len() < data.len() => break,
                written => left = left.get(written?..).unwrap_or_default(),
            }
        }
        Ok(data.len().saturating_sub(left.len()))
    }

    /// Write what fits into one block.
    fn append_staged(&mut self, serial: u32, data: &[u8]) -> Result<usize, Error> {
        let mut writer = *self.open.writer(serial)?;
        let room = self.shape.file_max.saturating_sub(writer.chain.size) as usize;
        if room == 0 {
            return Err(Error::TooLarge);
        }
        let before = writer.chain;
        let (chain, offset) = self.continuation(before, writer.sealed)?;
        let room = room.min(self.store.block_len().saturating_sub(offset) as usize);
        let data = data.get(..room).unwrap_or(data);
        self.store.write(chain.head, offset, data)?;
        writer.chain = Chain { size: before.size.saturating_add(data.len() as u32), ..chain };
        if chain.head != before.head {
            let blocks = self.blocks_for(writer.chain.size)?;
            writer.shared = writer.shared.min(blocks.saturating_sub(1));
        }
        writer.sealed = false;
        self.set_writer(serial, writer)?;
        Ok(data.len())
    }

    /// Cut what is written, not yet what is stored.
    pub(super) fn cut_staged(&mut self, serial: u32, size: u32) -> Result<(), Error> {
        let mut writer = *self.open.writer(serial)?;
        if size >= writer.chain.size {
            return Ok(());
        }
        writer.chain = self.seen(|fs| fs.cut(writer.chain, size))?;
        writer.shared = writer.shared.min(self.blocks_for(size)?);
        writer.sealed = true;
        self.set_writer(serial, writer)
    }

    /// Store what is written.
    pub(super) fn sync_staged(&mut self, serial: u32) -> Result<(), Error> {
        let mut writer = *self.open.writer(serial)?;
        if writer.chain == writer.stored {
            return Ok(());
        }
        let slot = *self.open.get(serial)?;
        self.change(|fs| {
            let pair = fs.fetch(slot.pair)?;
            let written = Some((slot.entry, writer.chain));
            fs.apply(&pair, &Edit { written, ..Edit::default() })
        })?;
        writer.stored = writer.chain;
        writer.shared = self.blocks_for(writer.chain.size)?;
        self.set_writer(serial, writer)
    }

    /// Stop writing; what is not stored goes.
    pub(super) fn release_staged(&mut self, serial: u32) {
        if let Ok(mut writer) = self.open.writer(serial).copied()
            && let Ok(shared) = self.blocks_for(writer.stored.size)
        {
            writer.chain = writer.stored;
            writer.shared = shared;
            // The handle is good: it was just found.
            let _ = self.set_writer(serial, writer);
        }
        self.open.close(serial);
    }

    /// Put a staged file, all of which is stored, into its place.
    pub(super) fn publish_staged(
        &mut self,
        serial: u32,
        place: LittlePlace<'_>,
        modified: Option<u64>,
    ) -> Result<(), Error> {
        self.check_name(place.name)?;
        let slot = *self.open.get(serial)?;
        let chain = self.open.writer(serial)?.stored;
        self.change(|fs| {
            let old = fs.named(place.folder, place.name)?;
            let blocks = old.map_or(Ok(0), |(_, old)| fs.blocks_of(&old))?;
            let source = Spot { pair: fs.fetch(slot.pair)?, entry: slot.entry, found: true };
            let content = NewContent::File { chain, modified, target: None };
            fs.put(place.folder, (kind::FILE, place.name), content, Some(&source))?;
            fs.give_back(blocks);
            Ok(())
        })?;
        self.open.close(serial);
        Ok(())
    }
}
