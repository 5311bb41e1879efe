//! Images of SD cards.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use coracle_storage::littlefs::{self, LittleFs, PARTITION};
use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};
use fscommon::{BufStream, StreamSlice};

use crate::blocks::Blocks;

/// Bytes of a block of a card.
const BLOCK: u64 = 512;

/// Bytes of an image unless another size is asked for.
pub const SIZE: u64 = 64 << 20;

/// Where the partition begins: at 1 MiB, as every tool does it, so that clusters lie at multiples
/// of a card's own unit.
const BEGIN: u64 = 1 << 20;

/// A partition table: where its first entry stands, and the two bytes at its end.
const ENTRY: u64 = 446;
const SIGNATURE: [u8; 2] = [0x55, 0xaa];

/// Bytes of the second partition, a littlefs, at the end of cards that are large enough.
const SECOND: u64 = 8 << 20;
const SECOND_FROM: u64 = 32 << 20;

/// Kinds of partitions: FAT16 and FAT32, both by numbers of blocks.
const FAT16: u8 = 0x0e;
const FAT32: u8 = 0x0c;

/// From this size on a volume is FAT32: FAT16 would need clusters of 32 KiB.
const FAT32_FROM: u64 = 1 << 30;

/// A file of an example: its path, and its content.
const EXAMPLES: [(&str, &str); 3] = [
    ("readme.txt", "These files are served by coracle, from an SD card, on a microcontroller.\n"),
    ("A long name with spaces.txt", "Names may be long, and have spaces in them.\n"),
    ("folder/nested/deep.txt", "Folders may be nested.\n"),
];

/// The name of one more example, and how many numbered lines it has: large enough to see it move.
const LINES: (&str, u32) = ("folder/lines.txt", 100_000);

/// The volume of a card, with files that are read and written behind a buffer.
pub type Volume = FileSystem<BufStream<StreamSlice<File>>>;

/// Make the image of a card with an empty FAT volume and, from 32 MiB on, an empty littlefs on a
/// second partition.
///
/// # Errors
///
/// If the size is no power of two, which QEMU needs, if the file is there already, or if it
/// cannot be written.
pub fn create(path: &Path, size: u64) -> io::Result<()> {
    if !size.is_power_of_two() || size <= 2 * BEGIN {
        let message = "the size of a card is a power of two, of more than 2 MiB";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    file.set_len(size)?;
    let end = if size < SECOND_FROM { size } else { size - SECOND };
    let kind = if size < FAT32_FROM { FAT16 } else { FAT32 };
    file.seek(SeekFrom::Start(ENTRY))?;
    file.write_all(&entry(kind, BEGIN..end))?;
    if end < size {
        file.write_all(&entry(PARTITION, end..size))?;
    }
    file.seek(SeekFrom::Start(BLOCK - SIGNATURE.len() as u64))?;
    file.write_all(&SIGNATURE)?;
    if end < size {
        let card = littlefs::Card::partition(Blocks(file.try_clone()?), PARTITION);
        let mut second = LittleFs::<_, 1>::new(card);
        second.format().map_err(|error| io::Error::other(format!("littlefs: {error:?}")))?;
    }
    let slice = StreamSlice::new(file, BEGIN, end)?;
    let label = FormatVolumeOptions::new().volume_label(*b"CORACLE    ");
    fatfs::format_volume(BufStream::new(slice), label)
}

/// An entry of a partition table, for this range of bytes.
fn entry(kind: u8, bytes: Range<u64>) -> [u8; 16] {
    // Cylinders, heads and sectors are of no use any more: all ones say so.
    const NO_GEOMETRY: [u8; 3] = [0xfe, 0xff, 0xff];
    let blocks = |bytes: u64| u32::try_from(bytes / BLOCK).unwrap_or(u32::MAX).to_le_bytes();
    let [a, b, c] = NO_GEOMETRY;
    let ([d, e, f, g], [h, i, j, k]) = (blocks(bytes.start), blocks(bytes.end - bytes.start));
    [0, a, b, c, kind, a, b, c, d, e, f, g, h, i, j, k]
}

/// Make the image of a card with some example files on it.
///
/// # Errors
///
/// As [`create`].
pub fn create_with_examples(path: &Path) -> io::Result<()> {
    create(path, SIZE)?;
    let volume = open(path)?;
    let root = volume.root_dir();
    root.create_dir("folder")?.create_dir("nested")?;
    for (name, content) in EXAMPLES {
        root.create_file(name)?.write_all(content.as_bytes())?;
    }
    let (name, count) = LINES;
    let mut file = root.create_file(name)?;
    for number in 1..=count {
        writeln!(file, "line {number}")?;
    }
    Ok(())
}

/// Open the volume of a card. What is written is there when all is dropped.
///
/// # Errors
///
/// If there is no such file, or no volume in it.
pub fn open(path: &Path) -> io::Result<Volume> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let Range { start, end } = partition(&mut file)?;
    let slice = StreamSlice::new(file, start, end)?;
    FileSystem::new(BufStream::new(slice), FsOptions::new())
}

/// Where in an image its first partition lies, in bytes.
///
/// # Errors
///
/// If the file cannot be read, or has no partition table.
pub fn partition(file: &mut File) -> io::Result<Range<u64>> {
    let mut block = [0; BLOCK as usize];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut block)?;
    let number = |at: usize| {
        let bytes = block.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(bytes)))
    };
    let (first, count) = (number(ENTRY as usize + 8), number(ENTRY as usize + 12));
    if !block.ends_with(&SIGNATURE) || count == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "there is no partition table"));
    }
    Ok(first * BLOCK..(first + count) * BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_on_a_new_card() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card.img");
        create_with_examples(&path).unwrap();
        assert_eq!(path.metadata().unwrap().len(), SIZE);
        let volume = open(&path).unwrap();
        for (name, content) in EXAMPLES {
            let mut read = String::new();
            volume.root_dir().open_file(name).unwrap().read_to_string(&mut read).unwrap();
            assert_eq!(read, content);
        }
        // A card that is there is nobody's to write over.
        let error = create(&path, SIZE).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn sizes_that_no_card_of_the_model_has_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card.img");
        for size in [0, 1 << 20, (64 << 20) + 512] {
            let error = create(&path, size).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{size}");
        }
    }
}
