//! Long names: UTF-16, thirteen units a slot, the last part first.

use super::bytes::{put, u16_at};
use super::slot::{self, Slot, UNUSED};
use super::units::fold;

/// Units in one slot, and where in it they are.
const PART_LEN: usize = 13;
const PLACES: [u8; PART_LEN] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/// Most units of a name.
pub(super) const UNITS_MAX: usize = 255;

/// Most slots of a long name.
const PARTS_MAX: usize = UNITS_MAX.div_ceil(PART_LEN);

/// In the number of the slot that comes first, with the end of the name.
const IS_FIRST: u8 = 0x40;

const ATTRIBUTE_LONG: u8 = 0x0f;
const CHECKSUM: usize = 13;
const ATTRIBUTES: usize = 11;

/// The units that mark the name of a staged file, in the private use area of Unicode: a
/// generation of five bits, and seven bits of what was there before.
const MARK_MIN: u16 = 0xe000;
const MARK_END: u16 = 0xf000;

/// Generations of staged files of one name: many more than there ever are at one time.
pub(super) const GENERATIONS: u32 = 32;

/// The mark at the end of a staged file's name.
///
/// It is appended, or where the name has all the 255 units that there may be, its last unit goes
/// into the mark: such a name came as 255 bytes, so it is ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(u16);

impl Mark {
    /// The mark of a generation for a name of so many units, which ends in `last`.
    pub(super) const fn new(generation: u32, len: usize, last: u16) -> Self {
        let kept = if len == UNITS_MAX { last & 0x7f } else { 0 };
        Self(MARK_MIN + ((generation % GENERATIONS) as u16) * 128 + kept)
    }

    pub(super) fn from_unit(unit: u16) -> Option<Self> {
        (MARK_MIN..MARK_END).contains(&unit).then_some(Self(unit))
    }

    pub(super) fn generation(self) -> u32 {
        u32::from(self.0 - MARK_MIN) / 128
    }

    /// The unit that was there before, if any.
    pub(super) const fn kept(self) -> Option<u16> {
        match self.0 & 0x7f {
            0 => None,
            unit => Some(unit),
        }
    }
}

/// A name in memory, and how far it is put together.
pub(super) struct LongName {
    units: [u16; PARTS_MAX * PART_LEN],
    len: usize,
    checksum: u8,
    /// The part that must come next, counted from 1; 0 when all are there.
    due: u8,
    is_begun: bool,
}

impl LongName {
    pub(super) const EMPTY: Self =
        Self { units: [0; PARTS_MAX * PART_LEN], len: 0, checksum: 0, due: 0, is_begun: false };

    /// Make it this text; returns whether that is UTF-8, of 255 units at most.
    pub(super) fn set_text(&mut self, text: &[u8]) -> bool {
        self.len = 0;
        let Ok(text) = core::str::from_utf8(text) else { return false };
        for unit in text.encode_utf16() {
            self.push(unit);
        }
        self.len <= UNITS_MAX
    }

    /// The units of a short name.
    pub(super) fn set_short(&mut self, slot: &Slot) {
        self.len = 0;
        slot::each_shown(slot, |unit| self.push(unit));
    }

    fn push(&mut self, unit: u16) {
        if let Some(place) = self.units.get_mut(self.len) {
            *place = unit;
            self.len += 1;
        }
    }

    pub(super) fn units(&self) -> &[u16] {
        self.units.get(..self.len).unwrap_or_default()
    }

    /// Make it the name of a staged file.
    pub(super) fn add_mark(&mut self, generation: u32) {
        let last = self.units().last().copied().unwrap_or(0);
        let Mark(unit) = Mark::new(generation, self.len, last);
        self.len = self.len.min(UNITS_MAX - 1);
        self.push(unit);
    }

