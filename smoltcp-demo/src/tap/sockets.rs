//! The sockets of the server and their memory.

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};

use super::size::Size;
use crate::{Door, Owner, Slot};

/// Doors: newcomers that can be told at one time that there are as many sessions as there may be.
const DOORS: usize = 8;

/// Bytes of a door each way: the line of a refusal, and some of what is discarded.
const DOOR_LEN: usize = 512;

/// A slot for each session, with a socket whose buffers are of this size each way. The system
/// gives their memory when it is first touched.
pub(super) fn slots<O: Owner, const LINE: usize>(
    count: usize,
    buffer: Size,
    sockets: &mut SocketSet<'_>,
) -> Vec<Slot<O, LINE>> {
    (0..count).map(|_| Slot::new(add(buffer.0, sockets))).collect()
}

/// The doors, with theirs.
pub(super) fn doors(sockets: &mut SocketSet<'_>) -> Vec<Door> {
    (0..DOORS).map(|_| Door::new(add(DOOR_LEN, sockets))).collect()
}

fn add(buffer: usize, sockets: &mut SocketSet<'_>) -> SocketHandle {
    let memory = || SocketBuffer::new(vec![0; buffer]);
    sockets.add(Socket::new(memory(), memory()))
}

/// Reset every connection that is not closed in order; it is told with the next frames.
pub(super) fn reset(sockets: &mut SocketSet<'_>) {
    for (_, socket) in sockets.iter_mut() {
        if let smoltcp::socket::Socket::Tcp(socket) = socket
            && socket.state() != State::TimeWait
        {
            socket.abort();
        }
    }
}
