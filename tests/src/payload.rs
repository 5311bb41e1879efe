//! File contents that follow from a seed, and the checksum that proves them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Bytes made or read at a time.
const PIECE: usize = 256 * 1024;

/// Length and CRC-32 of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Bytes.
    pub length: u64,
    /// Their CRC-32, as in zip and Ethernet.
    pub crc: u32,
}

/// Fill `buffer` with the bytes from `offset` on of the endless content of `seed`.
///
/// No two kilobytes of a content are alike, so that swapped, repeated and missing pieces all
/// change its checksum; any part can be made without the parts before it.
pub fn fill(seed: u64, offset: u64, buffer: &mut [u8]) {
    let mut word = offset / 8;
    let (head, body) = buffer.split_at_mut(buffer.len().min((8 - offset as usize % 8) % 8));
    if !head.is_empty() {
        let bytes = word_at(seed, word);
        head.copy_from_slice(&bytes[8 - (8 - offset as usize % 8)..][..head.len()]);
        word += 1;
    }
    for part in body.chunks_mut(8) {
        part.copy_from_slice(&word_at(seed, word)[..part.len()]);
        word += 1;
    }
}

/// The first `length` bytes of the content of `seed`.
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fill(seed, 0, &mut bytes);
    bytes
}

/// Write the first `length` bytes of the content of `seed` to a new file.
///
/// # Errors
///
/// If the file cannot be made or written.
pub fn write_file(path: &Path, seed: u64, length: u64) -> io::Result<Sum> {
    let mut file = File::create(path)?;
    let mut hasher = crc32fast::Hasher::new();
    let mut piece = vec![0; PIECE.min(usize::try_from(length).unwrap_or(PIECE))];
    let mut offset = 0;
    while offset < length {
        let left = usize::try_from(length - offset).unwrap_or(PIECE);
        let part = &mut piece[..left.min(PIECE)];
        fill(seed, offset, part);
        hasher.update(part);
        file.write_all(part)?;
        offset += part.len() as u64;
    }
    Ok(Sum { length, crc: hasher.finalize() })
}

/// Length and CRC-32 of a file as it is.
///
/// # Errors
///
/// If the file cannot be read.
pub fn sum_file(path: &Path) -> io::Result<Sum> {
    let mut file = File::open(path)?;
    let mut hasher = crc32fast::Hasher::new();
    let mut piece = vec![0; PIECE];
    let mut length = 0;
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(Sum { length, crc: hasher.finalize() });
        }
        hasher.update(&piece[..count]);
        length += count as u64;
    }
}

/// SplitMix64: every word follows from its number alone, a gigabyte takes a fraction of a second.
fn word_at(seed: u64, number: u64) -> [u8; 8] {
    let mut word = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (word ^ (word >> 31)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_the_same_however_it_is_made() {
        let whole = bytes(7, 100);
        for start in 0..40 {
            for end in start..=whole.len() {
                let mut part = vec![0; end - start];
                fill(7, start as u64, &mut part);
                assert_eq!(part, whole[start..end], "{start}..{end}");
            }
        }
        assert_ne!(whole, bytes(8, 100));
    }

    #[test]
    fn files_hold_what_their_sum_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for length in [0, 1, PIECE as u64 - 1, PIECE as u64 + 1] {
            let sum = write_file(&path, 3, length).unwrap();
            assert_eq!(sum_file(&path).unwrap(), sum);
            let content = bytes(3, length as usize);
            assert_eq!(std::fs::read(&path).unwrap(), content);
            assert_eq!(crc32fast::hash(&content), sum.crc);
        }
    }
}
