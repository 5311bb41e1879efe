//! A medium that may do anything that a medium may do.

use coracle::{Durability, Facts, Kind, Metadata, Path, Receipt, Refusal, Space, Storage};

use super::{any, filled, taken};

/// A medium.
#[derive(Debug)]
pub struct Medium;

const METADATA: Metadata = Metadata { kind: Kind::File, size: 1, modified: Some(1), stamp: 1 };

/// What a call with this path comes to.
fn of<T>(path: Path<'_>, value: T) -> Result<T, Refusal> {
    taken(path.as_bytes());
    any(Ok(value))
}

impl Storage for Medium {
    type File = u32;
    type Folder = u32;
    type Staged = u32;
    type Error = Refusal;

    #[inline(never)]
    fn facts(&mut self) -> Result<Facts, Refusal> {
        let facts =
            Facts { case_sensitive: true, atomic_replace: true, free: Some(1), largest: Some(1) };
        of(Path::ROOT, facts)
    }

    #[inline(never)]
    fn space(&mut self) -> Result<Space, Refusal> {
        of(Path::ROOT, Space { free: 1, total: 1 })
    }

    #[inline(never)]
    fn stat(&mut self, path: Path<'_>) -> Result<Metadata, Refusal> {
        of(path, METADATA)
    }

    #[inline(never)]
    fn open(&mut self, path: Path<'_>) -> Result<(u32, Metadata), Refusal> {
        of(path, (1, METADATA))
    }

    #[inline(never)]
    fn open_partial(&mut self, path: Path<'_>) -> Result<(u32, Metadata), Refusal> {
        of(path, (1, METADATA))
    }

    #[inline(never)]
    fn read_at(
        &mut self,
        file: &mut u32,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Refusal> {
        any((file, offset));
        of(Path::ROOT, filled(buffer))
    }

    #[inline(never)]
    fn metadata(&mut self, file: &mut u32) -> Result<Metadata, Refusal> {
        any(file);
        of(Path::ROOT, METADATA)
    }

    #[inline(never)]
    fn close(&mut self, file: u32) {
        any(file);
    }

    #[inline(never)]
    fn open_folder(&mut self, path: Path<'_>) -> Result<u32, Refusal> {
        of(path, 1)
    }

    #[inline(never)]
    fn next_entry(
        &mut self,
        folder: &mut u32,
        name: &mut [u8],
    ) -> Result<Option<(Metadata, usize)>, Refusal> {
        any(folder);
        of(Path::ROOT, Some((METADATA, filled(name))))
    }

    #[inline(never)]
    fn close_folder(&mut self, folder: u32) {
        any(folder);
    }

    #[inline(never)]
    fn stage(&mut self, path: Path<'_>, size: Option<u64>) -> Result<u32, Refusal> {
        any(size);
        of(path, 1)
    }

    #[inline(never)]
    fn resume(&mut self, path: Path<'_>, size: Option<u64>) -> Result<(u32, u64), Refusal> {
        any(size);
        of(path, (1, 1))
    }

    #[inline(never)]
    fn read_staged(
        &mut self,
        staged: &mut u32,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Refusal> {
        self.read_at(staged, offset, buffer)
    }

    #[inline(never)]
    fn truncate(&mut self, staged: &mut u32, length: u64) -> Result<(), Refusal> {
        any((staged, length));
        of(Path::ROOT, ())
    }

    #[inline(never)]
    fn write_at(&mut self, staged: &mut u32, offset: u64, data: &[u8]) -> Result<usize, Refusal> {
        any((staged, offset));
        of(Path::ROOT, taken(data))
    }

    #[inline(never)]
    fn alive(&mut self, staged: &mut u32) {
        any(staged);
    }

    #[inline(never)]
    fn finish(&mut self, staged: u32, receipt: Receipt, modified: Option<u64>) -> bool {
        any((staged, receipt, modified));
        any(true)
    }

    #[inline(never)]
    fn keep(&mut self, staged: u32) {
        any(staged);
    }

    #[inline(never)]
    fn discard(&mut self, staged: u32) {
        any(staged);
    }

    #[inline(never)]
    fn commit(&mut self) {
        any(());
    }

    #[inline(never)]
    fn committed(&mut self) -> Option<(Receipt, Result<Durability, Refusal>)> {
        any(Some((Receipt { length: 1, crc: 1 }, Ok(Durability::Flushed))))
    }

    #[inline(never)]
    fn forget(&mut self, path: Path<'_>) -> Result<(), Refusal> {
        of(path, ())
    }

    #[inline(never)]
    fn remove(&mut self, path: Path<'_>) -> Result<(), Refusal> {
        of(path, ())
    }

    #[inline(never)]
    fn make_folder(&mut self, path: Path<'_>) -> Result<(), Refusal> {
        of(path, ())
    }

    #[inline(never)]
    fn rename(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), Refusal> {
        taken(to.as_bytes());
        of(from, ())
    }
}
