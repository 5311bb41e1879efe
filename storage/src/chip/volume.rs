//! What a file system does for the shared layer: the [`Volume`] trait and its laws.

use core::fmt::Debug;

use coracle::limits::PATH_MAX;
use coracle::{Facts, Metadata, Path, Space};

use super::error::Error;

/// A visible entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entry<I> {
    /// What it is called by while it exists.
    pub id: I,
    /// Kind, size, time, stamp.
    pub metadata: Metadata,
}

/// A staged file as it is found on the medium: of a session that writes it, or left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Leftover<I> {
    /// What it is called by while it exists.
    pub id: I,
    /// Its place in the order in which the staged files of one name were made, as a serial
    /// number: `a` is newer than `b` if `a.wrapping_sub(b)` is 1 to 2^31 - 1.
    pub order: u32,
    /// Bytes stored, as far as the medium knows.
    pub length: u64,
}

/// A file system on a medium of which nothing else changes.
///
/// The shared layer knows which files are open, who may write what, and when something must be
/// refused as `busy`; a volume knows names, bytes, and how to make a change in one step.
///
/// # Laws
///
/// 1. **Old or new.** Each method that changes names ([`publish`](Self::publish),
///    [`rename`](Self::rename), [`remove`](Self::remove), [`make_folder`](Self::make_folder),
///    [`clear`](Self::clear)) is done wholly or not at all, power cuts included (for the rest see
///    [`Facts::atomic_replace`]), and stored for good when it returns `Ok`.
/// 2. **Staged files are hidden.** They lie in the folder of their target, follow it when it is
///    renamed, and show in no [`look`](Self::look) as entries and in no listing. After a power
///    cut each is there still, with a prefix of its bytes, or it is not there at all. No name
///    that a client gives finds or makes one.
/// 3. **Identities.** An [`Id`](Self::Id) holds while its entry exists and is not renamed: two
///    entries that exist at one time have different ones. Where a file system cannot tell files
///    apart, equal ones only make the layer refuse more than it must.
/// 4. **Handles of one mount.** The layer forgets each `Id`, `File`, `Listing` and `Staged` when
///    [`ready`](Self::ready) returns another number, and gives none back after it.
/// 5. **Nothing changes below an open handle.** The layer removes, replaces and truncates no
///    file that has a [`File`](Self::File) which it goes on to use, and removes no folder with a
///    [`Listing`](Self::Listing). Files are renamed while they are open; folders as
///    [`FOLLOWS`](Self::FOLLOWS) says.
/// 6. **Short counts**, as in [`coracle::Storage`]: a read returns 0 only at the end or for an
///    empty buffer, a write never.
pub trait Volume {
    /// What an entry, visible or staged, is called by; small, for it stands in tables.
    type Id: Copy + Debug + Eq;
    /// A name in a folder that exists, whether or not there is an entry of that name.
    type Place<'p>: Copy;
    /// A file open for reading, with what makes reading on in it fast.
    type File;
    /// A folder being listed.
    type Listing;
    /// A staged file that is being written. It stands in a table of the layer, so that another
    /// session can take it over.
    type Staged;

    /// Whether [`File`](Self::File), [`Staged`](Self::Staged) and [`Id`](Self::Id) stay good when
    /// a folder above them is renamed. If not, the layer renames no folder while any is in use.
    const FOLLOWS: bool;

    /// Mount the medium unless it is mounted: called before anything else in every call of a
    /// session. The number is another one after each mount, so that handles of a medium that was
    /// taken out, or that failed, are known as such. A volume that met [`Error::Absent`] forgets
    /// everything and mounts anew here.
    ///
    /// # Errors
    ///
    /// Why it cannot be mounted.
    fn ready(&mut self) -> Result<u32, Error>;

    /// What is told to clients.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn facts(&mut self) -> Result<Facts, Error>;

    /// Free and total bytes.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn space(&mut self) -> Result<Space, Error>;

