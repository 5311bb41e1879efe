//! Staged files and partials of a RAM disk, and who writes them.

use super::blocks::{BLOCK_LEN, Cursor};
use super::disk::{BUSY, Disk, FULL, IS_DIRECTORY, NO_PARTIAL, TOO_LARGE};
use super::memory::Memory;
use super::node::{Claim, Handle, Node, State};
use crate::limits::OWNERSHIP_MILLIS;
use crate::path::Path;
use crate::reply::Refusal;

impl<M: Memory> Disk<M> {
    pub(super) fn open_partial(&mut self, path: Path<'_>, session: u64) -> Result<Node, Refusal> {
        let (folder, name) = self.place(path)?.ok_or(NO_PARTIAL)?;
        self.check_owner(folder, name, session)?;
        let mut nodes = self.nodes().iter();
        let stalled = |node: &&Node| {
            matches!(node.state, State::Staged(claim) if claim.session != session)
                && node.length > 0
                && self.is_at(node, folder, name)
        };
        let node = match nodes.find(stalled) {
            Some(node) => *node,
            None => *self
                .nodes()
                .iter()
                .find(|node| node.state == State::Partial && self.is_at(node, folder, name))
                .ok_or(NO_PARTIAL)?,
        };
        self.count_reader(node.id);
        Ok(node)
    }

    pub(super) fn stage(
        &mut self,
        path: Path<'_>,
        size: Option<u64>,
        session: u64,
    ) -> Result<u64, Refusal> {
        let (folder, name) = self.writable(path, size)?;
        self.check_owner(folder, name, session)?;
        self.take_over(folder, name, session);
        let ticket = self.number();
        let claim = Claim { ticket, session, progress: self.now };
        self.add(folder, name, State::Staged(claim)).map(|_| ticket)
    }

    pub(super) fn resume(
        &mut self,
        path: Path<'_>,
        size: Option<u64>,
        session: u64,
    ) -> Result<(u64, u64), Refusal> {
        let (folder, name) = self.writable(path, None)?;
        self.check_owner(folder, name, session)?;
        self.take_over(folder, name, session);
        let at = self
            .position(|node| node.state == State::Partial && self.is_at(node, folder, name))
            .ok_or(NO_PARTIAL)?;
        let stored = self.nodes().get(at).map_or(0, |node| node.length as u64);
        self.check_size(size.map(|size| size.saturating_sub(stored)))?;
        let claim = Claim { ticket: self.number(), session, progress: self.now };
        let node = self.nodes.as_mut().get_mut(at).ok_or(NO_PARTIAL)?;
        node.state = State::Staged(claim);
        Ok((claim.ticket, stored))
    }

