//! smoltcp over a TAP device and nothing else: what a server on it could reach at best.
//!
//! Whoever connects to the port of the source is sent bytes from memory; what comes to the port
//! of the sink is counted and forgotten. The benchmark compares `coracle-tap` with this, on the
//! same device with the same buffers:
//!
//! ```console
//! $ sudo bare --tap tap0 --setup --addr 192.168.69.1/24 --source 7001 --sink 7002
//! ready
//! ```

use std::error::Error;
use std::io::Write;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time;

use clap::Parser;
use coracle_smoltcp::tap::device::{Tap, Trouble};
use coracle_smoltcp::tap::setup::{Setup, beside};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet,
};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};

/// Ours on the link: local, not of a manufacturer.
const ADDRESS: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 1]);

/// Frames that are received before what is to be sent is sent: more would let the peer wait for
/// acknowledgements, fewer would send more of them.
const BURST: usize = 64;

/// What the source sends.
static BYTES: [u8; 1 << 20] = [0x5a; 1 << 20];

/// Send and receive on smoltcp over a TAP device, as fast as it can
#[derive(Parser)]
struct Options {
    /// The TAP device
    #[arg(long, default_value = "tap0")]
    tap: String,
    /// Make the device, and give the host the address beside each of ours
    #[arg(long)]
    setup: bool,
    /// The MTU of the device that is made
    #[arg(long, requires = "setup")]
    mtu: Option<u16>,
    /// Our addresses, with the length of the network's prefix
    #[arg(long, required = true, value_parser = cidr)]
    addr: Vec<IpCidr>,
    /// Leave checksums and the cutting into segments to the kernel
    #[arg(long)]
    offload: bool,
    /// Send to whoever connects to this port
    #[arg(long)]
    source: Option<u16>,
    /// Receive from whoever connects to this port
    #[arg(long)]
    sink: Option<u16>,
    /// How many bytes to send on a connection; without end if not given
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    bytes: u64,
    /// Bytes of the receive and of the transmit buffer of each connection
    #[arg(long, default_value = "524288")]
    socket_buffer: NonZeroUsize,
    /// Connections to each port at once
    #[arg(long, default_value = "1")]
    connections: NonZeroUsize,
}

fn main() -> ExitCode {
    let Err(error) = run(&Options::parse()) else { return ExitCode::SUCCESS };
    eprintln!("bare: {error}");
    ExitCode::FAILURE
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let setup = Setup {
        name: options.tap.clone(),
        offload: options.offload,
        host: options.addr.iter().filter_map(|ours| beside(*ours)).collect(),
        mtu: options.mtu,
    };
    let tap = if options.setup { setup.create()? } else { setup.attach()? };
    let mut bench = Bench::new(tap, options)?;
    writeln!(std::io::stdout(), "ready")?;
    bench.run()
}

fn cidr(text: &str) -> Result<IpCidr, &'static str> {
    text.parse().map_err(|()| "an address and the length of its network's prefix are needed")
}

struct Bench {
    tap: Tap,
    begin: time::Instant,
    iface: Interface,
    sockets: SocketSet<'static>,
    works: Vec<(SocketHandle, Work)>,
}

/// What is done with a socket.
struct Work {
    port: u16,
    /// Bytes to send on each connection; `None`: receive.
    send: Option<u64>,
    /// Bytes sent or received on this connection.
    done: u64,
}

impl Bench {
    fn new(mut tap: Tap, options: &Options) -> Result<Self, Box<dyn Error>> {
        let mut config = Config::new(HardwareAddress::Ethernet(ADDRESS));
        config.random_seed = u64::from(std::process::id());
        let mut iface = Interface::new(config, &mut tap, Instant::ZERO);
        iface.update_ip_addrs(|addresses| addresses.extend(options.addr.iter().copied()));
        let mut sockets = SocketSet::new(Vec::new());
        let ports = [
            options.source.map(|port| (port, Some(options.bytes))),
            options.sink.map(|port| (port, None)),
        ];
        let mut works = Vec::new();
        for (port, send) in ports.into_iter().flatten() {
            for _ in 0..options.connections.get() {
                let mut socket = socket(options.socket_buffer.get());
                socket.listen(port)?;
                works.push((sockets.add(socket), Work { port, send, done: 0 }));
            }
        }
        Ok(Self { tap, begin: time::Instant::now(), iface, sockets, works })
    }

    fn run(&mut self) -> Result<(), Box<dyn Error>> {
        loop {
            let now = Instant::from_micros(i64::try_from(self.begin.elapsed().as_micros())?);
            let received = self.receive(now);
            for (handle, work) in &mut self.works {
                work.go(self.sockets.get_mut(*handle));
            }
            let mut sent = false;
            while self.iface.poll_egress(now, &mut self.tap, &mut self.sockets) != PollResult::None
            {
                sent = true;
            }
            match self.tap.trouble() {
                Some(trouble @ Trouble::Down(_)) => eprintln!("{trouble}"),
                Some(trouble) => return Err(trouble.into()),
                None => {}
            }
            if !received && !sent {
                self.wait(now)?;
            }
        }
    }

    fn receive(&mut self, now: Instant) -> bool {
        for count in 0..BURST {
            let result = self.iface.poll_ingress_single(now, &mut self.tap, &mut self.sockets);
            if result == PollIngressSingleResult::None {
                return count > 0;
            }
        }
        true
    }

    fn wait(&mut self, now: Instant) -> Result<(), Errno> {
        let timeout = self.iface.poll_delay(now, &self.sockets).map(|delay| Timespec {
            tv_sec: i64::try_from(delay.secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(delay.total_micros() % 1_000_000 * 1000).unwrap_or(0),
        });
        let mut ready = [PollFd::from_borrowed_fd(self.tap.as_fd(), PollFlags::IN)];
        match rustix::event::poll(&mut ready, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Work {
    fn go(&mut self, socket: &mut Socket<'_>) {
        match self.send {
            Some(bytes) => self.send(bytes, socket),
            None => self.receive(socket),
        }
        if !socket.is_open() {
            println!("port {}: {} bytes", self.port, self.done);
            self.done = 0;
            socket.abort();
            // It is closed, and the port is not 0: that cannot fail.
            let _ = socket.listen(self.port);
        }
    }

    fn send(&mut self, bytes: u64, socket: &mut Socket<'_>) {
        while socket.can_send() && self.done < bytes {
            let len = usize::try_from(bytes - self.done).unwrap_or(BYTES.len()).min(BYTES.len());
            self.done += socket.send_slice(&BYTES[..len]).unwrap_or(0) as u64;
        }
        if self.done == bytes || (socket.state() == State::CloseWait) {
            socket.close();
        }
    }

    fn receive(&mut self, socket: &mut Socket<'_>) {
        while socket.can_recv() {
            self.done += socket.recv(|bytes| (bytes.len(), bytes.len())).unwrap_or(0) as u64;
        }
        if socket.state() == State::CloseWait {
            socket.close();
        }
    }
}

/// A socket that answers at once: the delays of acknowledgements and of small segments are for
/// links that are slower than the machine.
fn socket(buffer: usize) -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; buffer]);
    let mut socket = Socket::new(buffer(), buffer());
    socket.set_ack_delay(None);
    socket.set_nagle_enabled(false);
    socket
}
