//! The layer that all media of chips share: sessions, ownership, partials and groups, over a
//! [`Volume`], which is one file system.

mod error;
mod volume;

pub use error::Error;
pub use volume::{Entry, Leftover, Volume};
