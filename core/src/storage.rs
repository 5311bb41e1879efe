//! The seam to the medium: the [`Storage`] trait and its laws.

use core::fmt::Debug;

use crate::path::Path;
use crate::reply::{Receipt, Refusal};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
}

/// What is known of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Metadata {
    /// File or folder.
    pub kind: Kind,
    /// Bytes; 0 for a folder.
    pub size: u64,
    /// Seconds since 1970 of the last modification, where the medium knows.
    pub modified: Option<u64>,
    /// A number that differs when the content was changed in between, as far as the medium can
    /// tell (a time in nanoseconds, a counter of writes). Never sent.
    pub stamp: u64,
}

/// Free and total bytes of a medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Space {
    /// Bytes that may still be written.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

/// What a client is told of a medium before it sends a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Facts {
    /// Whether names differ that differ in case only.
    pub case_sensitive: bool,
    /// Whether replacing a file is one step: after a power cut, the old one or the new one.
    pub atomic_replace: bool,
    /// Free bytes, if known.
    pub free: Option<u64>,
    /// Largest file in bytes, if there is a limit.
    pub largest: Option<u64>,
}

/// What the receipt of an upload promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Durability {
    /// Bytes and name have reached the medium: a power cut does not undo them.
    Flushed,
    /// They are with the operating system, which was not asked to flush.
    Cached,
}

/// A medium as one session sees it.
///
/// Sessions that share a medium have a `Storage` value each; what they must agree on (who writes
/// which path) lies behind it.
///
/// # Laws
///
/// The machines rely on these; the kit in `coracle::laws` checks a backend against them.
///
/// 1. **Old or new.** Until [`commit`](Self::commit), nothing of a staged file is visible to any
///    other method or session: not in listings, not by any path. After it, the path names the
///    whole new file. At no moment, power cuts included, does it name a mixture, a part, or
///    nothing where there was a file; a medium that cannot keep this says so in
///    [`Facts::atomic_replace`] and comes as close as it can.
/// 2. **Durable.** [`Durability::Flushed`] is returned only after the bytes, the name and the
///    folder that holds it were flushed, in this order.
/// 3. **Short counts.** A read returns 0 only at the end of the file or for an empty buffer. A
///    write returns 0 never: a medium that takes no byte has an error. Any other count up to the
///    length of the slice is right.
/// 4. **An open file stays itself.** [`read_at`](Self::read_at) goes on to read the file that was
///    opened, also after its path was replaced or removed. Where a medium cannot do that, the
///    replacement or removal is refused as `busy`.
/// 5. **Partials.** A staged file that is [kept](Self::keep), or whose session ended in any way
///    (also by a crash), is the partial of its path if a byte is stored, and is not visible
///    otherwise. A power cut may take bytes that the medium had not stored yet: then the partial
///    is a prefix of what was written. Keeping replaces an older partial of that path; keeping an
///    empty one leaves the older one. A commit discards every partial of its path. A path has one
///    partial at most.
/// 6. **Ownership.** While one session makes progress with a staged file, `stage`, `resume`,
///    `open_partial` and `forget` of its path are refused as `busy` to others. After 5 s without
///    progress `open_partial` answers to all, and a `stage` or `resume` by another session takes
///    over: each later call with the old handle is refused as `busy`, and its `keep` does
///    nothing.
/// 7. **Confined.** No path and no link leads outside the root. Where the medium has links, one
///    that stays inside is followed, [`remove`](Self::remove) and [`rename`](Self::rename) act on
///    the link itself; what leads outside and what is neither file nor folder is `denied` and
///    not listed.
/// 8. **Listings** show each entry that exists throughout exactly once, staged files never, and
///    survive changes in between.
/// 9. **The true reason.** An error names the cause that a person can act on: `no-space` is never
///    reported as `io`.
/// 10. `remove`, `make_folder` and `rename` are durable when they return.
pub trait Storage {
    /// A file open for reading.
    type File;
    /// A folder open for listing.
    type Folder;
    /// A staged file: written, not visible yet.
    type Staged;
    /// Why something failed. What the peer sees is the [`Refusal`] made of it.
    type Error: Debug + Into<Refusal>;

    /// What is told to clients; `free` may be out of date at once.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn facts(&mut self) -> Result<Facts, Self::Error>;

    /// Free and total bytes.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn space(&mut self) -> Result<Space, Self::Error>;

