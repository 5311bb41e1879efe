//! What the tests are written with.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::rc::Rc;

use coracle::{Code, Crc32, Path, Receipt, Refusal, Storage};
use coracle_storage::chip::{Chip, ChipSession};
use coracle_storage::fat::Fat;
use fatfs::{FatType, FormatVolumeOptions};

use crate::card::Card;

pub type Volume = Fat<Card, 4, 2>;
pub type Served = Chip<Volume, 12>;
pub type Session<'a> = ChipSession<'a, Volume, 12>;

/// The three kinds of FAT.
pub const KINDS: [FatType; 3] = [FatType::Fat12, FatType::Fat16, FatType::Fat32];

/// A freshly formatted card without a partition table.
pub fn formatted(kind: FatType) -> Rc<Vec<u8>> {
    let (blocks, cluster) = match kind {
        FatType::Fat12 => (2048, 512),
        FatType::Fat16 => (4400, 512),
        FatType::Fat32 => (68_000, 512),
    };
    let mut image = Cursor::new(vec![0; blocks * 512]);
    let options = FormatVolumeOptions::new().fat_type(kind).bytes_per_cluster(cluster);
    fatfs::format_volume(&mut image, options).unwrap();
    Rc::new(image.into_inner())
}

/// The same with few clusters. A FAT32 of less than 65,525 clusters is none for some PCs, but
/// quickly copied: good for what is done thousands of times.
pub fn small(kind: FatType) -> Rc<Vec<u8>> {
    const CLUSTERS: u32 = 3000;
    let whole = formatted(kind);
    if kind != FatType::Fat32 {
        return whole;
    }
    let mut image = (*whole).clone();
    let number = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
    let reserved = u32::from(u16::from_le_bytes([image[14], image[15]]));
    let blocks = reserved + u32::from(image[16]) * number(36) + CLUSTERS;
    let info = usize::from(u16::from_le_bytes([image[48], image[49]])) * 512;
    image.truncate(blocks as usize * 512);
    image[32..36].copy_from_slice(&blocks.to_le_bytes());
    // All but the root are free.
    image[info + 488..info + 492].copy_from_slice(&(CLUSTERS - 1).to_le_bytes());
    Rc::new(image)
}

pub fn serve(card: &Card) -> RefCell<Served> {
    RefCell::new(Chip::new(Fat::new(card.clone())))
}

pub fn path(bytes: &[u8]) -> Path<'_> {
    Path::new(bytes).unwrap()
}

pub fn receipt(bytes: &[u8]) -> Receipt {
    let mut crc = Crc32::new();
    crc.update(bytes);
    Receipt { length: bytes.len() as u64, crc: crc.value() }
}

/// Bytes that differ from place to place and from seed to seed.
pub fn bytes(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8 ^ (at >> 8) as u8 ^ seed).collect()
}

pub fn code<T, E: Into<Refusal>>(result: Result<T, E>) -> Result<T, Code> {
    result.map_err(|error| error.into().code)
}

/// Write all of it, in pieces of a chunk.
pub fn write<S: Storage>(
    session: &mut S,
    staged: &mut S::Staged,
    from: usize,
    data: &[u8],
) -> Result<(), Code> {
    let mut at = from;
    for mut chunk in data.chunks(1024) {
        while !chunk.is_empty() {
            let written = code(session.write_at(staged, at as u64, chunk))?;
            assert!((1..=chunk.len()).contains(&written));
            at += written;
            chunk = &chunk[written..];
        }
    }
    Ok(())
}

/// A whole upload.
pub fn put<S: Storage>(session: &mut S, at: &[u8], data: &[u8]) -> Result<(), Code> {
    let mut staged = code(session.stage(path(at), Some(data.len() as u64)))?;
    if let Err(error) = write(session, &mut staged, 0, data) {
        session.keep(staged);
        return Err(error);
    }
    session.finish(staged, receipt(data), Some(1_000_000_000));
    session.commit();
    code(session.committed().unwrap().1).map(|_| ())
}

/// The whole file.
pub fn get<S: Storage>(session: &mut S, at: &[u8]) -> Result<Vec<u8>, Code> {
    let (file, found) = code(session.open(path(at)))?;
    let all = read_all(session, file)?;
    assert_eq!(all.len() as u64, found.size);
    Ok(all)
}

/// The bytes of the partial.
pub fn partial<S: Storage>(session: &mut S, at: &[u8]) -> Result<Vec<u8>, Code> {
    let (file, found) = code(session.open_partial(path(at)))?;
    let all = read_all(session, file)?;
    assert_eq!(all.len() as u64, found.size);
    Ok(all)
}

fn read_all<S: Storage>(session: &mut S, mut file: S::File) -> Result<Vec<u8>, Code> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; 4096]);
    let result = loop {
        match code(session.read_at(&mut file, all.len() as u64, &mut buffer)) {
            Ok(0) => break Ok(all),
            Ok(read) => all.extend_from_slice(&buffer[..read]),
            Err(error) => break Err(error),
        }
    };
    session.close(file);
    result
}

/// The names in a folder, sorted.
pub fn names<S: Storage>(session: &mut S, at: &[u8]) -> Result<Vec<String>, Code> {
    let mut folder = code(session.open_folder(path(at)))?;
    let (mut names, mut name) = (Vec::new(), [0; 255]);
    let result = loop {
        match code(session.next_entry(&mut folder, &mut name)) {
            Ok(Some((_, len))) => names.push(String::from_utf8(name[..len].to_vec()).unwrap()),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    session.close_folder(folder);
    names.sort_unstable();
    result.map(|()| names)
}

/// Everything that is visible: paths and what is in the files, folders with nothing.
pub fn everything<S: Storage>(session: &mut S) -> Result<BTreeMap<String, Option<Vec<u8>>>, Code> {
    let (mut all, mut folders) = (BTreeMap::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        let at = if folder.is_empty() { "/" } else { folder.trim_end_matches('/') };
        for name in names(session, at.as_bytes())? {
            let whole = format!("{folder}{name}");
            let is_folder =
                code(session.stat(path(whole.as_bytes())))?.kind == coracle::Kind::Folder;
            let data = if is_folder { None } else { Some(get(session, whole.as_bytes())?) };
            all.insert(whole.clone(), data);
            if is_folder {
                folders.push(whole + "/");
            }
        }
    }
    Ok(all)
}
