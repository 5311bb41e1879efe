//! Bytes of numbered blocks over a [`Flash`]: one run of bytes that was read ahead, one that is
//! gathered for writing.

use coracle::Crc32;

use super::flash::Flash;
use crate::chip::Error;

/// Bytes read ahead, and bytes gathered: four blocks of a card in one call, which cards take
/// much faster than four calls. A folder's log on a card is no longer, so that it is searched in
/// RAM.
pub(super) const RUN_LEN: usize = 2048;

/// Bytes copied at a time on the stack.
const PIECE_LEN: usize = 64;

/// A memory with its buffers.
#[derive(Debug)]
pub(super) struct Store<F> {
    pub(super) flash: F,
    capacity: u64,
    block_len: u32,
    read: Run,
    /// What is to be written; nothing if it is empty and has no `reach`.
    pending: Run,
    /// Bytes of the pending run to be written at least: an erased log has no old bytes behind
    /// its new ones.
    reach: usize,
    /// Whether anything was written since the last sync.
    unsynced: bool,
}

/// Consecutive bytes of the memory.
#[derive(Debug)]
struct Run {
    start: u64,
    len: usize,
    bytes: [u8; RUN_LEN],
}

impl Run {
    const EMPTY: Self = Self { start: 0, len: 0, bytes: [0; RUN_LEN] };

    /// Copy what is here of the bytes at an address.
    fn copy(&self, at: u64, to: &mut [u8], len: usize) -> Option<usize> {
        let from = usize::try_from(at.checked_sub(self.start)?).ok()?;
        let from = self.bytes.get(..len)?.get(from..)?;
        let copied = from.len().min(to.len());
        to.get_mut(..copied)?.copy_from_slice(from.get(..copied)?);
        (copied > 0).then_some(copied)
    }

    /// Take in bytes as far as there is room.
    fn extend(&mut self, from: &[u8]) -> usize {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let len = room.len().min(from.len());
        if let (Some(room), Some(from)) = (room.get_mut(..len), from.get(..len)) {
            room.copy_from_slice(from);
        }
        self.len = self.len.saturating_add(len);
        len
    }

    fn overlaps(&self, start: u64, len: u64) -> bool {
        start < self.start.saturating_add(self.len as u64) && self.start < start.saturating_add(len)
    }
}

impl<F: Flash> Store<F> {
    const FITS: () = assert!(
        F::READ > 0 && F::WRITE.is_multiple_of(F::READ) && 512usize.is_multiple_of(F::WRITE),
        "pieces of writing must divide 512 bytes, and be a multiple of pieces of reading"
    );

    pub(super) const fn new(flash: F) -> Self {
        let () = Self::FITS;
        Self {
            flash,
            capacity: 0,
            block_len: 0,
            read: Run::EMPTY,
            pending: Run::EMPTY,
            reach: 0,
            unsynced: false,
        }
    }

    /// Forget what was read and gathered: the medium may be another one.
    pub(super) fn restart(&mut self) -> Result<(), Error> {
        (self.read.len, self.pending.len, self.reach) = (0, 0, 0);
        self.unsynced = false;
        self.capacity = self.flash.capacity()?;
        Ok(())
    }

    pub(super) const fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(super) const fn block_len(&self) -> u32 {
        self.block_len
    }

    pub(super) const fn set_block_len(&mut self, len: u32) {
        self.block_len = len;
    }

    fn address(&self, block: u32, offset: u32) -> u64 {
        u64::from(block) * u64::from(self.block_len) + u64::from(offset)
    }

    /// Read bytes; `ahead` of them are expected to be asked for in all.
    pub(super) fn read(
        &mut self,
        block: u32,
        offset: u32,
        mut to: &mut [u8],
        ahead: usize,
    ) -> Result<(), Error> {
        let mut at = self.address(block, offset);
        while !to.is_empty() {
            let done = self.read_some(at, to, ahead)?;
            at = at.saturating_add(done as u64);
            to = to.get_mut(done..).unwrap_or_default();
        }
        Ok(())
    }

    fn read_some(&mut self, at: u64, to: &mut [u8], ahead: usize) -> Result<usize, Error> {
        if let Some(done) = self.pending.copy(at, to, self.extent()) {
            return Ok(done);
        }
        let to = self.until_pending(at, to);
        if let Some(done) = self.read.copy(at, to, self.read.len) {
            return Ok(done);
        }
        let whole = to.len() - to.len() % F::READ;
        if whole >= RUN_LEN && at.is_multiple_of(F::READ as u64) {
            self.flash.read(at, to.get_mut(..whole).unwrap_or_default())?;
            return Ok(whole);
        }
        self.fill(at, ahead.max(to.len()))?;
        self.read.copy(at, to, self.read.len).ok_or(Error::Damaged)
    }

