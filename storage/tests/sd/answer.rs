//! Registers and checksums, bit by bit.

/// The register of a card's properties.
pub struct Csd {
    pub blocks: usize,
    pub high: bool,
    pub protected: bool,
}

impl Csd {
    pub fn bytes(&self) -> [u8; 16] {
        let blocks = self.blocks as u128;
        let mut csd = if self.high {
            assert_eq!(blocks % 1024, 0);
            1 << 126 | (blocks / 1024 - 1) << 48
        } else {
            // Blocks of 512 bytes, and a multiplier of 4.
            assert_eq!(blocks % 4, 0);
            9 << 80 | (blocks / 4 - 1) << 62
        };
        csd |= u128::from(self.protected) << 12;
        csd.to_be_bytes()
    }
}

/// x^7 + x^3 + 1.
pub fn crc7(bytes: &[u8]) -> u8 {
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    bits.fold(0, |crc, bit| {
        let is_odd = (crc >> 6 ^ bit) & 1 == 1;
        (crc << 1 ^ if is_odd { 0x09 } else { 0 }) & 0x7f
    })
}

/// x^16 + x^12 + x^5 + 1.
pub fn crc16(bytes: &[u8]) -> [u8; 2] {
    let bits =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u16::from(byte >> bit & 1)));
    let crc = bits.fold(0u16, |crc, bit| {
        let is_odd = (crc >> 15 ^ bit) & 1 == 1;
        crc << 1 ^ if is_odd { 0x1021 } else { 0 }
    });
    crc.to_be_bytes()
}
