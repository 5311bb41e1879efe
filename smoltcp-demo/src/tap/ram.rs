//! The memory of a RAM disk, as large as is asked for.

use std::cell::RefCell;

use coracle::ram::{BLOCK_LEN, Disk, Lent, Node};

use super::size::{Size, memory};

/// The smallest disk that can be asked for.
pub(super) const RAM_MIN: Size = Size(64 << 10);

/// Bytes of a disk for each file or folder that it can hold, up to [`FILES_MAX`].
const BYTES_PER_FILE: usize = 4096;

/// Files and folders of the largest disk: a name is found by looking at all of them, in which
/// time no frame is.
const FILES_MAX: usize = 16_384;

/// The memory of a RAM disk. The system gives it page by page when it is first touched: what was
/// never written costs nothing.
pub(super) struct RamMemory {
    nodes: Vec<Node>,
    bytes: Vec<u8>,
    links: Vec<u32>,
}

impl RamMemory {
    /// Memory for a disk of this size, or how much this machine has in all if that is less.
    pub(super) fn new(size: Size) -> Result<Self, Size> {
        let there = memory();
        if size > there {
            return Err(there);
        }
        let blocks = size.0 / BLOCK_LEN;
        let files = (size.0 / BYTES_PER_FILE).min(FILES_MAX);
        Ok(Self {
            nodes: vec![Node::FREE; files],
            bytes: vec![0; blocks * BLOCK_LEN],
            links: vec![0; blocks],
        })
    }

    /// An empty disk.
    pub(super) fn disk(&mut self) -> RefCell<Disk<Lent<'_>>> {
        let (blocks, _none) = self.bytes.as_chunks_mut::<BLOCK_LEN>();
        RefCell::new(Disk::lent(&mut self.nodes, blocks, &mut self.links))
    }
}

#[cfg(test)]
mod tests {
    use coracle::ram::Session;
    use coracle::{Path, Storage};

    use super::*;

    #[test]
    fn a_disk_is_as_large_as_was_asked_for() {
        for size in [RAM_MIN, Size(16 << 20), Size((1 << 20) + 100)] {
            let mut memory = RamMemory::new(size).unwrap();
            let disk = memory.disk();
            let mut session = Session::new(&disk);
            let total = session.space().unwrap().total;
            assert_eq!(total, (size.0 - size.0 % BLOCK_LEN) as u64, "{size}");
            let path = Path::new(b"folder").unwrap();
            session.make_folder(path).unwrap();
        }
    }

    #[test]
    fn a_disk_larger_than_the_machine_is_refused() {
        let there = RamMemory::new(Size(usize::MAX)).err().unwrap();
        assert!(there > Size(64 << 20), "{there}");
    }
}
