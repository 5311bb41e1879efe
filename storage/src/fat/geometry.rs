//! Where things are on a volume: what its boot block says.

use super::bytes::{u16_at, u32_at};
use super::disk::Mirror;
use crate::block::{BLOCK_LEN, Block};
use crate::chip::Error;
use crate::partition::Partition;

/// The width of the FAT's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Fat12,
    Fat16,
    Fat32,
}

/// A cluster number that means "none".
pub(super) const NO_CLUSTER: u32 = 0;

/// The first cluster that there is.
pub(super) const FIRST_CLUSTER: u32 = 2;

/// Most clusters of FAT12 and FAT16, as Microsoft's specification has them.
const FAT12_MAX: u32 = 4084;
const FAT16_MAX: u32 = 65_524;
const FAT32_MAX: u32 = 0x0fff_fff4;

/// Bits of the byte in which a volume says that it is in use ("dirty"), and what stands before
/// such bytes where there are any.
const IN_USE: u8 = 1;
const EXTENDED: [u8; 2] = [0x28, 0x29];

/// Where things are. Blocks are counted from the start of the device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub(super) width: Width,
    /// The boot block.
    pub(super) boot: u32,
    /// The first block of the FAT in use.
    pub(super) table: u32,
    pub(super) table_blocks: u32,
    /// Copies of the FAT that are to be kept.
    pub(super) copies: u8,
    /// The first block of the root where that has a place of its own, and its slots.
    pub(super) root: u32,
    pub(super) root_slots: u32,
    /// The first cluster of the root where it has not.
    pub(super) root_cluster: u32,
    /// The first block of the first cluster.
    pub(super) data: u32,
    /// Blocks of a cluster, as a power of two.
    pub(super) cluster_shift: u32,
    /// The last cluster.
    pub(super) last: u32,
    /// The block with the number of free clusters, if there is one.
    pub(super) info: Option<u32>,
    /// Where in the boot block the volume says that it is in use.
    in_use: Option<usize>,
}

impl Geometry {
    /// Of no volume.
    pub(super) const NONE: Self = Self {
        width: Width::Fat12,
        boot: 0,
        table: 0,
        table_blocks: 0,
        copies: 0,
        root: 0,
        root_slots: 0,
        root_cluster: NO_CLUSTER,
        data: 0,
        cluster_shift: 0,
        last: 0,
        info: None,
        in_use: None,
    };

    /// Understand a boot block.
    pub(super) fn parse(block: &Block, partition: Partition) -> Result<Self, Error> {
        if block.get(3..11).is_some_and(|name| matches!(name, b"EXFAT   " | b"NTFS    ")) {
            return Err(Error::Exfat);
        }
        let is_boot = matches!(block.first(), Some(0xeb | 0xe9)) && u16_at(block, 510) == 0xaa55;
        if !is_boot || usize::from(u16_at(block, 11)) != BLOCK_LEN {
            return Err(Error::Unknown);
        }
        Self::lay_out(block, partition).filter(Self::is_sane).ok_or(Error::Damaged)
    }

    fn lay_out(block: &Block, partition: Partition) -> Option<Self> {
        let [per_cluster, _, _, tables] = *block.get(13..)?.first_chunk()?;
        let reserved = u32::from(u16_at(block, 14));
        let root_slots = u32::from(u16_at(block, 17));
        let (small, large) = (u32::from(u16_at(block, 19)), u32_at(block, 32));
        let total = if small == 0 { large } else { small };
        let (short, long) = (u32::from(u16_at(block, 22)), u32_at(block, 36));
        let table_blocks = if short == 0 { long } else { short };
        let tables_len = table_blocks.checked_mul(u32::from(tables))?;
        let root = reserved.checked_add(tables_len)?;
        let data = root.checked_add(root_slots.div_ceil(16))?;
        let cluster_shift = per_cluster.is_power_of_two().then(|| per_cluster.trailing_zeros())?;
        // A volume that is cut off has lost files, and by its size could be taken for another kind.
        let total = (total <= partition.count).then_some(total)?;
        let clusters = total.checked_sub(data)? >> cluster_shift;
        let width = match clusters {
            _ if short == 0 => Width::Fat32,
            ..=FAT12_MAX => Width::Fat12,
            _ => Width::Fat16,
        };
        let boot = partition.first;
        let mut found = Self {
            width,
            boot,
            table: boot.checked_add(reserved)?,
            table_blocks,
            copies: tables,
            root: boot.checked_add(root)?,
            root_slots,
            root_cluster: NO_CLUSTER,
            data: boot.checked_add(data)?,
            cluster_shift,
            last: clusters.checked_add(FIRST_CLUSTER - 1)?,
            info: None,
            in_use: in_use_at(block, if width == Width::Fat32 { 0x41 } else { 0x25 }),
        };
        if width == Width::Fat32 {
            found.add_fat32(block, reserved)?;
        }
        Some(found)
    }

