//! What the laws are written with.

use core::fmt::Debug;
use std::vec;
use std::vec::Vec;

use crate::crc::Crc32;
use crate::path::Path;
use crate::reply::{Code, Receipt, Refusal};
use crate::storage::{Durability, Metadata, Storage};

pub(super) fn path(bytes: &[u8]) -> Path<'_> {
    Path::new(bytes).expect("a path of the kit")
}

/// Bytes that differ from place to place and from seed to seed.
pub(super) fn bytes(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8 ^ (at >> 8) as u8 ^ seed).collect()
}

pub(super) fn receipt(bytes: &[u8]) -> Receipt {
    let mut crc = Crc32::new();
    crc.update(bytes);
    Receipt { length: bytes.len() as u64, crc: crc.value() }
}

/// The value, or a panic that names the law.
pub(super) fn ok<T, E: Debug + Into<Refusal>>(law: &str, result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("law {law}: refused: {error:?}"))
}

/// A panic unless it was refused with this code.
pub(super) fn refused<T, E: Into<Refusal>>(law: &str, result: Result<T, E>, code: Code) {
    match result {
        Ok(_) => panic!("law {law}: must be refused as {code}, was not"),
        Err(error) => {
            let refusal = error.into();
            assert_eq!(refusal.code, code, "law {law}: refused with another cause: {refusal}");
        }
    }
}

pub(super) fn write<S: Storage>(
    law: &str,
    session: &mut S,
    staged: &mut S::Staged,
    offset: usize,
    data: &[u8],
) {
    let mut written = 0;
    while written < data.len() {
        let at = (offset + written) as u64;
        let n = ok(law, session.write_at(staged, at, &data[written..]));
        assert!(n > 0 && n <= data.len() - written, "law 3: a write of {n} bytes");
        written += n;
    }
}

/// Stage and write, no more.
pub(super) fn stage<S: Storage>(law: &str, session: &mut S, at: &[u8], data: &[u8]) -> S::Staged {
    let mut staged = ok(law, session.stage(path(at), Some(data.len() as u64)));
    write(law, session, &mut staged, 0, data);
    staged
}

/// A whole upload.
pub(super) fn put<S: Storage>(law: &str, session: &mut S, at: &[u8], data: &[u8]) -> Durability {
    let staged = stage(law, session, at, data);
    session.finish(staged, receipt(data), None);
    session.commit();
    let Some((told, result)) = session.committed() else {
        panic!("law {law}: a commit without a result")
    };
    assert_eq!(told, receipt(data), "law {law}: the receipt of another file");
    assert!(session.committed().is_none(), "law {law}: a result too many");
    ok(law, result)
}

/// An interrupted upload.
pub(super) fn keep<S: Storage>(law: &str, session: &mut S, at: &[u8], data: &[u8]) {
    let staged = stage(law, session, at, data);
    session.keep(staged);
}

/// The whole file, in reads of odd sizes.
pub(super) fn get<S: Storage>(session: &mut S, at: &[u8]) -> Result<Vec<u8>, Code> {
    let opened = session.open(path(at));
    let (mut file, _) = opened.map_err(|error| error.into().code)?;
    let all = read_all("3", session, &mut file);
    session.close(file);
    Ok(all)
}

/// The bytes of the partial.
pub(super) fn partial<S: Storage>(session: &mut S, at: &[u8]) -> Result<Vec<u8>, Code> {
    let opened = session.open_partial(path(at));
    let (mut file, metadata) = opened.map_err(|error| error.into().code)?;
    let all = read_all("5", session, &mut file);
    session.close(file);
    assert_eq!(metadata.size, all.len() as u64, "law 5: the size of a partial is what is read");
    Ok(all)
}

pub(super) fn read_all<S: Storage>(law: &str, session: &mut S, file: &mut S::File) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 777];
    loop {
        let read = ok(law, session.read_at(file, all.len() as u64, &mut buffer));
        assert!(read <= buffer.len(), "law 3: more bytes than the buffer holds");
        if read == 0 {
            return all;
        }
        all.extend_from_slice(&buffer[..read]);
    }
}

/// Names and metadata, sorted by name.
pub(super) fn list<S: Storage>(session: &mut S, at: &[u8]) -> Vec<(Vec<u8>, Metadata)> {
    let mut folder = ok("8", session.open_folder(path(at)));
    let mut entries = Vec::new();
    while let Some(entry) = next(session, &mut folder) {
        entries.push(entry);
    }
    session.close_folder(folder);
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries
}

pub(super) fn next<S: Storage>(
    session: &mut S,
    folder: &mut S::Folder,
) -> Option<(Vec<u8>, Metadata)> {
    let mut name = vec![0; 255];
    let (metadata, len) = ok("8", session.next_entry(folder, &mut name))?;
    name.truncate(len);
    Some((name, metadata))
}

pub(super) fn names<S: Storage>(session: &mut S, at: &[u8]) -> Vec<Vec<u8>> {
    list(session, at).into_iter().map(|(name, _)| name).collect()
}
