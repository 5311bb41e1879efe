//! One slot of a folder: 32 bytes, an entry with a short name or a part of a long one.
//!
//! Slots are read and changed where they are, in the cache: to copy them costs code and time.

use coracle::{Kind, Metadata};

use super::bytes::{put, u16_at, u32_at};
use super::time;

/// Bytes of a slot.
pub(super) const SLOT_LEN: usize = 32;

/// Slots of a block, as a power of two.
pub(super) const SLOTS_SHIFT: u32 = 4;

/// Bytes of a short name: eight, and three behind the dot.
pub(super) const SHORT_LEN: usize = 11;

/// Bytes of it before the dot.
const BASE_LEN: usize = 8;

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
pub(super) type Slot = [u8; SLOT_LEN];

/// The slot behind the last entry.
pub(super) const UNUSED: Slot = [0; SLOT_LEN];

/// Make it a new entry.
pub(super) fn set_new(slot: &mut Slot, name: &[u8; SHORT_LEN], attributes: u8) {
    *slot = UNUSED;
    put(slot, 0, name);
    slot[ATTRIBUTES] = attributes;
}

pub(super) const fn is_deleted(slot: &Slot) -> bool {
    slot[0] == DELETED
}

/// Give it back.
pub(super) const fn delete(slot: &mut Slot) {
    slot[0] = DELETED;
}

/// Whether this slot and all behind it are free.
pub(super) const fn is_last(slot: &Slot) -> bool {
    slot[0] == LAST
}

pub(super) const fn is_long(slot: &Slot) -> bool {
    slot[ATTRIBUTES] & 0x3f == LONG
}

pub(super) const fn is_label(slot: &Slot) -> bool {
    slot[ATTRIBUTES] & LABEL != 0
}

/// Whether this is `.` or `..`.
pub(super) const fn is_dots(slot: &Slot) -> bool {
    slot[0] == b'.'
}

pub(super) const fn is_folder(slot: &Slot) -> bool {
    slot[ATTRIBUTES] & FOLDER != 0
}

pub(super) const fn is_hidden_system(slot: &Slot) -> bool {
    slot[ATTRIBUTES] & HIDDEN_SYSTEM == HIDDEN_SYSTEM
}

pub(super) const fn set_attributes(slot: &mut Slot, attributes: u8) {
    slot[ATTRIBUTES] = attributes;
}

pub(super) fn has_short(slot: &Slot, name: &[u8; SHORT_LEN]) -> bool {
    slot.starts_with(name)
}

/// The numbers that stand in place of a time of creation.
pub(super) fn note(slot: &Slot) -> u32 {
    u32_at(slot, CREATED)
}

/// Put such a number there.
pub(super) fn set_note(slot: &mut Slot, note: u32) {
    put(slot, CREATED, &note.to_le_bytes());
}

pub(super) fn cluster(slot: &Slot) -> u32 {
    u32::from(u16_at(slot, CLUSTER_HIGH)) << 16 | u32::from(u16_at(slot, CLUSTER_LOW))
}

pub(super) fn set_cluster(slot: &mut Slot, cluster: u32) {
    let [a, b, c, d] = cluster.to_le_bytes();
    put(slot, CLUSTER_LOW, &[a, b]);
    put(slot, CLUSTER_HIGH, &[c, d]);
}

pub(super) fn size(slot: &Slot) -> u32 {
    u32_at(slot, SIZE)
}

pub(super) fn set_size(slot: &mut Slot, size: u32) {
    put(slot, SIZE, &size.to_le_bytes());
}

/// Set the time of modification, in seconds since 1970, or none.
pub(super) fn set_modified(slot: &mut Slot, modified: Option<u64>) {
    let (date, time) = modified.map_or((0, 0), time::from_unix);
    put(slot, TIME, &time.to_le_bytes());
    put(slot, DATE, &date.to_le_bytes());
}

/// Set a mark by which versions of a file differ: where there is no date of creation, as here,
/// its hundredths of a second mean nothing to a PC.
pub(super) const fn set_version(slot: &mut Slot, number: u32) {
    // PCs accept 0 to 199.
    slot[CREATED_TENTHS] = (number % 200) as u8;
}

pub(super) fn metadata(slot: &Slot) -> Metadata {
    let is_folder = is_folder(slot);
    Metadata {
        kind: if is_folder { Kind::Folder } else { Kind::File },
        size: if is_folder { 0 } else { size(slot).into() },
        modified: time::to_unix(u16_at(slot, DATE), u16_at(slot, TIME)),
        stamp: stamp(slot),
    }
}

/// FNV-1a over the whole slot: first cluster, size, times and version.
fn stamp(slot: &Slot) -> u64 {
    slot.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Call for each unit of the short name as it is shown, one a byte: the letters of bytes above
/// 0x7f depend on the PC that wrote them, and are shown as those of Latin-1.
pub(super) fn each_shown(slot: &Slot, mut each: impl FnMut(u16)) {
    for (at, &byte) in slot.iter().take(SHORT_LEN).enumerate() {
        let lower = if at < BASE_LEN { 0x08 } else { 0x10 };
        let is_lower = slot[CASE] & lower != 0;
        if at == BASE_LEN && byte != b' ' {
            each(b'.'.into());
        }
        match byte {
            // Spaces fill up what is left of both parts.
            b' ' => {}
            KANJI if at == 0 => each(DELETED.into()),
            _ if is_lower => each(byte.to_ascii_lowercase().into()),
            _ => each(byte.into()),
        }
    }
}

/// What parts of a long name carry of the short one they belong to.
pub(super) fn checksum(slot: &Slot) -> u8 {
    let name = slot.iter().take(SHORT_LEN);
    name.fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}
