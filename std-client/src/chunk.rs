//! The client's chunk buffer: large while files are moved, small otherwise.

use coracle::limits::HEADER_LEN;
use coracle::{Buffer, HOST_SPARE, Purpose, host_start};

/// File bytes in one step: in cache, and large enough that system calls cost little.
const FILE_LEN: usize = 256 * 1024;

/// Room behind the file bytes: the next header, and a command line on its way out. Less than
/// 1024, so that the buffer still counts as [`FILE_LEN`].
const SLACK_LEN: usize = 1020;

const LINES_LEN: usize = 2048;

/// Memory that is taken when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    memory: Vec<u8>,
    start: usize,
}

impl Buffer for Chunk {
    fn reserve(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Lines if self.memory.is_empty() => {
                self.memory = vec![0; LINES_LEN];
                self.start = 0;
            }
            Purpose::File if self.memory.len() <= LINES_LEN => {
                self.memory = vec![0; HEADER_LEN + FILE_LEN + SLACK_LEN + HOST_SPARE];
                self.start = host_start(&self.memory);
            }
            _ => {}
        }
    }

    fn release(&mut self) {
        // The program ends soon, or moves the next file: giving back would only cost.
    }

    fn bytes(&self) -> &[u8] {
        let end = self.end();
        self.memory.get(self.start..end).unwrap_or(&[])
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        let end = self.end();
        self.memory.get_mut(self.start..end).unwrap_or(&mut [])
    }
}

impl Chunk {
    fn end(&self) -> usize {
        match self.memory.len() {
            len if len <= LINES_LEN => len,
            _ => self.start + HEADER_LEN + FILE_LEN + SLACK_LEN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_bytes_stand_where_the_kernel_is_fast() {
        let mut chunk = Chunk::default();
        assert!(chunk.bytes().is_empty());
        chunk.reserve(Purpose::Lines);
        assert_eq!(chunk.bytes().len(), LINES_LEN);
        chunk.reserve(Purpose::File);
        assert_eq!((chunk.bytes().as_ptr().addr() + HEADER_LEN) % 4096, 512);
        assert_eq!(chunk.bytes().len(), HEADER_LEN + FILE_LEN + SLACK_LEN);
    }
}
