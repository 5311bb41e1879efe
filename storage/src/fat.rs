//! FAT12, FAT16 and FAT32 with long names, on a [`BlockDevice`]: cards that a PC reads.
//!
//! Our own, for no library that is kept up does without a heap what safe uploads need: a rename,
//! long names for new files, removal without lost clusters, and the order of writes. As of 2026
//! `embedded-sdmmc` has no rename, makes 8.3 names only and loses the clusters of removed files;
//! `fatfs` needs std in practice.
//!
//! # Staged files
//!
//! A staged file is an entry in the folder of its target, hidden and system, whose long name is
//! that of the target with a mark at its end, a letter of the private use area of Unicode. So it
//! is found by its target's name, follows when the folder is renamed, and no PC shows it by
//! default. Putting it into its place takes the mark off; where there is a file of that name,
//! that one's entry gets the new clusters and the staged entry goes.
//!
//! # Power cuts
//!
//! A change that is no single write of a block is written down first in a journal, the hidden
//! file `CORACLE.JNL` in the root, as a list of assignments: doing them twice is doing them once.
//! After a power cut the next mount does the last one again, gives back clusters that staged
//! files had in advance, mends the second copy of the FAT, and counts the free clusters: there
//! is the old state or the new one, and nothing is lost, not even a cluster. That a volume was in
//! use is said in its boot block, by the mark that PCs know too. Between two calls the journal has
//! nothing to do, so a card that was taken out and changed by a PC comes to no harm, also where
//! the PC did not check it; only one that lost its power within a call should not be changed
//! elsewhere before it is back.
//!
//! The entry of a file that is being written gets its length only after the bytes were stored,
//! so a power cut leaves a prefix of them.
//!
//! # Limits
//!
//! Files of up to 4 GiB - 1; folders of up to 65,536 slots, of which a long name takes one for
//! each 13 letters; names that differ in case only are one, in Latin, Greek and Cyrillic. An entry
//! answers to its short name too, as on PCs: `LONGNA~1.TXT` may be another file. Times are in
//! UTC. A card without room for the journal, or that cannot be written, is served read-only.

mod alias;
mod bytes;
mod changes;
mod cursor;
mod disk;
mod folder;
mod gather;
mod geometry;
mod journal;
mod long;
mod making;
mod mount;
mod names;
mod record;
mod slot;
mod staged;
mod table;
mod time;
mod units;
mod usage;
mod volume;

use self::disk::Disk;
use self::gather::Gather;
use self::geometry::Geometry;
use self::journal::Journal;
use self::record::{OPEN_MAX, Open};
use crate::block::BlockDevice;

pub use self::folder::Id;
pub use self::names::Place;
pub use self::staged::Staged;
pub use self::volume::{File, Listing};

/// A FAT volume: the first one of a device, with or without a partition table.
///
/// `CACHE` blocks of FAT, folders and journal are held in RAM, three or more for speed; `GATHER`
/// blocks of an upload are gathered before they are written. What comes in as many blocks at a
/// time passes by them: with chunks of 1024 bytes two are as good as one.
pub struct Fat<D: BlockDevice, const CACHE: usize, const GATHER: usize> {
    disk: Disk<D, CACHE>,
    geometry: Geometry,
    journal: Journal,
    gather: Gather<GATHER>,
    /// Staged files that are being written.
    open: Open,
    /// Free clusters.
    free: u32,
    /// Whether that is what the volume says, and was not counted.
    is_free_believed: bool,
    /// Where to look for some.
    hint: u32,
    /// Whether the boot block says that the volume is in use.
    is_in_use: bool,
    is_mounted: bool,
    /// Mounts so far.
    mounts: u32,
    now: Option<fn() -> Option<u64>>,
}

impl<D: BlockDevice, const CACHE: usize, const GATHER: usize> Fat<D, CACHE, GATHER> {
    /// The volume in this device. It is mounted when it is first used.
    pub const fn new(device: D) -> Self {
        Self {
            disk: Disk::new(device),
            geometry: Geometry::NONE,
            journal: Journal::NONE,
            gather: Gather::new(),
            open: [None; OPEN_MAX],
            free: 0,
            is_free_believed: false,
            hint: 0,
            is_in_use: false,
            is_mounted: false,
            mounts: 0,
            now: None,
        }
    }

    /// With a clock, in seconds since 1970, for the times of folders, and of files of which the
    /// client gives none. Without, they have no time.
    #[must_use]
    pub fn with_clock(self, now: fn() -> Option<u64>) -> Self {
        Self { now: Some(now), ..self }
    }

    /// The device.
    pub const fn device(&mut self) -> &mut D {
        self.disk.device()
    }

    /// The device back.
    pub fn into_device(self) -> D {
        self.disk.into_device()
    }

    /// Whether it is mounted, for logs.
    pub(crate) const fn is_mounted(&self) -> bool {
        self.is_mounted
    }

    fn clock(&self) -> Option<u64> {
        self.now.and_then(|now| now())
    }
}
