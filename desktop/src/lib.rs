//! What the programs for people share, each of which is a package of its own and depends on no
//! other: how they log and count, which options they have in common, how they explain themselves.
//!
//! Here belongs what two programs would otherwise have twice, or what a user is to find the same
//! in all of them. The protocol does not (it is the core's), nor do media (the storage package's),
//! nor how bytes are moved and sessions are scheduled, which is what makes a program one of its
//! own, nor texts about a single program. Nothing here needs an executor: what is shared serves
//! many threads and one alike.

pub mod connection;
pub mod counters;
pub mod descriptors;
pub mod journal;
pub mod log;
pub mod man;
pub mod manual;
pub mod options;
pub mod output;
pub mod pool;
pub mod tour;
