//! The disk that sessions share: entries, and the rules between sessions.

use super::blocks::{BLOCK_LEN, Blocks, Chain, Cursor};
use super::memory::{Arrays, Block, Lent, Memory};
use super::node::{Handle, Node, ROOT, State};
use crate::path::Path;
use crate::reply::{Code, Refusal};
use crate::storage::Space;

pub(super) const BUSY: Refusal =
    Refusal::new(Code::Busy, "another session writes this file; try again later");
pub(super) const NOT_FOUND: Refusal =
    Refusal::new(Code::NotFound, "there is no such file or folder");
pub(super) const NO_PARTIAL: Refusal =
    Refusal::new(Code::NotFound, "nothing is stored of an interrupted upload of this path");
const NOT_DIRECTORY: Refusal =
    Refusal::new(Code::NotDirectory, "a component of the path is not a folder");
pub(super) const IS_DIRECTORY: Refusal =
    Refusal::new(Code::IsDirectory, "the path names a folder; a file is needed");
const EXISTS: Refusal = Refusal::new(Code::Exists, "there is something of that name already");
const NOT_EMPTY: Refusal =
    Refusal::new(Code::NotEmpty, "the folder has entries; remove them first");
const IS_ROOT: Refusal = Refusal::new(Code::Denied, "the served folder itself cannot be changed");
const INTO_ITSELF: Refusal =
    Refusal::new(Code::BadArgument, "a folder cannot be moved into itself");
pub(super) const FULL: Refusal = Refusal::new(Code::NoSpace, "the RAM disk is full");
pub(super) const TOO_LARGE: Refusal =
    Refusal::new(Code::TooLarge, "the file is larger than the RAM disk");

/// A [`Disk`] in arrays of its own, for up to `FILES` files and folders and `BLOCKS` times 256
/// bytes. It takes about `BLOCKS * 260 + FILES * 136` bytes of RAM.
pub type RamDisk<const FILES: usize, const BLOCKS: usize> = Disk<Arrays<FILES, BLOCKS>>;

/// A medium in RAM for a number of files and folders (partials and staged files count) and a
/// number of blocks of 256 bytes, of which each name takes one. Nothing survives a reset, so
/// receipts promise [`Cached`](crate::Durability::Cached) only.
///
/// Sessions share it through a [`RefCell`](core::cell::RefCell), each with a
/// [`Session`](super::Session).
///
/// The disk has no clock: whoever runs it calls [`set_now`](Self::set_now) now and then, or
/// stalled uploads are never taken over.
pub struct Disk<M: Memory> {
    pub(super) nodes: M::Nodes,
    pub(super) blocks: Blocks<M>,
    /// The last number given to an entry, a claim, a session or a change.
    last_number: u64,
    pub(super) now: u64,
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
}

impl<'m> Disk<Lent<'m>> {
    /// An empty disk in this memory, whatever it holds: for as many files and folders as there
    /// are nodes, and as many blocks as there are of `bytes` and of `links`. Memory for bytes and
    /// links is not touched before it is needed.
    pub fn lent(nodes: &'m mut [Node], bytes: &'m mut [Block], links: &'m mut [u32]) -> Self {
        nodes.fill(Node::FREE);
        Self { nodes, blocks: Blocks::lent(bytes, links), last_number: ROOT, now: 0 }
    }
}

impl<M: Memory> Disk<M> {
    /// Tell the time, in milliseconds since any fixed moment. Time that goes backwards is
    /// ignored.
    pub fn set_now(&mut self, milliseconds: u64) {
        self.now = self.now.max(milliseconds);
    }

    /// The time last told, in milliseconds.
    pub const fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn space(&self) -> Space {
        Space { free: self.blocks.free() as u64, total: self.blocks.total() as u64 }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.last_number = self.last_number.wrapping_add(1);
        self.last_number
    }

    /// The identity of a folder.
    pub(super) fn folder(&self, path: Path<'_>) -> Result<u64, Refusal> {
        path.components().try_fold(ROOT, |folder, name| {
            let node = self.visible(folder, name).ok_or(NOT_FOUND)?;
            if node.state == State::Folder { Ok(node.id) } else { Err(NOT_DIRECTORY) }
        })
    }

