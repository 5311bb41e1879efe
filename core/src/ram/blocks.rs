//! Memory in blocks that are chained: file bytes and names.

use super::memory::{Arrays, Lent, Memory};

/// Bytes of a block: a name of any length fits into one.
pub const BLOCK_LEN: usize = 256;

/// Marks the end of a chain.
const END: u32 = u32::MAX;

/// The blocks of one name or file.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Chain(u32);

impl Chain {
    pub(super) const EMPTY: Self = Self(END);
}

/// Where in a chain its reader or writer was last, so that the next call need not go there from
/// the first block again.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Cursor {
    /// How far in the chain `block` is; at 0 it is the first, whatever stands there.
    nth: usize,
    block: u32,
    /// The releases until then: after any further one the block may be another chain's.
    releases: u32,
}

pub(super) struct Blocks<M: Memory> {
    bytes: M::Bytes,
    /// What follows each block in its chain. Of a block that was never used it is never read.
    next: M::Links,
    /// First block that was used and given back.
    returned: u32,
    /// Blocks from here on were never used, so that an empty disk needs no preparation.
    unused: u32,
    /// How often blocks were given back.
    releases: u32,
    free: usize,
    len: usize,
}

impl<const FILES: usize, const BLOCKS: usize> Blocks<Arrays<FILES, BLOCKS>> {
    pub(super) const fn new() -> Self {
        const { assert!(BLOCKS < END as usize, "blocks are numbered with 32 bits") };
        Self::empty([[0; BLOCK_LEN]; BLOCKS], [END; BLOCKS], BLOCKS)
    }
}

impl<'m> Blocks<Lent<'m>> {
    pub(super) fn lent(bytes: &'m mut [[u8; BLOCK_LEN]], next: &'m mut [u32]) -> Self {
        let len = bytes.len().min(next.len()).min(END as usize);
        let bytes = bytes.get_mut(..len).unwrap_or_default();
        let next = next.get_mut(..len).unwrap_or_default();
        Self::empty(bytes, next, len)
    }
}

impl<M: Memory> Blocks<M> {
    const fn empty(bytes: M::Bytes, next: M::Links, len: usize) -> Self {
        Self { bytes, next, returned: END, unused: 0, releases: 0, free: len, len }
    }

    /// Bytes that may still be stored.
    pub(super) const fn free(&self) -> usize {
        self.free.saturating_mul(BLOCK_LEN)
    }

    /// Bytes that may be stored in all.
    pub(super) const fn total(&self) -> usize {
        self.len.saturating_mul(BLOCK_LEN)
    }

    /// Copy bytes out and return how many; fewer only where the chain ends.
    pub(super) fn read(
        &self,
        chain: Chain,
        cursor: &mut Cursor,
        offset: usize,
        buffer: &mut [u8],
    ) -> usize {
        let (nth, mut skip) = (offset / BLOCK_LEN, offset % BLOCK_LEN);
        let from = self.before(nth, *cursor, chain);
        let block = (from.nth..nth).fold(from.block, |block, _| self.following(block));
        let mut here = Cursor { nth, block, ..from };
        let mut read = 0;
        while let Some(bytes) = self.bytes.as_ref().get(here.block as usize) {
            let Some(room) = buffer.get_mut(read..).filter(|room| !room.is_empty()) else { break };
            *cursor = here;
            read += copy(room, bytes.get(skip..).unwrap_or_default());
            skip = 0;
            here = here.next(self.following(here.block));
        }
        read
    }

    /// Copy bytes in and return how many; fewer only where no block is free. `offset` is at
    /// most the bytes stored so far.
    pub(super) fn write(
        &mut self,
        chain: &mut Chain,
        cursor: &mut Cursor,
        offset: usize,
        data: &[u8],
    ) -> usize {
        let (nth, mut skip) = (offset / BLOCK_LEN, offset % BLOCK_LEN);
        let mut written = 0;
        let mut next = self.nth_or_grow(chain, *cursor, nth);
        while let Some(here) = next {
            let Some(rest) = data.get(written..).filter(|rest| !rest.is_empty()) else { break };
            let Some(bytes) = self.bytes.as_mut().get_mut(here.block as usize) else { break };
            *cursor = here;
            written += copy(bytes.get_mut(skip..).unwrap_or_default(), rest);
            skip = 0;
            let more = written < data.len();
            next =
                more.then(|| self.following_or_grow(here.block)).flatten().map(|at| here.next(at));
        }
        written
    }

    /// Give back every block behind the first `length` bytes.
    pub(super) fn truncate(&mut self, chain: &mut Chain, length: usize) {
        let Some(last) = length.div_ceil(BLOCK_LEN).checked_sub(1) else {
            self.release(core::mem::replace(&mut chain.0, END));
            return;
        };
        let block = (0..last).fold(chain.0, |block, _| self.following(block));
        if let Some(next) = self.next.as_mut().get_mut(block as usize) {
            let rest = core::mem::replace(next, END);
            self.release(rest);
        }
    }

    /// Where to go on to the block so far in the chain: from the cursor, or from its first block.
    fn before(&self, nth: usize, cursor: Cursor, chain: Chain) -> Cursor {
        let first = Cursor { nth: 0, block: chain.0, releases: self.releases };
        let is_good = cursor.releases == self.releases && (1..=nth).contains(&cursor.nth);
        if is_good { cursor } else { first }
    }

    fn release(&mut self, mut block: u32) {
        if block == END {
            return;
        }
        self.releases = self.releases.wrapping_add(1);
        while let Some(next) = self.next.as_mut().get_mut(block as usize) {
            let following = core::mem::replace(next, self.returned);
            self.returned = block;
            self.free = self.free.saturating_add(1);
            block = following;
        }
    }

