//! Why addresses do not fit each other, and what to do.

use std::error::Error;
use std::fmt;

use smoltcp::wire::{IpAddress, IpCidr};

/// Why the addresses that were given cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// More than the server can have.
    TooMany(usize),
    /// The same once more.
    Twice(IpAddress),
    /// A gateway with an address of the server.
    GatewayIsOurs(IpAddress),
    /// DHCP tells the gateway.
    GatewayOfDhcp(IpAddress),
    /// A second gateway of the same family.
    Gateways(IpAddress),
    /// A gateway that cannot be reached.
    GatewayOutside(IpAddress),
    /// The host would have an address of the server.
    HostIsOurs(IpAddress),
    /// The host could not be reached; whether the server's own address is not known yet.
    HostOutside(IpAddress, bool),
    /// The addresses beside the server's are taken.
    HostNowhere(IpCidr),
    /// The machine would take what is for the server.
    OfThisMachine(IpCidr),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(most) => write!(f, "at most {most} addresses can be given with --addr"),
            Self::Twice(address) => write!(f, "--addr {address} is given twice"),
            Self::GatewayIsOurs(address) => write!(
                f,
                "--gateway {address} is the server's own address: the one of a router is needed"
            ),
            Self::GatewayOfDhcp(address) => {
                write!(f, "DHCP tells the gateway of IPv4: leave --gateway {address} away")
            }
            Self::Gateways(address) => write!(
                f,
                "one --gateway of IPv4 and one of IPv6 can be used: leave {address} or the other \
                 one away"
            ),
            Self::GatewayOutside(address) => write!(
                f,
                "--gateway {address} is in the network of no --addr, so that it cannot be reached"
            ),
            Self::HostIsOurs(address) => write!(
                f,
                "--host-addr {address} is the server's own address: another one of the network is \
                 needed"
            ),
            Self::HostOutside(address, false) => write!(
                f,
                "--host-addr {address} is in the network of no --addr: the host could not reach \
                 the server"
            ),
            Self::HostOutside(address, true) => write!(
                f,
                "--host-addr {address} needs its network, as in {address}/{}",
                if matches!(address, IpAddress::Ipv4(_)) { 24 } else { 64 }
            ),
            Self::HostNowhere(cidr) => write!(
                f,
                "no address beside --addr {cidr} is free for the host: name one with --host-addr"
            ),
            Self::OfThisMachine(cidr) => write!(
                f,
                "{} is an address of this machine, which would never ask the server for it: give \
                 the server another one of the network (--addr), or take this one from the \
                 machine (sudo ip addr del {cidr} dev …)",
                cidr.address()
            ),
        }
    }
}

impl Error for AddressError {}
