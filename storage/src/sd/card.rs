//! What is known of a card that is started.

use super::error::Error;
use crate::block::BLOCK_LEN;

/// Bytes of the register of a card's properties.
pub(super) const CSD_LEN: usize = 16;

/// A card that is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Card {
    /// Its blocks.
    pub(super) count: u32,
    /// Whether commands name blocks (high capacity), or bytes.
    pub(super) by_block: bool,
    /// Whether it says of itself that it cannot be written.
    pub(super) is_protected: bool,
}

impl Card {
    /// No card.
    pub(super) const NONE: Self = Self { count: 0, by_block: false, is_protected: false };

    /// A card with these properties (CSD, 5.3).
    pub(super) fn parse(csd: &[u8; CSD_LEN], by_block: bool) -> Result<Self, Error> {
        // Bits are numbered from the end: 127 is the top one of the first byte.
        let register = u128::from_be_bytes(*csd);
        let field = |low: u32, bits: u32| ((register >> low) as u32) & ((1 << bits) - 1);
        let count = match field(126, 2) {
            // Version 1: blocks of 512 to 2048 bytes, a multiplier, a size.
            0 => {
                let shift = (field(80, 4) + field(47, 3) + 2).checked_sub(BLOCK_LEN.ilog2());
                shift.and_then(|shift| (field(62, 12) + 1).checked_shl(shift))
            }
            // Version 2: units of 512 KiB.
            1 => (field(48, 22) + 1).checked_mul(1024),
            _ => None,
        };
        let is_protected = field(12, 2) != 0;
        let count = count.ok_or(Error::Unusable)?;
        Ok(Self { count, by_block, is_protected })
    }

    /// How a command names a block.
    pub(super) const fn address(self, block: u32) -> u32 {
        if self.by_block { block } else { block.wrapping_mul(BLOCK_LEN as u32) }
    }

    /// Whether it has all these blocks.
    pub(super) fn check(self, first: u32, count: usize) -> Result<(), Error> {
        let end = u32::try_from(count).ok().and_then(|count| first.checked_add(count));
        end.filter(|&end| end <= self.count).map(|_| ()).ok_or(Error::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A register with these fields: lowest bit and value.
    fn csd(fields: &[(u32, u128)]) -> [u8; CSD_LEN] {
        fields.iter().fold(0, |csd, (low, value)| csd | value << low).to_be_bytes()
    }

    #[test]
    fn sizes_are_those_of_the_formulas_in_the_specification() {
        // 5.3.2: (C_SIZE + 1) * 2^(C_SIZE_MULT + 2) blocks of 2^READ_BL_LEN bytes.
        for (length, blocks) in [(9, 1), (10, 2), (11, 4)] {
            let csd = csd(&[(80, length), (62, 3751), (47, 7)]);
            assert_eq!(Card::parse(&csd, false).unwrap().count, 3752 * 512 * blocks);
        }
        // 5.3.3: (C_SIZE + 1) * 512 KiB.
        let csd = csd(&[(126, 1), (48, 15_159)]);
        assert_eq!(Card::parse(&csd, true).unwrap().count, 15_160 * 1024);
    }

    #[test]
    fn protection_is_seen_whether_for_a_while_or_for_good() {
        for (bit, protected) in [(12, true), (13, true), (14, false)] {
            let csd = csd(&[(126, 1), (bit, 1)]);
            assert_eq!(Card::parse(&csd, true).unwrap().is_protected, protected);
        }
    }

    #[test]
    fn a_register_of_nonsense_is_no_card() {
        for byte in 0..=u8::MAX {
            // Some are cards, none is a panic.
            let _card = Card::parse(&[byte; CSD_LEN], true);
        }
        assert_eq!(Card::parse(&[0xff; CSD_LEN], true), Err(Error::Unusable));
        assert_eq!(Card::parse(&[0x80; CSD_LEN], true), Err(Error::Unusable));
    }

    #[test]
    fn blocks_beyond_the_end_are_none() {
        let card = Card { count: 100, by_block: true, is_protected: false };
        assert_eq!(card.check(0, 100), Ok(()));
        for (first, count) in [(0, 101), (100, 1), (u32::MAX, 1), (1, usize::MAX)] {
            assert_eq!(card.check(first, count), Err(Error::OutOfRange));
        }
    }
}
