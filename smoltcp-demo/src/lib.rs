//! The coracle server on [smoltcp] sockets: many sessions at once, in one thread, without a heap
//! and without waiting.
//!
//! # The loop
//!
//! The owner brings an [`Interface`](smoltcp::iface::Interface), its device, and a
//! [`SocketSet`](smoltcp::iface::SocketSet) with one TCP socket for each [`Slot`] and each
//! [`Door`], with buffers of the size that suits it. Then
//!
//! 1. [`Server::poll`] does everything that can be done now, and says when to come back;
//! 2. the owner waits for that: for a frame, for a time, or for what its own
//!    [`Host`](coracle::poll::Host)s are still busy with; and polls again.
//!
//! Other sockets in the set, DHCP for instance, are served by the same call.
//!
//! # Places
//!
//! A slot is a place for one connection, on whichever port it comes in. One free slot listens on
//! the control port, another one on the transfer port while that is open: because a session has
//! asked for it, or because an upload of the classic dialect is due. A slot whose listener was
//! taken is followed by the next before another frame is looked at. Without a free slot, doors
//! listen: a door tells whoever comes that there are as many sessions as there may be. A
//! connection that is only half open keeps its slot until that is needed otherwise, so that a
//! flood of them keeps nobody out for long.
//!
//! A classic download takes a second slot, for the connection to the client.
//!
//! # Time
//!
//! All times come from the `now` of [`Server::poll`]. A peer that has vanished gives its slot
//! back by the timers of the session ([`Timeouts`](coracle::Timeouts)), or earlier, when it
//! answers no keep-alive ([`Settings::vanished`]).
#![cfg_attr(not(feature = "tap"), no_std)]

mod classic;
mod closing;
mod door;
mod format;
mod owner;
mod ports;
mod server;
mod serving;
mod sessions;
mod settings;
mod slot;
mod stream;
mod surroundings;
mod transfer;

#[cfg(feature = "tap")]
pub mod tap;

pub use door::Door;
pub use owner::{Ended, Owner, Port, Session};
pub use server::{Next, Server};
pub use settings::Settings;
pub use slot::Slot;
pub use stream::{Lost, Stream};