    fn following(&self, block: u32) -> u32 {
        self.next.as_ref().get(block as usize).copied().unwrap_or(END)
    }

    fn nth_or_grow(&mut self, chain: &mut Chain, cursor: Cursor, nth: usize) -> Option<Cursor> {
        if chain.0 == END {
            chain.0 = self.allocate()?;
        }
        let from = self.before(nth, cursor, *chain);
        let mut skipped = from.nth..nth;
        let block = skipped.try_fold(from.block, |block, _| self.following_or_grow(block))?;
        Some(Cursor { nth, block, ..from })
    }

    fn following_or_grow(&mut self, block: u32) -> Option<u32> {
        let following = self.following(block);
        if following != END {
            return Some(following);
        }
        let fresh = self.allocate()?;
        *self.next.as_mut().get_mut(block as usize)? = fresh;
        Some(fresh)
    }

    fn allocate(&mut self) -> Option<u32> {
        let block = if self.returned == END { self.unused } else { self.returned };
        let next = self.next.as_mut().get_mut(block as usize)?;
        if self.returned == END {
            self.unused = self.unused.saturating_add(1);
        } else {
            self.returned = *next;
        }
        *next = END;
        self.free = self.free.saturating_sub(1);
        Some(block)
    }
}

impl Cursor {
    fn next(self, block: u32) -> Self {
        Self { nth: self.nth.saturating_add(1), block, ..self }
    }
}

/// Copy as much as fits and return how much that was.
fn copy(to: &mut [u8], from: &[u8]) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    to.len().min(from.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back() {
        let mut blocks = Blocks::<Arrays<1, 4>>::new();
        let mut chain = Chain::EMPTY;
        for _ in 0..3 {
            let mut cursor = Cursor::default();
            assert_eq!(blocks.write(&mut chain, &mut cursor, 0, &[7; 2000]), 4 * BLOCK_LEN);
            assert_eq!(blocks.free(), 0);
            blocks.truncate(&mut chain, BLOCK_LEN + 1);
            assert_eq!(blocks.free(), 2 * BLOCK_LEN);
            blocks.truncate(&mut chain, BLOCK_LEN);
            assert_eq!(blocks.free(), 3 * BLOCK_LEN);
            blocks.truncate(&mut chain, 0);
            assert_eq!(blocks.free(), 4 * BLOCK_LEN);
        }
    }

    #[test]
    fn pieces_of_any_size_are_joined() {
        let bytes: [u8; 1000] = core::array::from_fn(|at| (at % 251) as u8);
        for piece in [1, 3, 255, 256, 257, 999] {
            let mut blocks = Blocks::<Arrays<1, 4>>::new();
            let (mut chain, mut cursor) = (Chain::EMPTY, Cursor::default());
            let mut at = 0;
            for part in bytes.chunks(piece) {
                assert_eq!(blocks.write(&mut chain, &mut cursor, at, part), part.len());
                at += part.len();
            }
            let mut back = [0; 990];
            assert_eq!(blocks.read(chain, &mut Cursor::default(), 10, &mut back), 990);
            assert_eq!(back, bytes[10..]);
            // Forwards by pieces, and backwards.
            let mut cursor = Cursor::default();
            let starts = (0..1000).step_by(piece);
            for at in starts.clone().chain(starts.rev()) {
                let expected = &bytes[at..1000.min(at + piece)];
                let back = &mut [0; 1000][..expected.len()];
                assert_eq!(blocks.read(chain, &mut cursor, at, back), expected.len());
                assert_eq!(back, expected, "{piece} from {at}");
            }
        }
    }

    /// As when a partial is read while another session takes it up and cuts it.
    #[test]
    fn what_was_cut_meanwhile_is_not_met_again() {
        let mut blocks = Blocks::<Arrays<1, 6>>::new();
        let (mut own, mut other) = (Chain::EMPTY, Chain::EMPTY);
        let write = |chain: &mut Chain, offset, byte: u8, blocks: &mut Blocks<_>| {
            let bytes = [byte; 2 * BLOCK_LEN];
            assert_eq!(blocks.write(chain, &mut Cursor::default(), offset, &bytes), bytes.len());
        };
        write(&mut own, 0, 1, &mut blocks);
        write(&mut own, BLOCK_LEN, 1, &mut blocks);
        let (mut cursor, mut back) = (Cursor::default(), [0]);
        assert_eq!(blocks.read(own, &mut cursor, 2 * BLOCK_LEN, &mut back), 1);
        blocks.truncate(&mut own, BLOCK_LEN);
        write(&mut other, 0, 2, &mut blocks);
        write(&mut own, BLOCK_LEN, 3, &mut blocks);
        assert_eq!(blocks.read(own, &mut cursor, 2 * BLOCK_LEN, &mut back), 1);
        assert_eq!(back, [3]);
    }

    #[test]
    fn lent_memory_is_used_as_far_as_there_is_of_both_kinds() {
        let (mut bytes, mut next) = ([[0; BLOCK_LEN]; 5], [77; 3]);
        let mut blocks = Blocks::lent(&mut bytes, &mut next);
        assert_eq!((blocks.total(), blocks.free()), (3 * BLOCK_LEN, 3 * BLOCK_LEN));
        let (mut chain, mut cursor) = (Chain::EMPTY, Cursor::default());
        assert_eq!(blocks.write(&mut chain, &mut cursor, 0, &[7; 2000]), 3 * BLOCK_LEN);
        let mut back = [0; 2000];
        assert_eq!(blocks.read(chain, &mut Cursor::default(), 1, &mut back), 3 * BLOCK_LEN - 1);
        assert!(back[..3 * BLOCK_LEN - 1].iter().all(|&byte| byte == 7));
    }
}
