//! CRC-32 as in zip and Ethernet (ISO-HDLC), computed piecewise.

/// A running CRC-32.
///
/// ```
/// let mut crc = coracle::Crc32::new();
/// crc.update(b"123456789");
/// assert_eq!(crc.value(), 0xcbf4_3926); // the check value of the CRC catalogue
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Crc32(u32);

impl Crc32 {
    /// The CRC of no bytes.
    pub const fn new() -> Self {
        Self(0)
    }

    /// Go on from the CRC of earlier bytes.
    pub const fn resume(value: u32) -> Self {
        Self(value)
    }

    /// Take in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0 = continued(self.0, bytes);
    }

    /// The CRC of all bytes so far.
    pub const fn value(self) -> u32 {
        self.0
    }
}

impl Default for Crc32 {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "fast-crc")]
fn continued(value: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(value);
    hasher.update(bytes);
    hasher.finalize()
}

/// Four bytes at a time through one table of 1 KiB. On a Cortex-M3 that takes half the instructions
/// of one byte at a time, and fewer than larger tables do: `docs/ledger.md` compares them.
#[cfg(not(feature = "fast-crc"))]
fn continued(value: u32, bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks();
    let mut register = !value;
    for word in words {
        register = step(step(step(step(register ^ u32::from_le_bytes(*word)))));
    }
    for &byte in rest {
        register = step(register ^ u32::from(byte));
    }
    !register
}

/// Shift the lowest byte of the register through the polynomial.
#[cfg(not(feature = "fast-crc"))]
const fn step(register: u32) -> u32 {
    TABLE[register as u8 as usize] ^ register >> 8
}

#[cfg(not(feature = "fast-crc"))]
static TABLE: [u32; 256] = crc::Crc::<u32, crc::Table<1>>::new(&crc::CRC_32_ISO_HDLC).table()[0];
