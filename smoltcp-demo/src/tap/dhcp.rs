//! An address from DHCP: asked for, used while the lease lasts, given up when it ends.

use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::dhcpv4::{Event, Socket};
use smoltcp::wire::{IpAddress, Ipv4Address, Ipv4Cidr};

/// The address that the server has from DHCP, if it has one.
#[derive(Debug)]
pub(super) struct Dhcp {
    socket: SocketHandle,
    lease: Option<Ipv4Cidr>,
}

/// What became of the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The interface has this address now, and goes through this router.
    Got { address: Ipv4Cidr, router: Option<Ipv4Address>, server: Ipv4Address },
    /// It has this one no more: connections to it end.
    Lost { address: Ipv4Cidr },
}

impl Dhcp {
    /// Ask for an address from now on.
    pub(super) fn ask(sockets: &mut SocketSet<'_>) -> Self {
        Self { socket: sockets.add(Socket::new()), lease: None }
    }

    /// To be called after each poll of the interface: changes its address as the lease says.
    pub(super) fn poll(
        &mut self,
        interface: &mut Interface,
        sockets: &mut SocketSet<'_>,
    ) -> Option<Change> {
        match sockets.get_mut::<Socket<'_>>(self.socket).poll()? {
            Event::Configured(config) => {
                // A router that is none would be taken at its word, and the stack stop at the first
                // frame for it.
                let is_router = |router: &Ipv4Address| IpAddress::from(*router).is_unicast();
                let (address, router) = (config.address, config.router.filter(is_router));
                let server = config.server.identifier;
                self.lease(interface, Some(address), router);
                Some(Change::Got { address, router, server })
            }
            Event::Deconfigured => {
                let address = self.lease(interface, None, None);
                address.map(|address| Change::Lost { address })
            }
        }
    }

    /// Exchange the lease; returns the one before.
    fn lease(
        &mut self,
        interface: &mut Interface,
        lease: Option<Ipv4Cidr>,
        router: Option<Ipv4Address>,
    ) -> Option<Ipv4Cidr> {
        // One that is given beside DHCP stays.
        let lease = lease.filter(|&lease| {
            self.lease == Some(lease) || !interface.ip_addrs().contains(&lease.into())
        });
        let before = std::mem::replace(&mut self.lease, lease);
        interface.update_ip_addrs(|addresses| {
            if let Some(before) = before {
                addresses.retain(|address| *address != before.into());
            }
            // There is room: one was kept free for it.
            addresses.extend(lease.map(Into::into));
        });
        let routes = interface.routes_mut();
        // There is room: it takes the place of the one before.
        let _always = match router {
            Some(router) => routes.add_default_ipv4_route(router),
            None => Ok(routes.remove_default_ipv4_route()),
        };
        before
    }
}

#[cfg(test)]
mod tests {
    use smoltcp::phy::{ChecksumCapabilities, Device, Loopback, Medium, RxToken, TxToken};
    use smoltcp::time::{Duration, Instant};
    use smoltcp::wire::{
        DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
        IpAddress, IpCidr, IpProtocol, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
    };

    use super::super::network::Network;
    use super::*;

