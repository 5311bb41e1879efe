//! The classic dialect: what the protocol's ancestor, a small server and client in Python, puts
//! on the wire. One command a connection, names as they are, and for each file a connection of
//! its own, without frames, checksums and receipts.

mod client;
mod command;
mod server;

pub use client::{CLIENT_RAM, Client, FixedClient};
pub use server::{FixedServer, SESSION_RAM, Server};

/// How the connection for a file comes about, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Way {
    /// The server connects to the transfer port of the peer's address, and sends: a download.
    Dial,
    /// The server takes a connection of the peer on its own transfer port, and receives: an
    /// upload.
    Accept,
}
