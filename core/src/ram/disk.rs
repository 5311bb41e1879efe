//! The disk that sessions share: entries, and the rules between sessions.

use super::blocks::{BLOCK_LEN, Blocks, Chain};
use super::node::{Claim, Node, ROOT, State};
use crate::limits::OWNERSHIP_MILLIS;
use crate::path::Path;
use crate::reply::{Code, Refusal};
use crate::storage::Space;

pub(super) const BUSY: Refusal =
    Refusal::new(Code::Busy, "another session writes this file; try again later");
pub(super) const NOT_FOUND: Refusal =
    Refusal::new(Code::NotFound, "there is no such file or folder");
const NO_PARTIAL: Refusal =
    Refusal::new(Code::NotFound, "nothing is stored of an interrupted upload of this path");
const NOT_DIRECTORY: Refusal =
    Refusal::new(Code::NotDirectory, "a component of the path is not a folder");
const IS_DIRECTORY: Refusal =
    Refusal::new(Code::IsDirectory, "the path names a folder; a file is needed");
const EXISTS: Refusal = Refusal::new(Code::Exists, "there is something of that name already");
const NOT_EMPTY: Refusal =
    Refusal::new(Code::NotEmpty, "the folder has entries; remove them first");
const IS_ROOT: Refusal = Refusal::new(Code::Denied, "the served folder itself cannot be changed");
const INTO_ITSELF: Refusal =
    Refusal::new(Code::BadArgument, "a folder cannot be moved into itself");
const FULL: Refusal = Refusal::new(Code::NoSpace, "the RAM disk is full");
const TOO_LARGE: Refusal = Refusal::new(Code::TooLarge, "the file is larger than the RAM disk");

/// A medium in RAM that holds up to `FILES` files and folders (partials and staged files count)
/// and `BLOCKS` times 256 bytes, of which each name takes one block.
///
/// Sessions share it through a [`RefCell`](core::cell::RefCell), each with a
/// [`RamSession`](super::RamSession). It takes `BLOCKS * 258 + FILES * 96` bytes of RAM or a
/// little more. Nothing survives a reset, so receipts promise
/// [`Cached`](crate::Durability::Cached) only.
///
/// The disk has no clock: whoever runs it calls [`set_now`](Self::set_now) now and then, or
/// stalled uploads are never taken over.
pub struct RamDisk<const FILES: usize, const BLOCKS: usize> {
    nodes: [Node; FILES],
    pub(super) blocks: Blocks<BLOCKS>,
    /// The last number given to an entry, a claim, a session or a change.
    last_number: u64,
    now: u64,
}

impl<const FILES: usize, const BLOCKS: usize> Default for RamDisk<FILES, BLOCKS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const FILES: usize, const BLOCKS: usize> RamDisk<FILES, BLOCKS> {
    /// An empty disk.
    pub const fn new() -> Self {
        Self { nodes: [Node::FREE; FILES], blocks: Blocks::new(), last_number: ROOT, now: 0 }
    }

    /// Tell the time, in milliseconds since any fixed moment. Time that goes backwards is
    /// ignored.
    pub fn set_now(&mut self, milliseconds: u64) {
        self.now = self.now.max(milliseconds);
    }

    /// The time last told, in milliseconds.
    pub const fn now(&self) -> u64 {
        self.now
    }

    pub(super) const fn space(&self) -> Space {
        Space { free: self.blocks.free() as u64, total: (BLOCKS * BLOCK_LEN) as u64 }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.last_number = self.last_number.wrapping_add(1);
        self.last_number
    }

    // Lookups.

    /// The identity of a folder.
    pub(super) fn folder(&self, path: Path<'_>) -> Result<u64, Refusal> {
        path.components().try_fold(ROOT, |folder, name| {
            let node = self.visible(folder, name).ok_or(NOT_FOUND)?;
            if node.state == State::Folder { Ok(node.id) } else { Err(NOT_DIRECTORY) }
        })
    }

