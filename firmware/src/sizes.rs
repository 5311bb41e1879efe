//! What the RAM is used for.
//!
//! A connection takes 2.3 KiB for its session, and the two buffers of its socket; a door 0.7 KiB.

/// Connections that are served at once: a client that uses both ports has two while it moves files.
pub const SLOTS: usize = 3;

/// Connections at once that are told that there is no slot.
pub const DOORS: usize = 2;

/// Bytes of the buffer in which a socket receives: at least a line and a frame.
pub const RECEIVE: usize = 2048;

/// Bytes of the buffer from which a socket sends.
pub const SEND: usize = 2048;
