//! A host on the wire: a stack of its own, with sockets.

use coracle::poll::Stream;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpCidr, IpEndpoint};

use super::wire::{End, Wire};

/// Bytes of the buffers of a client's socket, each way.
const BUFFER: usize = 16 * 1024;

/// Where the ports of connections begin.
const FIRST_PORT: u16 = 49_152;

/// Which protocol a connection goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V4,
    V6,
}

/// The address of the host with this number: the server is 1.
pub fn address(version: Version, number: u8) -> IpAddress {
    match version {
        Version::V4 => IpAddress::v4(192, 168, 69, number),
        Version::V6 => IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, number.into()),
    }
}

/// An interface with both addresses of a number.
pub fn interface(device: &mut End, number: u8, seed: u64) -> Interface {
    let mut config = Config::new(device.address().into());
    config.random_seed = seed;
    let mut interface = Interface::new(config, device, Instant::ZERO);
    interface.update_ip_addrs(|addresses| {
        for (version, prefix) in [(Version::V4, 24), (Version::V6, 64)] {
            addresses.push(IpCidr::new(address(version, number), prefix)).unwrap();
        }
    });
    interface
}

/// A host that is no server.
pub struct Host {
    pub device: End,
    pub interface: Interface,
    pub sockets: SocketSet<'static>,
    number: u8,
    next_port: u16,
    is_alive: bool,
}

impl Host {
    pub fn new(wire: &Wire, number: u8, mtu: usize) -> Self {
        let mut device = wire.attach(mtu);
        let interface = interface(&mut device, number, number.into());
        let sockets = SocketSet::new(Vec::new());
        Self { device, interface, sockets, number, next_port: FIRST_PORT, is_alive: true }
    }

    pub fn address(&self, version: Version) -> IpAddress {
        address(version, self.number)
    }

    /// A socket that connects.
    pub fn connect(&mut self, to: IpEndpoint) -> SocketHandle {
        let from = self.next_port;
        self.next_port += 1;
        let mut socket = socket(BUFFER);
        socket.connect(self.interface.context(), to, from).unwrap();
        self.sockets.add(socket)
    }

    /// A socket that listens.
    pub fn listen(&mut self, port: u16) -> SocketHandle {
        let mut socket = socket(BUFFER);
        socket.listen(port).unwrap();
        self.sockets.add(socket)
    }

    pub fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    pub fn state(&self, handle: SocketHandle) -> tcp::State {
        self.sockets.get::<tcp::Socket<'_>>(handle).state()
    }

    /// Begin anew: the host knows nothing of its connections, and uses their ports again.
    pub fn restart(&mut self) {
        for (_, each) in self.sockets.iter_mut() {
            let smoltcp::socket::Socket::Tcp(each) = each else { continue };
            *each = socket(BUFFER);
        }
        self.next_port = FIRST_PORT;
    }

    /// Stop for good, in the middle of everything: nothing is sent, nothing answered.
    pub fn vanish(&mut self) {
        self.is_alive = false;
        self.device.attach(false);
    }

    pub fn is_due(&mut self, now: Instant) -> bool {
        self.next(now).is_some_and(|at| at <= now)
    }

    /// When there is something to do.
    pub fn next(&mut self, now: Instant) -> Option<Instant> {
        if !self.is_alive {
            return None;
        }
        let timer = self.interface.poll_at(now, &self.sockets);
        [timer, self.device.next_arrival()].into_iter().flatten().min()
    }

    pub fn poll(&mut self, now: Instant) {
        if self.is_alive {
            self.interface.poll(now, &mut self.device, &mut self.sockets);
        }
    }
}

/// A TCP socket with buffers of so many bytes.
pub fn socket(buffer: usize) -> tcp::Socket<'static> {
    let memory = || tcp::SocketBuffer::new(vec![0; buffer]);
    tcp::Socket::new(memory(), memory())
}

/// A socket as a stream that never waits.
pub struct Link<'s, 'b>(pub &'s mut tcp::Socket<'b>);

/// The connection was reset, refused or given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

impl Stream for Link<'_, '_> {
    type Error = Lost;

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Lost> {
        match self.0.state() {
            tcp::State::SynSent | tcp::State::SynReceived => return Ok(None),
            _ => {}
        }
        match self.0.recv_slice(buffer) {
            Ok(0) => Ok(None),
            Ok(count) => Ok(Some(count)),
            Err(tcp::RecvError::Finished) => Ok(Some(0)),
            Err(tcp::RecvError::InvalidState) => Err(Lost),
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Lost> {
        match self.0.state() {
            tcp::State::SynSent | tcp::State::SynReceived => return Ok(None),
            _ => {}
        }
        match self.0.send_slice(bytes) {
            Ok(0) => Ok(None),
            Ok(count) => Ok(Some(count)),
            Err(tcp::SendError::InvalidState) => Err(Lost),
        }
    }
}