    /// Find the folder a path lies in. `None` for the root, which is in none.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::NotDirectory`] for a component above the last one.
    fn place<'p>(&mut self, path: Path<'p>) -> Result<Option<Self::Place<'p>>, Error>;

    /// The visible entry of that name, and each staged file of it, in any order.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn look(
        &mut self,
        place: Self::Place<'_>,
        each: &mut dyn FnMut(Leftover<Self::Id>),
    ) -> Result<Option<Entry<Self::Id>>, Error>;

    /// Open a file of this place for reading, visible or staged. Of one that is being written it
    /// holds what was [synced](Self::sync).
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn open(
        &mut self,
        place: Self::Place<'_>,
        id: Self::Id,
    ) -> Result<(Self::File, Metadata), Error>;

    /// Read bytes at `offset` (law 6).
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn read(
        &mut self,
        file: &mut Self::File,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Error>;

    /// Give back a file.
    fn close(&mut self, file: Self::File);

    /// Open the folder of this place, `None` for the root, for listing.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn list(&mut self, folder: Option<(Self::Place<'_>, Self::Id)>)
    -> Result<Self::Listing, Error>;

    /// The next visible entry; its name goes into `name` (255 bytes or more), its length is
    /// returned with the metadata. `None` at the end. Entries that exist throughout are shown
    /// exactly once, whatever is done to others in between; one that is replaced exists.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn next(
        &mut self,
        listing: &mut Self::Listing,
        name: &mut [u8],
    ) -> Result<Option<(Metadata, usize)>, Error>;

    /// Give back a listing.
    fn close_listing(&mut self, listing: Self::Listing);

    /// Make an empty staged file for this place, newer than `newest`, the newest one there is of
    /// that name.
    ///
    /// # Errors
    ///
    /// [`Error::NoSpace`], [`Error::ReadOnly`] and its kind, [`Error::BadName`] and its kind for
    /// a name that the file system cannot hold.
    fn stage(
        &mut self,
        place: Self::Place<'_>,
        newest: Option<u32>,
    ) -> Result<(Self::Id, Self::Staged), Error>;

    /// Take up a staged file that nobody writes; the bytes stored in it are returned as a length.
    ///
    /// # Errors
    ///
    /// As [`stage`](Self::stage).
    fn resume(
        &mut self,
        place: Self::Place<'_>,
        id: Self::Id,
    ) -> Result<(Self::Staged, u64), Error>;

    /// Bytes of a staged file.
    fn length(&self, staged: &Self::Staged) -> u64;

    /// Read back bytes of a staged file, gathered ones included (law 6).
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn read_staged(
        &mut self,
        staged: &mut Self::Staged,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Error>;

    /// Write bytes at `offset`, which is at most the length so far (law 6). A volume may gather
    /// them.
    ///
    /// # Errors
    ///
    /// [`Error::NoSpace`], [`Error::TooLarge`], or if the medium fails.
    fn write(
        &mut self,
        staged: &mut Self::Staged,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, Error>;

    /// Cut a staged file to `length` bytes, at most what it has.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn truncate(&mut self, staged: &mut Self::Staged, length: u64) -> Result<(), Error>;

    /// Store what was written and its length for good.
    ///
    /// # Errors
    ///
    /// If the medium fails; then nobody knows which bytes it has.
    fn sync(&mut self, staged: &mut Self::Staged) -> Result<(), Error>;

    /// Where a staged file goes when it is published, by names as they are now. `memory` is room
    /// for a path.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn target<'m>(
        &mut self,
        staged: &Self::Staged,
        memory: &'m mut [u8; PATH_MAX],
    ) -> Result<Self::Place<'m>, Error>;

    /// Put a staged file that was [synced](Self::sync) into its place, over the file `old` if
    /// there is one, with the time to record (seconds since 1970). After `Ok` the handle is used
    /// up, `old` is no more, and the new entry's identity is returned; after an error the handle
    /// is as good as before.
    ///
    /// # Errors
    ///
    /// If the medium is full or fails.
    fn publish(
        &mut self,
        staged: &mut Self::Staged,
        place: Self::Place<'_>,
        old: Option<Self::Id>,
        modified: Option<u64>,
    ) -> Result<Self::Id, Error>;

    /// Stop writing a staged file, which stays. What was not synced may be lost.
    fn release(&mut self, staged: Self::Staged);

    /// Remove a staged file of this place that nobody writes any more.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn discard(&mut self, place: Self::Place<'_>, id: Self::Id) -> Result<(), Error>;

    /// Look through the folder of this place: whether it has a visible entry, and each staged
    /// file in it.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn survey(
        &mut self,
        folder: Self::Place<'_>,
        id: Self::Id,
        each: &mut dyn FnMut(Self::Id),
    ) -> Result<bool, Error>;

    /// Remove the staged file `leftover`, which nobody writes, from the folder of this place.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn clear(
        &mut self,
        folder: Self::Place<'_>,
        id: Self::Id,
        leftover: Self::Id,
    ) -> Result<(), Error>;

    /// Remove a visible file, or a folder that was [surveyed](Self::survey) and has nothing in
    /// it.
    ///
    /// # Errors
    ///
    /// If the medium fails.
    fn remove(&mut self, place: Self::Place<'_>, entry: &Entry<Self::Id>) -> Result<(), Error>;

    /// Make a folder where there is no visible entry.
    ///
    /// # Errors
    ///
    /// As [`stage`](Self::stage).
    fn make_folder(&mut self, place: Self::Place<'_>) -> Result<(), Error>;

    /// Rename a visible file or folder, over the file `old` if there is one, and return its
    /// identity from now on. `to` may be the same name in other case. Staged files of its old
    /// name stay where they are.
    ///
    /// # Errors
    ///
    /// As [`stage`](Self::stage), and [`Error::IntoItself`] for a folder whose new place lies in
    /// itself, by whatever spelling.
    fn rename(
        &mut self,
        from: Self::Place<'_>,
        entry: &Entry<Self::Id>,
        to: Self::Place<'_>,
        old: Option<Self::Id>,
    ) -> Result<Self::Id, Error>;
}
