//! The stack: the device, the interface on it, its sockets, and their clock.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant as Moment;

use smoltcp::iface::{Interface, PollResult, SocketSet};
use smoltcp::time::Instant;
use smoltcp::wire::EthernetAddress;

use super::device::Trouble;
use super::dhcp::{Change, Dhcp};
use super::host::Surroundings;
use super::medium::Media;
use super::network::Network;
use super::sockets;
use super::wire::Wire;
use crate::{Next, Server};

/// Who the stack is on its link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) hardware: EthernetAddress,
    /// Makes its numbers unguessable.
    pub(super) seed: u64,
}

/// The stack.
pub(super) struct Stack {
    wire: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    dhcp: Option<Dhcp>,
    start: Moment,
}

impl Stack {
    pub(super) fn new(
        mut wire: Wire,
        network: &Network,
        identity: Identity,
        mut sockets: SocketSet<'static>,
    ) -> Self {
        let interface =
            network.interface(identity.hardware, identity.seed, &mut wire, Instant::ZERO);
        let dhcp = network.dhcp.then(|| Dhcp::ask(&mut sockets));
        Self { wire, interface, sockets, dhcp, start: Moment::now() }
    }

    pub(super) fn now(&self) -> Instant {
        let micros = self.start.elapsed().as_micros();
        Instant::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// Do what can be done now.
    pub(super) fn poll<M: Media, const LINE: usize>(
        &mut self,
        server: &mut Server<'_, Surroundings<M>, LINE>,
    ) -> Next {
        let now = self.now();
        server.owner().set_now(u64::try_from(now.total_millis()).unwrap_or(0));
        server.poll(now, &mut self.interface, &mut self.wire, &mut self.sockets)
    }

    /// What became of the lease of DHCP since the last time.
    pub(super) fn lease(&mut self) -> Option<Change> {
        self.dhcp.as_mut()?.poll(&mut self.interface, &mut self.sockets)
    }

    /// What went wrong with the device since the last time; ask until there is nothing more.
    pub(super) fn trouble(&mut self) -> Option<Trouble> {
        self.wire.trouble()
    }

    /// To be called before waiting for frames; tells what to wait on.
    pub(super) fn rest(&mut self) -> BorrowedFd<'_> {
        self.wire.rest();
        self.wire.as_fd()
    }

    /// Reset the connections that are left.
    pub(super) fn end(mut self) {
        sockets::reset(&mut self.sockets);
        let now = self.now();
        let (interface, wire, sockets) = (&mut self.interface, &mut self.wire, &mut self.sockets);
        while interface.poll_egress(now, wire, sockets) == PollResult::SocketStateChanged {}
        self.wire.rest();
    }
}
