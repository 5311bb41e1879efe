//! The memory that a machine moves bytes through.

use crate::limits::HEADER_LEN;

/// What a machine needs its chunk buffer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Purpose {
    /// Lines: [`LINE_MAX`](crate::limits::LINE_MAX) bytes are enough, more gather better.
    Lines,
    /// File bytes: the larger, the fewer steps and system calls.
    File,
}

/// Bytes by which memory for a large chunk buffer must be longer, so that
/// [`host_start`] leaves enough of it.
pub const HOST_SPARE: usize = 2 * HOST_PAGE;

const HOST_PAGE: usize = 4096;

/// Where in its page the first file byte should lie. Measured on Linux: from and to offsets 4 to
/// 20 of a page, where a header at the start of the page would put it, the kernel copies 3 to 4
/// times slower; 512 is fast.
const HOST_OFFSET: usize = 512;

/// Where in `memory` a large chunk buffer should begin on a host, so that the file bytes, which
/// stand behind one header, lie where the kernel copies fast. At most [`HOST_SPARE`] bytes.
pub fn host_start(memory: &[u8]) -> usize {
    let page = memory.as_ptr().align_offset(HOST_PAGE) % HOST_PAGE;
    page + HOST_OFFSET - HEADER_LEN
}

/// A chunk buffer: an array on a chip, on a desktop memory from a pool that is held only while
/// there is something to move.
pub trait Buffer {
    /// Make at least [`CHUNK_BUFFER_LEN`](crate::limits::CHUNK_BUFFER_LEN) bytes ready. Called
    /// only while the content does not matter: memory may be exchanged for other memory.
    fn reserve(&mut self, purpose: Purpose);

    /// The content is of no use any more; the memory may be given back until the next
    /// [`reserve`](Self::reserve).
    fn release(&mut self);

    /// The memory; empty while released.
    fn bytes(&self) -> &[u8];

    /// The memory, to write to; empty while released.
    fn bytes_mut(&mut self) -> &mut [u8];
}

impl<const N: usize> Buffer for [u8; N] {
    fn reserve(&mut self, _purpose: Purpose) {}

    fn release(&mut self) {}

    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl Buffer for &mut [u8] {
    fn reserve(&mut self, _purpose: Purpose) {}

    fn release(&mut self) {}

    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}
