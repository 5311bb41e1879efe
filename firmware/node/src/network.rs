//! The address of the interface.

use smoltcp::iface::{Interface, SocketSet};
use smoltcp::wire::{IpCidr, Ipv4Address, Ipv4Cidr};

#[cfg(feature = "dhcp")]
use smoltcp::{
    iface::SocketHandle,
    socket::dhcpv4::{Event, Socket},
    wire::IpAddress,
};

use crate::log;

/// Where the address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// Always this one.
    Static {
        /// The address, with the length of the network's prefix.
        address: Ipv4Cidr,
        /// The router to other networks, if there is one.
        router: Option<Ipv4Address>,
    },
    /// From DHCP. It takes one more socket of the set.
    #[cfg(feature = "dhcp")]
    Dhcp,
}

/// The address, as long as it lives.
pub(crate) struct Network {
    #[cfg(feature = "dhcp")]
    dhcp: Option<SocketHandle>,
}

impl Network {
    /// Give the interface its address, or begin to ask for one.
    pub(crate) fn new(
        addressing: Addressing,
        iface: &mut Interface,
        sockets: &mut SocketSet<'_>,
    ) -> Self {
        #[cfg(not(feature = "dhcp"))]
        let _ = sockets;
        match addressing {
            Addressing::Static { address, router } => {
                set_address(iface, Some(address), router);
                Self {
                    #[cfg(feature = "dhcp")]
                    dhcp: None,
                }
            }
            #[cfg(feature = "dhcp")]
            Addressing::Dhcp => Self { dhcp: Some(sockets.add(Socket::new())) },
        }
    }

    /// To be called after each poll of the interface: its address is what the lease says.
    #[cfg(feature = "dhcp")]
    pub(crate) fn poll(&mut self, iface: &mut Interface, sockets: &mut SocketSet<'_>) {
        let Some(dhcp) = self.dhcp else { return };
        match sockets.get_mut::<Socket<'_>>(dhcp).poll() {
            None => {}
            Some(Event::Configured(config)) => {
                // A router that is none would be taken at its word, and the stack stop at the
                // first frame for it.
                let router = config.router.filter(|&router| IpAddress::from(router).is_unicast());
                set_address(iface, Some(config.address), router);
            }
            Some(Event::Deconfigured) => set_address(iface, None, None),
        }
    }
}

/// Exchange address and router.
fn set_address(iface: &mut Interface, address: Option<Ipv4Cidr>, router: Option<Ipv4Address>) {
    log::address(address);
    iface.update_ip_addrs(|addresses| {
        addresses.clear();
        // There is room: it was cleared just now.
        addresses.extend(address.map(IpCidr::Ipv4));
    });
    let routes = iface.routes_mut();
    // There is room: it takes the place of the one before.
    let _always = match router {
        Some(router) => routes.add_default_ipv4_route(router),
        None => Ok(routes.remove_default_ipv4_route()),
    };
}