    const SERVER: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
    const OURS: Ipv4Address = Ipv4Address::new(10, 0, 0, 77);
    const HARDWARE: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 7]);

    /// What a client sent, as far as an answer needs it.
    struct Asked {
        kind: DhcpMessageType,
        transaction: u32,
    }

    fn asked(frame: &[u8]) -> Option<Asked> {
        let frame = EthernetFrame::new_checked(frame).ok()?;
        let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
        let datagram = UdpPacket::new_checked(packet.payload()).ok()?;
        if packet.next_header() != IpProtocol::Udp || datagram.dst_port() != 67 {
            return None;
        }
        let packet = DhcpPacket::new_checked(datagram.payload()).ok()?;
        let said = DhcpRepr::parse(&packet).ok()?;
        Some(Asked { kind: said.message_type, transaction: said.transaction_id })
    }

    /// The frame with which a server of DHCP answers.
    fn answer(asked: &Asked, router: Ipv4Address, lease_seconds: u32) -> Vec<u8> {
        let kind = match asked.kind {
            DhcpMessageType::Discover => DhcpMessageType::Offer,
            _ => DhcpMessageType::Ack,
        };
        let dhcp = DhcpRepr {
            message_type: kind,
            transaction_id: asked.transaction,
            secs: 0,
            client_hardware_address: HARDWARE,
            client_ip: Ipv4Address::UNSPECIFIED,
            your_ip: OURS,
            server_ip: SERVER,
            router: Some(router),
            subnet_mask: Some(Ipv4Address::new(255, 255, 255, 0)),
            relay_agent_ip: Ipv4Address::UNSPECIFIED,
            broadcast: true,
            requested_ip: None,
            client_identifier: None,
            server_identifier: Some(SERVER),
            parameter_request_list: None,
            dns_servers: None,
            max_size: None,
            lease_duration: Some(lease_seconds),
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
        };
        let udp = UdpRepr { src_port: 67, dst_port: 68 };
        let ip = Ipv4Repr {
            src_addr: SERVER,
            dst_addr: Ipv4Address::BROADCAST,
            next_header: IpProtocol::Udp,
            payload_len: udp.header_len() + dhcp.buffer_len(),
            hop_limit: 64,
        };
        let mut bytes = vec![0; 14 + ip.buffer_len() + ip.payload_len];
        let mut frame = EthernetFrame::new_unchecked(&mut bytes);
        frame.set_src_addr(EthernetAddress([2, 0, 0, 0, 0, 1]));
        frame.set_dst_addr(EthernetAddress::BROADCAST);
        frame.set_ethertype(EthernetProtocol::Ipv4);
        let checksums = ChecksumCapabilities::default();
        let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
        ip.emit(&mut packet, &checksums);
        let mut datagram = UdpPacket::new_unchecked(packet.payload_mut());
        let (from, to) = (IpAddress::Ipv4(SERVER), IpAddress::Ipv4(Ipv4Address::BROADCAST));
        udp.emit(
            &mut datagram,
            &from,
            &to,
            dhcp.buffer_len(),
            |payload| dhcp.emit(&mut DhcpPacket::new_unchecked(payload)).unwrap(),
            &checksums,
        );
        bytes
    }

    /// A client on a link whose frames come back to it, so that the test is between.
    struct Client {
        link: Loopback,
        interface: Interface,
        sockets: SocketSet<'static>,
        dhcp: Dhcp,
        /// What it is told of the way to other networks.
        router: Ipv4Address,
        now: Instant,
    }

    impl Client {
        fn new() -> Self {
            let mut link = Loopback::new(Medium::Ethernet);
            let network = Network { dhcp: true, ..Network::default() };
            let interface = network.interface(HARDWARE, 1, &mut link, Instant::ZERO);
            let mut sockets = SocketSet::new(vec![]);
            let dhcp = Dhcp::ask(&mut sockets);
            Self { link, interface, sockets, dhcp, router: SERVER, now: Instant::ZERO }
        }

        /// Let it send what it has to, and take that off the link.
        fn turn(&mut self) -> (Option<Change>, Vec<Asked>) {
            self.interface.poll(self.now, &mut self.link, &mut self.sockets);
            let change = self.dhcp.poll(&mut self.interface, &mut self.sockets);
            self.interface.poll_egress(self.now, &mut self.link, &mut self.sockets);
            let mut said = Vec::new();
            while let Some((frame, _)) = self.link.receive(self.now) {
                said.extend(frame.consume(asked));
            }
            (change, said)
        }

        fn answer(&mut self, said: &[Asked], lease_seconds: u32) {
            for asked in said {
                let frame = answer(asked, self.router, lease_seconds);
                let token = self.link.transmit(self.now).unwrap();
                token.consume(frame.len(), |bytes| bytes.copy_from_slice(&frame));
            }
        }

        /// Answer what it asks until something changes.
        fn until_change(&mut self) -> Change {
            for _ in 0..10 {
                let (change, said) = self.turn();
                if let Some(change) = change {
                    return change;
                }
                self.answer(&said, 100);
            }
            panic!("nothing changes");
        }
    }

    #[test]
    fn an_address_is_got_kept_by_renewal_and_given_up_when_the_lease_ends() {
        let mut client = Client::new();
        assert_eq!(client.interface.ip_addrs(), []);
        let address = Ipv4Cidr::new(OURS, 24);
        let got = Change::Got { address, router: Some(SERVER), server: SERVER };
        assert_eq!(client.until_change(), got);
        assert_eq!(client.interface.ip_addrs(), [IpCidr::Ipv4(address)]);
        assert!(client.interface.routes().get_default_ipv4_route().is_some());

        // Before the lease ends, everybody is asked to prolong it.
        client.now += Duration::from_secs(90);
        let (change, said) = client.turn();
        assert_eq!((change, said.len()), (None, 1));
        client.answer(&said, 100);
        assert_eq!(client.turn().0, None);
        client.now += Duration::from_secs(20);
        assert_eq!(client.turn().0, None, "prolonged");
        assert_eq!(client.interface.ip_addrs(), [IpCidr::Ipv4(address)]);

        // Then nobody answers any more.
        client.now += Duration::from_secs(81);
        assert_eq!(client.turn().0, Some(Change::Lost { address }));
        assert_eq!(client.interface.ip_addrs(), []);
        assert!(client.interface.routes().get_default_ipv4_route().is_none());
        // It is asked for anew, now and then.
        client.now += Duration::from_secs(20);
        assert_eq!(client.until_change(), got);
    }

    #[test]
    fn a_router_that_is_none_is_left_out() {
        for router in
            [Ipv4Address::UNSPECIFIED, Ipv4Address::BROADCAST, Ipv4Address::new(224, 0, 0, 1)]
        {
            let mut client = Client { router, ..Client::new() };
            assert!(matches!(client.until_change(), Change::Got { router: None, .. }), "{router}");
            assert!(client.interface.routes().get_default_ipv4_route().is_none());
        }
    }

    #[test]
    fn an_address_that_is_given_beside_the_lease_stays() {
        let mut client = Client::new();
        let given = IpCidr::Ipv4(Ipv4Cidr::new(OURS, 24));
        client.interface.update_ip_addrs(|addresses| addresses.push(given).unwrap());
        assert!(matches!(client.until_change(), Change::Got { .. }));
        assert_eq!(client.interface.ip_addrs(), [given]);
        client.now += Duration::from_secs(101);
        client.turn();
        assert_eq!(client.interface.ip_addrs(), [given], "the lease is over");
    }
}
