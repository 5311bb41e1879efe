//! A link whose other end is a script.

use core::convert::Infallible;

use coracle::limits::{CHUNK_LEN, END_LEN, HEADER_LEN};
use coracle::poll::Stream;
use coracle::{Crc32, End, Frame};

use super::CONTENT;

/// A script of pieces that come in one after another, as a stream without any gaps; what goes out
/// is copied to where the next bytes overwrite it.
#[derive(Debug)]
pub struct Link<'a, I> {
    pieces: I,
    piece: &'a [u8],
    out: [u8; 2 * CHUNK_LEN],
}

impl<'a, I: Iterator<Item = &'a [u8]>> Link<'a, I> {
    /// The link of this script; behind it the stream ends.
    pub fn new(pieces: I) -> Self {
        Self { pieces, piece: &[], out: [0; 2 * CHUNK_LEN] }
    }
}

impl<'a, I: Iterator<Item = &'a [u8]>> Stream for Link<'a, I> {
    type Error = Infallible;

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Infallible> {
        let mut read = 0;
        loop {
            let room = buffer.get_mut(read..).unwrap_or_default();
            read += copy(room, self.piece);
            self.piece = self.piece.get(room.len()..).unwrap_or_default();
            if read == buffer.len() {
                return Ok(Some(read));
            }
            match self.pieces.next() {
                Some(piece) => self.piece = piece,
                None => return Ok(Some(read)),
            }
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Infallible> {
        let count = copy(&mut self.out, bytes);
        core::hint::black_box(&self.out);
        Ok(Some(count))
    }
}

/// Copy as much as fits and say how much that was.
pub(super) fn copy(to: &mut [u8], from: &[u8]) -> usize {
    let count = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..count), from.get(..count)) {
        to.copy_from_slice(from);
    }
    count
}

/// The header of a frame of a whole chunk.
static HEADER: [u8; HEADER_LEN] = Frame::Data(CHUNK_LEN as u32).emit();

/// What comes before the frames of an upload of unknown size.
pub const UPLOAD_HEAD: &[u8] = b"hello 1\nupload a -\n";

/// So many chunks of file bytes.
pub fn chunks<'a>(count: usize) -> impl Iterator<Item = &'a [u8]> {
    CONTENT.0.chunks_exact(CHUNK_LEN).cycle().take(count)
}

/// The frames of an upload of so many chunks: all but the END, which is [`end_of`] it.
pub fn frames_of<'a>(count: usize) -> impl Iterator<Item = &'a [u8]> {
    chunks(count).flat_map(|payload| [&HEADER[..], payload])
}

/// The END frame of such an upload.
pub fn end_of(count: usize) -> [u8; HEADER_LEN + END_LEN] {
    let mut crc = Crc32::new();
    chunks(count).for_each(|payload| crc.update(payload));
    End { length: (count * CHUNK_LEN) as u64, crc: crc.value() }.emit_frame()
}
