//! What is to be done to names and chains, so written down that doing it twice is doing it once.

use super::bytes::{put, u16_at, u32_at};
use super::folder::Id;
use super::slot::{SHORT_LEN, SLOT_LEN, Slot};
use super::table::Run;
use crate::block::Block;

/// Staged files that may be written at one time.
pub(super) const OPEN_MAX: usize = 16;

/// Those that are being written.
pub(super) type Open = [Option<Id>; OPEN_MAX];

/// Bytes of an entry behind its short name: what it is, apart from its name.
pub(super) const TAIL_LEN: usize = SLOT_LEN - SHORT_LEN;

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
    /// An entry …
    pub(super) put: Option<Id>,
    /// … and what stands behind its short name from now on.
    pub(super) tail: [u8; TAIL_LEN],
    /// Whether it is a staged file that becomes visible: the mark is taken off its name.
    pub(super) is_unmarked: bool,
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
    /// Change the entry to what this slot has behind its name.
    pub(super) fn put(&mut self, id: Id, slot: &Slot) {
        self.put = Some(id);
        put(&mut self.tail, 0, slot.get(SHORT_LEN..).unwrap_or_default());
    }

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
        put_id(block, PUT, self.put);
        put(block, TAIL, &self.tail);
        put(block, UNMARKED, &[self.is_unmarked.into()]);
        put_id(block, ERASE, self.erase);
        for (at, id) in (OPEN..).step_by(ID_LEN).zip(open) {
            put_id(block, at, *id);
        }
        let checksum = checksum(block);
        put(block, CHECKSUM, &checksum.to_le_bytes());
    }

    /// The number of a block in the sequence; `None` for one that was never written.
    pub(super) fn sequence_of(block: &Block) -> Option<u32> {
        let is_whole = block.starts_with(&MAGIC) && u32_at(block, CHECKSUM) == checksum(block);
        is_whole.then(|| u32_at(block, SEQUENCE))
    }

    /// Read a block, and which staged files were being written.
    pub(super) fn parse(block: &Block, open: &mut Open) -> Self {
        for (at, id) in (OPEN..).step_by(ID_LEN).zip(open) {
            *id = id_at(block, at);
        }
        let mut tail = [0; TAIL_LEN];
        put(&mut tail, 0, block.get(TAIL..).unwrap_or_default());
        Self {
            run: Run { first: u32_at(block, RUN), count: u32_at(block, RUN + 4) },
            link: u32_at(block, LINK),
            link_to: u32_at(block, LINK + 4),
            put: id_at(block, PUT),
            tail,
            is_unmarked: block.get(UNMARKED) != Some(&0),
            erase: id_at(block, ERASE),
            moved: u32_at(block, MOVED),
            parent: u32_at(block, MOVED + 4),
            free: u32_at(block, FREE),
            rest: u32_at(block, FREE + 4),
        }
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
            put: Some(id(9)),
            tail: [10; TAIL_LEN],
            is_unmarked: true,
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
            let mut found = [None; OPEN_MAX];
            assert_eq!(Record::sequence_of(&block), Some(77));
            assert_eq!((Record::parse(&block, &mut found), found), (record, open));
            for at in [0, 9, 84, 300, 507, 511] {
                let mut torn = block;
                torn[at] ^= 1;
                assert_eq!(Record::sequence_of(&torn), None, "byte {at}");
            }
        }
        const { assert!(OPEN + OPEN_MAX * ID_LEN <= CHECKSUM) };
    }
}
