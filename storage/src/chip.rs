//! The layer that all media of chips share: sessions, ownership, partials and groups, over a
//! [`Volume`], which is one file system.
//!
//! A [`Chip`] holds the volume and two tables: who writes which staged file, and what is being
//! read. Sessions share it through a [`RefCell`](core::cell::RefCell), each with a
//! [`ChipSession`]. The medium itself says which staged files there are of a name; the tables
//! say only which of them somebody writes, so nothing has to be read at start.
//!
//! A file that is being read is not replaced, renamed over or removed: that is refused as `busy`
//! (law 4 of [`coracle::Storage`]), for a file system without reference counts could give the
//! blocks to another file.
//!
//! When the medium was taken out, or failed to be written, it is mounted anew, and every handle
//! from before is refused as `changed`: nothing is done through it to what may be another card.

mod claims;
mod error;
mod names;
mod readers;
mod session;
mod sight;
mod staging;
mod volume;

use self::claims::Claims;
use self::readers::Readers;

pub use self::error::Error;
pub use self::session::{ChipFile, ChipFolder, ChipSession, ChipStaged};
pub use self::volume::{Entry, Leftover, Volume};

/// A volume and what its sessions must agree on. At most `FILES` files are being written, the
/// finished ones that wait for their commit included, and as many files and folders read: three
/// for each session are enough for one that uploads small files in a row.
///
/// It has no clock: whoever runs it calls [`set_now`](Self::set_now) now and then, or stalled
/// uploads are never taken over, and slow ones are seldom synced.
pub struct Chip<V: Volume, const FILES: usize> {
    volume: V,
    claims: Claims<V, FILES>,
    readers: Readers<V::Id, FILES>,
    /// What [`Volume::ready`] returned last.
    mount: u32,
    /// The last number given to a session, a claim or a reader.
    last_number: u32,
    now: u64,
}

impl<V: Volume, const FILES: usize> Chip<V, FILES> {
    /// A chip with this volume, which is mounted when it is first used.
    pub const fn new(volume: V) -> Self {
        Self {
            volume,
            claims: Claims::NONE,
            readers: Readers::NONE,
            mount: 0,
            last_number: 0,
            now: 0,
        }
    }

    /// Tell the time, in milliseconds since any fixed moment. Time that goes backwards is
    /// ignored.
    pub fn set_now(&mut self, milliseconds: u64) {
        self.now = self.now.max(milliseconds);
    }

    /// The time last told, in milliseconds.
    pub const fn now(&self) -> u64 {
        self.now
    }

    /// Staged files that are being written, for logs.
    pub(crate) fn writers(&self) -> usize {
        self.claims.iter().count()
    }

    /// Files and folders that are being read, for logs.
    pub(crate) fn readers(&self) -> usize {
        self.readers.count()
    }

    /// The volume.
    pub const fn volume(&self) -> &V {
        &self.volume
    }

    /// The volume back.
    pub fn into_volume(self) -> V {
        self.volume
    }

    /// See that the medium is mounted. After another mount no handle from before is good.
    fn ready(&mut self) -> Result<(), Error> {
        let mount = self.volume.ready()?;
        if mount != self.mount {
            self.claims.clear();
            self.readers.clear();
            self.mount = mount;
        }
        Ok(())
    }

    /// Whether a handle is of this mount.
    fn check(&mut self, mount: u32) -> Result<(), Error> {
        self.ready()?;
        if mount == self.mount { Ok(()) } else { Err(Error::Exchanged) }
    }

    /// A number that is in use for nothing else, and not 0.
    fn number(&mut self) -> u32 {
        self.last_number = self.last_number.wrapping_add(1).max(1);
        self.last_number
    }
}
