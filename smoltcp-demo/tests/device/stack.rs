//! smoltcp on a device, and a kernel's socket that talks with it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant as Clock};

use coracle_smoltcp::tap::device::Tap;
use coracle_tests::payload;
use coracle_tests::restart::restarted;
use rustix::event::{PollFd, PollFlags, Timespec};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr, Ipv4Address};

/// After this a test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub const PORT: u16 = 7;

/// A stack with one TCP socket.
pub struct Stack<D> {
    pub device: D,
    iface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    begin: Clock,
}

impl<D: Device + AsFd> Stack<D> {
    pub fn new(mut device: D, addresses: &[&str]) -> Self {
        let mac = EthernetAddress([2, 0, 0, 0, 0, 1]);
        let config = Config::new(HardwareAddress::Ethernet(mac));
        let mut iface = Interface::new(config, &mut device, Instant::ZERO);
        iface.update_ip_addrs(|list| list.extend(addresses.iter().map(|text| cidr(text))));
        let buffer = || SocketBuffer::new(vec![0; 256 << 10]);
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(Socket::new(buffer(), buffer()));
        Self { device, iface, sockets, handle, begin: Clock::now() }
    }

    /// What is not on the link goes there.
    pub fn route(&mut self, gateway: Ipv4Address) {
        self.iface.routes_mut().add_default_ipv4_route(gateway).unwrap();
    }

    pub fn socket(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    pub fn connect(&mut self, to: (Ipv4Address, u16), from: u16) {
        let socket = self.sockets.get_mut::<Socket<'_>>(self.handle);
        socket.connect(self.iface.context(), to, from).unwrap();
    }

    /// Do what can be done.
    pub fn poll(&mut self) {
        let elapsed = self.begin.elapsed();
        assert!(elapsed < PATIENCE, "{:?} {elapsed:?}", self.socket().state());
        let now = Instant::from_micros(elapsed.as_micros() as i64);
        self.iface.poll(now, &mut self.device, &mut self.sockets);
    }

    /// Wait for a frame, or for a timer.
    pub fn wait(&mut self) {
        let now = Instant::from_micros(self.begin.elapsed().as_micros() as i64);
        let delay =
            self.iface.poll_delay(now, &self.sockets).map_or(100, |delay| delay.total_millis());
        let timeout = Timespec { tv_sec: 0, tv_nsec: delay.min(100) as i64 * 1_000_000 };
        let mut ready = [PollFd::from_borrowed_fd(self.device.as_fd(), PollFlags::IN)];
        rustix::event::poll(&mut ready, Some(&timeout)).unwrap();
    }

    /// Send back what comes, on one connection.
    pub fn echo(&mut self) {
        self.socket().abort();
        self.socket().listen(PORT).unwrap();
        while self.socket().is_open() {
            self.poll();
            if !send_back(self.socket()) {
                self.wait();
            }
        }
    }
}

/// Whether there was anything to do.
fn send_back(socket: &mut Socket<'_>) -> bool {
    let mut bytes = [0; 16 << 10];
    let room = socket.send_capacity() - socket.send_queue();
    let len = room.min(bytes.len());
    if len > 0 && socket.can_recv() {
        let len = socket.recv_slice(&mut bytes[..len]).unwrap();
        assert_eq!(socket.send_slice(&bytes[..len]), Ok(len));
        return true;
    }
    if socket.state() == State::CloseWait && !socket.can_recv() {
        socket.close();
        return true;
    }
    false
}

pub fn cidr(text: &str) -> IpCidr {
    text.parse().unwrap()
}

/// Make a device, echo on it in a thread, and do some work meanwhile.
pub fn echoing<D: Device + AsFd>(
    make: impl FnOnce() -> D + Send,
    addresses: &[&str],
    connections: usize,
    work: impl FnOnce(),
) {
    thread::scope(|scope| {
        let (ready, is_ready) = mpsc::channel();
        let server = scope.spawn(move || {
            let mut stack = Stack::new(make(), addresses);
            ready.send(()).unwrap();
            (0..connections).for_each(|_| stack.echo());
        });
        // If it never is, the thread says why.
        if is_ready.recv().is_ok() {
            work();
        }
        server.join().unwrap();
    });
}

/// Send so many bytes to the echo, and compare what comes back.
pub fn exchange(address: SocketAddr, seed: u64, len: usize) {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let sent = payload::bytes(seed, len);
    let mut back = vec![0; len];
    thread::scope(|scope| {
        let mut stream = &stream;
        let sent = &sent;
        scope.spawn(move || {
            stream.write_all(sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        });
        stream.read_exact(&mut back).unwrap();
    });
    // Not `assert_eq`, which would print all of it.
    let wrong = sent.iter().zip(&back).position(|(sent, back)| sent != back);
    assert_eq!(wrong, None, "{address}, seed {seed}");
    assert_eq!(restarted(|| stream.read(&mut [0])).unwrap(), 0, "the end");
}

/// The device's own errors, as a user sees them.
pub fn told(result: Result<Tap, impl std::fmt::Display>) -> String {
    result.map(|tap| format!("opened {}", tap.name())).unwrap_or_else(|error| error.to_string())
}