    /// Kind, size and time of an entry.
    ///
    /// # Errors
    ///
    /// `not-found`, `not-directory` for a component that is none, `denied`.
    fn stat(&mut self, path: Path<'_>) -> Result<Metadata, Self::Error>;

    /// Open a file for reading.
    ///
    /// # Errors
    ///
    /// As [`stat`](Self::stat), and `is-directory`.
    fn open(&mut self, path: Path<'_>) -> Result<(Self::File, Metadata), Self::Error>;

    /// Open the partial of a path for reading.
    ///
    /// # Errors
    ///
    /// `not-found` if there is none, `busy` by law 6.
    fn open_partial(&mut self, path: Path<'_>) -> Result<(Self::File, Metadata), Self::Error>;

    /// Read bytes at `offset` into `buffer` (law 3).
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn read_at(
        &mut self,
        file: &mut Self::File,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Self::Error>;

    /// Size, time and stamp of the open file as they are now.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn metadata(&mut self, file: &mut Self::File) -> Result<Metadata, Self::Error>;

    /// Give back a file.
    fn close(&mut self, file: Self::File);

    /// Open a folder for listing.
    ///
    /// # Errors
    ///
    /// As [`stat`](Self::stat), and `not-directory`.
    fn open_folder(&mut self, path: Path<'_>) -> Result<Self::Folder, Self::Error>;

    /// The next entry: its name goes into `name` (255 bytes or more), its length is returned
    /// with the metadata. `None` at the end. Entries whose names no path can hold are returned
    /// as well; the caller counts and skips them.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn next_entry(
        &mut self,
        folder: &mut Self::Folder,
        name: &mut [u8],
    ) -> Result<Option<(Metadata, usize)>, Self::Error>;

    /// Give back a folder.
    fn close_folder(&mut self, folder: Self::Folder);

    /// Begin a fresh staged file for `path`. An older partial stays until this one is kept or
    /// committed. `size` is what the client announced.
    ///
    /// # Errors
    ///
    /// `not-found` without the parent folder, `is-directory`, `busy` by law 6, `no-space` or
    /// `too-large` where `size` tells beforehand, `denied`, `read-only`.
    fn stage(&mut self, path: Path<'_>, size: Option<u64>) -> Result<Self::Staged, Self::Error>;

    /// Take up the partial of `path` as a staged file again; the bytes stored in it are
    /// returned as a length.
    ///
    /// # Errors
    ///
    /// As [`stage`](Self::stage); `not-found` also without a partial.
    fn resume(
        &mut self,
        path: Path<'_>,
        size: Option<u64>,
    ) -> Result<(Self::Staged, u64), Self::Error>;

    /// Read back bytes of a staged file (law 3).
    ///
    /// # Errors
    ///
    /// If the medium fails, or `busy` by law 6.
    fn read_staged(
        &mut self,
        staged: &mut Self::Staged,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Self::Error>;

    /// Cut a staged file to `length` bytes, at most what it has.
    ///
    /// # Errors
    ///
    /// If the medium fails, or `busy` by law 6.
    fn truncate(&mut self, staged: &mut Self::Staged, length: u64) -> Result<(), Self::Error>;

    /// Write bytes at `offset`, which is at most the length so far (law 3). This, and
    /// [`alive`](Self::alive), is the progress of law 6.
    ///
    /// # Errors
    ///
    /// `no-space`, `too-large`, `io`, or `busy` by law 6.
    fn write_at(
        &mut self,
        staged: &mut Self::Staged,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, Self::Error>;

    /// The peer of this staged file gave a sign of life, with or without file bytes that are
    /// still on their way to [`write_at`](Self::write_at).
    fn alive(&mut self, _staged: &mut Self::Staged) {}

    /// The staged file is complete: it joins the group of the next [`commit`](Self::commit),
    /// with the time to record. Returns whether the group has room for one more; if not, the
    /// caller commits at once. An error is reported by [`committed`](Self::committed).
    fn finish(&mut self, staged: Self::Staged, receipt: Receipt, modified: Option<u64>) -> bool;

    /// Stop writing, keep what is stored as the partial of the path (law 5).
    fn keep(&mut self, staged: Self::Staged);

    /// Stop writing, forget what is stored. An older partial that was not resumed stays.
    fn discard(&mut self, staged: Self::Staged);

    /// Make every finished file durable and visible, in the order they were finished (laws 1
    /// and 2). One may fail without the others.
    fn commit(&mut self);

    /// The result of the oldest file that was committed and not reported yet. A file that
    /// could not be committed is kept as a partial, unless flushing it failed: then nobody knows
    /// which of its bytes the medium has, and it is discarded.
    fn committed(&mut self) -> Option<(Receipt, Result<Durability, Self::Error>)>;

    /// Discard the partial of a path.
    ///
    /// # Errors
    ///
    /// `not-found` if there is none, `busy` by law 6.
    fn forget(&mut self, path: Path<'_>) -> Result<(), Self::Error>;

    /// Remove a file, a link or an empty folder; leftovers of uploads in a folder that is
    /// otherwise empty go with it.
    ///
    /// # Errors
    ///
    /// `not-found`, `not-empty`, `denied` for the root, `busy` for a folder in which a file is
    /// being written.
    fn remove(&mut self, path: Path<'_>) -> Result<(), Self::Error>;

    /// Make a folder.
    ///
    /// # Errors
    ///
    /// `exists`, `not-found` without the parent folder.
    fn make_folder(&mut self, path: Path<'_>) -> Result<(), Self::Error>;

    /// Rename a file, a link or a folder; a file is replaced.
    ///
    /// # Errors
    ///
    /// `not-found`, `is-directory` for a file onto a folder, `exists` for a folder onto
    /// anything, `bad-argument` for a folder into itself, `denied` for the root.
    fn rename(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), Self::Error>;
}
