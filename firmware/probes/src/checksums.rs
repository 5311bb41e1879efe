//! Ways to compute the CRC-32 of the protocol with tables of other sizes than the core's, to see
//! what flash buys.

use coracle::Crc32;
use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// A way to compute it.
#[derive(Debug)]
pub struct Way {
    /// What it is called in the ledger.
    pub name: &'static str,
    /// Bytes of its tables.
    pub table: usize,
    /// The CRC of these bytes.
    pub checksum: fn(&[u8]) -> u32,
}

/// All of them, from the least flash to the most.
pub static WAYS: [Way; 6] = [
    Way { name: "crc-table-0", table: 0, checksum: |bytes| NO_TABLE.checksum(bytes) },
    Way { name: "nibbles", table: size_of_val(&NIBBLES), checksum: by_nibbles },
    Way { name: "crc-table-1", table: size_of_val(ONE.table()), checksum: |b| ONE.checksum(b) },
    Way { name: "core", table: size_of_val(ONE.table()), checksum: by_core },
    Way { name: "slices-of-4", table: 4 << 10, checksum: by_slices },
    Way {
        name: "crc-table-16",
        table: size_of_val(LANES.table()),
        checksum: |b| LANES.checksum(b),
    },
];

static NO_TABLE: Crc<u32, Table<0>> = Crc::<u32, Table<0>>::new(&CRC_32_ISO_HDLC);
static ONE: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);
static LANES: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

/// What each value of four bits comes to.
static NIBBLES: [u32; 16] = {
    let mut nibbles = [0; 16];
    let mut at = 0;
    while at < nibbles.len() {
        nibbles[at] = ONE_TABLE[at << 4];
        at += 1;
    }
    nibbles
};

const ONE_TABLE: [u32; 256] = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC).table()[0];

fn by_nibbles(bytes: &[u8]) -> u32 {
    let step = |register: u32| NIBBLES[(register & 0xf) as usize] ^ register >> 4;
    !bytes.iter().fold(!0, |register, &byte| step(step(register ^ u32::from(byte))))
}

fn by_core(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(bytes);
    crc.value()
}

/// A table for each byte of a word.
fn by_slices(bytes: &[u8]) -> u32 {
    let tables = LANES.table();
    let (words, rest) = bytes.as_chunks();
    let mut register = !0;
    for word in words {
        let [a, b, c, d] = (register ^ u32::from_le_bytes(*word)).to_le_bytes();
        register = tables[3][a as usize]
            ^ tables[2][b as usize]
            ^ tables[1][c as usize]
            ^ tables[0][d as usize];
    }
    for &byte in rest {
        register = tables[0][(register as u8 ^ byte) as usize] ^ register >> 8;
    }
    !register
}
