//! A RAM disk as one session sees it.

use core::cell::{RefCell, RefMut};

use heapless::Deque;

use super::blocks::{BLOCK_LEN, Cursor};
use super::disk::{BUSY, Disk, NOT_FOUND};
use super::memory::{Arrays, Memory};
use super::node::{Handle, Node, ROOT, State};
use crate::path::Path;
use crate::reply::{Code, Receipt, Refusal};
use crate::storage::{Durability, Facts, Kind, Metadata, Space, Storage};

/// Files in one commit: in RAM there is no flush to share, so a few are enough.
const GROUP_MAX: usize = 4;

const NOT_DIRECTORY: Refusal = Refusal::new(Code::NotDirectory, "the path names a file");
const NAME_TOO_LONG: Refusal = Refusal::new(Code::Io, "internal: no room for the name");

/// A [`Session`] on a [`RamDisk`](super::RamDisk).
pub type RamSession<'a, const FILES: usize, const BLOCKS: usize> =
    Session<'a, Arrays<FILES, BLOCKS>>;

/// The [`Storage`] of one session on a shared [`Disk`].
pub struct Session<'a, M: Memory> {
    disk: &'a RefCell<Disk<M>>,
    session: u64,
    group: Deque<Finished, GROUP_MAX>,
    results: Deque<(Receipt, Result<Durability, Refusal>), GROUP_MAX>,
}

/// A file of a [`Disk`] that is open for reading. Give it back with
/// [`close`](Storage::close): the bytes of a removed file stay until then.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RamFile(Handle);

/// A folder of a [`Disk`] that is being listed.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RamFolder {
    id: u64,
    next: usize,
}

/// A staged file of a [`Disk`].
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RamStaged(Handle);

struct Finished {
    staged: RamStaged,
    receipt: Receipt,
    modified: Option<u64>,
}

impl<'a, M: Memory> Session<'a, M> {
    /// One more session on this disk.
    pub fn new(disk: &'a RefCell<Disk<M>>) -> Self {
        let session = disk.try_borrow_mut().map_or(ROOT, |mut disk| disk.number());
        Self { disk, session, group: Deque::new(), results: Deque::new() }
    }

    /// Which of the disk's sessions this is, for logs.
    pub(crate) const fn number(&self) -> u64 {
        self.session
    }

    /// The disk, for the duration of one call.
    fn disk(&self) -> Result<RefMut<'a, Disk<M>>, Refusal> {
        self.disk.try_borrow_mut().map_err(|_| BUSY)
    }
}

