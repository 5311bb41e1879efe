//! The coracle server on [smoltcp](smoltcp) sockets: several sessions at once, in one thread,
//! without waiting and without a heap.
#![cfg_attr(not(feature = "tap"), no_std)]

#[cfg(feature = "tap")]
pub mod tap;
