//! The device with a few blocks of metadata held in RAM.

use core::slice;

use crate::block::{BLOCK_LEN, Block, BlockDevice, ErrorKind};
use crate::chip::Error;

/// A block that is held.
#[derive(Clone, Copy)]
struct Held {
    /// Its number plus one; 0 for none, so that a card not mounted yet is all zeros in RAM and
    /// takes no flash.
    tag: u32,
    /// When it was last used.
    used: u32,
    /// Whether the device does not have it yet.
    is_dirty: bool,
    bytes: Block,
}

/// Blocks that are written a second time somewhere else: the copies of the FAT.
#[derive(Clone, Copy, Default)]
pub(super) struct Mirror {
    pub(super) first: u32,
    /// Blocks of one copy.
    pub(super) count: u32,
    /// Copies, the first one included.
    pub(super) copies: u8,
}

/// A device, and the blocks of FAT, folders and journal that were used last.
///
/// Blocks that were edited are written when their place is needed, or by
/// [`barrier`](Self::barrier): until then in any order, as the device itself does it.
pub(super) struct Disk<D, const CACHE: usize> {
    device: D,
    held: [Held; CACHE],
    uses: u32,
    pub(super) mirror: Mirror,
    /// Whether something was written since the last flush.
    is_unflushed: bool,
    /// Whether what is known of the medium holds.
    is_good: bool,
}

impl<D: BlockDevice, const CACHE: usize> Disk<D, CACHE> {
    pub(super) const fn new(device: D) -> Self {
        const { assert!(CACHE >= 2, "two blocks at least: one of a folder and one of the FAT") };
        let free = const { Held { tag: 0, used: 0, is_dirty: false, bytes: [0; BLOCK_LEN] } };
        Self {
            device,
            held: [free; CACHE],
            uses: 0,
            mirror: Mirror { first: 0, count: 0, copies: 0 },
            is_unflushed: false,
            is_good: false,
        }
    }

    pub(super) fn into_device(self) -> D {
        self.device
    }

    pub(super) const fn device(&mut self) -> &mut D {
        &mut self.device
    }

    /// Forget everything and begin anew. Returns the number of blocks.
    pub(super) fn start(&mut self) -> Result<u32, Error> {
        for held in &mut self.held {
            held.tag = 0;
            held.is_dirty = false;
        }
        self.mirror = Mirror::default();
        self.is_unflushed = false;
        self.is_good = true;
        self.device.count().map_err(|error| self.failed_read(&error))
    }

    /// Whether the medium is there still: what is held must not hide that it was taken out.
    pub(super) fn probe(&mut self) -> Result<(), Error> {
        self.device.count().map(|_| ()).map_err(|error| self.failed_read(&error))
    }

    /// Whether nothing has gone wrong since [`start`](Self::start).
    pub(super) const fn is_good(&self) -> bool {
        self.is_good
    }

    /// The bytes of a block.
    pub(super) fn block(&mut self, number: u32) -> Result<&Block, Error> {
        self.hold(number, true).map(|held| &held.bytes)
    }

    /// The bytes of a block, to be changed.
    pub(super) fn edit(&mut self, number: u32) -> Result<&mut Block, Error> {
        let held = self.hold(number, true)?;
        held.is_dirty = true;
        Ok(&mut held.bytes)
    }

    /// A block of zeros, to be filled, whatever the device has there.
    pub(super) fn fresh(&mut self, number: u32) -> Result<&mut Block, Error> {
        let held = self.hold(number, false)?;
        held.is_dirty = true;
        held.bytes.fill(0);
        Ok(&mut held.bytes)
    }

    /// Everything edited is stored for good before this returns.
    pub(super) fn barrier(&mut self) -> Result<(), Error> {
        self.check()?;
        for at in 0..CACHE {
            self.write_out(at)?;
        }
        if self.is_unflushed {
            self.device.flush().map_err(|error| self.failed_write(&error))?;
            self.is_unflushed = false;
        }
        Ok(())
    }

    /// Read blocks of file bytes.
    pub(super) fn read(&mut self, first: u32, blocks: &mut [Block]) -> Result<(), Error> {
        self.check()?;
        self.device.read(first, blocks).map_err(|error| self.failed_read(&error))
    }

    /// Write blocks past the cache.
    pub(super) fn write(&mut self, first: u32, blocks: &[Block]) -> Result<(), Error> {
        self.check()?;
        let end = first.saturating_add(u32::try_from(blocks.len()).unwrap_or(u32::MAX));
        for held in self.held.iter_mut().filter(|held| (first + 1..=end).contains(&held.tag)) {
            held.tag = 0;
            held.is_dirty = false;
        }
        self.is_unflushed = true;
        self.device.write(first, blocks).map_err(|error| self.failed_write(&error))
    }

    fn check(&self) -> Result<(), Error> {
        if self.is_good { Ok(()) } else { Err(Error::Absent) }
    }

    fn hold(&mut self, number: u32, read: bool) -> Result<&mut Held, Error> {
        self.check()?;
        self.uses = self.uses.wrapping_add(1);
        let at = match self.held.iter().position(|held| held.tag == number.wrapping_add(1)) {
            Some(at) => at,
            None => self.make_place(number, read)?,
        };
        let held = self.held.get_mut(at).ok_or(Error::Failed)?;
        held.used = self.uses;
        Ok(held)
    }

    /// Give the place that was not used for longest to another block.
    fn make_place(&mut self, number: u32, read: bool) -> Result<usize, Error> {
        let oldest = self.held.iter().enumerate().min_by_key(|(_, held)| held.used);
        let at = oldest.map_or(0, |(at, _)| at);
        self.write_out(at)?;
        let held = self.held.get_mut(at).ok_or(Error::Failed)?;
        held.tag = 0;
        if read {
            let blocks = slice::from_mut(&mut held.bytes);
            if let Err(error) = self.device.read(number, blocks) {
                return Err(self.failed_read(&error));
            }
        }
        held.tag = number.wrapping_add(1);
        Ok(at)
    }

    fn write_out(&mut self, at: usize) -> Result<(), Error> {
        let Some(held) = self.held.get_mut(at).filter(|held| held.is_dirty) else { return Ok(()) };
        let Mirror { first, count, copies } = self.mirror;
        let mut number = held.tag.wrapping_sub(1);
        let is_mirrored = number.checked_sub(first).is_some_and(|at| at < count);
        self.is_unflushed = true;
        for _ in 0..if is_mirrored { copies } else { 1 } {
            if let Err(error) = self.device.write(number, slice::from_ref(&held.bytes)) {
                return Err(self.failed_write(&error));
            }
            number = number.saturating_add(count);
        }
        held.is_dirty = false;
        Ok(())
    }

    /// A block that cannot be read is no reason to give up the others.
    fn failed_read(&mut self, error: &D::Error) -> Error {
        match D::kind(error) {
            ErrorKind::Absent => {
                self.is_good = false;
                Error::Absent
            }
            ErrorKind::ReadOnly | ErrorKind::Failed => Error::Failed,
        }
    }

    /// What is held and what the medium has may differ now: it must be mounted anew, which
    /// repairs it.
    fn failed_write(&mut self, error: &D::Error) -> Error {
        self.is_good = false;
        match D::kind(error) {
            ErrorKind::Absent => Error::Absent,
            ErrorKind::ReadOnly => Error::ReadOnly,
            ErrorKind::Failed => Error::Failed,
        }
    }
}
