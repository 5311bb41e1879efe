//! The classic dialect: the bytes of the ancestor's programs, which know no frames, no checksums
//! and no receipts. One command a connection; file bytes go over a connection of their own.

mod client;

pub use client::{CLIENT_RAM, Client, FixedClient};
