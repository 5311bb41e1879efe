//! The memory of connections and sessions.

use coracle_smoltcp::{Door, Slot};
use heapless::Vec;
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};

use crate::media::Media;
use crate::owner::Sessions;

/// Bytes that a door receives: the beginning of a line, which it does not read.
const DOOR_RECEIVE: usize = 64;

/// Bytes that a door sends: more than the line of a refusal.
const DOOR_SEND: usize = 256;

/// The places of `N` connections, in a `static`. They begin empty.
pub type Slots<M, const N: usize> = Vec<Slot<Sessions<M>>, N>;

/// The memory of sockets, in a `static`: for `SLOTS` connections with buffers of `RECEIVE` and
/// `SEND` bytes, `DOORS` doors, and `SOCKETS` sockets in all: one for each slot and door, and one
/// for DHCP.
pub struct Memory<
    const SLOTS: usize,
    const DOORS: usize,
    const SOCKETS: usize,
    const RECEIVE: usize,
    const SEND: usize,
> {
    doors: Vec<Door, DOORS>,
    sockets: Vec<SocketStorage<'static>, SOCKETS>,
    buffers: [([u8; RECEIVE], [u8; SEND]); SLOTS],
    door_buffers: [([u8; DOOR_RECEIVE], [u8; DOOR_SEND]); DOORS],
}

/// Doors with their sockets, and all sockets.
pub(crate) struct Places {
    pub(crate) doors: &'static mut [Door],
    pub(crate) sockets: SocketSet<'static>,
}

impl<
    const SLOTS: usize,
    const DOORS: usize,
    const SOCKETS: usize,
    const RECEIVE: usize,
    const SEND: usize,
> Memory<SLOTS, DOORS, SOCKETS, RECEIVE, SEND>
{
    /// Memory that nobody uses yet.
    pub const fn new() -> Self {
        const { assert!(SOCKETS >= SLOTS + DOORS, "a socket for each slot and each door") };
        Self {
            doors: Vec::new(),
            sockets: Vec::new(),
            buffers: [([0; RECEIVE], [0; SEND]); SLOTS],
            door_buffers: [([0; DOOR_RECEIVE], [0; DOOR_SEND]); DOORS],
        }
    }

    /// Make the sockets, and put those of connections into `slots`.
    pub(crate) fn places<M: Media>(&'static mut self, slots: &mut Slots<M, SLOTS>) -> Places {
        // Not in `new`: an empty place is not all zeros, so the whole memory would need its
        // image in flash.
        self.sockets.extend([const { SocketStorage::EMPTY }; SOCKETS]);
        let mut sockets = SocketSet::new(self.sockets.as_mut_slice());
        for (receive, send) in &mut self.buffers {
            let socket = sockets.add(socket(receive, send));
            // There is room: as many slots as buffers.
            let _always = slots.push(Slot::new(socket));
        }
        for (receive, send) in &mut self.door_buffers {
            let socket = sockets.add(socket(receive, send));
            let _always = self.doors.push(Door::new(socket));
        }
        Places { doors: &mut self.doors, sockets }
    }
}

impl<
    const SLOTS: usize,
    const DOORS: usize,
    const SOCKETS: usize,
    const RECEIVE: usize,
    const SEND: usize,
> Default for Memory<SLOTS, DOORS, SOCKETS, RECEIVE, SEND>
{
    fn default() -> Self {
        Self::new()
    }
}

/// A socket that acknowledges at once: its window is too small for a peer that waits.
fn socket<'a>(receive: &'a mut [u8], send: &'a mut [u8]) -> Socket<'a> {
    let mut socket = Socket::new(SocketBuffer::new(receive), SocketBuffer::new(send));
    socket.set_ack_delay(None);
    socket
}
