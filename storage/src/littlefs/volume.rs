//! A littlefs as a [`Volume`].

use coracle::limits::PATH_MAX;
use coracle::{Crc32, Facts, Metadata, Path, Space};

use super::LittleFs;
use super::chain::{Chain, Cursor};
use super::entry::Content;
use super::flash::Flash;
use super::log::Blocks;
use super::names;
use super::open::Use;
use crate::chip::{Entry, Error, Leftover, Volume};

/// What an entry is called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LittleId(Id);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Id {
    /// A checksum of its folder and name: numbers of entries change when others come and go.
    Visible(u32),
    /// The ticket, of which there is one.
    Staged(u32),
}

/// A name in a folder.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LittlePlace<'p> {
    pub(super) folder: Blocks,
    pub(super) name: &'p [u8],
}

/// A file of a [`LittleFs`] that is open for reading.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LittleFile(File);

#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum File {
    Chain(Chain, Cursor),
    /// It lies in the log of its folder, where it moves; this is its handle.
    Inline(u32),
}

/// A folder of a [`LittleFs`] that is being listed.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LittleListing(u32);

/// A staged file of a [`LittleFs`].
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LittleStaged(pub(super) u32);

impl LittlePlace<'_> {
    fn id(&self) -> LittleId {
        let mut crc = Crc32::new();
        crc.update(&self.folder.to_bytes());
        crc.update(self.name);
        LittleId(Id::Visible(crc.value()))
    }
}

impl<F: Flash, const OPEN: usize> Volume for LittleFs<F, OPEN> {
    type Id = LittleId;
    type Place<'p> = LittlePlace<'p>;
    type File = LittleFile;
    type Listing = LittleListing;
    type Staged = LittleStaged;

    /// A folder is known by the blocks of its first pair.
    const FOLLOWS: bool = true;

    fn ready(&mut self) -> Result<u32, Error> {
        if self.is_mounted {
            self.seen(|fs| fs.store.flash.probe())?;
        } else {
            self.mounts = self.mounts.wrapping_add(1);
            self.mount()?;
        }
        Ok(self.mounts)
    }

    fn facts(&mut self) -> Result<Facts, Error> {
        let Space { free, total } = self.space()?;
        let largest = Some(total.min(u64::from(self.shape.file_max)));
        Ok(Facts { case_sensitive: true, atomic_replace: true, free: Some(free), largest })
    }

    fn space(&mut self) -> Result<Space, Error> {
        let block_len = u64::from(self.store.block_len());
        let free = self.shape.blocks.saturating_sub(self.used);
        let total = u64::from(self.shape.blocks).saturating_mul(block_len);
        Ok(Space { free: u64::from(free).saturating_mul(block_len), total })
    }

