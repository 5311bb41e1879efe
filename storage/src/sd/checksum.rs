//! The checksums of commands and of data.

use crc::{CRC_7_MMC, Crc, NoTable};

/// Of a command: five bytes each, so a table is not worth its flash.
const COMMAND: Crc<u8, NoTable> = Crc::<u8, NoTable>::new(&CRC_7_MMC);

/// Of data, what a byte at the top adds: CRC-16 as in XMODEM, x^16 + x^12 + x^5 + 1. Our own
/// because four bytes at a time through one table take half the instructions of the `crc` crate
/// with a table of this size (512 bytes), and the driver does little else.
static DATA: [u16; 256] = table();

const fn table() -> [u16; 256] {
    const POLYNOMIAL: u16 = 0x1021;
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut sum = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            let is_odd = sum & 0x8000 != 0;
            sum = sum << 1 ^ if is_odd { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
}

/// The upper half of `state` is the checksum, to which the byte at its top is added already.
const fn shifted(state: u32) -> u32 {
    let [top, ..] = state.to_be_bytes();
    state << 8 ^ (DATA[top as usize] as u32) << 16
}

/// The last byte of a command: seven bits of its checksum, and a one that ends it.
pub(super) fn of_command(bytes: &[u8]) -> u8 {
    COMMAND.checksum(bytes) << 1 | 1
}

/// What follows data on the wire.
pub(super) fn of_data(bytes: &[u8]) -> [u8; 2] {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut state = 0;
    for word in words {
        state = shifted(shifted(shifted(shifted(state ^ u32::from_be_bytes(*word)))));
    }
    for byte in rest {
        state = shifted(state ^ u32::from(*byte) << 24);
    }
    let [high, low, ..] = state.to_be_bytes();
    [high, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification() {
        // 4.5: CMD0, CMD17, the response to CMD17; 512 bytes 0xff.
        assert_eq!(of_command(&[0x40, 0, 0, 0, 0]), 0x95);
        assert_eq!(of_command(&[0x51, 0, 0, 0, 0]), 0b0101_0101);
        assert_eq!(of_command(&[0x11, 0, 0, 0x09, 0]), 0b0110_0111);
        assert_eq!(of_data(&[0xff; 512]), [0x7f, 0xa1]);
        // The check value of the CRC catalogue, which is no multiple of four bytes.
        assert_eq!(of_data(b"123456789"), [0x31, 0xc3]);
    }
}