    /// The folder a path is in, and its name there; `None` for the root.
    fn place<'p>(&self, path: Path<'p>) -> Result<Option<(u64, &'p [u8])>, Refusal> {
        let Some((parent, name)) = path.parent().zip(path.name()) else { return Ok(None) };
        Ok(Some((self.folder(parent)?, name)))
    }

    pub(super) fn entry(&self, path: Path<'_>) -> Result<Option<&Node>, Refusal> {
        let Some((folder, name)) = self.place(path)? else { return Ok(None) };
        self.visible(folder, name).map(Some).ok_or(NOT_FOUND)
    }

    /// The entry shown at or after position `at` of a folder, and the position after it.
    pub(super) fn entry_from(&self, folder: u64, at: usize) -> Option<(usize, &Node)> {
        let mut nodes = self.nodes.iter().enumerate().skip(at);
        nodes
            .find(|(_, node)| node.is_visible() && node.parent == folder)
            .map(|(at, node)| (at.saturating_add(1), node))
    }

    fn visible(&self, folder: u64, name: &[u8]) -> Option<&Node> {
        let mut nodes = self.nodes.iter();
        nodes.find(|node| node.is_visible() && self.is_at(node, folder, name))
    }

    fn position(&self, want: impl Fn(&Node) -> bool) -> Option<usize> {
        self.nodes.iter().position(want)
    }

    fn is_at(&self, node: &Node, folder: u64, name: &[u8]) -> bool {
        let mut own = [0; BLOCK_LEN];
        node.parent == folder
            && node.name_len == name.len()
            && self.name(node, &mut own).and_then(|len| own.get(..len)) == Some(name)
    }

    /// Copy the name of a node; `None` if the buffer is too small.
    pub(super) fn name(&self, node: &Node, buffer: &mut [u8]) -> Option<usize> {
        let read = self.blocks.read(node.name, 0, buffer.get_mut(..node.name_len)?);
        Some(read)
    }

    // Reading.

    pub(super) fn open(&mut self, path: Path<'_>) -> Result<Node, Refusal> {
        let (folder, name) = self.place(path)?.ok_or(IS_DIRECTORY)?;
        let node = *self.visible(folder, name).ok_or(NOT_FOUND)?;
        if node.state == State::Folder {
            return Err(IS_DIRECTORY);
        }
        self.count_reader(node.id);
        Ok(node)
    }

    pub(super) fn open_partial(&mut self, path: Path<'_>, session: u64) -> Result<Node, Refusal> {
        let (folder, name) = self.place(path)?.ok_or(NO_PARTIAL)?;
        self.check_owner(folder, name, session)?;
        let mut nodes = self.nodes.iter();
        let stalled = |node: &&Node| {
            matches!(node.state, State::Staged(claim) if claim.session != session)
                && node.length > 0
                && self.is_at(node, folder, name)
        };
        let node = match nodes.find(stalled) {
            Some(node) => *node,
            None => *self
                .nodes
                .iter()
                .find(|node| node.state == State::Partial && self.is_at(node, folder, name))
                .ok_or(NO_PARTIAL)?,
        };
        self.count_reader(node.id);
        Ok(node)
    }

    fn count_reader(&mut self, id: u64) {
        if let Some(node) = self.node_mut(id) {
            node.readers = node.readers.saturating_add(1);
        }
    }

    pub(super) fn node(&self, id: u64) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id && node.state != State::Free)
    }

    fn node_mut(&mut self, id: u64) -> Option<&mut Node> {
        self.nodes.iter_mut().find(|node| node.id == id && node.state != State::Free)
    }

    pub(super) fn close(&mut self, id: u64) {
        let Some(node) = self.node_mut(id) else { return };
        node.readers = node.readers.saturating_sub(1);
        if node.readers == 0 && node.state == State::Orphan {
            self.free(id);
        }
    }

    // Staging.

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
        let stored = self.nodes.get(at).map_or(0, |node| node.length as u64);
        self.check_size(size.map(|size| size.saturating_sub(stored)))?;
        let claim = Claim { ticket: self.number(), session, progress: self.now };
        let node = self.nodes.get_mut(at).ok_or(NO_PARTIAL)?;
        node.state = State::Staged(claim);
        Ok((claim.ticket, stored))
    }

    fn writable<'p>(&self, path: Path<'p>, size: Option<u64>) -> Result<(u64, &'p [u8]), Refusal> {
        let (folder, name) = self.place(path)?.ok_or(IS_DIRECTORY)?;
        if self.visible(folder, name).is_some_and(|node| node.state == State::Folder) {
            return Err(IS_DIRECTORY);
        }
        self.check_size(size)?;
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
        let owned = self.nodes.iter().any(|node| match node.state {
            State::Staged(claim) => {
                claim.session != session && self.is_alive(claim) && self.is_at(node, folder, name)
            }
            _ => false,
        });
        if owned { Err(BUSY) } else { Ok(()) }
    }

    fn is_alive(&self, claim: Claim) -> bool {
        self.now.saturating_sub(claim.progress) < OWNERSHIP_MILLIS
    }

    /// What others stopped writing becomes the partial.
    fn take_over(&mut self, folder: u64, name: &[u8], session: u64) {
        while let Some(ticket) = self.nodes.iter().find_map(|node| match node.state {
            State::Staged(claim) if claim.session != session && self.is_at(node, folder, name) => {
                Some(claim.ticket)
            }
            _ => None,
        }) {
            self.keep(ticket);
        }
    }

    /// The staged file of a writer, unless it was taken over.
    fn staged(&self, ticket: u64) -> Option<usize> {
        self.position(|node| matches!(node.state, State::Staged(claim) if claim.ticket == ticket))
    }

    pub(super) fn staged_node(&mut self, ticket: u64) -> Result<&mut Node, Refusal> {
        let at = self.staged(ticket).ok_or(BUSY)?;
        self.nodes.get_mut(at).ok_or(BUSY)
    }

    /// Note progress (law 6).
    pub(super) fn progress(&mut self, ticket: u64) {
        let now = self.now;
        if let Ok(Node { state: State::Staged(claim), .. }) = self.staged_node(ticket) {
            claim.progress = now;
        }
    }

    pub(super) fn write(
        &mut self,
        ticket: u64,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, Refusal> {
        self.progress(ticket);
        let stamp = self.number();
        let at = self.staged(ticket).ok_or(BUSY)?;
        let node = self.nodes.get_mut(at).ok_or(BUSY)?;
        let offset = usize::try_from(offset).map_err(|_| TOO_LARGE)?.min(node.length);
        let written = self.blocks.write(&mut node.data, offset, data);
        if written == 0 && !data.is_empty() {
            return Err(FULL);
        }
        node.length = node.length.max(offset.saturating_add(written));
        node.stamp = stamp;
        Ok(written)
    }

    pub(super) fn truncate(&mut self, ticket: u64, length: u64) -> Result<(), Refusal> {
        let at = self.staged(ticket).ok_or(BUSY)?;
        let node = self.nodes.get_mut(at).ok_or(BUSY)?;
        node.length = usize::try_from(length).map_or(node.length, |length| length.min(node.length));
        self.blocks.truncate(&mut node.data, node.length);
        Ok(())
    }

    pub(super) fn keep(&mut self, ticket: u64) {
        let Some(node) = self.staged(ticket).and_then(|at| self.nodes.get(at)).copied() else {
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
        if let Some(id) = self.staged(ticket).and_then(|at| self.nodes.get(at)).map(|n| n.id) {
            self.free(id);
        }
    }

    /// Make a staged file visible, in the place of a file of its name.
    pub(super) fn commit(&mut self, ticket: u64, modified: Option<u64>) -> Result<(), Refusal> {
        let stamp = self.number();
        let at = self.staged(ticket).ok_or(BUSY)?;
        let node = *self.nodes.get(at).ok_or(BUSY)?;
        let target = self.same_name(&node, Node::is_visible);
        if target.is_some_and(|target| target.state == State::Folder) {
            self.keep(ticket);
            return Err(IS_DIRECTORY);
        }
        self.discard_partials(&node);
        if let Some(node) = self.nodes.get_mut(at) {
            *node = Node { state: State::File, modified, stamp, ..*node };
        }
        if let Some(target) = target {
            self.replace(target.id, node.id);
        }
        Ok(())
    }

    /// Put one node into the place of another, which goes. A listing goes by places, so it
    /// shows what was replaced in between exactly once (law 8).
    fn replace(&mut self, old: u64, new: u64) {
        let places = self.position(|node| node.id == old).zip(self.position(|node| node.id == new));
        if let Some((old, new)) = places {
            self.nodes.swap(old, new);
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
        self.nodes.iter().find(|node| want(node) && self.is_at(node, of.parent, name)).copied()
    }

    pub(super) fn forget(&mut self, path: Path<'_>, session: u64) -> Result<(), Refusal> {
        let (folder, name) = self.place(path)?.ok_or(NO_PARTIAL)?;
        self.check_owner(folder, name, session)?;
        self.take_over(folder, name, session);
        let mut nodes = self.nodes.iter();
        let partial = nodes
            .find(|node| node.state == State::Partial && self.is_at(node, folder, name))
            .ok_or(NO_PARTIAL)?;
        self.free(partial.id);
        Ok(())
    }

    // Names.

    pub(super) fn remove(&mut self, path: Path<'_>) -> Result<(), Refusal> {
        let node = *self.entry(path)?.ok_or(IS_ROOT)?;
        if node.state == State::Folder {
            self.empty(node.id)?;
        }
        self.free(node.id);
        Ok(())
    }

    /// Remove what uploads left in a folder that holds nothing else.
    fn empty(&mut self, folder: u64) -> Result<(), Refusal> {
        for node in self.nodes.iter().filter(|node| node.parent == folder) {
            match node.state {
                State::File | State::Folder => return Err(NOT_EMPTY),
                State::Staged(claim) if self.is_alive(claim) => return Err(BUSY),
                State::Staged(_) | State::Partial | State::Orphan | State::Free => {}
            }
        }
        let leftover = |node: &&Node| {
            node.parent == folder && matches!(node.state, State::Partial | State::Staged(_))
        };
        while let Some(id) = self.nodes.iter().find(leftover).map(|node| node.id) {
            self.free(id);
        }
        Ok(())
    }

    pub(super) fn make_folder(&mut self, path: Path<'_>) -> Result<(), Refusal> {
        let (folder, name) = self.place(path)?.ok_or(EXISTS)?;
        if self.visible(folder, name).is_some() {
            return Err(EXISTS);
        }
        self.add(folder, name, State::Folder).map(|_| ())
    }

    pub(super) fn rename(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), Refusal> {
        let node = *self.entry(from)?.ok_or(IS_ROOT)?;
        let (folder, name) = self.place(to)?.ok_or(IS_ROOT)?;
        let target = self.visible(folder, name).copied();
        match target {
            _ if node.state == State::Folder && to.is_within(from) => return Err(INTO_ITSELF),
            Some(target) if target.id == node.id => return Ok(()),
            Some(_) if node.state == State::Folder => return Err(EXISTS),
            Some(target) if target.state == State::Folder => return Err(IS_DIRECTORY),
            _ => {}
        }
        // A name takes one block, which the old one has: this cannot run out of space.
        let mut chain = node.name;
        self.blocks.write(&mut chain, 0, name);
        if let Some(node) = self.node_mut(node.id) {
            *node = Node { parent: folder, name: chain, name_len: name.len(), ..*node };
        }
        if let Some(target) = target {
            self.replace(target.id, node.id);
        }
        Ok(())
    }

    fn add(&mut self, folder: u64, name: &[u8], state: State) -> Result<u64, Refusal> {
        let id = self.number();
        let free = self.nodes.iter_mut().find(|node| node.state == State::Free).ok_or(FULL)?;
        let mut chain = Chain::EMPTY;
        if self.blocks.write(&mut chain, 0, name) < name.len() {
            return Err(FULL);
        }
        *free = Node {
            id,
            parent: folder,
            name: chain,
            name_len: name.len(),
            stamp: id,
            state,
            ..Node::FREE
        };
        Ok(id)
    }

    /// An entry goes, its bytes with it unless they are being read.
    fn free(&mut self, id: u64) {
        let Some(node) = self.nodes.iter_mut().find(|n| n.id == id && n.state != State::Free)
        else {
            return;
        };
        if node.readers > 0 {
            node.state = State::Orphan;
            return;
        }
        let (mut name, mut data) = (node.name, node.data);
        *node = Node::FREE;
        self.blocks.truncate(&mut name, 0);
        self.blocks.truncate(&mut data, 0);
    }
}
