//! Making, moving and removing entries.

use coracle::Path;

use super::LittleFs;
use super::edit::{Edit, NewContent, Put};
use super::entry::{Content, Found, Key, Spot};
use super::flash::Flash;
use super::log::{Blocks, Tail};
use super::names::check;
use super::tag::kind;
use super::volume::LittlePlace;
use crate::chip::Error;

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    /// The first pair of the folder that a path names.
    pub(super) fn folder(&mut self, path: Path<'_>) -> Result<Blocks, Error> {
        let mut folder = Blocks::FIRST;
        for name in path.components() {
            let (_, found) = self.named(folder, name)?.ok_or(Error::NotFound)?;
            let Content::Folder(first) = found.content else { return Err(Error::NotDirectory) };
            folder = first;
        }
        Ok(folder)
    }

    /// The visible entry of this name.
    pub(super) fn named(
        &mut self,
        folder: Blocks,
        name: &[u8],
    ) -> Result<Option<(Spot, Found)>, Error> {
        if check(name).is_err() {
            return Ok(None);
        }
        let spot = self.seek(folder, Key::Name(name))?;
        if !spot.found {
            return Ok(None);
        }
        Ok(Some((spot, self.entry(&spot.pair, spot.entry)?)))
    }

    /// Refuse a name that no entry of a client can have.
    pub(super) fn check_name(&self, name: &[u8]) -> Result<(), Error> {
        check(name)?;
        if name.len() > self.shape.name_max as usize { Err(Error::BadName) } else { Ok(()) }
    }

    /// Put an entry into a folder, in the place of one of its name if there is one, and take
    /// another one out of the same or another folder.
    pub(super) fn put(
        &mut self,
        folder: Blocks,
        (kind, name): (u32, &[u8]),
        content: NewContent<'_>,
        source: Option<&Spot>,
    ) -> Result<(), Error> {
        let Spot { pair, entry, found } = self.seek(folder, Key::Name(name))?;
        let put = Some(Put { entry, replaces: found, kind, name, content });
        let Some(source) = source else {
            return self.apply(&pair, &Edit { put, ..Edit::default() });
        };
        let from = source.pair.blocks();
        if from == pair.blocks() {
            let removed = Some(source.entry);
            return self.apply(&pair, &Edit { put, removed, ..Edit::default() });
        }
        // Between the two commits the entry is in both places, and the state says which one goes.
        self.state.set_moving(Some((from, source.entry)));
        self.apply(&pair, &Edit { put, ..Edit::default() })?;
        self.state.set_moving(None);
        self.take_out(from, source.entry)
    }

    /// Take an entry out of its folder. A pair that has no entries then goes as well, unless the
    /// folder begins with it.
    pub(super) fn take_out(&mut self, blocks: Blocks, entry: u16) -> Result<(), Error> {
        let pair = self.fetch(blocks)?;
        if pair.count == 1 && blocks != Blocks::FIRST {
            let before = self.before(blocks)?;
            if before.next().is_some() {
                self.unlist(&before, &pair)?;
                let on = pair.next().map_or((before.blocks(), before.count), |next| (next, 0));
                self.open.leave(blocks, on);
                return Ok(());
            }
        }
        self.apply(&pair, &Edit { removed: Some(entry), ..Edit::default() })
    }

    pub(super) fn make(&mut self, folder: Blocks, name: &[u8]) -> Result<(), Error> {
        let mut last = self.fetch(folder)?;
        for _ in 0..self.shape.blocks {
            let Some(next) = last.next() else { break };
            last = self.fetch(next)?;
        }
        let first = self.new_pair(last.tail)?;
        let spot = self.seek(folder, Key::Name(name))?;
        let content = NewContent::Folder(first);
        let (entry, kind) = (spot.entry, kind::FOLDER);
        let put = Some(Put { entry, replaces: false, kind, name, content });
        let tail = Some(Some(Tail { next: first, hard: false }));
        if spot.pair.blocks() == last.blocks() {
            return self.apply(&spot.pair, &Edit { put, tail, ..Edit::default() });
        }
        // Between the two commits the list has a pair that is no folder's.
        self.state.set_unlisted(true);
        self.apply(&last, &Edit { tail, ..Edit::default() })?;
        self.state.set_unlisted(false);
        self.apply(&spot.pair, &Edit { put, ..Edit::default() })
    }

    pub(super) fn remove_folder(&mut self, spot: &Spot, first: Blocks) -> Result<(), Error> {
        self.state.set_unlisted(true);
        self.take_out(spot.pair.blocks(), spot.entry)?;
        self.state.set_unlisted(false);
        let mut pair = self.fetch(first)?;
        // Pairs that became empty one after the other.
        while let Some(next) = pair.next() {
            let after = self.fetch(next)?;
            self.unlist(&pair, &after)?;
            pair = self.fetch(first)?;
        }
        let before = self.before(first)?;
        self.unlist(&before, &pair)
    }

    /// Take a file out of its folder, and its bytes with it.
    pub(super) fn take_out_file(
        &mut self,
        (pair, entry): (Blocks, u16),
        found: &Found,
    ) -> Result<(), Error> {
        let blocks = self.blocks_of(found)?;
        self.take_out(pair, entry)?;
        self.give_back(blocks);
        Ok(())
    }

    /// Blocks of an entry's bytes.
    pub(super) fn blocks_of(&self, found: &Found) -> Result<u32, Error> {
        match found.content {
            Content::Chain(chain) => self.blocks_for(chain.size),
            _ => Ok(0),
        }
    }

    pub(super) fn rename_entry(
        &mut self,
        from: LittlePlace<'_>,
        to: LittlePlace<'_>,
    ) -> Result<(), Error> {
        let (spot, found) = self.named(from.folder, from.name)?.ok_or(Error::NotFound)?;
        let old = self.named(to.folder, to.name)?;
        let blocks = old.map_or(Ok(0), |(_, old)| self.blocks_of(&old))?;
        let kind = match found.content {
            Content::Folder(_) => kind::FOLDER,
            _ => kind::FILE,
        };
        let pair = spot.pair;
        let content = NewContent::Of(&pair, spot.entry);
        self.put(to.folder, (kind, to.name), content, Some(&spot))?;
        self.give_back(blocks);
        Ok(())
    }
}
