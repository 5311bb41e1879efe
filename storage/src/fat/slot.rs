//! One slot of a folder: 32 bytes, an entry with a short name or a part of a long one.

use coracle::{Kind, Metadata};

use super::bytes::{put, u16_at, u32_at};
use super::time;

/// Bytes of a slot.
pub(super) const SLOT_LEN: usize = 32;

/// Slots of a block, as a power of two.
pub(super) const SLOTS_SHIFT: u32 = 4;

/// Bytes of a short name: eight, and three behind the dot.
pub(super) const SHORT_LEN: usize = 11;

/// Bytes of a slot behind the name: what a file is, apart from its name.
pub(super) const TAIL_LEN: usize = SLOT_LEN - SHORT_LEN;

/// Attributes.
pub(super) const HIDDEN_SYSTEM: u8 = 0x06;
const LABEL: u8 = 0x08;
pub(super) const FOLDER: u8 = 0x10;
pub(super) const ARCHIVE: u8 = 0x20;
const LONG: u8 = 0x0f;

/// First bytes: the slot is free; and so are all behind it.
const DELETED: u8 = 0xe5;
const LAST: u8 = 0;

/// Stands for a first byte of 0xe5, which would say that the slot is free.
const KANJI: u8 = 0x05;

/// Places of the fields.
const ATTRIBUTES: usize = 11;
const CASE: usize = 12;
const CREATED_TENTHS: usize = 13;
const CREATED: usize = 14;
const CLUSTER_HIGH: usize = 20;
const TIME: usize = 22;
const DATE: usize = 24;
const CLUSTER_LOW: usize = 26;
const SIZE: usize = 28;

/// The short names of the first two entries of a folder: itself, and the one it is in.
pub(super) const DOT: [u8; SHORT_LEN] = *b".          ";
pub(super) const DOTDOT: [u8; SHORT_LEN] = *b"..         ";

/// One slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(pub(super) [u8; SLOT_LEN]);

impl Slot {
    /// Behind the last entry.
    pub(super) const UNUSED: Self = Self([0; SLOT_LEN]);

    /// A new entry.
    pub(super) fn new(name: [u8; SHORT_LEN], attributes: u8) -> Self {
        let mut slot = Self([0; SLOT_LEN]);
        put(&mut slot.0, 0, &name);
        slot.0[ATTRIBUTES] = attributes;
        slot
    }

    pub(super) const fn is_deleted(&self) -> bool {
        self.0[0] == DELETED
    }

    /// Whether this slot and all behind it are free.
    pub(super) const fn is_last(&self) -> bool {
        self.0[0] == LAST
    }

    pub(super) const fn is_long(&self) -> bool {
        self.0[ATTRIBUTES] & 0x3f == LONG
    }

    pub(super) const fn is_label(&self) -> bool {
        self.0[ATTRIBUTES] & LABEL != 0
    }

    /// Whether this is `.` or `..`.
    pub(super) const fn is_dots(&self) -> bool {
        self.0[0] == b'.'
    }

    pub(super) const fn is_folder(&self) -> bool {
        self.0[ATTRIBUTES] & FOLDER != 0
    }

    pub(super) const fn is_hidden_system(&self) -> bool {
        self.0[ATTRIBUTES] & HIDDEN_SYSTEM == HIDDEN_SYSTEM
    }

    /// Give it back.
    pub(super) const fn delete(&mut self) {
        self.0[0] = DELETED;
    }

    pub(super) fn short(&self) -> [u8; SHORT_LEN] {
        self.0.first_chunk().copied().unwrap_or([b' '; SHORT_LEN])
    }

    pub(super) fn tail(&self) -> [u8; TAIL_LEN] {
        self.0.last_chunk().copied().unwrap_or([0; TAIL_LEN])
    }

    /// The numbers that stand in place of a time of creation.
    pub(super) fn note(&self) -> u32 {
        u32_at(&self.0, CREATED)
    }

    /// Put such a number there.
    pub(super) fn set_note(&mut self, note: u32) {
        put(&mut self.0, CREATED, &note.to_le_bytes());
    }

    /// Make it the name of another file.
    pub(super) fn set_tail(&mut self, tail: [u8; TAIL_LEN]) {
        put(&mut self.0, SHORT_LEN, &tail);
    }

    pub(super) const fn set_attributes(&mut self, attributes: u8) {
        self.0[ATTRIBUTES] = attributes;
    }

    pub(super) fn cluster(&self) -> u32 {
        let (high, low) = (u16_at(&self.0, CLUSTER_HIGH), u16_at(&self.0, CLUSTER_LOW));
        u32::from(high) << 16 | u32::from(low)
    }

    pub(super) fn set_cluster(&mut self, cluster: u32) {
        let [a, b, c, d] = cluster.to_le_bytes();
        put(&mut self.0, CLUSTER_LOW, &[a, b]);
        put(&mut self.0, CLUSTER_HIGH, &[c, d]);
    }

    pub(super) fn size(&self) -> u32 {
        u32_at(&self.0, SIZE)
    }

    pub(super) fn set_size(&mut self, size: u32) {
        put(&mut self.0, SIZE, &size.to_le_bytes());
    }

    /// Set the time of modification, in seconds since 1970, or none.
    pub(super) fn set_modified(&mut self, modified: Option<u64>) {
        let (date, time) = modified.map_or((0, 0), time::from_unix);
        put(&mut self.0, TIME, &time.to_le_bytes());
        put(&mut self.0, DATE, &date.to_le_bytes());
    }

    /// Set a mark by which versions of a file differ: where there is no date of creation, as
    /// here, its hundredths of a second mean nothing to a PC.
    pub(super) const fn set_version(&mut self, number: u32) {
        // PCs accept 0 to 199.
        self.0[CREATED_TENTHS] = (number % 200) as u8;
    }

    pub(super) fn metadata(&self) -> Metadata {
        let is_folder = self.is_folder();
        Metadata {
            kind: if is_folder { Kind::Folder } else { Kind::File },
            size: if is_folder { 0 } else { self.size().into() },
            modified: time::to_unix(u16_at(&self.0, DATE), u16_at(&self.0, TIME)),
            stamp: self.stamp(),
        }
    }

    /// FNV-1a over the whole slot: first cluster, size, times and version.
    fn stamp(&self) -> u64 {
        self.0.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// The short name as it is shown, one unit a byte: the letters of bytes above 0x7f depend on
    /// the PC that wrote them, and are shown as those of Latin-1.
    pub(super) fn shown(&self) -> impl Iterator<Item = u16> + '_ {
        let (base, extension) = self.0.split_at(8);
        let extension = extension.get(..3).unwrap_or_default().trim_ascii_end();
        let is_lower = |bit| self.0[CASE] & bit != 0;
        let (lower_base, lower_extension) = (is_lower(0x08), is_lower(0x10));
        let dot = (!extension.is_empty()).then_some(u16::from(b'.'));
        let base = base.trim_ascii_end().iter().enumerate().map(move |(at, &byte)| match byte {
            KANJI if at == 0 => u16::from(DELETED),
            _ => shown(byte, lower_base),
        });
        base.chain(dot).chain(extension.iter().map(move |&byte| shown(byte, lower_extension)))
    }

    /// What parts of a long name carry of the short one they belong to.
    pub(super) fn checksum(&self) -> u8 {
        let name = self.0.first_chunk::<SHORT_LEN>().into_iter().flatten();
        name.fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
    }
}

fn shown(byte: u8, is_lower: bool) -> u16 {
    u16::from(if is_lower { byte.to_ascii_lowercase() } else { byte })
}