    /// The part before what is to be written: the medium has other bytes there.
    fn until_pending<'b>(&self, at: u64, to: &'b mut [u8]) -> &'b mut [u8] {
        let room = match self.pending.start.checked_sub(at) {
            Some(room) if self.extent() > 0 => usize::try_from(room).unwrap_or(usize::MAX),
            _ => usize::MAX,
        };
        let len = to.len().min(room);
        to.get_mut(..len).unwrap_or_default()
    }

    /// Read ahead: a whole run, or the few pieces that are wanted.
    fn fill(&mut self, at: u64, wanted: usize) -> Result<(), Error> {
        let step = if wanted >= RUN_LEN / 2 { RUN_LEN } else { F::READ };
        let start = at & !(step as u64 - 1);
        let skipped = usize::try_from(at - start).unwrap_or(0);
        let len =
            (skipped.saturating_add(wanted).saturating_add(step - 1) & !(step - 1)).min(RUN_LEN);
        let left = self.capacity.saturating_sub(start);
        let len = usize::try_from(left).map_or(len, |left| len.min(left));
        self.read.len = 0;
        self.flash.read(start, self.read.bytes.get_mut(..len).unwrap_or_default())?;
        (self.read.start, self.read.len) = (start, len);
        Ok(())
    }

    /// Bytes that a flush would write, padding included.
    fn extent(&self) -> usize {
        self.pending.len.max(self.reach).next_multiple_of(F::WRITE).min(RUN_LEN)
    }

    /// Whether bytes can be written here behind others without an erase.
    pub(super) fn continues(&self, block: u32, offset: u32) -> bool {
        let at = self.address(block, offset);
        F::REWRITES
            || at.is_multiple_of(F::WRITE as u64)
            || (self.pending.len > 0 && self.pending_end() == at)
    }

    fn pending_end(&self) -> u64 {
        self.pending.start.saturating_add(self.pending.len as u64)
    }

    /// Prepare a block for being written from its beginning. Of a log, `reach` bytes are made
    /// 0xff, of the rest those that have to be erased.
    pub(super) fn open(&mut self, block: u32, reach: usize) -> Result<(), Error> {
        self.flush()?;
        let at = self.address(block, 0);
        if F::REWRITES {
            if reach > 0 {
                self.begin(at)?;
                self.reach = reach.min(RUN_LEN);
            }
            return Ok(());
        }
        if self.read.overlaps(at, u64::from(self.block_len)) {
            self.read.len = 0;
        }
        self.unsynced = true;
        self.flash.erase(at, self.block_len)
    }

    /// Write bytes behind those that the block has.
    pub(super) fn write(&mut self, block: u32, offset: u32, bytes: &[u8]) -> Result<(), Error> {
        let mut at = self.address(block, offset);
        let mut bytes = bytes;
        while !bytes.is_empty() {
            if self.extent() == 0 || self.pending_end() != at {
                self.flush()?;
                self.begin(at)?;
            }
            let done = self.pending.extend(bytes);
            at = at.saturating_add(done as u64);
            bytes = bytes.get(done..).unwrap_or_default();
            if self.pending.len >= RUN_LEN {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Begin to gather at an address, behind the bytes that its piece of writing has already.
    fn begin(&mut self, at: u64) -> Result<(), Error> {
        let start = at - at % F::WRITE as u64;
        let kept = usize::try_from(at - start).unwrap_or(0);
        self.pending.bytes.fill(0xff);
        if kept > 0 {
            let piece = self.pending.bytes.get_mut(..F::WRITE).unwrap_or_default();
            if self.read.copy(start, piece, self.read.len) != Some(F::WRITE) {
                self.flash.read(start, piece)?;
            }
            piece.get_mut(kept..).unwrap_or_default().fill(0xff);
        }
        (self.pending.start, self.pending.len, self.reach) = (start, kept, 0);
        Ok(())
    }

    /// Hand what was gathered to the memory.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        let len = self.extent();
        if len == 0 {
            return Ok(());
        }
        (self.pending.len, self.reach) = (0, 0);
        if self.read.overlaps(self.pending.start, len as u64) {
            self.read.len = 0;
        }
        self.unsynced = true;
        let bytes = self.pending.bytes.get(..len).unwrap_or_default();
        self.flash.write(self.pending.start, bytes)
    }

    /// Store everything for good.
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        self.flush()?;
        if self.unsynced {
            self.flash.sync()?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Take bytes into a checksum.
    pub(super) fn checksum(
        &mut self,
        block: u32,
        offset: u32,
        len: u32,
        crc: &mut Crc32,
    ) -> Result<(), Error> {
        self.pieces(block, offset, len, |_, piece| {
            crc.update(piece);
            Ok(())
        })
    }

    /// Copy bytes behind those that another block has, and take them into a checksum.
    pub(super) fn copy(
        &mut self,
        (block, offset): (u32, u32),
        len: u32,
        (to, mut at): (u32, u32),
        crc: &mut Crc32,
    ) -> Result<(), Error> {
        self.pieces(block, offset, len, |store, piece| {
            crc.update(piece);
            store.write(to, at, piece)?;
            at = at.saturating_add(piece.len() as u32);
            Ok(())
        })
    }

    fn pieces(
        &mut self,
        block: u32,
        offset: u32,
        len: u32,
        mut each: impl FnMut(&mut Self, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut memory = [0; PIECE_LEN];
        let mut done = 0;
        while done < len {
            let now = (len - done).min(PIECE_LEN as u32);
            let piece = memory.get_mut(..now as usize).unwrap_or_default();
            self.read(block, offset.saturating_add(done), piece, RUN_LEN)?;
            each(self, piece)?;
            done += now;
        }
        Ok(())
    }

    pub(super) fn read_u32(&mut self, block: u32, offset: u32, ahead: usize) -> Result<u32, Error> {
        let mut word = [0; 4];
        self.read(block, offset, &mut word, ahead)?;
        Ok(u32::from_le_bytes(word))
    }
}
