//! Media of coracle servers: each module is one medium, behind a feature of its name.
//!
//! - [`folder`]: a folder of the host, on Unix.
//! - [`fat`]: a card that a PC reads.
//! - [`littlefs`]: a card or flash that survives a loss of power at any moment.
//!
//! Media of chips lie on a [`block::BlockDevice`]; [`sd`] is one, an SD card on a serial bus. What
//! they share is in [`chip`].
//!
//! Each implements [`coracle::Storage`] and is checked against its laws by the kit in
//! `coracle::laws`. Without the feature `folder` nothing here needs std.

#![cfg_attr(not(feature = "folder"), no_std)]

pub mod block;
pub mod chip;
#[cfg(feature = "fat")]
pub mod fat;
#[cfg(all(feature = "folder", unix))]
pub mod folder;
mod format;
#[cfg(feature = "littlefs")]
pub mod littlefs;
pub mod partition;
#[cfg(feature = "sd")]
pub mod sd;
