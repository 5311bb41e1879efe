//! A card in memory, whose power can be cut at every write of a block.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use coracle_storage::block::{Block, BlockDevice, ErrorKind};

/// A card. Clones are the same one.
#[derive(Clone)]
pub struct Card(Rc<RefCell<State>>);

struct State {
    /// What was on it at first.
    base: Rc<Vec<u8>>,
    /// Blocks that were changed and are stored for good.
    stored: HashMap<u32, Block>,
    /// Blocks written since the last flush, in order.
    pending: Vec<(u32, Block)>,
    /// Writes and flushes that are done before something happens: the power fails …
    left: Option<usize>,
    /// … or the card does.
    fails: bool,
    /// Writes and flushes so far.
    steps: usize,
    /// Reads so far.
    reads: usize,
    mood: Mood,
}

/// What the card does with the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Good,
    /// There is none.
    Absent,
    Protected,
    /// Nothing can be written, for it is broken.
    WriteFails,
    /// Nothing can be read.
    ReadFails,
}

/// What becomes of blocks that were written and not flushed when the power fails.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    All,
    None,
    /// Some, drawn from this seed.
    Some(u64),
}

#[derive(Debug)]
pub struct Failure(ErrorKind);

impl Failure {
    pub const ABSENT: Self = Self(ErrorKind::Absent);
}

impl Card {
    pub fn new(bytes: Rc<Vec<u8>>) -> Self {
        Self(Rc::new(RefCell::new(State {
            base: bytes,
            stored: HashMap::new(),
            pending: Vec::new(),
            left: None,
            fails: false,
            steps: 0,
            reads: 0,
            mood: Mood::Good,
        })))
    }

    /// Let the power fail after so many writes and flushes.
    pub fn cut_after(&self, steps: usize) {
        self.0.borrow_mut().left = Some(steps);
    }

    /// Let nothing be written any more after so many writes and flushes.
    pub fn fail_after(&self, steps: usize) {
        self.cut_after(steps);
        self.0.borrow_mut().fails = true;
    }

    /// Writes and flushes so far.
    pub fn steps(&self) -> usize {
        self.0.borrow().steps
    }

    /// Calls to read so far.
    pub fn reads(&self) -> usize {
        self.0.borrow().reads
    }

    pub fn set_mood(&self, mood: Mood) {
        let mut state = self.0.borrow_mut();
        state.mood = mood;
        state.left = None;
    }

    /// A card with what was stored when the power failed.
    pub fn after_cut(&self, loss: Loss) -> Self {
        let state = self.0.borrow();
        let mut stored = state.stored.clone();
        let mut random = match loss {
            Loss::Some(seed) => seed,
            Loss::All | Loss::None => 0,
        };
        for (number, block) in &state.pending {
            let is_stored = match loss {
                Loss::All => false,
                Loss::None => true,
                Loss::Some(_) => next_random(&mut random).is_multiple_of(2),
            };
            if is_stored {
                stored.insert(*number, *block);
            }
        }
        let card = Self::new(Rc::clone(&state.base));
        card.0.borrow_mut().stored = stored;
        card
    }

    /// Everything on it, as it is now.
    pub fn bytes(&self) -> Vec<u8> {
        let state = self.0.borrow();
        let mut bytes = (*state.base).clone();
        let blocks = state.stored.iter().map(|(number, block)| (*number, block));
        let pending = state.pending.iter().map(|(number, block)| (*number, block));
        for (number, block) in blocks.chain(pending) {
            let at = number as usize * 512;
            bytes[at..at + 512].copy_from_slice(block);
        }
        bytes
    }
}

impl State {
    fn check(&self, count: usize, first: u32) -> Result<(), Failure> {
        match self.mood {
            Mood::Absent => Err(Failure(ErrorKind::Absent)),
            _ if first as usize + count > self.base.len() / 512 => Err(Failure(ErrorKind::Failed)),
            _ => Ok(()),
        }
    }

    /// One more write or flush; or the power fails.
    fn step(&mut self) -> Result<(), Failure> {
        match &mut self.left {
            Some(0) if self.fails => {
                self.mood = Mood::WriteFails;
                return Err(Failure(ErrorKind::Failed));
            }
            Some(0) => {
                self.mood = Mood::Absent;
                return Err(Failure(ErrorKind::Absent));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        self.steps += 1;
        Ok(())
    }
}

impl BlockDevice for Card {
    type Error = Failure;

    fn kind(error: &Failure) -> ErrorKind {
        error.0
    }

    fn count(&mut self) -> Result<u32, Failure> {
        let state = self.0.borrow();
        state.check(0, 0)?;
        Ok((state.base.len() / 512) as u32)
    }

    fn read(&mut self, first: u32, blocks: &mut [Block]) -> Result<(), Failure> {
        let mut state = self.0.borrow_mut();
        state.check(blocks.len(), first)?;
        if state.mood == Mood::ReadFails {
            return Err(Failure(ErrorKind::Failed));
        }
        state.reads += 1;
        for (number, block) in (first..).zip(blocks) {
            let pending = state.pending.iter().rev().find(|(at, _)| *at == number);
            *block = match pending.map(|(_, block)| block).or_else(|| state.stored.get(&number)) {
                Some(block) => *block,
                None => state.base[number as usize * 512..][..512].try_into().unwrap(),
            };
        }
        Ok(())
    }

    fn write(&mut self, first: u32, blocks: &[Block]) -> Result<(), Failure> {
        let mut state = self.0.borrow_mut();
        state.check(blocks.len(), first)?;
        match state.mood {
            Mood::Protected => return Err(Failure(ErrorKind::ReadOnly)),
            Mood::WriteFails => return Err(Failure(ErrorKind::Failed)),
            _ => {}
        }
        for (number, block) in (first..).zip(blocks) {
            state.step()?;
            state.pending.push((number, *block));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let mut state = self.0.borrow_mut();
        state.check(0, 0)?;
        if state.mood == Mood::WriteFails {
            return Err(Failure(ErrorKind::Failed));
        }
        state.step()?;
        let pending = std::mem::take(&mut state.pending);
        state.stored.extend(pending);
        Ok(())
    }
}

/// SplitMix64: repeatable from its seed.
pub fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
