//! The checksums of commands and of data.

use crc::{CRC_7_MMC, CRC_16_XMODEM, Crc, NoTable, Table};

/// Of a command: five bytes each, so a table is not worth its flash.
const COMMAND: Crc<u8, NoTable> = Crc::<u8, NoTable>::new(&CRC_7_MMC);

/// Of data: half a KiB of table.
static DATA: Crc<u16, Table<1>> = Crc::<u16, Table<1>>::new(&CRC_16_XMODEM);

/// The last byte of a command: seven bits of its checksum, and a one that ends it.
pub(super) fn of_command(bytes: &[u8]) -> u8 {
    COMMAND.checksum(bytes) << 1 | 1
}

/// What follows data on the wire.
pub(super) fn of_data(bytes: &[u8]) -> [u8; 2] {
    DATA.checksum(bytes).to_be_bytes()
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
    }
}
