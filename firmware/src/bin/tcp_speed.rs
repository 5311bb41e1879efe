//! How fast TCP is by itself, with the buffers of the server: whoever connects to port 7001 is
//! sent bytes from memory, what comes to port 7002 is forgotten.
#![no_std]
#![no_main]

use coracle_firmware::sizes::{RECEIVE, SEND};
use coracle_firmware::{address, board, clock, test};
use coracle_node::Board;
use cortex_m_rt::entry;
use smoltcp::iface::{Config, Interface, PollResult, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr};
use static_cell::ConstStaticCell;

const SOURCE: u16 = 7001;
const SINK: u16 = 7002;

/// Bytes that the source sends on a connection.
const BYTES: usize = 8 << 20;

static BUFFERS: [ConstStaticCell<([u8; RECEIVE], [u8; SEND])>; 2] =
    [const { ConstStaticCell::new(([0; RECEIVE], [0; SEND])) }; 2];

#[entry]
fn main() -> ! {
    let Some(parts) = board::start() else { test::fail() };
    let mut board = parts.board;
    let mut config = Config::new(HardwareAddress::Ethernet(parts.hardware));
    config.random_seed = board.seed();
    let mut iface = Interface::new(config, board.device(), now());
    let (address, _router) = address::CHOSEN;
    iface.update_ip_addrs(|addresses| addresses.extend([IpCidr::Ipv4(address)]));
    let mut storage = [const { SocketStorage::EMPTY }; 2];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let handles = BUFFERS.each_ref().map(|buffers| {
        let (receive, send) = buffers.take();
        let mut socket =
            Socket::new(SocketBuffer::new(&mut receive[..]), SocketBuffer::new(&mut send[..]));
        socket.set_ack_delay(None);
        socket.set_nagle_enabled(false);
        sockets.add(socket)
    });
    defmt::println!("serving at {}", address);
    let mut left = BYTES;
    loop {
        board.alive();
        let polled = iface.poll(now(), board.device(), &mut sockets);
        let [source, sink] = handles;
        send(sockets.get_mut(source), &mut left);
        receive(sockets.get_mut(sink));
        let due = iface.poll_at(now(), &sockets);
        if polled == PollResult::None && due.is_none_or(|due| due > now()) {
            board.sleep(clock::now().saturating_add(1000));
        }
    }
}

fn now() -> Instant {
    Instant::from_millis(i64::try_from(clock::now()).unwrap_or(i64::MAX))
}

fn send(socket: &mut Socket<'_>, left: &mut usize) {
    if !socket.is_open() {
        *left = BYTES;
        let _port_is_not_0 = socket.listen(SOURCE);
    }
    if socket.can_send() && *left > 0 {
        let sent = socket.send(|room| {
            let count = room.len().min(*left);
            room.iter_mut().take(count).for_each(|byte| *byte = 0x5a);
            (count, count)
        });
        *left = left.saturating_sub(sent.unwrap_or(0));
    }
    if *left == 0 {
        socket.close();
    }
}

fn receive(socket: &mut Socket<'_>) {
    if !socket.is_open() {
        let _port_is_not_0 = socket.listen(SINK);
    }
    if socket.can_recv() {
        let _bytes = socket.recv(|bytes| (bytes.len(), ()));
    } else if socket.state() == State::CloseWait {
        socket.close();
    }
}
