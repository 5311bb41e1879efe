//! A medium of one file, which is long enough for any offset.

use coracle::{Durability, Facts, Kind, Metadata, Path, Receipt, Refusal, Space, Storage};

use super::link::copy;
use super::{CONTENT, CONTENT_LEN};

/// One file of so many bytes, of which the first are in memory and are repeated. Every path names
/// it; the folders have one entry each.
#[derive(Debug)]
pub struct Flat {
    content: [u8; CONTENT_LEN],
    length: u64,
    receipt: Option<Receipt>,
}

impl Flat {
    /// A file of this length.
    pub const fn new(length: u64) -> Self {
        Self { content: CONTENT.0, length, receipt: None }
    }

    fn entry(&self) -> Metadata {
        Metadata { kind: Kind::File, size: self.length, modified: None, stamp: 0 }
    }

    /// The bytes from an offset on, up to where they are repeated.
    fn at(&mut self, offset: u64) -> &mut [u8] {
        self.content.get_mut(offset as usize % CONTENT_LEN..).unwrap_or_default()
    }
}

impl Storage for Flat {
    type File = ();
    type Folder = bool;
    type Staged = u64;
    type Error = Refusal;

    fn facts(&mut self) -> Result<Facts, Refusal> {
        Ok(Facts { case_sensitive: true, atomic_replace: true, free: None, largest: None })
    }

    fn space(&mut self) -> Result<Space, Refusal> {
        Ok(Space { free: 0, total: self.length })
    }

    fn stat(&mut self, _path: Path<'_>) -> Result<Metadata, Refusal> {
        Ok(self.entry())
    }

    fn open(&mut self, _path: Path<'_>) -> Result<((), Metadata), Refusal> {
        Ok(((), self.entry()))
    }

    fn open_partial(&mut self, path: Path<'_>) -> Result<((), Metadata), Refusal> {
        self.open(path)
    }

    fn read_at(
        &mut self,
        _file: &mut (),
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Refusal> {
        Ok(copy(buffer, self.at(offset)))
    }

    fn metadata(&mut self, _file: &mut ()) -> Result<Metadata, Refusal> {
        Ok(self.entry())
    }

    fn close(&mut self, _file: ()) {}

    fn open_folder(&mut self, _path: Path<'_>) -> Result<bool, Refusal> {
        Ok(true)
    }

    fn next_entry(
        &mut self,
        folder: &mut bool,
        name: &mut [u8],
    ) -> Result<Option<(Metadata, usize)>, Refusal> {
        Ok(core::mem::take(folder).then(|| (self.entry(), copy(name, b"a name"))))
    }

    fn close_folder(&mut self, _folder: bool) {}

    fn stage(&mut self, _path: Path<'_>, _size: Option<u64>) -> Result<u64, Refusal> {
        Ok(0)
    }

    fn resume(&mut self, _path: Path<'_>, _size: Option<u64>) -> Result<(u64, u64), Refusal> {
        Ok((self.length, self.length))
    }

    fn read_staged(
        &mut self,
        _: &mut u64,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Refusal> {
        Ok(copy(buffer, self.at(offset)))
    }

    fn truncate(&mut self, staged: &mut u64, length: u64) -> Result<(), Refusal> {
        *staged = length;
        Ok(())
    }

    fn write_at(&mut self, staged: &mut u64, offset: u64, data: &[u8]) -> Result<usize, Refusal> {
        let count = copy(self.at(offset), data);
        *staged = offset + count as u64;
        Ok(count)
    }

    fn finish(&mut self, _staged: u64, receipt: Receipt, _modified: Option<u64>) -> bool {
        self.receipt = Some(receipt);
        false
    }

    fn keep(&mut self, _staged: u64) {}

    fn discard(&mut self, _staged: u64) {}

    fn commit(&mut self) {}

    fn committed(&mut self) -> Option<(Receipt, Result<Durability, Refusal>)> {
        self.receipt.take().map(|receipt| (receipt, Ok(Durability::Cached)))
    }

    fn forget(&mut self, _path: Path<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn remove(&mut self, _path: Path<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn make_folder(&mut self, _path: Path<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn rename(&mut self, _from: Path<'_>, _to: Path<'_>) -> Result<(), Refusal> {
        Ok(())
    }
}
