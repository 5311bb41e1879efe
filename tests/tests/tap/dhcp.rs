//! `--dhcp`: the address comes from a server on the host.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use coracle_tests::network::{TAP, Wire, or_skip};
use coracle_tests::process::{Server, program};
use smoltcp::wire::{DhcpMessageType, DhcpPacket, DhcpRepr};
use socket2::{Domain, Socket, Type};

use crate::site::{ANYONE, MTU};
use crate::support::{Running, Stop, until};

/// The host, which gives an address away.
const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 2);

/// What it gives away.
const GIVEN: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 100);

const SERVER: u16 = 67;
const CLIENT: u16 = 68;

/// Seconds for which an address is given.
const LEASE: u32 = 600;

/// The answer to a message of a client, if there is one.
fn answer(message: &[u8]) -> Option<Vec<u8>> {
    let packet = DhcpPacket::new_checked(message).ok()?;
    let asked = DhcpRepr::parse(&packet).ok()?;
    let message_type = match asked.message_type {
        DhcpMessageType::Discover => DhcpMessageType::Offer,
        DhcpMessageType::Request => DhcpMessageType::Ack,
        _ => return None,
    };
    let answer = DhcpRepr {
        message_type,
        transaction_id: asked.transaction_id,
        secs: 0,
        client_hardware_address: asked.client_hardware_address,
        client_ip: Ipv4Addr::UNSPECIFIED,
        your_ip: GIVEN,
        server_ip: HOST,
        router: Some(HOST),
        subnet_mask: Some(Ipv4Addr::new(255, 255, 255, 0)),
        relay_agent_ip: Ipv4Addr::UNSPECIFIED,
        broadcast: true,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(HOST),
        parameter_request_list: None,
        dns_servers: None,
        max_size: None,
        lease_duration: Some(LEASE),
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    };
    let mut bytes = vec![0; answer.buffer_len()];
    answer.emit(&mut DhcpPacket::new_unchecked(&mut bytes)).ok()?;
    Some(bytes)
}

fn serve(socket: &Socket, stop: &AtomicBool) {
    let everybody = SocketAddr::from((Ipv4Addr::BROADCAST, CLIENT));
    let mut message = [0; 2048];
    while !stop.load(Ordering::SeqCst) {
        let Ok(count) = std::io::Read::read(&mut &*socket, &mut message) else { continue };
        if let Some(answer) = answer(&message[..count]) {
            socket.send_to(&answer, &everybody.into()).unwrap();
        }
    }
}

/// The socket of a server, on the host's end of the wire.
fn socket() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.bind_device(Some(TAP.as_bytes())).unwrap();
    socket.set_broadcast(true).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, SERVER)).into()).unwrap();
    socket
}

#[test]
fn an_address_that_is_given_by_dhcp_is_served() {
    let Some(wire) = or_skip(|| Wire::new(MTU)) else { return };
    let socket = wire.host.on(socket);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| serve(&socket, &stop));
        let _stop = Stop(&stop);
        let mut command = wire.host.command(&program("coracle-tap").unwrap());
        command.args(["--tap", TAP, "--dhcp", ANYONE, "--quiet", "--ram", "1M"]);
        let _server = Server::start(command).unwrap();
        let mut client = wire.host.command(&program("coracle").unwrap());
        client.args([&GIVEN.to_string(), "--connect-timeout", "1", "mkdir", "d"]);
        client.env("CORACLE_CONFIG", "/dev/null");
        until("it has the address", || Running::of(&mut client).finish().code == Some(0));
    });
}
