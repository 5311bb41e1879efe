//! Where in a chain its reader or writer was last, so that the next call need not go there from
//! its first cluster again; and reading along a chain.

use super::Fat;
use super::geometry::NO_CLUSTER;
use crate::block::{BLOCK_LEN, BlockDevice};
use crate::chip::Error;

/// A place in a chain.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Cursor {
    /// The first cluster of the chain, or none.
    pub(super) first: u32,
    /// How far in the chain `cluster` is.
    nth: u32,
    cluster: u32,
}

impl Cursor {
    pub(super) const fn new(first: u32) -> Self {
        Self { first, nth: 0, cluster: first }
    }
}

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Fat<D, CACHE, GATHER> {
    /// Go to the cluster that is so far in the chain.
    pub(super) fn seek(&mut self, cursor: &mut Cursor, nth: u32) -> Result<u32, Error> {
        if nth < cursor.nth {
            *cursor = Cursor::new(cursor.first);
        }
        if !self.geometry.is_cluster(cursor.cluster) {
            return Err(Error::Damaged);
        }
        while cursor.nth < nth {
            cursor.cluster = self.next_cluster(cursor.cluster)?.ok_or(Error::Damaged)?;
            cursor.nth += 1;
        }
        Ok(cursor.cluster)
    }

    /// The block that holds the byte at `offset`, and how many from there on follow each other
    /// on the medium, `want` at most.
    pub(super) fn blocks_at(
        &mut self,
        cursor: &mut Cursor,
        offset: u32,
        want: usize,
    ) -> Result<(u32, usize), Error> {
        let mut cluster = self.seek(cursor, offset >> self.geometry.byte_shift())?;
        let per_cluster = self.geometry.cluster_blocks();
        let skipped = (offset / BLOCK_LEN as u32) & (per_cluster - 1);
        let first = self.geometry.block_of(cluster).saturating_add(skipped);
        let mut count = (per_cluster - skipped) as usize;
        while count < want {
            match self.next_cluster(cluster)? {
                Some(next) if next == cluster + 1 => cluster = next,
                _ => break,
            }
            count = count.saturating_add(per_cluster as usize);
        }
        Ok((first, count.min(want)))
    }

    /// Read bytes of a chain that holds `size`: whole blocks straight into the buffer, as many as
    /// follow each other on the medium; parts of one by way of the cache.
    pub(super) fn read_chain(
        &mut self,
        cursor: &mut Cursor,
        size: u32,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Error> {
        let Ok(offset) = u32::try_from(offset) else { return Ok(0) };
        let left = size.saturating_sub(offset) as usize;
        let want = buffer.len().min(left);
        let Some(buffer) = buffer.get_mut(..want).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        let skipped = offset as usize % BLOCK_LEN;
        if skipped == 0 && want >= BLOCK_LEN {
            let (blocks, _) = buffer.as_chunks_mut();
            let (first, count) = self.blocks_at(cursor, offset, blocks.len())?;
            self.disk.read(first, blocks.get_mut(..count).unwrap_or_default())?;
            return Ok(count * BLOCK_LEN);
        }
        let (block, _) = self.blocks_at(cursor, offset, 1)?;
        let bytes = self.disk.block(block)?.get(skipped..).unwrap_or_default();
        Ok(copy(buffer, bytes))
    }

    /// The last cluster of a chain that should hold so many, and how many it holds at most.
    pub(super) fn chain_end(&mut self, first: u32, most: u32) -> Result<(u32, u32), Error> {
        let (mut last, mut count) = (NO_CLUSTER, 0);
        let mut next = self.geometry.is_cluster(first).then_some(first);
        while let Some(cluster) = next.filter(|_| count < most) {
            last = cluster;
            count += 1;
            next = match self.next_cluster(cluster) {
                Err(Error::Damaged) => None,
                next => next?,
            };
        }
        Ok((last, count))
    }
}

/// Copy as much as fits and return how much that was.
pub(super) fn copy(to: &mut [u8], from: &[u8]) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    to.len().min(from.len())
}
