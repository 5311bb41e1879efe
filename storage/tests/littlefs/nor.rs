//! NOR flash that is written wrong only once: bytes are erased before they are written, and a
//! write or erase that is cut short leaves anything.

use std::cell::RefCell;
use std::rc::Rc;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};

use super::random::Random;

/// A flash that is written in `WRITE` bytes and erased in `ERASE`. Clones are the same flash.
#[derive(Clone)]
pub struct SimNor<const WRITE: usize, const ERASE: usize = 4096>(Rc<RefCell<State>>);

struct State {
    bytes: Vec<u8>,
    /// Writes and erases so far.
    operations: u64,
    /// The number of the operation in which the power goes.
    cut: u64,
    is_off: bool,
    /// Whether there may be half-written bytes, or others that nobody expects.
    is_damaged: bool,
    random: Random,
}

impl<const WRITE: usize, const ERASE: usize> SimNor<WRITE, ERASE> {
    pub fn new(len: usize) -> Self {
        Self(Rc::new(RefCell::new(State {
            bytes: vec![0xff; len],
            operations: 0,
            cut: u64::MAX,
            is_off: false,
            is_damaged: false,
            random: Random(0),
        })))
    }

    /// Cut the power in operation number `cut`, counted from now; the seed says what it leaves.
    pub fn cut_after(&self, operations: u64, seed: u64) {
        let mut state = self.0.borrow_mut();
        state.cut = state.operations.saturating_add(operations);
        state.random = Random(seed);
    }

    pub fn operations(&self) -> u64 {
        self.0.borrow().operations
    }

    /// The power comes back.
    pub fn restart(&self) {
        let mut state = self.0.borrow_mut();
        (state.cut, state.is_off) = (u64::MAX, false);
    }

    /// From now on, bytes may be written where others are.
    pub fn damage(&self) {
        self.0.borrow_mut().is_damaged = true;
    }

    pub fn image(&self) -> Vec<u8> {
        self.0.borrow().bytes.clone()
    }

    pub fn set_image(&self, image: &[u8]) {
        let mut state = self.0.borrow_mut();
        (state.bytes, state.is_damaged) = (image.to_vec(), false);
    }
}

impl State {
    /// Whether one more operation is done whole.
    fn operate(&mut self) -> Result<bool, NorFlashErrorKind> {
        if self.is_off {
            return Err(NorFlashErrorKind::Other);
        }
        self.is_off = self.operations >= self.cut;
        self.is_damaged |= self.is_off;
        self.operations += 1;
        Ok(!self.is_off)
    }
}

impl<const WRITE: usize, const ERASE: usize> ErrorType for SimNor<WRITE, ERASE> {
    type Error = NorFlashErrorKind;
}

impl<const WRITE: usize, const ERASE: usize> ReadNorFlash for SimNor<WRITE, ERASE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let state = self.0.borrow();
        let from = state.bytes.get(offset as usize..).and_then(|from| from.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(NorFlashErrorKind::OutOfBounds)?);
        if state.is_off { Err(NorFlashErrorKind::Other) } else { Ok(()) }
    }

    fn capacity(&self) -> usize {
        self.0.borrow().bytes.len()
    }
}

impl<const WRITE: usize, const ERASE: usize> NorFlash for SimNor<WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        let state = &mut *self.0.borrow_mut();
        let (from, to) = (from as usize, to as usize);
        assert!(from.is_multiple_of(ERASE) && to.is_multiple_of(ERASE), "erase {from}..{to}");
        let whole = state.operate()?;
        let bytes = state.bytes.get_mut(from..to).ok_or(NorFlashErrorKind::OutOfBounds)?;
        for byte in bytes {
            if whole || state.random.below(3) > 0 {
                *byte = 0xff;
            }
        }
        if whole { Ok(()) } else { Err(NorFlashErrorKind::Other) }
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        let state = &mut *self.0.borrow_mut();
        let at = offset as usize;
        assert!(at.is_multiple_of(WRITE) && bytes.len().is_multiple_of(WRITE), "write at {at}");
        let whole = state.operate()?;
        let to = state.bytes.get_mut(at..at + bytes.len()).ok_or(NorFlashErrorKind::OutOfBounds)?;
        let is_erased = to.iter().all(|byte| *byte == 0xff);
        assert!(is_erased || state.is_damaged, "write at {at} where nothing was erased");
        // Half of the time a part from the beginning, half of the time any bits.
        let written =
            if whole { bytes.len() } else { state.random.below(bytes.len() as u64) as usize };
        let scattered = !whole && state.random.below(2) == 0;
        for (place, (to, from)) in to.iter_mut().zip(bytes).enumerate() {
            // What was left of a write that was cut short may be written over; it is found out.
            *to &= match (scattered, place < written) {
                (true, _) => *from | state.random.next() as u8,
                (false, true) => *from,
                (false, false) => 0xff,
            };
        }
        if whole { Ok(()) } else { Err(NorFlashErrorKind::Other) }
    }
}
