//! The partition table of a card: the four entries of a master boot record.

use crate::block::Block;

/// Where the four entries begin, and how long each is, in bytes.
const TABLE: usize = 446;
const ENTRY_LEN: usize = 16;

/// A part of a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Partition {
    /// What it is said to hold, 0x0c for FAT32 for instance.
    pub kind: u8,
    /// Its first block.
    pub first: u32,
    /// Blocks.
    pub count: u32,
}

/// The partitions that the first block of a medium names, in order, as many as lie within the
/// `count` blocks of it. None where it is no partition table.
pub fn partitions(block: &Block, count: u32) -> impl Iterator<Item = Partition> {
    let table = block.get(TABLE..).unwrap_or_default();
    let (entries, signature) = table.split_at_checked(4 * ENTRY_LEN).unwrap_or_default();
    let entries = if signature == [0x55, 0xaa] { entries } else { &[] };
    entries.chunks_exact(ENTRY_LEN).filter_map(parse).filter(move |partition| {
        let end = partition.first.checked_add(partition.count);
        end.is_some_and(|end| end <= count)
    })
}

fn parse(entry: &[u8]) -> Option<Partition> {
    let [0x00 | 0x80, _, _, _, kind, _, _, _, first @ .., _, _, _, _] = entry else { return None };
    let partition = Partition {
        kind: *kind,
        first: u32::from_le_bytes(*first.first_chunk()?),
        count: u32::from_le_bytes(*entry.last_chunk()?),
    };
    (partition.kind != 0 && partition.first != 0 && partition.count != 0).then_some(partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_found_and_nonsense_is_not() {
        let mut block = [0; 512];
        assert_eq!(partitions(&block, 1000).count(), 0);
        block[510..].copy_from_slice(&[0x55, 0xaa]);
        assert_eq!(partitions(&block, 1000).count(), 0);
        block[446..462].copy_from_slice(&[0x80, 1, 2, 3, 0x0c, 4, 5, 6, 100, 0, 0, 0, 44, 1, 0, 0]);
        block[478..494].copy_from_slice(&[0, 1, 2, 3, 0xda, 4, 5, 6, 0x90, 1, 0, 0, 88, 2, 0, 0]);
        let first = Partition { kind: 0x0c, first: 100, count: 300 };
        let second = Partition { kind: 0xda, first: 400, count: 600 };
        assert!(partitions(&block, 1000).eq([first, second]));
        // One that reaches beyond the end is not there.
        assert!(partitions(&block, 999).eq([first]));
        block[446] = 7;
        assert!(partitions(&block, 1000).eq([second]));
    }
}
