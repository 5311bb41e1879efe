//! Memory that sessions hold only while there is something to move.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coracle::limits::{CHUNK_LEN, HEADER_LEN};
use coracle::{Buffer, HOST_SPARE, Purpose, host_start};

/// File bytes in a frame while so many sessions transfer that large chunks would take too much.
const CROWDED_CHUNK_LEN: usize = 32 << 10;

/// File bytes of the large chunks that may be out at once.
const LARGE_MAX: usize = 64 << 20;

/// Bytes for lines, and for small reads and writes gathered into one system call.
pub const LINES_LEN: usize = 16 << 10;

/// Free blocks of one size that are kept.
const KEPT: usize = 64;

/// The free memory of all sessions.
#[derive(Debug)]
pub struct Pool {
    lines: Shelf,
    crowded: Shelf,
    large: Shelf,
}

/// Blocks of one length.
#[derive(Debug)]
struct Shelf {
    len: usize,
    stock: Mutex<Stock>,
}

#[derive(Debug, Default)]
struct Stock {
    free: Vec<Box<[u8]>>,
    out: usize,
}

impl Pool {
    /// A pool whose chunks hold so many file bytes, at least those of the protocol's smallest.
    pub fn new(chunk_len: usize) -> Self {
        Self {
            lines: Shelf::new(LINES_LEN),
            crowded: Shelf::new(CROWDED_CHUNK_LEN + HOST_SPARE),
            large: Shelf::new(chunk_len.max(CHUNK_LEN) + HOST_SPARE),
        }
    }

    /// File bytes of a chunk while there are not too many.
    pub fn chunk_len(&self) -> usize {
        self.large.len - HOST_SPARE
    }

    /// Where the next chunk comes from.
    fn chunks(&self) -> &Shelf {
        let chunk_len = self.chunk_len();
        let is_crowded = self.large.out() * chunk_len >= LARGE_MAX;
        if is_crowded && chunk_len > CROWDED_CHUNK_LEN { &self.crowded } else { &self.large }
    }

    fn put_chunk(&self, block: Box<[u8]>) {
        let shelf = if block.len() == self.large.len { &self.large } else { &self.crowded };
        shelf.put(block);
    }
}

impl Shelf {
    fn new(len: usize) -> Self {
        Self { len, stock: Mutex::default() }
    }

    fn take(&self) -> Box<[u8]> {
        let mut stock = self.stock();
        stock.out += 1;
        let free = stock.free.pop();
        drop(stock);
        free.unwrap_or_else(|| vec![0; self.len].into_boxed_slice())
    }

    fn put(&self, block: Box<[u8]>) {
        let mut stock = self.stock();
        stock.out = stock.out.saturating_sub(1);
        if stock.free.len() < KEPT {
            stock.free.push(block);
        }
    }

    fn out(&self) -> usize {
        self.stock().out
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A block from the pool, for small reads and writes.
#[derive(Debug)]
pub struct Block {
    pool: Arc<Pool>,
    bytes: Box<[u8]>,
}

impl Block {
    /// Take one.
    pub fn take(pool: &Arc<Pool>) -> Self {
        Self { pool: Arc::clone(pool), bytes: pool.lines.take() }
    }

    /// The [`LINES_LEN`] bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, to write to.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
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
    File(Box<[u8]>),
}

impl Chunk {
    /// A buffer that holds nothing yet.
    pub fn new(pool: &Arc<Pool>) -> Self {
        Self { pool: Arc::clone(pool), held: Held::Nothing }
    }
}

/// Where header and data lie in a block, so that the data is where it is fast.
fn window(block: &[u8]) -> Range<usize> {
    let start = host_start(block);
    // One header before the data and one behind it.
    start..start + block.len() - HOST_SPARE + 2 * HEADER_LEN
}

impl Buffer for Chunk {
    fn reserve(&mut self, purpose: Purpose) {
        match (purpose, &self.held) {
            (_, Held::File(_)) | (Purpose::Lines, Held::Lines(_)) => {}
            (Purpose::Lines, Held::Nothing) => self.held = Held::Lines(self.pool.lines.take()),
            (Purpose::File, _) => {
                self.release();
                self.held = Held::File(self.pool.chunks().take());
            }
        }
    }

    fn release(&mut self) {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing => {}
            Held::Lines(block) => self.pool.lines.put(block),
            Held::File(block) => self.pool.put_chunk(block),
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.held {
            Held::Nothing => &[],
            Held::Lines(block) => block,
            Held::File(block) => &block[window(block)],
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.held {
            Held::Nothing => &mut [],
            Held::Lines(block) => block,
            Held::File(block) => {
                let window = window(block);
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

    const LEN: usize = 256 << 10;

    #[test]
    fn data_lies_where_the_kernel_copies_fast() {
        for len in [LEN, 64 << 10, CHUNK_LEN] {
            let mut chunk = Chunk::new(&Arc::new(Pool::new(len)));
            chunk.reserve(Purpose::File);
            let data = chunk.bytes()[HEADER_LEN..].as_ptr();
            assert_eq!(data.align_offset(4096), 4096 - 512);
            assert_eq!(chunk.bytes().len(), len + 8);
        }
    }

    #[test]
    fn many_transfers_share_less_memory() {
        let pool = Arc::new(Pool::new(LEN));
        let large = LARGE_MAX / LEN;
        let mut chunks: Vec<_> = (0..=large).map(|_| Chunk::new(&pool)).collect();
        chunks.iter_mut().for_each(|chunk| chunk.reserve(Purpose::File));
        assert_eq!(chunks[large - 1].bytes().len(), LEN + 8);
        assert_eq!(chunks[large].bytes().len(), CROWDED_CHUNK_LEN + 8);
        chunks[0].release();
        chunks[large].release();
        chunks[large].reserve(Purpose::File);
        assert_eq!(chunks[large].bytes().len(), LEN + 8);
    }

    #[test]
    fn small_chunks_do_not_become_larger_when_there_are_many() {
        let pool = Arc::new(Pool::new(CROWDED_CHUNK_LEN / 4));
        let count = LARGE_MAX / pool.chunk_len() + 1;
        let mut chunks: Vec<_> = (0..count).map(|_| Chunk::new(&pool)).collect();
        chunks.iter_mut().for_each(|chunk| chunk.reserve(Purpose::File));
        assert_eq!(chunks[count - 1].bytes().len(), pool.chunk_len() + 8);
    }

    #[test]
    fn what_is_given_back_is_taken_again() {
        let pool = Arc::new(Pool::new(LEN));
        let free = || [&pool.lines, &pool.large].map(|shelf| shelf.stock().free.len());
        let mut chunk = Chunk::new(&pool);
        for (purpose, after) in [(Purpose::Lines, [1, 0]), (Purpose::File, [1, 1])] {
            chunk.reserve(purpose);
            let first = chunk.bytes().as_ptr();
            chunk.release();
            assert!(chunk.bytes().is_empty());
            assert_eq!(free(), after);
            chunk.reserve(purpose);
            assert_eq!(chunk.bytes().as_ptr(), first);
            chunk.release();
        }
    }

    #[test]
    fn chunks_are_never_smaller_than_the_protocol_allows() {
        assert_eq!(Pool::new(1).chunk_len(), CHUNK_LEN);
    }
}
