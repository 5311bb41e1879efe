//! Memory that sessions hold only while there is something to move.

use std::sync::{Arc, Mutex, PoisonError};

use coracle::{Buffer, HOST_SPARE, Purpose, host_start};

/// File bytes in a frame of this server. Measured on loopback: 64 KiB is a few percent slower
/// (more system calls), 1 MiB no faster (it leaves the second-level cache).
pub const CHUNK_LEN: usize = 256 << 10;

/// File bytes in a frame while so many sessions transfer that large chunks would take too much.
const CROWDED_CHUNK_LEN: usize = 32 << 10;

/// Large chunks that may be out at once: 64 MiB.
const LARGE_CHUNKS: usize = 256;

/// Bytes for lines, and for small reads and writes gathered into one system call.
pub(crate) const LINES_LEN: usize = 16 << 10;

/// Free blocks of one size that are kept.
const KEPT: usize = 64;

/// The free memory of all sessions.
#[derive(Debug, Default)]
pub struct Pool {
    lines: Shelf,
    crowded: Shelf,
    large: Shelf,
}

#[derive(Debug, Default)]
struct Shelf(Mutex<Stock>);

#[derive(Debug, Default)]
struct Stock {
    free: Vec<Box<[u8]>>,
    out: usize,
}

impl Shelf {
    fn take(&self, len: usize) -> Box<[u8]> {
        let mut stock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stock.out += 1;
        let free = stock.free.pop();
        drop(stock);
        free.unwrap_or_else(|| vec![0; len].into_boxed_slice())
    }

    fn put(&self, block: Box<[u8]>) {
        let mut stock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stock.out = stock.out.saturating_sub(1);
        if stock.free.len() < KEPT {
            stock.free.push(block);
        }
    }

    fn out(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).out
    }
}

/// A block from the pool, for small reads and writes.
#[derive(Debug)]
pub(crate) struct Block {
    pool: Arc<Pool>,
    bytes: Box<[u8]>,
}

impl Block {
    pub(crate) fn take(pool: &Arc<Pool>) -> Self {
        Self { pool: Arc::clone(pool), bytes: pool.lines.take(LINES_LEN) }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.pool.lines.put(std::mem::take(&mut self.bytes));
    }
}

/// The chunk buffer of one session.
#[derive(Debug)]
pub struct Chunk {
    pool: Arc<Pool>,
    held: Held,
}

#[derive(Debug)]
enum Held {
    Nothing,
    Lines(Box<[u8]>),
    File { block: Box<[u8]>, chunk_len: usize },
}

impl Chunk {
    /// A buffer that holds nothing yet.
    pub fn new(pool: &Arc<Pool>) -> Self {
        Self { pool: Arc::clone(pool), held: Held::Nothing }
    }

    /// Where header and data lie in a block, so that the data is where it is fast.
    fn window(block: &[u8], chunk_len: usize) -> std::ops::Range<usize> {
        let start = host_start(block);
        // One header before the data and one behind it.
        start..start + chunk_len + 2 * coracle::limits::HEADER_LEN
    }
}

impl Buffer for Chunk {
    fn reserve(&mut self, purpose: Purpose) {
        match (purpose, &self.held) {
            (_, Held::File { .. }) | (Purpose::Lines, Held::Lines(_)) => {}
            (Purpose::Lines, Held::Nothing) => {
                self.held = Held::Lines(self.pool.lines.take(LINES_LEN));
            }
            (Purpose::File, _) => {
                self.release();
                let crowded = self.pool.large.out() >= LARGE_CHUNKS;
                let (shelf, chunk_len) = if crowded {
                    (&self.pool.crowded, CROWDED_CHUNK_LEN)
                } else {
                    (&self.pool.large, CHUNK_LEN)
                };
                let block = shelf.take(chunk_len + HOST_SPARE);
                self.held = Held::File { block, chunk_len };
            }
        }
    }

    fn release(&mut self) {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing => {}
            Held::Lines(block) => self.pool.lines.put(block),
            Held::File { block, chunk_len: CHUNK_LEN } => self.pool.large.put(block),
            Held::File { block, .. } => self.pool.crowded.put(block),
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.held {
            Held::Nothing => &[],
            Held::Lines(block) => block,
            Held::File { block, chunk_len } => &block[Self::window(block, *chunk_len)],
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.held {
            Held::Nothing => &mut [],
            Held::Lines(block) => block,
            Held::File { block, chunk_len } => {
                let window = Self::window(block, *chunk_len);
                &mut block[window]
            }
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_lies_where_the_kernel_copies_fast() {
        let mut chunk = Chunk::new(&Arc::new(Pool::default()));
        chunk.reserve(Purpose::File);
        let data = chunk.bytes()[coracle::limits::HEADER_LEN..].as_ptr();
        assert_eq!(data.align_offset(4096), 4096 - 512);
        assert_eq!(chunk.bytes().len(), CHUNK_LEN + 8);
    }

    #[test]
    fn many_transfers_share_less_memory() {
        let pool = Arc::new(Pool::default());
        let mut chunks: Vec<_> = (0..=LARGE_CHUNKS).map(|_| Chunk::new(&pool)).collect();
        chunks.iter_mut().for_each(|chunk| chunk.reserve(Purpose::File));
        assert_eq!(chunks[LARGE_CHUNKS].bytes().len(), CROWDED_CHUNK_LEN + 8);
        chunks[0].release();
        chunks[LARGE_CHUNKS].release();
        chunks[LARGE_CHUNKS].reserve(Purpose::File);
        assert_eq!(chunks[LARGE_CHUNKS].bytes().len(), CHUNK_LEN + 8);
    }
}
