//! The file allocation table: chains of clusters.

use super::Fat;
use super::bytes::u16_at;
use super::geometry::{FIRST_CLUSTER, Width};
use crate::block::{BLOCK_LEN, BlockDevice};
use crate::chip::Error;

/// Ends a chain.
pub(super) const END: u32 = 0x0fff_ffff;

/// From here on, numbers end a chain; narrower entries are widened to these.
const END_MIN: u32 = 0x0fff_fff8;

const FREE: u32 = 0;

/// Bits of a number.
struct Bits {
    mask: u32,
    shift: u32,
}

/// Clusters in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) count: u32,
}

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Fat<D, CACHE, GATHER> {
    /// What follows a cluster in its chain; `None` at the end.
    pub(super) fn next_cluster(&mut self, cluster: u32) -> Result<Option<u32>, Error> {
        match self.link(cluster)? {
            END_MIN.. => Ok(None),
            next if self.geometry.is_cluster(next) => Ok(Some(next)),
            _ => Err(Error::Damaged),
        }
    }

    /// The entry of a cluster, as of FAT32.
    pub(super) fn link(&mut self, cluster: u32) -> Result<u32, Error> {
        if !self.geometry.is_cluster(cluster) {
            return Err(Error::Damaged);
        }
        let (number, at) = self.place_of(cluster);
        let Bits { mask, shift } = self.bits_of(cluster);
        let spans = self.spans(cluster);
        let block = self.disk.block(number)?;
        let bytes = match block.get(at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => u32::from_le_bytes(*bytes),
            // The end of the block, where two bytes are enough if there are two.
            None if !spans => u16_at(block, at).into(),
            None => {
                let low = block.get(at).copied().unwrap_or(0);
                let high = self.disk.block(number.saturating_add(1))?.first().copied();
                u16::from_le_bytes([low, high.unwrap_or(0)]).into()
            }
        };
        let value = bytes >> shift & mask;
        // The last sixteen numbers are no clusters, in each width.
        Ok(if value >= mask - 15 { value + (END - mask) } else { value })
    }

    /// Change the entry of a cluster, and the number of free ones with it.
    pub(super) fn set_link(&mut self, cluster: u32, value: u32) -> Result<(), Error> {
        let was_free = self.link(cluster)? == FREE;
        let (mut number, mut at) = self.place_of(cluster);
        let Bits { mask, shift } = self.bits_of(cluster);
        let masks = (mask << shift).to_le_bytes();
        let values = ((value & mask) << shift).to_le_bytes();
        for (mask, value) in masks.into_iter().zip(values).filter(|(mask, _)| *mask != 0) {
            if at == BLOCK_LEN {
                (number, at) = (number.saturating_add(1), 0);
            }
            // What lies beside is of another entry, or somebody else's.
            if let Some(byte) = self.disk.edit(number)?.get_mut(at) {
                *byte = *byte & !mask | value;
            }
            at += 1;
        }
        match (was_free, value == FREE) {
            (true, false) => self.free = self.free.saturating_sub(1),
            (false, true) => self.free = self.free.saturating_add(1),
            _ => {}
        }
        Ok(())
    }

    /// Which bits of the bytes from its place on are the entry of a cluster.
    const fn bits_of(&self, cluster: u32) -> Bits {
        match self.geometry.width {
            Width::Fat12 => Bits { mask: 0xfff, shift: (cluster & 1) * 4 },
            Width::Fat16 => Bits { mask: 0xffff, shift: 0 },
            Width::Fat32 => Bits { mask: END, shift: 0 },
        }
    }

    /// The block of the FAT and the byte in it where the entry of a cluster begins.
    fn place_of(&self, cluster: u32) -> (u32, usize) {
        let byte = match self.geometry.width {
            Width::Fat12 => cluster + cluster / 2,
            Width::Fat16 => cluster << 1,
            Width::Fat32 => cluster << 2,
        };
        let block = self.geometry.table.saturating_add(byte / BLOCK_LEN as u32);
        (block, byte as usize % BLOCK_LEN)
    }

    /// The block of the FAT, counted from its start, where the entry of a cluster begins.
    pub(super) fn table_block(&self, cluster: u32) -> u32 {
        self.place_of(cluster).0.saturating_sub(self.geometry.table)
    }

    /// Whether the entry of a cluster lies in two blocks, so that changing it is no single
    /// write: one in 341 of FAT12.
    pub(super) fn spans(&self, cluster: u32) -> bool {
        let (_, at) = self.place_of(cluster);
        self.geometry.width == Width::Fat12 && at == BLOCK_LEN - 1
    }

    /// Whether changing the entries of both is a single write.
    pub(super) fn is_one_block(&self, a: u32, b: u32) -> bool {
        self.place_of(a).0 == self.place_of(b).0 && !self.spans(a) && !self.spans(b)
    }

    /// Find up to `want` free clusters in a row, at least `least`, whose entries lie in one
    /// block of the FAT.
    pub(super) fn find_run(&mut self, least: u32, want: u32) -> Result<Run, Error> {
        if self.free < least && self.is_free_believed {
            self.count_free(false)?;
        }
        if self.free < least {
            return Err(Error::NoSpace);
        }
        let last = self.geometry.last;
        let hint = if self.geometry.is_cluster(self.hint) { self.hint } else { FIRST_CLUSTER };
        for (start, end) in [(hint, last), (FIRST_CLUSTER, last)] {
            let mut first = start;
            while first <= end {
                let run = Run { first, count: self.free_from(first, want)? };
                if run.count >= least {
                    self.hint = first.saturating_add(run.count);
                    return Ok(run);
                }
                first = first.saturating_add(run.count.max(1));
            }
        }
        Err(Error::NoSpace)
    }

    /// Free clusters from `first` on, `want` at most.
    fn free_from(&mut self, first: u32, want: u32) -> Result<u32, Error> {
        let mut count = 0;
        while count < want {
            let cluster = first.saturating_add(count);
            let is_good = self.geometry.is_cluster(cluster) && self.is_one_block(first, cluster);
            if !is_good || self.link(cluster)? != FREE {
                break;
            }
            count += 1;
        }
        Ok(count)
    }

    /// Where a walk along a chain leaves the block of the FAT in which it began: the first
    /// cluster beyond, if any. An entry in two blocks counts as a block of its own.
    pub(super) fn leaves_block(&mut self, first: u32) -> Result<Option<u32>, Error> {
        let mut cluster = first;
        // No block has more entries than that; a chain that loops has no rest.
        for _ in 0..BLOCK_LEN {
            let next = match self.next_cluster(cluster) {
                Ok(Some(next)) => next,
                Ok(None) | Err(Error::Damaged) => return Ok(None),
                Err(error) => return Err(error),
            };
            if !self.is_one_block(cluster, next) {
                return Ok(Some(next));
            }
            cluster = next;
        }
        Ok(None)
    }

    /// Free the clusters of a chain whose entries lie in the block of the first one's. Free ones
    /// are no part of it: to do this twice is to do it once.
    pub(super) fn free_in_block(&mut self, first: u32) -> Result<(), Error> {
        let mut cluster = first;
        while self.geometry.is_cluster(cluster) {
            let next = self.link(cluster)?;
            let stays = self.geometry.is_cluster(next) && self.is_one_block(cluster, next);
            // An entry in two blocks may have been cleared by half.
            if next == FREE && !self.spans(cluster) {
                break;
            }
            self.set_link(cluster, FREE)?;
            if !stays {
                break;
            }
            cluster = next;
        }
        Ok(())
    }
}
