//! What is open: entries that are being written, read or listed, found again after whatever is
//! done to their neighbours.

use super::chain::Chain;
use super::log::Blocks;
use crate::chip::Error;

/// A file being written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    /// Its bytes.
    pub(super) chain: Chain,
    /// What its entry says of them.
    pub(super) stored: Chain,
    /// Leading blocks that both have in common.
    pub(super) shared: u32,
    /// Whether its last block may have other bytes behind the last one.
    pub(super) sealed: bool,
}

/// What a slot is used for. An empty table is all zeros and takes no flash.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Use {
    Nothing = 0,
    /// A file that lies in the log.
    Reading,
    /// A folder: `entry` is the next one.
    Listing,
    Writing(Writer),
}

/// One open entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// The handle; never used twice.
    serial: u32,
    /// The first pair of its folder.
    pub(super) folder: Blocks,
    /// Where the entry is now.
    pub(super) pair: Blocks,
    pub(super) entry: u16,
    pub(super) using: Use,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Open<const SLOTS: usize> {
    slots: [Slot; SLOTS],
    last_serial: u32,
}

impl<const SLOTS: usize> Open<SLOTS> {
    pub(super) const NONE: Self = Self {
        slots: [Slot {
            serial: 0,
            folder: Blocks::NONE,
            pair: Blocks::NONE,
            entry: 0,
            using: Use::Nothing,
        }; SLOTS],
        last_serial: 0,
    };

    /// Handles from before are good no longer, nor are they given again.
    pub(super) fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.using = Use::Nothing);
    }

    /// One more. Where there is no room, the oldest one that only reads has to give way.
    pub(super) fn add(
        &mut self,
        folder: Blocks,
        (pair, entry): (Blocks, u16),
        using: Use,
    ) -> Result<u32, Error> {
        let serial = self.last_serial.wrapping_add(1);
        let age = |slot: &Slot| match slot.using {
            Use::Nothing => Some(u32::MAX),
            Use::Reading | Use::Listing => Some(serial.wrapping_sub(slot.serial)),
            Use::Writing(_) => None,
        };
        let oldest =
            self.slots.iter_mut().filter(|slot| age(slot).is_some()).max_by_key(|s| age(s));
        *oldest.ok_or(Error::TooManyOpen)? = Slot { serial, folder, pair, entry, using };
        self.last_serial = serial;
        Ok(serial)
    }

    /// Whether [`add`](Self::add) has a place.
    pub(super) fn has_room(&self) -> bool {
        self.slots.iter().any(|slot| !matches!(slot.using, Use::Writing(_)))
    }

    pub(super) fn get(&mut self, serial: u32) -> Result<&mut Slot, Error> {
        let mut used = self.slots.iter_mut().filter(|slot| !matches!(slot.using, Use::Nothing));
        used.find(|slot| slot.serial == serial).ok_or(Error::TooManyOpen)
    }

    pub(super) fn writer(&mut self, serial: u32) -> Result<&mut Writer, Error> {
        match &mut self.get(serial)?.using {
            Use::Writing(writer) => Ok(writer),
            _ => Err(Error::TooManyOpen),
        }
    }

    /// Bytes of a file being written.
    pub(super) fn length(&self, serial: u32) -> u32 {
        let mut slots = self.slots.iter().filter(|slot| slot.serial == serial);
        slots.find_map(Slot::chain).map_or(0, |chain| chain.size)
    }

    pub(super) fn close(&mut self, serial: u32) {
        if let Ok(slot) = self.get(serial) {
            slot.using = Use::Nothing;
        }
    }

    /// What is written in a slot.
    pub(super) fn written(&self, slot: usize) -> Option<Chain> {
        self.slots.get(slot)?.chain()
    }

    /// Whether a small file is being read.
    pub(super) fn is_read(&self, (pair, entry): (Blocks, u16)) -> bool {
        let mut reading = self.slots.iter().filter(|slot| matches!(slot.using, Use::Reading));
        reading.any(|slot| slot.pair == pair && slot.entry == entry)
    }

    fn of(&mut self, pair: Blocks) -> impl Iterator<Item = &mut Slot> {
        let used = self.slots.iter_mut().filter(|slot| !matches!(slot.using, Use::Nothing));
        used.filter(move |slot| slot.pair == pair)
    }

    /// An entry was put into a pair, and one taken out (by the numbers from before).
    pub(super) fn shift(&mut self, pair: Blocks, put: Option<u16>, removed: Option<u16>) {
        for slot in self.of(pair) {
            let before = slot.entry;
            // A listing goes on with an entry that is put just before its next one.
            let behind = |put: u16| match slot.using {
                Use::Listing => put < before,
                _ => put <= before,
            };
            if put.is_some_and(behind) {
                slot.entry = slot.entry.saturating_add(1);
            }
            if removed.is_some_and(|removed| removed < before) {
                slot.entry = slot.entry.saturating_sub(1);
            }
        }
    }

    /// The entries of a pair from `first` on are in another one.
    pub(super) fn split(&mut self, pair: Blocks, first: u16, to: Blocks) {
        for slot in self.of(pair) {
            if let Some(entry) = slot.entry.checked_sub(first) {
                (slot.pair, slot.entry) = (to, entry);
            }
        }
    }

    /// A pair without entries is gone; listings go on here.
    pub(super) fn leave(&mut self, pair: Blocks, to: (Blocks, u16)) {
        self.of(pair).for_each(|slot| (slot.pair, slot.entry) = to);
    }
}

impl Slot {
    fn chain(&self) -> Option<Chain> {
        match self.using {
            Use::Writing(writer) => Some(writer.chain),
            _ => None,
        }
    }
}
