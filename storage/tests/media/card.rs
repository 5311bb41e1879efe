//! A card that keeps what was not flushed only by luck.

use std::cell::RefCell;
use std::rc::Rc;

use coracle_storage::block::{BLOCK_LEN, Block, BlockDevice, ErrorKind};

use super::random::Random;

/// What a card holds. Clones are the same card.
#[derive(Clone)]
pub struct SimCard(Rc<RefCell<State>>);

struct State {
    blocks: Vec<Block>,
    /// Writes since the last flush, in their order.
    unflushed: Vec<(usize, Block)>,
    /// Blocks written and flushes so far.
    operations: u64,
    /// The number of the operation that the power does not reach.
    cut: u64,
    fault: Option<ErrorKind>,
}

/// Which unflushed writes a loss of power leaves.
#[derive(Clone, Copy, Debug)]
pub enum Luck {
    All,
    None,
    /// Some, in any order.
    Some(u64),
}

impl SimCard {
    pub fn new(blocks: usize) -> Self {
        Self(Rc::new(RefCell::new(State {
            blocks: vec![[0xA5; BLOCK_LEN]; blocks],
            unflushed: Vec::new(),
            operations: 0,
            cut: u64::MAX,
            fault: None,
        })))
    }

    /// Cut the power before operation number `cut`, counted from now.
    pub fn cut_after(&self, operations: u64) {
        let mut state = self.0.borrow_mut();
        state.cut = state.operations.saturating_add(operations);
    }

    pub fn operations(&self) -> u64 {
        self.0.borrow().operations
    }

    /// Every call fails like this until it is `None` again.
    pub fn set_fault(&self, fault: Option<ErrorKind>) {
        self.0.borrow_mut().fault = fault;
    }

    /// The power comes back.
    pub fn restart(&self, luck: Luck) {
        let state = &mut *self.0.borrow_mut();
        let mut left = std::mem::take(&mut state.unflushed);
        match luck {
            Luck::All => {}
            Luck::None => left.clear(),
            Luck::Some(seed) => {
                let mut random = Random(seed);
                left.retain(|_| random.below(2) == 0);
                for at in (1..left.len()).rev() {
                    left.swap(at, random.below(at as u64 + 1) as usize);
                }
            }
        }
        for (number, block) in left {
            state.blocks[number] = block;
        }
        (state.cut, state.fault) = (u64::MAX, None);
    }

    /// All bytes, as a PC would read them from the card.
    pub fn image(&self) -> Vec<u8> {
        self.0.borrow().blocks.concat()
    }

    /// Put other bytes on the card.
    pub fn set_image(&self, image: &[u8]) {
        let state = &mut *self.0.borrow_mut();
        state.unflushed.clear();
        state.blocks = image.as_chunks().0.to_vec();
    }
}

impl State {
    /// One more operation, unless the power is gone.
    fn operate(&mut self) -> Result<(), ErrorKind> {
        if self.operations >= self.cut {
            self.fault = Some(ErrorKind::Failed);
        }
        self.check()?;
        self.operations += 1;
        Ok(())
    }

    fn check(&self) -> Result<(), ErrorKind> {
        self.fault.map_or(Ok(()), Err)
    }
}

impl BlockDevice for SimCard {
    type Error = ErrorKind;

    fn kind(error: &ErrorKind) -> ErrorKind {
        *error
    }

    fn count(&mut self) -> Result<u32, ErrorKind> {
        let state = self.0.borrow();
        state.check()?;
        Ok(state.blocks.len() as u32)
    }

    fn read(&mut self, first: u32, blocks: &mut [Block]) -> Result<(), ErrorKind> {
        let state = self.0.borrow();
        if state.fault != Some(ErrorKind::ReadOnly) {
            state.check()?;
        }
        for (number, block) in (first as usize..).zip(blocks) {
            let stored = state.blocks.get(number).ok_or(ErrorKind::Failed)?;
            let newest = state.unflushed.iter().rev().find(|(written, _)| *written == number);
            *block = newest.map_or(*stored, |(_, block)| *block);
        }
        Ok(())
    }

    fn write(&mut self, first: u32, blocks: &[Block]) -> Result<(), ErrorKind> {
        let mut state = self.0.borrow_mut();
        for (number, block) in (first as usize..).zip(blocks) {
            state.operate()?;
            if number >= state.blocks.len() {
                return Err(ErrorKind::Failed);
            }
            state.unflushed.push((number, *block));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        let mut state = self.0.borrow_mut();
        state.operate()?;
        for (number, block) in std::mem::take(&mut state.unflushed) {
            state.blocks[number] = block;
        }
        Ok(())
    }
}
