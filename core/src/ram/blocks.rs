//! Memory in blocks that are chained: file bytes and names.

/// Bytes of a block: a name of any length fits into one.
pub(super) const BLOCK_LEN: usize = 256;

/// Marks the end of a chain.
const END: u16 = u16::MAX;

/// The blocks of one name or file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain(u16);

impl Chain {
    pub(super) const EMPTY: Self = Self(END);
}

pub(super) struct Blocks<const N: usize> {
    bytes: [[u8; BLOCK_LEN]; N],
    next: [u16; N],
    /// First block that was used and given back.
    returned: u16,
    /// Blocks from here on were never used, so that an empty disk needs no preparation.
    unused: u16,
    free: usize,
}

impl<const N: usize> Blocks<N> {
    pub(super) const fn new() -> Self {
        const { assert!(N < END as usize, "a RAM disk has at most 65534 blocks") };
        Self { bytes: [[0; BLOCK_LEN]; N], next: [END; N], returned: END, unused: 0, free: N }
    }

    /// Bytes that may still be stored.
    pub(super) const fn free(&self) -> usize {
        self.free.saturating_mul(BLOCK_LEN)
    }

    /// Copy bytes out and return how many; fewer only where the chain ends.
    pub(super) fn read(&self, chain: Chain, offset: usize, buffer: &mut [u8]) -> usize {
        let mut block = chain.0;
        for _ in 0..offset / BLOCK_LEN {
            block = self.following(block);
        }
        let mut skip = offset % BLOCK_LEN;
        let mut read = 0;
        while let Some(bytes) = self.bytes.get(usize::from(block)) {
            let Some(room) = buffer.get_mut(read..).filter(|room| !room.is_empty()) else { break };
            read += copy(room, bytes.get(skip..).unwrap_or_default());
            skip = 0;
            block = self.following(block);
        }
        read
    }

    /// Copy bytes in and return how many; fewer only where no block is free. `offset` is at
    /// most the bytes stored so far.
    pub(super) fn write(&mut self, chain: &mut Chain, offset: usize, data: &[u8]) -> usize {
        let mut written = 0;
        let mut block = None;
        while let Some(rest) = data.get(written..).filter(|rest| !rest.is_empty()) {
            let next = match block {
                None => self.nth_or_grow(chain, offset / BLOCK_LEN),
                Some(block) => self.following_or_grow(block),
            };
            let Some(at) = next else { break };
            let skip = if written == 0 { offset % BLOCK_LEN } else { 0 };
            let Some(bytes) = self.bytes.get_mut(usize::from(at)) else { break };
            written += copy(bytes.get_mut(skip..).unwrap_or_default(), rest);
            block = Some(at);
        }
        written
    }

    /// Give back every block behind the first `length` bytes.
    pub(super) fn truncate(&mut self, chain: &mut Chain, length: usize) {
        let Some(last) = length.div_ceil(BLOCK_LEN).checked_sub(1) else {
            self.release(core::mem::replace(&mut chain.0, END));
            return;
        };
        let mut block = chain.0;
        for _ in 0..last {
            block = self.following(block);
        }
        if let Some(next) = self.next.get_mut(usize::from(block)) {
            let rest = core::mem::replace(next, END);
            self.release(rest);
        }
    }

    fn release(&mut self, mut block: u16) {
        while let Some(next) = self.next.get_mut(usize::from(block)) {
            let following = core::mem::replace(next, self.returned);
            self.returned = block;
            self.free = self.free.saturating_add(1);
            block = following;
        }
    }

    fn following(&self, block: u16) -> u16 {
        self.next.get(usize::from(block)).copied().unwrap_or(END)
    }

    fn nth_or_grow(&mut self, chain: &mut Chain, n: usize) -> Option<u16> {
        if chain.0 == END {
            chain.0 = self.allocate()?;
        }
        (0..n).try_fold(chain.0, |block, _| self.following_or_grow(block))
    }

    fn following_or_grow(&mut self, block: u16) -> Option<u16> {
        let following = self.following(block);
        if following != END {
            return Some(following);
        }
        let fresh = self.allocate()?;
        *self.next.get_mut(usize::from(block))? = fresh;
        Some(fresh)
    }

    fn allocate(&mut self) -> Option<u16> {
        let block = if self.returned == END { self.unused } else { self.returned };
        let next = self.next.get_mut(usize::from(block))?;
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
        let mut blocks = Blocks::<4>::new();
        let mut chain = Chain::EMPTY;
        for _ in 0..3 {
            assert_eq!(blocks.write(&mut chain, 0, &[7; 2000]), 4 * BLOCK_LEN);
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
            let mut blocks = Blocks::<4>::new();
            let mut chain = Chain::EMPTY;
            let mut at = 0;
            for part in bytes.chunks(piece) {
                assert_eq!(blocks.write(&mut chain, at, part), part.len());
                at += part.len();
            }
            let mut back = [0; 990];
            assert_eq!(blocks.read(chain, 10, &mut back), 990);
            assert_eq!(back, bytes[10..]);
        }
    }
}