impl<M: Memory> Storage for Session<'_, M> {
    type File = RamFile;
    type Folder = RamFolder;
    type Staged = RamStaged;
    type Error = Refusal;

    fn facts(&mut self) -> Result<Facts, Refusal> {
        let space = self.disk()?.space();
        Ok(Facts {
            case_sensitive: true,
            atomic_replace: true,
            free: Some(space.free),
            largest: Some(space.total.saturating_sub(BLOCK_LEN as u64)),
        })
    }

    fn space(&mut self) -> Result<Space, Refusal> {
        Ok(self.disk()?.space())
    }

    fn stat(&mut self, path: Path<'_>) -> Result<Metadata, Refusal> {
        let disk = self.disk()?;
        let node = disk.entry(path)?;
        Ok(node.map_or(ROOT_METADATA, Node::metadata))
    }

    fn open(&mut self, path: Path<'_>) -> Result<(RamFile, Metadata), Refusal> {
        let node = self.disk()?.open(path)?;
        Ok((RamFile(Handle::new(node.id)), node.metadata()))
    }

    fn open_partial(&mut self, path: Path<'_>) -> Result<(RamFile, Metadata), Refusal> {
        let node = self.disk()?.open_partial(path, self.session)?;
        Ok((RamFile(Handle::new(node.id)), node.metadata()))
    }

    fn read_at(
        &mut self,
        file: &mut RamFile,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Refusal> {
        let disk = self.disk()?;
        let node = *disk.opened(&mut file.0).ok_or(NOT_FOUND)?;
        Ok(read(&disk, &node, &mut file.0.cursor, offset, buffer))
    }

    fn metadata(&mut self, file: &mut RamFile) -> Result<Metadata, Refusal> {
        self.disk()?.opened(&mut file.0).map(Node::metadata).ok_or(NOT_FOUND)
    }

    fn close(&mut self, file: RamFile) {
        if let Ok(mut disk) = self.disk() {
            disk.close(file.0.number);
        }
    }

    fn open_folder(&mut self, path: Path<'_>) -> Result<RamFolder, Refusal> {
        let disk = self.disk()?;
        let id = match disk.entry(path)? {
            None => ROOT,
            Some(node) if node.state == State::Folder => node.id,
            Some(_) => return Err(NOT_DIRECTORY),
        };
        Ok(RamFolder { id, next: 0 })
    }

    fn next_entry(
        &mut self,
        folder: &mut RamFolder,
        name: &mut [u8],
    ) -> Result<Option<(Metadata, usize)>, Refusal> {
        let disk = self.disk()?;
        let Some((next, node)) = disk.entry_from(folder.id, folder.next) else { return Ok(None) };
        let len = disk.name(node, name).ok_or(NAME_TOO_LONG)?;
        folder.next = next;
        Ok(Some((node.metadata(), len)))
    }

    fn close_folder(&mut self, _folder: RamFolder) {}

    fn stage(&mut self, path: Path<'_>, size: Option<u64>) -> Result<RamStaged, Refusal> {
        let ticket = self.disk()?.stage(path, size, self.session)?;
        Ok(RamStaged(Handle::new(ticket)))
    }

    fn resume(&mut self, path: Path<'_>, size: Option<u64>) -> Result<(RamStaged, u64), Refusal> {
        let (ticket, stored) = self.disk()?.resume(path, size, self.session)?;
        Ok((RamStaged(Handle::new(ticket)), stored))
    }

    fn read_staged(
        &mut self,
        staged: &mut RamStaged,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Refusal> {
        let mut disk = self.disk()?;
        let node = *disk.staged_by(&mut staged.0)?;
        Ok(read(&disk, &node, &mut staged.0.cursor, offset, buffer))
    }

    fn truncate(&mut self, staged: &mut RamStaged, length: u64) -> Result<(), Refusal> {
        self.disk()?.truncate(&mut staged.0, length)
    }

    fn write_at(
        &mut self,
        staged: &mut RamStaged,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, Refusal> {
        self.disk()?.write(&mut staged.0, offset, data)
    }

    fn alive(&mut self, staged: &mut RamStaged) {
        if let Ok(mut disk) = self.disk() {
            disk.progress(&mut staged.0);
        }
    }

    fn finish(&mut self, staged: RamStaged, receipt: Receipt, modified: Option<u64>) -> bool {
        if self.group.is_full() {
            self.commit();
        }
        if let Err(refused) = self.group.push_back(Finished { staged, receipt, modified }) {
            // Only where results were never collected: the file is not lost.
            self.keep(refused.staged);
        }
        !self.group.is_full()
    }

    fn keep(&mut self, staged: RamStaged) {
        if let Ok(mut disk) = self.disk() {
            disk.keep(staged.0.number);
        }
    }

    fn discard(&mut self, staged: RamStaged) {
        if let Ok(mut disk) = self.disk() {
            disk.discard(staged.0.number);
        }
    }

    fn commit(&mut self) {
        while !self.results.is_full() {
            let Some(finished) = self.group.pop_front() else { break };
            let result = self
                .disk()
                .and_then(|mut disk| disk.commit(finished.staged.0.number, finished.modified))
                .map(|()| Durability::Cached);
            // There is room: the loop asked.
            let _ = self.results.push_back((finished.receipt, result));
        }
    }

    fn committed(&mut self) -> Option<(Receipt, Result<Durability, Refusal>)> {
        self.results.pop_front()
    }

    fn forget(&mut self, path: Path<'_>) -> Result<(), Refusal> {
        self.disk()?.forget(path, self.session)
    }

    fn remove(&mut self, path: Path<'_>) -> Result<(), Refusal> {
        self.disk()?.remove(path)
    }

    fn make_folder(&mut self, path: Path<'_>) -> Result<(), Refusal> {
        self.disk()?.make_folder(path)
    }

    fn rename(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), Refusal> {
        self.disk()?.rename(from, to)
    }
}

const ROOT_METADATA: Metadata = Metadata { kind: Kind::Folder, size: 0, modified: None, stamp: 0 };

fn read<M: Memory>(
    disk: &Disk<M>,
    node: &Node,
    cursor: &mut Cursor,
    offset: u64,
    buffer: &mut [u8],
) -> usize {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(node.length);
    let len = buffer.len().min(node.length.saturating_sub(offset));
    let buffer = buffer.get_mut(..len).unwrap_or_default();
    disk.blocks.read(node.data, cursor, offset, buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ram::RamDisk;

    /// What the documentation of [`RamDisk`] says of its size.
    #[test]
    fn a_disk_takes_the_memory_it_says() {
        type Disk = RamDisk<16, 64>;
        assert!(size_of::<Disk>() <= 16 * 136 + 64 * 260 + 64, "{} bytes", size_of::<Disk>());
        // A session holds no file bytes.
        assert!(size_of::<RamSession<'_, 16, 64>>() <= 512);
    }

    #[test]
    fn a_full_disk_says_so_and_recovers() {
        let disk = RefCell::new(RamDisk::<3, 8>::new());
        let mut session = RamSession::new(&disk);
        let path = Path::new(b"a").unwrap();
        assert_eq!(session.facts().unwrap().largest, Some(7 * 256));
        assert_eq!(session.stage(path, Some(7 * 256 + 1)).unwrap_err().code, Code::TooLarge);
        let mut staged = session.stage(path, None).unwrap();
        let mut stored = 0;
        let error = loop {
            match session.write_at(&mut staged, stored, &[7; 300]) {
                Ok(written) => stored += written as u64,
                Err(error) => break error,
            }
        };
        assert_eq!((error.code, stored), (Code::NoSpace, 7 * 256));
        let other = Path::new(b"b").unwrap();
        assert_eq!(session.stage(other, Some(1)).unwrap_err().code, Code::NoSpace);
        session.discard(staged);
        for name in [b"b", b"c", b"d"] {
            session.make_folder(Path::new(name).unwrap()).unwrap();
        }
        assert_eq!(session.make_folder(path).unwrap_err().code, Code::NoSpace);
        assert_eq!(session.space().unwrap(), Space { free: 5 * 256, total: 8 * 256 });
    }
}