    fn place<'p>(&mut self, path: Path<'p>) -> Result<Option<LittlePlace<'p>>, Error> {
        let Some((parent, name)) = path.parent().zip(path.name()) else { return Ok(None) };
        let folder = self.seen(|fs| fs.folder(parent))?;
        Ok(Some(LittlePlace { folder, name }))
    }

    fn look(
        &mut self,
        place: LittlePlace<'_>,
        each: &mut dyn FnMut(Leftover<LittleId>),
    ) -> Result<Option<Entry<LittleId>>, Error> {
        self.seen(|fs| {
            if names::check(place.name).is_err() {
                return Ok(None);
            }
            fs.each_staged(place, |order, length| {
                each(Leftover { id: LittleId(Id::Staged(order)), order, length });
            })?;
            let named = fs.named(place.folder, place.name)?;
            Ok(named.map(|(_, found)| Entry { id: place.id(), metadata: found.metadata() }))
        })
    }

    fn open(
        &mut self,
        place: LittlePlace<'_>,
        id: LittleId,
    ) -> Result<(LittleFile, Metadata), Error> {
        self.seen(|fs| {
            let (spot, found) = match id.0 {
                Id::Visible(_) => fs.named(place.folder, place.name)?.ok_or(Error::NotFound)?,
                Id::Staged(ticket) => fs.staged(place, ticket)?,
            };
            let file = match found.content {
                Content::Chain(chain) => File::Chain(chain, Cursor::default()),
                Content::Inline(piece) if piece.len == 0 => {
                    File::Chain(Chain::EMPTY, Cursor::default())
                }
                Content::Inline(_) => {
                    let at = (spot.pair.blocks(), spot.entry);
                    File::Inline(fs.open.add(place.folder, at, Use::Reading)?)
                }
                _ => return Err(Error::IsDirectory),
            };
            Ok((LittleFile(file), found.metadata()))
        })
    }

    fn read(
        &mut self,
        file: &mut LittleFile,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Error> {
        let Ok(offset) = u32::try_from(offset) else { return Ok(0) };
        self.seen(|fs| match &mut file.0 {
            File::Chain(chain, cursor) => fs.read_chain(*chain, cursor, offset, buffer),
            File::Inline(serial) => fs.read_inline(*serial, offset, buffer),
        })
    }

    fn close(&mut self, file: LittleFile) {
        if let File::Inline(serial) = file.0 {
            self.open.close(serial);
        }
    }

    fn list(
        &mut self,
        folder: Option<(LittlePlace<'_>, LittleId)>,
    ) -> Result<LittleListing, Error> {
        self.seen(|fs| {
            let first = match folder {
                Some((place, _)) => fs.folder_at(place)?,
                None => Blocks::FIRST,
            };
            Ok(LittleListing(fs.open.add(first, (first, 0), Use::Listing)?))
        })
    }

    fn next(
        &mut self,
        listing: &mut LittleListing,
        name: &mut [u8],
    ) -> Result<Option<(Metadata, usize)>, Error> {
        self.seen(|fs| fs.next_visible(listing.0, name))
    }

    fn close_listing(&mut self, listing: LittleListing) {
        self.open.close(listing.0);
    }

    fn stage(
        &mut self,
        place: LittlePlace<'_>,
        _newest: Option<u32>,
    ) -> Result<(LittleId, LittleStaged), Error> {
        let (ticket, staged) = self.stage_at(place)?;
        Ok((LittleId(Id::Staged(ticket)), staged))
    }

    fn resume(
        &mut self,
        place: LittlePlace<'_>,
        id: LittleId,
    ) -> Result<(LittleStaged, u64), Error> {
        let ticket = id.ticket()?;
        self.seen(|fs| fs.resume_at(place, ticket))
    }

    fn length(&self, staged: &LittleStaged) -> u64 {
        u64::from(self.open.length(staged.0))
    }

    fn read_staged(
        &mut self,
        staged: &mut LittleStaged,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Error> {
        let Ok(offset) = u32::try_from(offset) else { return Ok(0) };
        let chain = self.open.writer(staged.0)?.chain;
        self.seen(|fs| fs.read_chain(chain, &mut Cursor::default(), offset, buffer))
    }

    fn write(
        &mut self,
        staged: &mut LittleStaged,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, Error> {
        let offset = u32::try_from(offset).map_err(|_| Error::TooLarge)?;
        self.write_staged(staged.0, offset, data)
    }

    fn truncate(&mut self, staged: &mut LittleStaged, length: u64) -> Result<(), Error> {
        let Ok(length) = u32::try_from(length) else { return Ok(()) };
        self.cut_staged(staged.0, length)?;
        // What was cut must not come back with other bytes behind it.
        self.sync(staged)
    }

    fn sync(&mut self, staged: &mut LittleStaged) -> Result<(), Error> {
        self.sync_staged(staged.0)
    }

    fn target<'m>(
        &mut self,
        staged: &LittleStaged,
        memory: &'m mut [u8; PATH_MAX],
    ) -> Result<LittlePlace<'m>, Error> {
        let slot = *self.open.get(staged.0)?;
        self.seen(|fs| {
            let pair = fs.fetch(slot.pair)?;
            let target = fs.entry(&pair, slot.entry)?.target.ok_or(Error::Damaged)?;
            Ok(LittlePlace { folder: slot.folder, name: fs.piece(target, memory)? })
        })
    }

    fn publish(
        &mut self,
        staged: &mut LittleStaged,
        place: LittlePlace<'_>,
        _old: Option<LittleId>,
        modified: Option<u64>,
    ) -> Result<LittleId, Error> {
        self.publish_staged(staged.0, place, modified)?;
        Ok(place.id())
    }

    fn release(&mut self, staged: LittleStaged) {
        self.release_staged(staged.0);
    }

    fn discard(&mut self, place: LittlePlace<'_>, id: LittleId) -> Result<(), Error> {
        let ticket = id.ticket()?;
        self.change(|fs| {
            let (spot, found) = fs.staged(place, ticket)?;
            fs.take_out_file((spot.pair.blocks(), spot.entry), &found)
        })
    }

    fn survey(
        &mut self,
        folder: LittlePlace<'_>,
        _id: LittleId,
        each: &mut dyn FnMut(LittleId),
    ) -> Result<bool, Error> {
        self.seen(|fs| {
            let first = fs.folder_at(folder)?;
            let mut has_visible = false;
            fs.each_ticket(first, |ticket| match ticket {
                Some(ticket) => each(LittleId(Id::Staged(ticket))),
                None => has_visible = true,
            })?;
            Ok(has_visible)
        })
    }

    fn clear(
        &mut self,
        folder: LittlePlace<'_>,
        _id: LittleId,
        leftover: LittleId,
    ) -> Result<(), Error> {
        let ticket = leftover.ticket()?;
        self.change(|fs| {
            let first = fs.folder_at(folder)?;
            fs.clear_ticket(first, ticket)
        })
    }

    fn remove(&mut self, place: LittlePlace<'_>, _entry: &Entry<LittleId>) -> Result<(), Error> {
        self.change(|fs| {
            let (spot, found) = fs.named(place.folder, place.name)?.ok_or(Error::NotFound)?;
            match found.content {
                Content::Folder(first) => fs.remove_folder(&spot, first),
                _ => fs.take_out_file((spot.pair.blocks(), spot.entry), &found),
            }
        })
    }

    fn make_folder(&mut self, place: LittlePlace<'_>) -> Result<(), Error> {
        self.check_name(place.name)?;
        self.change(|fs| fs.make(place.folder, place.name))
    }

    fn rename(
        &mut self,
        from: LittlePlace<'_>,
        _entry: &Entry<LittleId>,
        to: LittlePlace<'_>,
        _old: Option<LittleId>,
    ) -> Result<LittleId, Error> {
        self.check_name(to.name)?;
        let (spot, _) = self.seen(|fs| fs.named(from.folder, from.name))?.ok_or(Error::NotFound)?;
        if self.open.is_read((spot.pair.blocks(), spot.entry)) {
            return Err(Error::BeingRead);
        }
        self.change(|fs| fs.rename_entry(from, to))?;
        Ok(to.id())
    }
}

impl LittleId {
    fn ticket(self) -> Result<u32, Error> {
        match self.0 {
            Id::Staged(ticket) => Ok(ticket),
            Id::Visible(_) => Err(Error::NotFound),
        }
    }
}
