//! A link and a medium in memory, whose own part in what is measured is little: they copy.

mod link;
mod storage;

pub use link::{Link, UPLOAD_HEAD, chunks, end_of, frames_of};
pub use storage::Flat;

/// Bytes of a transfer that are in memory; longer transfers repeat them.
pub const CONTENT_LEN: usize = 8192;

/// Bytes at an address of words, wherever the linker puts them: what copies of them take depends on it.
#[derive(Debug)]
#[repr(align(8))]
pub struct Aligned(pub [u8; CONTENT_LEN]);

/// The bytes of every file here: a period that is none of a table or of a chunk.
pub static CONTENT: Aligned = {
    let mut bytes = [0; CONTENT_LEN];
    let mut at = 0;
    while at < CONTENT_LEN {
        bytes[at] = (at % 251) as u8;
        at += 1;
    }
    Aligned(bytes)
};
