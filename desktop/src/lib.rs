//! What the programs for people share, each of which is a package of its own: how they log, what
//! options they have in common, how they explain themselves.
//!
//! Here belongs what at least two programs would otherwise have twice, and what a user must find
//! the same in all of them. The protocol does not (it is the core's), nor do media (the storage
//! package's), nor how bytes are moved: that differs, or it would be one program.

pub mod counters;
pub mod journal;
pub mod log;
pub mod options;
pub mod output;
pub mod pool;
