//! The chunk buffer of a session.

use coracle::limits::CHUNK_BUFFER_LEN;
use coracle::{Buffer, Purpose};

/// A chunk buffer that begins at a multiple of four bytes, as its file bytes do then: they are
/// copied by words.
#[repr(align(4))]
pub struct Chunk([u8; CHUNK_BUFFER_LEN]);

impl Chunk {
    /// A buffer of zeros.
    pub const fn new() -> Self {
        Self([0; CHUNK_BUFFER_LEN])
    }
}

impl Default for Chunk {
    fn default() -> Self {
        Self::new()
    }
}

impl Buffer for Chunk {
    fn reserve(&mut self, _purpose: Purpose) {}

    fn release(&mut self) {}

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
