//! The classic dialect: what the protocol's ancestor, a small server and client in Python, puts
//! on the wire. One command a connection, names as they are, and for each file a connection of
//! its own, without frames, checksums and receipts.

mod arrival;
mod client;
mod command;
mod peer;
mod server;

pub(crate) use arrival::NATIVE;
pub use arrival::{ARRIVAL_LEN, begins_native};
pub use client::{CLIENT_RAM, Client, FixedClient};
pub use peer::comes_from;
pub use server::{FixedServer, SESSION_RAM, Server};

/// Which way the bytes of a file go, seen from the client as its commands are, and so who makes
/// the connection for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Way {
    /// The server connects to the client and sends, and closes first.
    ///
    /// The ancestor's server does so once and perhaps at once: a client listens before its
    /// command is transmitted. The ancestor's client listens only when it knows the size: a
    /// server tries for some seconds.
    Download,
    /// The client connects to the server and sends, and closes first.
    ///
    /// The ancestor's client does so once, as soon as it has the reply: a server listens before
    /// it replies. The ancestor's server listens only after its reply: a client tries for some
    /// seconds.
    Upload,
}
