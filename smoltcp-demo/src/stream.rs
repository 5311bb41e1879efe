//! A TCP socket as a stream that never waits.

use core::fmt;

use coracle::poll;
use smoltcp::socket::tcp::{RecvError, Socket, State};

/// A TCP socket of smoltcp under the core's poll drivers, the server's and the client's. A client
/// sets a keep-alive and a timeout on it, as the server does: see
/// [`Settings::keep_alive`](crate::Settings::keep_alive).
pub struct Stream<'s, 'b>(pub &'s mut Socket<'b>);

/// The connection is gone: reset by the peer, or given up because the peer answers no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was reset, or the peer answers no more")
    }
}

impl core::error::Error for Lost {}

impl poll::Stream for Stream<'_, '_> {
    type Error = Lost;

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Lost> {
        if is_connecting(self.0) {
            return Ok(None);
        }
        match self.0.recv_slice(buffer) {
            Ok(0) => Ok(None),
            Ok(count) => Ok(Some(count)),
            Err(RecvError::Finished) => Ok(Some(0)),
            Err(RecvError::InvalidState) => Err(Lost),
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Lost> {
        if is_connecting(self.0) {
            return Ok(None);
        }
        match self.0.send_slice(bytes) {
            Ok(0) => Ok(None),
            Ok(count) => Ok(Some(count)),
            Err(_) => Err(Lost),
        }
    }
}

/// Whether nothing can go either way yet.
fn is_connecting(socket: &Socket<'_>) -> bool {
    matches!(socket.state(), State::SynSent | State::SynReceived)
}
