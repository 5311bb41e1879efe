//! Ending what a loss of power left half done: a move, a change of the list of all pairs, an upload
//! of which nothing is stored.

use super::LittleFs;
use super::edit::Edit;
use super::entry::Content;
use super::flash::Flash;
use super::log::{Blocks, Pair, Tail};
use crate::chip::Error;

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    pub(super) fn mend(&mut self) -> Result<(), Error> {
        self.settle();
        if let Some((blocks, entry)) = self.state.moving() {
            self.state.set_moving(None);
            if entry < self.fetch(blocks)?.count {
                self.take_out(blocks, entry)?;
            }
        }
        if self.state.is_unlisted() {
            self.mend_list()?;
            self.state.set_unlisted(false);
            let pair = self.fetch(Blocks::FIRST)?;
            self.apply(&pair, &Edit::default())?;
        }
        while let Some((blocks, entry)) = self.useless()? {
            self.take_out(blocks, entry)?;
        }
        Ok(())
    }

    /// A staged file of which no byte is stored.
    fn useless(&mut self) -> Result<Option<(Blocks, u16)>, Error> {
        let mut all = self.all(Blocks::FIRST);
        while let Some(pair) = self.next_pair(&mut all)? {
            for entry in 0..pair.count {
                if self.entry(&pair, entry)?.is_useless() {
                    return Ok(Some((pair.blocks(), entry)));
                }
            }
        }
        Ok(None)
    }

    /// Put the list right. First what another implementation moved to another block, for what is
    /// in the block from before may hide the rest; then what is no folder's first pair goes.
    fn mend_list(&mut self) -> Result<(), Error> {
        self.each_first(Self::follow)?;
        self.each_first(Self::unlist_orphan)
    }

    fn follow(&mut self, before: &Pair, first: Blocks) -> Result<bool, Error> {
        match self.owner_of(first)? {
            Some(next) if next != first => {
                let tail = Some(Some(Tail { next, hard: false }));
                self.apply(before, &Edit { tail, ..Edit::default() })?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn unlist_orphan(&mut self, before: &Pair, first: Blocks) -> Result<bool, Error> {
        if self.owner_of(first)?.is_some() {
            return Ok(false);
        }
        let orphan = self.fetch(first)?;
        self.unlist(before, &orphan)?;
        Ok(true)
    }

    /// Look at each pair that should be a folder's first one, with the one before it, and again
    /// at what is in its place where something was changed.
    fn each_first(
        &mut self,
        look: impl Fn(&mut Self, &Pair, Blocks) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut before = self.fetch(Blocks::FIRST)?;
        for _ in 0..self.shape.blocks {
            let Some(tail) = before.tail else { return Ok(()) };
            let is_changed = !tail.hard && look(self, &before, tail.next)?;
            before = self.fetch(if is_changed { before.blocks() } else { tail.next })?;
        }
        Err(Error::Damaged)
    }

    /// The first pair of a folder, as its entry names it, that is this one or has a block of it.
    fn owner_of(&mut self, blocks: Blocks) -> Result<Option<Blocks>, Error> {
        let mut all = self.all(Blocks::FIRST);
        while let Some(pair) = self.next_pair(&mut all)? {
            for entry in 0..pair.count {
                match self.entry(&pair, entry)?.content {
                    Content::Folder(first) if first.shares_block(blocks) => return Ok(Some(first)),
                    _ => {}
                }
            }
        }
        Ok(None)
    }

    /// Take a pair out of the list, behind the one before it.
    pub(super) fn unlist(&mut self, before: &Pair, pair: &Pair) -> Result<(), Error> {
        // Its share of the state must not go with it.
        self.dropped = self.share(pair)?;
        self.apply(before, &Edit { tail: Some(pair.tail), ..Edit::default() })?;
        self.give_back(2);
        Ok(())
    }

    /// The pair before this one. One block in common is enough, as in the original, which may have
    /// moved half of the pair.
    pub(super) fn before(&mut self, blocks: Blocks) -> Result<Pair, Error> {
        let mut all = self.all(Blocks::FIRST);
        while let Some(pair) = self.next_pair(&mut all)? {
            if pair.tail.is_some_and(|tail| tail.next.shares_block(blocks)) {
                return Ok(pair);
            }
        }
        Err(Error::Damaged)
    }
}
