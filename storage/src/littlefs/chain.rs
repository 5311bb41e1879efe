//! The bytes of a file: a list of blocks from the last to the first, with skips ("CTZ skip-list"
//! in the specification).

use coracle::Crc32;

use super::LittleFs;
use super::flash::Flash;
use super::store::RUN_LEN;
use crate::chip::Error;

/// The last block of a file, and its bytes in all. An empty file has no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Chain {
    pub(super) head: u32,
    pub(super) size: u32,
}

impl Chain {
    pub(super) const EMPTY: Self = Self { head: u32::MAX, size: 0 };
}

/// Blocks of a file on the way from its last block to the one that was found last: the next one
/// is not far from one of them.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Cursor {
    way: [Step; WAY_LEN],
    len: usize,
}

/// With so many blocks of a way, one that is read from the beginning to the end takes about two
/// pointers for each block.
const WAY_LEN: usize = 4;

#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Step {
    index: u32,
    block: u32,
}

impl Cursor {
    /// The nearest block that is not before this one.
    fn nearest(&mut self, index: u32) -> Option<Step> {
        while let Some(last) = self.len.checked_sub(1) {
            match self.way.get(last) {
                Some(step) if step.index >= index => return Some(*step),
                _ => self.len = last,
            }
        }
        None
    }

    fn push(&mut self, step: Step) {
        if self.len == WAY_LEN {
            let [_, b, c, d] = self.way;
            self.way = [b, c, d, step];
            return;
        }
        if let Some(place) = self.way.get_mut(self.len) {
            *place = step;
            self.len += 1;
        }
    }
}

/// Where a byte of a file lies: in its block of this number, at this offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    index: u32,
    offset: u32,
}