    /// What FAT32 says besides.
    fn add_fat32(&mut self, block: &Block, reserved: u32) -> Option<()> {
        let (flags, info) = (u16_at(block, 40), u32::from(u16_at(block, 48)));
        // Only one copy is in use, the one that the low bits name.
        if flags & 0x80 != 0 {
            let skipped = self.table_blocks.checked_mul(u32::from(flags & 0xf))?;
            self.table = self.table.checked_add(skipped)?;
            self.copies = 1;
        }
        self.root_slots = 0;
        self.root_cluster = u32_at(block, 44);
        self.info = (1..reserved).contains(&info).then_some(self.boot + info);
        Some(())
    }

    fn is_sane(&self) -> bool {
        let clusters = self.last.saturating_sub(FIRST_CLUSTER - 1);
        // Entries of a block; of FAT12 there are a few more.
        let (most, per_block) = match self.width {
            Width::Fat12 => (FAT12_MAX, 341),
            Width::Fat16 => (FAT16_MAX, 256),
            Width::Fat32 => (FAT32_MAX, 128),
        };
        let has_root = match self.width {
            Width::Fat32 => self.is_cluster(self.root_cluster),
            Width::Fat12 | Width::Fat16 => self.root_slots > 0,
        };
        (1..=most).contains(&clusters)
            && self.last / per_block < self.table_blocks
            && has_root
            && self.table > self.boot
            && (1..=4).contains(&self.copies)
            && self.table < self.data
    }

    pub(super) fn is_cluster(&self, number: u32) -> bool {
        (FIRST_CLUSTER..=self.last).contains(&number)
    }

    /// The first block of a cluster.
    pub(super) fn block_of(&self, cluster: u32) -> u32 {
        self.data.wrapping_add(cluster.wrapping_sub(FIRST_CLUSTER) << self.cluster_shift)
    }

    /// Blocks of a cluster.
    pub(super) const fn cluster_blocks(&self) -> u32 {
        1 << self.cluster_shift
    }

    /// Bytes of a cluster, as a power of two.
    pub(super) const fn byte_shift(&self) -> u32 {
        self.cluster_shift + BLOCK_LEN.trailing_zeros()
    }

    /// Clusters that hold so many bytes.
    pub(super) const fn clusters_for(&self, bytes: u32) -> u32 {
        match bytes.checked_sub(1) {
            None => 0,
            Some(last) => (last >> self.byte_shift()) + 1,
        }
    }

    pub(super) const fn mirror(&self) -> Mirror {
        Mirror { first: self.table, count: self.table_blocks, copies: self.copies }
    }

    /// Whether the volume was not put away in order, as far as its boot block can say.
    pub(super) fn was_in_use(&self, block: &Block) -> bool {
        self.in_use.and_then(|at| block.get(at)).is_none_or(|flags| flags & IN_USE != 0)
    }

    /// Whether a volume of this format can be written safely.
    pub(super) const fn check_writable(&self) -> Result<(), Error> {
        if self.in_use.is_some() { Ok(()) } else { Err(Error::NoJournal) }
    }

    /// Write down whether it is in use.
    pub(super) fn set_in_use(&self, block: &mut Block, is_in_use: bool) {
        if let Some(flags) = self.in_use.and_then(|at| block.get_mut(at)) {
            *flags = *flags & !IN_USE | u8::from(is_in_use);
        }
    }
}

fn in_use_at(block: &Block, at: usize) -> Option<usize> {
    block.get(at + 1).filter(|signature| EXTENDED.contains(signature)).map(|_| at)
}