    /// The mark at its end, if there is one.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.units().last().and_then(|unit| Mark::from_unit(*unit))
    }

    /// Make it the name that a staged file is to have.
    pub(super) fn remove_mark(&mut self, mark: Mark) {
        self.len = self.len.saturating_sub(1);
        if let Some(unit) = mark.kept() {
            self.push(unit);
        }
    }

    /// Whether it is the same name, in upper or lower case.
    pub(super) fn is(&self, other: &Self) -> bool {
        let mut pairs = self.units().iter().zip(other.units());
        self.len == other.len && pairs.all(|(own, other)| fold(*own) == fold(*other))
    }

    /// Whether it has only what FAT allows in names.
    pub(super) fn is_allowed(&self) -> bool {
        let is_bad = |unit: &u16| match u8::try_from(*unit) {
            Ok(byte) => {
                byte < b' '
                    || matches!(
                        byte,
                        0x7f | b'"' | b'*' | b'/' | b':' | b'<' | b'>' | b'?' | b'\\' | b'|'
                    )
            }
            Err(_) => false,
        };
        !self.units().iter().any(is_bad)
    }

    /// Write it as UTF-8 and return the length; `None` where that does not fit, or it is none.
    pub(super) fn write(&self, buffer: &mut [u8]) -> Option<usize> {
        let mut len = 0;
        for letter in char::decode_utf16(self.units().iter().copied()) {
            // In a buffer of its own, from where it is copied byte by byte: so the compiler sees
            // that it fits, also where it inlines little.
            let mut letter_bytes = [0; char::MAX_LEN_UTF8];
            let letter = letter.ok()?.encode_utf8(&mut letter_bytes);
            let place = buffer.get_mut(len..)?.get_mut(..letter.len())?;
            place.iter_mut().zip(letter.bytes()).for_each(|(to, byte)| *to = byte);
            len += letter.len();
        }
        Some(len)
    }

    /// Forget what was put together.
    pub(super) fn reset(&mut self) {
        self.is_begun = false;
        self.due = 0;
        self.len = 0;
    }

    /// One more part, from a slot. Returns whether it is the first one of a name.
    pub(super) fn take(&mut self, slot: &Slot) -> bool {
        let number = slot[0] & !IS_FIRST;
        let is_first = slot[0] & IS_FIRST != 0;
        if is_first {
            self.begin(slot, number);
        }
        let fits = self.is_begun && number == self.due && slot[CHECKSUM] == self.checksum;
        let part = usize::from(number).checked_sub(1).filter(|_| fits);
        let room = part.and_then(|part| self.units.get_mut(part * PART_LEN..));
        let Some(room) = room else {
            self.reset();
            return is_first;
        };
        for (nth, place) in room.iter_mut().take(PART_LEN).enumerate() {
            *place = unit(slot, nth);
        }
        self.due = number - 1;
        is_first
    }

    fn begin(&mut self, slot: &Slot, number: u8) {
        let parts = usize::from(number);
        self.len = parts.saturating_sub(1) * PART_LEN + units_in(slot);
        self.checksum = slot[CHECKSUM];
        self.due = number;
        self.is_begun = (1..=PARTS_MAX).contains(&parts) && (1..=UNITS_MAX).contains(&self.len);
    }

    /// Whether all parts were there and belong to this entry.
    pub(super) fn belongs_to(&self, slot: &Slot) -> bool {
        self.is_begun && self.due == 0 && self.checksum == slot::checksum(slot)
    }

    /// How many slots it needs.
    pub(super) const fn parts(&self) -> usize {
        self.len.div_ceil(PART_LEN)
    }

    /// How many it needs with a mark, which takes one unit more if there is one.
    pub(super) const fn parts_marked(&self) -> usize {
        let len = if self.len < UNITS_MAX { self.len + 1 } else { self.len };
        len.div_ceil(PART_LEN)
    }

    /// Fill the slot of a part, counted from 1.
    pub(super) fn emit_part(&self, number: usize, checksum: u8, slot: &mut Slot) {
        *slot = UNUSED;
        slot[0] = number as u8 | if number == self.parts() { IS_FIRST } else { 0 };
        slot[ATTRIBUTES] = ATTRIBUTE_LONG;
        slot[CHECKSUM] = checksum;
        let start = number.saturating_sub(1) * PART_LEN;
        for nth in 0..PART_LEN {
            // A zero ends the name, ones fill up what is left.
            let behind = if start + nth == self.len { 0 } else { !0 };
            let unit = self.units().get(start + nth).copied().unwrap_or(behind);
            set_unit(slot, nth, unit);
        }
    }
}

fn unit(slot: &Slot, nth: usize) -> u16 {
    PLACES.get(nth).map_or(0, |place| u16_at(slot, usize::from(*place)))
}

fn set_unit(slot: &mut Slot, nth: usize, unit: u16) {
    if let Some(place) = PLACES.get(nth) {
        put(slot, usize::from(*place), &unit.to_le_bytes());
    }
}

/// How many units of a name there are in a slot.
fn units_in(slot: &Slot) -> usize {
    (0..PART_LEN).position(|nth| unit(slot, nth) == 0).unwrap_or(PART_LEN)
}

/// Make it the part of a name that comes first, where the first one was freed.
pub(super) const fn set_first(slot: &mut Slot) {
    slot[0] |= IS_FIRST;
}

/// What becomes of the first slot of a staged file's name when the mark is taken off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmarked {
    /// There is no mark.
    Nothing,
    /// The mark is off.
    Changed,
    /// The mark was all that it held: it is to be freed, and the next one is first.
    Freed,
}

/// Take the mark off the first slot of a staged file's name.
pub(super) fn unmark(slot: &mut Slot) -> Unmarked {
    let len = units_in(slot);
    let last = len.saturating_sub(1);
    let Some(mark) = Mark::from_unit(unit(slot, last)) else { return Unmarked::Nothing };
    if mark.kept().is_none() && len == 1 {
        return Unmarked::Freed;
    }
    set_unit(slot, last, mark.kept().unwrap_or(0));
    if mark.kept().is_none() {
        // A zero ends the name, ones fill up what is left.
        set_unit(slot, len, !0);
    }
    Unmarked::Changed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of any length, staged and made visible, come back from their slots.
    #[test]
    fn names_and_marks_go_through_slots() {
        for len in 1..=UNITS_MAX {
            let text = "x".repeat(len);
            let (mut name, mut back) = (LongName::EMPTY, LongName::EMPTY);
            assert!(name.set_text(text.as_bytes()));
            assert_eq!(name.parts_marked(), (len + 1).min(UNITS_MAX).div_ceil(PART_LEN));
            name.add_mark(77);
            let mut slots = vec![UNUSED; name.parts()];
            for (number, slot) in (1..=name.parts()).rev().zip(&mut slots) {
                name.emit_part(number, 5, slot);
                back.take(slot);
            }
            let mark = back.mark().unwrap();
            assert_eq!((back.units(), mark.generation()), (name.units(), 77 % GENERATIONS));
            back.remove_mark(mark);
            let mut written = [0; 255];
            let count = back.write(&mut written).unwrap();
            assert_eq!(&written[..count], text.as_bytes());
            if unmark(&mut slots[0]) == Unmarked::Freed {
                slots.remove(0);
                set_first(&mut slots[0]);
            }
            assert!(unmark(&mut slots[0].clone()) == Unmarked::Nothing);
            back.reset();
            for slot in &slots {
                back.take(slot);
            }
            assert!(back.is_begun && back.due == 0);
            assert_eq!(
                back.write(&mut written).map(|count| &written[..count]),
                Some(text.as_bytes())
            );
        }
    }
}