    /// Where a file may be staged, and whether it and its name have room.
    fn writable<'p>(&self, path: Path<'p>, size: Option<u64>) -> Result<(u64, &'p [u8]), Refusal> {
        let (folder, name) = self.place(path)?.ok_or(IS_DIRECTORY)?;
        if self.visible(folder, name).is_some_and(|node| node.state == State::Folder) {
            return Err(IS_DIRECTORY);
        }
        self.check_size(size.map(|size| size.saturating_add(BLOCK_LEN as u64)))?;
        Ok((folder, name))
    }

    fn check_size(&self, more: Option<u64>) -> Result<(), Refusal> {
        match more {
            Some(more) if more > self.space().total => Err(TOO_LARGE),
            Some(more) if more > self.space().free => Err(FULL),
            _ => Ok(()),
        }
    }

    /// Refuse while another session makes progress with this name (law 6).
    fn check_owner(&self, folder: u64, name: &[u8], session: u64) -> Result<(), Refusal> {
        let owned = self.nodes().iter().any(|node| match node.state {
            State::Staged(claim) => {
                claim.session != session && self.is_alive(claim) && self.is_at(node, folder, name)
            }
            _ => false,
        });
        if owned { Err(BUSY) } else { Ok(()) }
    }

    pub(super) fn is_alive(&self, claim: Claim) -> bool {
        self.now.saturating_sub(claim.progress) < OWNERSHIP_MILLIS
    }

    /// What others stopped writing becomes the partial.
    fn take_over(&mut self, folder: u64, name: &[u8], session: u64) {
        while let Some(ticket) = self.nodes().iter().find_map(|node| match node.state {
            State::Staged(claim) if claim.session != session && self.is_at(node, folder, name) => {
                Some(claim.ticket)
            }
            _ => None,
        }) {
            self.keep(ticket);
        }
    }

    /// The place of a writer's staged file, unless it was taken over.
    fn staged(&self, ticket: u64) -> Option<usize> {
        self.position(|node| node.is_staged_by(ticket))
    }

    /// The staged file of a writer.
    pub(super) fn staged_by(&mut self, writer: &mut Handle) -> Result<&mut Node, Refusal> {
        let is_its = |node: &Node| node.is_staged_by(writer.number);
        writer.place = self.place_again(writer.place, is_its).ok_or(BUSY)?;
        self.nodes.as_mut().get_mut(writer.place).ok_or(BUSY)
    }

    /// Note progress (law 6).
    pub(super) fn progress(&mut self, writer: &mut Handle) {
        let now = self.now;
        if let Ok(Node { state: State::Staged(claim), .. }) = self.staged_by(writer) {
            claim.progress = now;
        }
    }

    pub(super) fn write(
        &mut self,
        writer: &mut Handle,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, Refusal> {
        self.progress(writer);
        let stamp = self.number();
        self.staged_by(writer)?;
        let node = self.nodes.as_mut().get_mut(writer.place).ok_or(BUSY)?;
        let offset = usize::try_from(offset).map_err(|_| TOO_LARGE)?.min(node.length);
        let written = self.blocks.write(&mut node.data, &mut writer.cursor, offset, data);
        if written == 0 && !data.is_empty() {
            return Err(FULL);
        }
        node.length = node.length.max(offset.saturating_add(written));
        node.stamp = stamp;
        Ok(written)
    }

    pub(super) fn truncate(&mut self, writer: &mut Handle, length: u64) -> Result<(), Refusal> {
        self.staged_by(writer)?;
        writer.cursor = Cursor::default();
        let node = self.nodes.as_mut().get_mut(writer.place).ok_or(BUSY)?;
        node.length = usize::try_from(length).map_or(node.length, |length| length.min(node.length));
        self.blocks.truncate(&mut node.data, node.length);
        Ok(())
    }

    pub(super) fn keep(&mut self, ticket: u64) {
        let Some(node) = self.staged(ticket).and_then(|at| self.nodes().get(at)).copied() else {
            return;
        };
        if node.length == 0 {
            self.free(node.id);
            return;
        }
        self.discard_partials(&node);
        if let Some(node) = self.node_mut(node.id) {
            node.state = State::Partial;
        }
    }

    pub(super) fn discard(&mut self, ticket: u64) {
        if let Some(id) = self.staged(ticket).and_then(|at| self.nodes().get(at)).map(|n| n.id) {
            self.free(id);
        }
    }

    /// Make a staged file visible, in the place of a file of its name.
    pub(super) fn commit(&mut self, ticket: u64, modified: Option<u64>) -> Result<(), Refusal> {
        let stamp = self.number();
        let at = self.staged(ticket).ok_or(BUSY)?;
        let node = *self.nodes().get(at).ok_or(BUSY)?;
        let target = self.same_name(&node, Node::is_visible);
        if target.is_some_and(|target| target.state == State::Folder) {
            self.keep(ticket);
            return Err(IS_DIRECTORY);
        }
        self.discard_partials(&node);
        if let Some(node) = self.nodes.as_mut().get_mut(at) {
            *node = Node { state: State::File, modified, stamp, ..*node };
        }
        if let Some(target) = target {
            self.replace(target.id, node.id);
        }
        Ok(())
    }

    /// Put one node into the place of another, which goes. A listing goes by places, so it
    /// shows what was replaced in between exactly once (law 8).
    pub(super) fn replace(&mut self, old: u64, new: u64) {
        let places = self.position(|node| node.id == old).zip(self.position(|node| node.id == new));
        if let Some((old, new)) = places
            && let Ok([old, new]) = self.nodes.as_mut().get_disjoint_mut([old, new])
        {
            core::mem::swap(old, new);
        }
        self.free(old);
    }

    fn discard_partials(&mut self, of: &Node) {
        while let Some(partial) = self.same_name(of, |node| node.state == State::Partial) {
            self.free(partial.id);
        }
    }

    fn same_name(&self, of: &Node, want: impl Fn(&Node) -> bool) -> Option<Node> {
        let mut name = [0; BLOCK_LEN];
        let len = self.name(of, &mut name)?;
        let name = name.get(..len)?;
        self.nodes().iter().find(|node| want(node) && self.is_at(node, of.parent, name)).copied()
    }

    pub(super) fn forget(&mut self, path: Path<'_>, session: u64) -> Result<(), Refusal> {
        let (folder, name) = self.place(path)?.ok_or(NO_PARTIAL)?;
        self.check_owner(folder, name, session)?;
        self.take_over(folder, name, session);
        let mut nodes = self.nodes().iter();
        let partial = nodes
            .find(|node| node.state == State::Partial && self.is_at(node, folder, name))
            .ok_or(NO_PARTIAL)?;
        self.free(partial.id);
        Ok(())
    }
}