    /// The folder a path is in, and its name there; `None` for the root.
    pub(super) fn place<'p>(&self, path: Path<'p>) -> Result<Option<(u64, &'p [u8])>, Refusal> {
        let Some((parent, name)) = path.parent().zip(path.name()) else { return Ok(None) };
        Ok(Some((self.folder(parent)?, name)))
    }

    pub(super) fn entry(&self, path: Path<'_>) -> Result<Option<&Node>, Refusal> {
        let Some((folder, name)) = self.place(path)? else { return Ok(None) };
        self.visible(folder, name).map(Some).ok_or(NOT_FOUND)
    }

    pub(super) fn nodes(&self) -> &[Node] {
        self.nodes.as_ref()
    }

    fn nodes_mut(&mut self) -> &mut [Node] {
        self.nodes.as_mut()
    }

    /// The entry shown at or after position `at` of a folder, and the position after it.
    pub(super) fn entry_from(&self, folder: u64, at: usize) -> Option<(usize, &Node)> {
        let mut nodes = self.nodes().iter().enumerate().skip(at);
        nodes
            .find(|(_, node)| node.is_visible() && node.parent == folder)
            .map(|(at, node)| (at.saturating_add(1), node))
    }

    pub(super) fn visible(&self, folder: u64, name: &[u8]) -> Option<&Node> {
        self.nodes().iter().find(|node| node.is_visible() && self.is_at(node, folder, name))
    }

    pub(super) fn position(&self, want: impl Fn(&Node) -> bool) -> Option<usize> {
        self.nodes().iter().position(want)
    }

    /// The place of the one node that is wanted, which was at `last` when it was last looked for.
    pub(super) fn place_again(&self, last: usize, want: impl Fn(&Node) -> bool) -> Option<usize> {
        if self.nodes().get(last).is_some_and(&want) { Some(last) } else { self.position(want) }
    }

    pub(super) fn is_at(&self, node: &Node, folder: u64, name: &[u8]) -> bool {
        let mut own = [0; BLOCK_LEN];
        node.parent == folder
            && node.name_len == name.len()
            && self.name(node, &mut own).and_then(|len| own.get(..len)) == Some(name)
    }

    /// Copy the name of a node; `None` if the buffer is too small.
    pub(super) fn name(&self, node: &Node, buffer: &mut [u8]) -> Option<usize> {
        let buffer = buffer.get_mut(..node.name_len)?;
        Some(self.blocks.read(node.name, &mut Cursor::default(), 0, buffer))
    }

    pub(super) fn open(&mut self, path: Path<'_>) -> Result<Node, Refusal> {
        let (folder, name) = self.place(path)?.ok_or(IS_DIRECTORY)?;
        let node = *self.visible(folder, name).ok_or(NOT_FOUND)?;
        if node.state == State::Folder {
            return Err(IS_DIRECTORY);
        }
        self.count_reader(node.id);
        Ok(node)
    }

    pub(super) fn count_reader(&mut self, id: u64) {
        if let Some(node) = self.node_mut(id) {
            node.readers = node.readers.saturating_add(1);
        }
    }

    /// What an open file names now.
    pub(super) fn opened(&self, file: &mut Handle) -> Option<&Node> {
        let is_file = |node: &Node| node.id == file.number && node.state != State::Free;
        file.place = self.place_again(file.place, is_file)?;
        self.nodes().get(file.place)
    }

    pub(super) fn node_mut(&mut self, id: u64) -> Option<&mut Node> {
        self.nodes_mut().iter_mut().find(|node| node.id == id && node.state != State::Free)
    }

    pub(super) fn close(&mut self, id: u64) {
        let Some(node) = self.node_mut(id) else { return };
        node.readers = node.readers.saturating_sub(1);
        if node.readers == 0 && node.state == State::Orphan {
            self.free(id);
        }
    }

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
        for node in self.nodes().iter().filter(|node| node.parent == folder) {
            match node.state {
                State::File | State::Folder => return Err(NOT_EMPTY),
                State::Staged(claim) if self.is_alive(claim) => return Err(BUSY),
                State::Staged(_) | State::Partial | State::Orphan | State::Free => {}
            }
        }
        let leftover = |node: &&Node| {
            node.parent == folder && matches!(node.state, State::Partial | State::Staged(_))
        };
        while let Some(id) = self.nodes().iter().find(leftover).map(|node| node.id) {
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
        self.blocks.write(&mut chain, &mut Cursor::default(), 0, name);
        if let Some(node) = self.node_mut(node.id) {
            *node = Node { parent: folder, name: chain, name_len: name.len(), ..*node };
        }
        if let Some(target) = target {
            self.replace(target.id, node.id);
        }
        Ok(())
    }

    pub(super) fn add(&mut self, folder: u64, name: &[u8], state: State) -> Result<u64, Refusal> {
        let id = self.number();
        let mut nodes = self.nodes.as_mut().iter_mut();
        let free = nodes.find(|node| node.state == State::Free).ok_or(FULL)?;
        let mut chain = Chain::EMPTY;
        if self.blocks.write(&mut chain, &mut Cursor::default(), 0, name) < name.len() {
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
    pub(super) fn free(&mut self, id: u64) {
        let Some(node) = self.nodes_mut().iter_mut().find(|n| n.id == id && n.state != State::Free)
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
