//! Media of coracle servers: each module is one medium, behind a feature of its name.
//!
//! - [`folder`]: a folder of the host, on Unix.
//!
//! Each implements [`coracle::Storage`] and is checked against its laws by the kit in
//! `coracle::laws`. Without the feature `folder` nothing here needs std.

#![cfg_attr(not(feature = "folder"), no_std)]

#[cfg(all(feature = "folder", unix))]
pub mod folder;