/// Block number n begins with one pointer for each power of two that divides n, so the bytes of n
/// blocks hold n - 1 first pointers, (n - 1) / 2 second ones, … (`DESIGN.md` of littlefs, "CTZ
/// skip-lists", has the closed form).
fn place(block_len: u32, at: u32) -> Option<Place> {
    let room = block_len.checked_sub(8)?;
    let Some(before) = at.checked_div(room)?.checked_sub(1) else {
        return Some(Place { index: 0, offset: at });
    };
    let index = at.checked_sub(4 * (before.count_ones() + 2))?.checked_div(room)?;
    let pointers = 4 * index.count_ones();
    Some(Place { index, offset: at.checked_sub(room.checked_mul(index)?)?.checked_sub(pointers)? })
}

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    fn place(&self, at: u32) -> Result<Place, Error> {
        place(self.store.block_len(), at).ok_or(Error::Damaged)
    }

    /// Blocks that a file of this size takes.
    pub(super) fn blocks_for(&self, size: u32) -> Result<u32, Error> {
        match size.checked_sub(1) {
            Some(last) => Ok(self.place(last)?.index.saturating_add(1)),
            None => Ok(0),
        }
    }

    /// A pointer at the beginning of a block.
    fn pointer(&mut self, block: u32, number: u32) -> Result<u32, Error> {
        let pointer = self.store.read_u32(block, number.saturating_mul(4), 0)?;
        if pointer < self.shape.blocks { Ok(pointer) } else { Err(Error::Damaged) }
    }

    /// The block with this byte of a file, and the offset there.
    fn find(&mut self, chain: Chain, cursor: &mut Cursor, at: u32) -> Result<(u32, u32), Error> {
        let last = chain.size.checked_sub(1).filter(|last| at <= *last).ok_or(Error::Damaged)?;
        let wanted = self.place(at)?;
        let head = Step { index: self.place(last)?.index, block: chain.head };
        let mut step = cursor.nearest(wanted.index).unwrap_or(head);
        while let Some(skip) = step.index.checked_sub(wanted.index).and_then(u32::checked_ilog2) {
            let number = skip.min(step.index.trailing_zeros());
            let block = self.pointer(step.block, number)?;
            step = Step { index: step.index.saturating_sub(1 << (number & 31)), block };
            cursor.push(step);
        }
        if step.block >= self.shape.blocks {
            return Err(Error::Damaged);
        }
        Ok((step.block, wanted.offset))
    }

    /// Read bytes of a file.
    pub(super) fn read_chain(
        &mut self,
        chain: Chain,
        cursor: &mut Cursor,
        at: u32,
        buffer: &mut [u8],
    ) -> Result<usize, Error> {
        let Some(left) = chain.size.checked_sub(at).filter(|left| *left > 0) else { return Ok(0) };
        let (block, offset) = self.find(chain, cursor, at)?;
        let left = left.min(self.store.block_len().saturating_sub(offset)) as usize;
        let len = buffer.len().min(left);
        self.store.read(block, offset, buffer.get_mut(..len).unwrap_or_default(), RUN_LEN)?;
        Ok(len)
    }

    /// The blocks of a file are in use.
    pub(super) fn mark_chain(&mut self, chain: Chain) -> Result<(), Error> {
        let Some(last) = chain.size.checked_sub(1) else { return Ok(()) };
        let mut index = self.place(last)?.index;
        let mut block = chain.head;
        loop {
            self.free.mark(block);
            if index == 0 {
                return Ok(());
            }
            // A block of even number points to the two before it: every other block is read.
            if index.is_multiple_of(2) {
                let before = self.pointer(block, 0)?;
                self.free.mark(before);
                block = self.pointer(block, 1)?;
                index = index.saturating_sub(2);
            } else {
                block = self.pointer(block, 0)?;
                index -= 1;
            }
        }
    }

    /// Where the next byte of a file is to be written, with the chain that it is part of then.
    /// Where the last block cannot be continued, a fresh one begins with its bytes.
    pub(super) fn continuation(
        &mut self,
        chain: Chain,
        sealed: bool,
    ) -> Result<(Chain, u32), Error> {
        let Some(last) = chain.size.checked_sub(1) else {
            let head = self.fresh_block()?;
            return Ok((Chain { head, ..chain }, 0));
        };
        let Place { index, offset } = self.place(last)?;
        let end = offset.saturating_add(1);
        if end >= self.store.block_len() {
            let index = index.saturating_add(1);
            let head = self.fresh_block()?;
            let offset = self.write_pointers(chain.head, index, head)?;
            return Ok((Chain { head, ..chain }, offset));
        }
        if !sealed && self.store.continues(chain.head, end) {
            return Ok((chain, end));
        }
        let head = self.fresh_block()?;
        self.store.copy((chain.head, 0), end, (head, 0), &mut Crc32::new())?;
        Ok((Chain { head, ..chain }, end))
    }

    fn fresh_block(&mut self) -> Result<u32, Error> {
        let block = self.allocate()?;
        self.store.open(block, 0)?;
        Ok(block)
    }

    /// The pointers at the beginning of block number `index`, behind `before`.
    fn write_pointers(&mut self, before: u32, index: u32, block: u32) -> Result<u32, Error> {
        let (mut target, mut offset) = (before, 0);
        for number in 0..=index.trailing_zeros().min(u32::BITS - 1) {
            if number > 0 {
                target = self.pointer(target, number - 1)?;
            }
            self.store.write(block, offset, &target.to_le_bytes())?;
            offset += 4;
        }
        Ok(offset)
    }

    /// The chain cut to its first bytes.
    pub(super) fn cut(&mut self, chain: Chain, size: u32) -> Result<Chain, Error> {
        match size.checked_sub(1) {
            Some(last) => {
                Ok(Chain { head: self.find(chain, &mut Cursor::default(), last)?.0, size })
            }
            None => Ok(Chain::EMPTY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The closed form against counting.
    #[test]
    fn bytes_lie_behind_the_pointers_of_their_block() {
        for block_len in [128, 512] {
            let mut at = 0;
            for index in 0..200u32 {
                let pointers = if index == 0 { 0 } else { index.trailing_zeros() + 1 };
                for offset in 4 * pointers..block_len {
                    assert_eq!(place(block_len, at), Some(Place { index, offset }), "byte {at}");
                    at += 1;
                }
            }
        }
        assert_eq!(place(8, 1), None);
    }
}
