//! Surroundings of the core of which the optimizer knows nothing. None of their functions is inlined:
//! the ledger tells them from the core by their names.

mod blocks;
mod handler;
mod link;
mod storage;

use core::hint::black_box;

pub use blocks::Blocks;
pub use handler::Caller;
pub use link::Link;
pub use storage::Medium;

/// A value of which nothing is known: `known` is one of those it may have.
pub fn any<T>(known: T) -> T {
    black_box(known)
}

/// Memory that anything may have been written to.
fn filled(buffer: &mut [u8]) -> usize {
    black_box(&mut *buffer);
    any(1)
}

/// Memory that somebody reads.
fn taken(bytes: &[u8]) -> usize {
    black_box(bytes);
    any(1)
}
