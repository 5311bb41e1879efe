//! Writing one commit of a metadata log.

use coracle::Crc32;

use super::flash::Flash;
use super::log::{Pair, bytes};
use super::store::{RUN_LEN, Store};
use super::tag::{NO_ENTRY, Tag, kind};
use crate::chip::Error;

/// Bytes of the shortest end of a commit: a CRC.
pub(super) const END_LEN: u32 = 8;

/// Bytes of the end of a commit that others may follow: a CRC of the bytes behind it, and a CRC.
const OPEN_END_LEN: u32 = 20;

/// How far a log goes.
#[derive(Clone, Copy)]
pub(super) struct LogShape {
    /// Bytes that it may take.
    pub(super) region: u32,
    /// Bytes to which its commits are padded.
    pub(super) unit: u32,
    /// Whether commits have a CRC of the bytes behind them.
    pub(super) has_forward: bool,
}

/// A commit being written behind others or as the first one of a block, or only measured.
pub(super) struct Commit {
    block: u32,
    pub(super) offset: u32,
    last: Tag,
    crc: Crc32,
    measured: bool,
}

impl Commit {
    /// Behind the log that a pair has.
    pub(super) const fn append(pair: &Pair) -> Self {
        let (block, offset, last) = (pair.current, pair.end, pair.last);
        Self { block, offset, last, crc: Crc32::new(), measured: false }
    }

    /// At the beginning of a block.
    pub(super) const fn first(block: u32) -> Self {
        Self { block, offset: 0, last: Tag::FIRST, crc: Crc32::new(), measured: false }
    }

    /// Write nothing, only count bytes from this one on.
    pub(super) const fn measure(offset: u32) -> Self {
        Self { block: 0, offset, last: Tag::FIRST, crc: Crc32::new(), measured: true }
    }

    /// Bytes without a tag: the revision.
    pub(super) fn raw<F: Flash>(
        &mut self,
        store: &mut Store<F>,
        bytes: &[u8],
    ) -> Result<(), Error> {
        if !self.measured {
            self.crc.update(bytes);
            store.write(self.block, self.offset, bytes)?;
        }
        self.offset = self.offset.saturating_add(bytes.len() as u32);
        Ok(())
    }

    fn tag<F: Flash>(&mut self, store: &mut Store<F>, tag: Tag) -> Result<(), Error> {
        let raw = (tag.0 ^ self.last.0).to_be_bytes();
        self.last = tag;
        self.raw(store, &raw)
    }

    /// A piece of these bytes, as many as fit its length field.
    pub(super) fn put<F: Flash>(
        &mut self,
        store: &mut Store<F>,
        (kind, entry): (u32, u16),
        bytes: &[u8],
    ) -> Result<(), Error> {
        self.tag(store, Tag::new(kind, entry, bytes.len() as u32))?;
        self.raw(store, bytes)
    }

    /// A piece that lies in a log already.
    pub(super) fn copy<F: Flash>(
        &mut self,
        store: &mut Store<F>,
        tag: Tag,
        from: (u32, u32),
    ) -> Result<(), Error> {
        self.tag(store, tag)?;
        if !self.measured {
            store.copy(from, tag.len(), (self.block, self.offset), &mut self.crc)?;
        }
        self.offset = self.offset.saturating_add(tag.len());
        Ok(())
    }

    /// End the commit and store it for good. Where the log ends then is returned.
    pub(super) fn finish<F: Flash>(
        mut self,
        store: &mut Store<F>,
        LogShape { region, unit, has_forward }: LogShape,
    ) -> Result<u32, Error> {
        let end = self.offset.saturating_add(OPEN_END_LEN).min(region);
        let end = end.checked_next_multiple_of(unit).ok_or(Error::Damaged)?;
        let mut first = [0xff];
        if has_forward && end.saturating_add(unit) <= region {
            store.read(self.block, end, &mut first, RUN_LEN)?;
            let mut crc = Crc32::new();
            store.checksum(self.block, end, unit, &mut crc)?;
            let forward = bytes([unit, !crc.value()]);
            self.put(store, (kind::FORWARD_CRC, NO_ENTRY), &forward)?;
        }
        // Whatever the next byte holds now, it must not look like a tag.
        let kind = kind::CRC + u32::from(first[0] < 0x80);
        let padded = end.saturating_sub(self.offset.saturating_add(4));
        self.tag(store, Tag::new(kind, NO_ENTRY, padded))?;
        let crc = (!self.crc.value()).to_le_bytes();
        store.write(self.block, self.offset, &crc)?;
        store.sync()?;
        Ok(end)
    }
}
