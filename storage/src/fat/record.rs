//! What is to be done to names and chains, so written down that doing it twice is doing it once.

use super::bytes::{put, u16_at, u32_at};
use super::folder::Id;
use super::slot::TAIL_LEN;
use super::table::Run;
use crate::block::Block;

/// Staged files that may be written at one time.
pub(super) const OPEN_MAX: usize = 16;

/// Those that are being written.
pub(super) type Open = [Option<Id>; OPEN_MAX];

/// One change of one entry: what stands behind its short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Put {
    pub(super) id: Id,
    pub(super) tail: [u8; TAIL_LEN],
    /// Whether it is a staged file that becomes visible: the mark is taken off its name.
    pub(super) is_unmarked: bool,
}

/// A change of several blocks, as the journal has it. Every part is optional; a cluster number
/// of 0 means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Free clusters that become a chain.
    pub(super) run: Run,
    /// The entry of this cluster in the FAT …
    pub(super) link: u32,
    /// … becomes this.
    pub(super) link_to: u32,
    pub(super) put: Option<Put>,
    /// An entry that goes.
    pub(super) erase: Option<Id>,
    /// A folder that has moved …
    pub(super) moved: u32,
    /// … and the folder it is in now, as `..` has it.
    pub(super) parent: u32,
    /// A chain to be freed: the clusters of it that go in the first step, those whose entries are
    /// in one block of the FAT.
    pub(super) free: u32,
    /// The rest of that chain.
    pub(super) rest: u32,
}

/// Places in a block of the journal. A checksum over all before it is at the end.
const MAGIC: [u8; 8] = *b"CORACLE1";
const SEQUENCE: usize = 8;
const RUN: usize = 12;
const LINK: usize = 20;
const MOVED: usize = 28;
const FREE: usize = 36;
const PUT: usize = 44;
const TAIL: usize = 52;
const UNMARKED: usize = 73;
const ERASE: usize = 76;
const OPEN: usize = 84;
const CHECKSUM: usize = 508;

/// Bytes of an identity: folder, first slot, slots, one to spare. No slots: none.
const ID_LEN: usize = 8;

impl Record {
    /// Whether nothing is to be done.
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Fill a block of zeros.
    pub(super) fn emit(&self, block: &mut Block, sequence: u32, open: &Open) {
        put(block, 0, &MAGIC);
        for (at, value) in [
            (SEQUENCE, sequence),
            (RUN, self.run.first),
            (RUN + 4, self.run.count),
            (LINK, self.link),
            (LINK + 4, self.link_to),
            (MOVED, self.moved),
            (MOVED + 4, self.parent),
            (FREE, self.free),
            (FREE + 4, self.rest),
        ] {
            put(block, at, &value.to_le_bytes());
        }
        if let Some(change) = self.put {
            put_id(block, PUT, Some(change.id));
            put(block, TAIL, &change.tail);
            put(block, UNMARKED, &[change.is_unmarked.into()]);
        }
        put_id(block, ERASE, self.erase);
        for (at, id) in (OPEN..).step_by(ID_LEN).zip(open) {
            put_id(block, at, *id);
        }
        let checksum = checksum(block);
        put(block, CHECKSUM, &checksum.to_le_bytes());
    }

    /// Read a block: its number in the sequence, the record, and the staged files that were being
    /// written. `None` for a block that was never written.
    pub(super) fn parse(block: &Block) -> Option<(u32, Self, Open)> {
        if !block.starts_with(&MAGIC) || u32_at(block, CHECKSUM) != checksum(block) {
            return None;
        }
        let mut tail = [0; TAIL_LEN];
        put(&mut tail, 0, block.get(TAIL..)?);
        let is_unmarked = block.get(UNMARKED) != Some(&0);
        let record = Self {
            run: Run { first: u32_at(block, RUN), count: u32_at(block, RUN + 4) },
            link: u32_at(block, LINK),
            link_to: u32_at(block, LINK + 4),
            put: id_at(block, PUT).map(|id| Put { id, tail, is_unmarked }),
            erase: id_at(block, ERASE),
            moved: u32_at(block, MOVED),
            parent: u32_at(block, MOVED + 4),
            free: u32_at(block, FREE),
            rest: u32_at(block, FREE + 4),
        };
        let open = core::array::from_fn(|at| id_at(block, OPEN + at * ID_LEN));
        Some((u32_at(block, SEQUENCE), record, open))
    }
}

fn put_id(block: &mut Block, at: usize, id: Option<Id>) {
    if let Some(id) = id {
        put(block, at, &id.folder.to_le_bytes());
        put(block, at + 4, &id.first.to_le_bytes());
        put(block, at + 6, &[id.count]);
    }
}

fn id_at(block: &Block, at: usize) -> Option<Id> {
    let count = block.get(at + 6).copied().filter(|count| *count > 0)?;
    Some(Id { folder: u32_at(block, at), first: u16_at(block, at + 4), count })
}

fn checksum(block: &Block) -> u32 {
    let mut crc = coracle::Crc32::new();
    crc.update(block.get(..CHECKSUM).unwrap_or_default());
    crc.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_there_and_back() {
        let id = |first| Id { folder: 0x0102_0304, first, count: 21 };
        let record = Record {
            run: Run { first: 5, count: 6 },
            link: 7,
            link_to: 8,
            put: Some(Put { id: id(9), tail: [10; TAIL_LEN], is_unmarked: true }),
            erase: Some(id(11)),
            moved: 12,
            parent: 13,
            free: 14,
            rest: 15,
        };
        let open = core::array::from_fn(|at| (at % 3 > 0).then(|| id(at as u16)));
        for record in [record, Record::default()] {
            let mut block = [0; 512];
            record.emit(&mut block, 77, &open);
            assert_eq!(Record::parse(&block), Some((77, record, open)));
            for at in [0, 9, 84, 300, 507, 511] {
                let mut torn = block;
                torn[at] ^= 1;
                assert_eq!(Record::parse(&torn), None, "byte {at}");
            }
        }
        const { assert!(OPEN + OPEN_MAX * ID_LEN <= CHECKSUM) };
    }
}
