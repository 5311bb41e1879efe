//! The addresses of the server and of the host's side, and whether they fit each other.

mod error;
mod hardware;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::str::FromStr;

use smoltcp::iface::{Config, Interface};
use smoltcp::phy::Device;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv6Cidr};

use super::setup::beside;

pub use self::error::AddressError;
pub use self::hardware::hardware_address;

/// Addresses that can be given: an interface of smoltcp has eight, of which one may come from
/// DHCP and one be that of the link.
const ADDRESSES_MAX: usize = 6;

/// Where every address of IPv6 for a single link lies.
const LINK_LOCAL: Ipv6Cidr = Ipv6Cidr::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 64);

/// What the two sides of the link are called, and how others are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The server's addresses.
    pub ours: Vec<IpCidr>,
    /// Whether it asks for one more.
    pub dhcp: bool,
    /// Who passes on what goes to other networks.
    pub gateways: Vec<IpAddress>,
    /// The host's addresses, if the host's side is set up here.
    pub host: Vec<IpCidr>,
}

/// The value of `--host-addr`: the network need not be said where it is that of an `--addr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostAddress {
    /// An address alone.
    Alone(IpAddress),
    /// An address with its network.
    With(IpCidr),
}

impl Network {
    /// Check what was asked for, and choose addresses for the host where none are given.
    ///
    /// # Errors
    ///
    /// If something does not fit.
    pub fn new(
        ours: &[IpCidr],
        dhcp: bool,
        gateways: &[IpAddress],
        host: &[HostAddress],
    ) -> Result<Self, AddressError> {
        if ours.len() > ADDRESSES_MAX {
            return Err(AddressError::TooMany(ADDRESSES_MAX));
        }
        if let Some(twice) = doubled(ours.iter().map(IpCidr::address)) {
            return Err(AddressError::Twice(twice));
        }
        let mut network = Self { ours: ours.to_vec(), dhcp, ..Self::default() };
        for &gateway in gateways {
            network.add_gateway(gateway)?;
        }
        for &address in host {
            let address = network.host_address(address)?;
            network.host.push(address);
        }
        network.complete_host()?;
        Ok(network)
    }

    fn add_gateway(&mut self, gateway: IpAddress) -> Result<(), AddressError> {
        let is_v4 = matches!(gateway, IpAddress::Ipv4(_));
        let link = IpCidr::Ipv6(LINK_LOCAL);
        if self.ours.iter().any(|ours| ours.address() == gateway) {
            return Err(AddressError::GatewayIsOurs(gateway));
        }
        if is_v4 && self.dhcp {
            return Err(AddressError::GatewayOfDhcp(gateway));
        }
        if self.gateways.iter().any(|other| matches!(other, IpAddress::Ipv4(_)) == is_v4) {
            return Err(AddressError::Gateways(gateway));
        }
        let is_on_link = link.contains_addr(&gateway) && self.ours.iter().any(is_v6);
        if !is_on_link && !self.is_near(gateway) {
            return Err(AddressError::GatewayOutside(gateway));
        }
        self.gateways.push(gateway);
        Ok(())
    }

    fn is_near(&self, address: IpAddress) -> bool {
        self.ours.iter().any(|ours| ours.contains_addr(&address))
    }

    fn host_address(&self, host: HostAddress) -> Result<IpCidr, AddressError> {
        let (address, given) = match host {
            HostAddress::Alone(address) => (address, None),
            HostAddress::With(cidr) => (cidr.address(), Some(cidr)),
        };
        if self.ours.iter().any(|ours| ours.address() == address) {
            return Err(AddressError::HostIsOurs(address));
        }
        let near = self.ours.iter().find(|ours| ours.contains_addr(&address));
        let of_dhcp = given.filter(|_| self.dhcp);
        match near {
            Some(near) => Ok(given.unwrap_or(IpCidr::new(address, near.prefix_len()))),
            None => of_dhcp.ok_or(AddressError::HostOutside(address, self.dhcp)),
        }
    }

    /// Give the host an address in each network in which it has none.
    fn complete_host(&mut self) -> Result<(), AddressError> {
        for ours in self.ours.clone() {
            if self.host.iter().any(|host| ours.contains_addr(&host.address())) {
                continue;
            }
            let mut host = beside(ours);
            while let Some(taken) = host.filter(|host| self.is_taken(host)) {
                // On in the same direction: `beside` would go back from the last address.
                host = beside(taken).filter(|next| next.address() > taken.address());
            }
            self.host.push(host.ok_or(AddressError::HostNowhere(ours))?);
        }
        Ok(())
    }

    fn is_taken(&self, host: &IpCidr) -> bool {
        self.ours.iter().any(|ours| ours.address() == host.address())
            || self.gateways.contains(&host.address())
    }

    /// Check that none of the addresses is one of this machine, which would answer itself.
    ///
    /// # Errors
    ///
    /// If one is.
    pub fn check_machine(&self) -> Result<(), AddressError> {
        let own = self.ours.iter().find(|ours| is_this_machines(ours.address().into()));
        own.map_or(Ok(()), |own| Err(AddressError::OfThisMachine(*own)))
    }

    /// An interface of smoltcp with these addresses. A link of IPv6 has an address of its own
    /// too, which neighbours may ask and answer with.
    pub fn interface(
        &self,
        hardware: EthernetAddress,
        random_seed: u64,
        device: &mut impl Device,
        now: Instant,
    ) -> Interface {
        let mut config = Config::new(hardware.into());
        config.random_seed = random_seed;
        let mut interface = Interface::new(config, device, now);
        let link = Ipv6Cidr::from_link_prefix(&LINK_LOCAL, hardware.into());
        let link = link.filter(|_| self.ours.iter().any(is_v6)).map(IpCidr::Ipv6);
        interface.update_ip_addrs(|addresses| {
            // There is room: they were counted.
            addresses.extend(self.ours.iter().copied().chain(link));
        });
        for gateway in &self.gateways {
            // One each: there is room for both.
            let _always = match gateway {
                IpAddress::Ipv4(gateway) => interface.routes_mut().add_default_ipv4_route(*gateway),
                IpAddress::Ipv6(gateway) => interface.routes_mut().add_default_ipv6_route(*gateway),
            };
        }
        interface
    }
}

impl FromStr for HostAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('/') { cidr(text).map(Self::With) } else { ip(text).map(Self::Alone) }
    }
}

/// The value of `--addr`: an address that a host can have, with its network.
///
/// # Errors
///
/// What is needed.
pub fn cidr(text: &str) -> Result<IpCidr, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        let len = if address.is_ipv4() { 24 } else { 64 };
        return Err(format!("the length of the network is missing, as in {address}/{len}"));
    }
    let needed = || "an address with its network is needed, as 192.168.69.1/24 or fd00::1/64";
    let (address, len) = text.split_once('/').ok_or_else(needed)?;
    let address = ip(address)?;
    let len = len.parse::<u8>().map_err(|_| needed())?;
    let bits = if matches!(address, IpAddress::Ipv4(_)) { 32 } else { 128 };
    if len > bits {
        return Err(needed().into());
    }
    if len == bits {
        return Err(format!("a network /{len} has one address: there is nobody else in it"));
    }
    let cidr = IpCidr::new(address, len);
    match cidr {
        IpCidr::Ipv4(v4) if len < 31 && v4.network().address() == v4.address() => {
            Err(format!("{address} is the name of the network, not of a host in it"))
        }
        IpCidr::Ipv4(v4) if v4.broadcast() == Some(v4.address()) => {
            Err(format!("{address} is the broadcast address of the network"))
        }
        _ => Ok(cidr),
    }
}

/// The value of `--gateway`: an address that a host can have.
///
/// # Errors
///
/// What is needed.
pub fn ip(text: &str) -> Result<IpAddress, String> {
    let needed = |_| format!("{text:?} is no address, as 192.168.69.1 or fd00::1 are");
    let address: IpAddr = text.parse().map_err(needed)?;
    let is_mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    if address.is_loopback() {
        return Err(format!("{address} never leaves this machine: it is for loopback"));
    }
    if is_mapped || !IpAddress::from(address).is_unicast() {
        return Err(format!("{address} is not the address of a single host"));
    }
    Ok(address.into())
}

fn is_v6(cidr: &IpCidr) -> bool {
    matches!(cidr, IpCidr::Ipv6(_))
}

fn doubled(mut addresses: impl Iterator<Item = IpAddress> + Clone) -> Option<IpAddress> {
    while let Some(address) = addresses.next() {
        if addresses.clone().any(|other| other == address) {
            return Some(address);
        }
    }
    None
}

/// Whether this machine has the address: on the way to it, it is met by itself. Nothing is sent.
fn is_this_machines(ip: IpAddr) -> bool {
    let any: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let met = UdpSocket::bind((any, 0)).and_then(|socket| {
        // Any port will do.
        socket.connect(SocketAddr::new(ip, 9))?;
        socket.local_addr()
    });
    met.is_ok_and(|met| met.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidrs(texts: &[&str]) -> Vec<IpCidr> {
        texts.iter().map(|text| cidr(text).unwrap()).collect()
    }

    fn ips(texts: &[&str]) -> Vec<IpAddress> {
        texts.iter().map(|text| ip(text).unwrap()).collect()
    }

    fn network(ours: &[&str], gateways: &[&str], host: &[&str]) -> Result<Network, AddressError> {
        let host: Vec<HostAddress> = host.iter().map(|text| text.parse().unwrap()).collect();
        Network::new(&cidrs(ours), false, &ips(gateways), &host)
    }

    #[test]
    fn an_address_is_one_of_a_host_in_a_network_with_others() {
        for (text, why) in [
            ("192.168.69.1", "as in 192.168.69.1/24"),
            ("fd00::1", "as in fd00::1/64"),
            ("192.168.69.1/33", "an address with its network"),
            ("192.168.69.1/x", "an address with its network"),
            ("tap0", "an address with its network"),
            ("192.168.69/24", "is no address"),
            ("192.168.69.1/32", "nobody else"),
            ("fd00::1/128", "nobody else"),
            ("192.168.69.0/24", "the name of the network"),
            ("192.168.69.255/24", "the broadcast address"),
            ("255.255.255.255/24", "not the address of a single host"),
            ("224.0.0.1/24", "not the address of a single host"),
            ("0.0.0.0/24", "not the address of a single host"),
            ("ff02::1/64", "not the address of a single host"),
            ("::ffff:10.0.0.1/96", "not the address of a single host"),
            ("127.0.0.1/8", "never leaves this machine"),
            ("::1/64", "never leaves this machine"),
        ] {
            assert!(cidr(text).is_err_and(|told| told.contains(why)), "{text}");
        }
        for good in ["192.168.69.1/24", "10.0.0.0/31", "fd00::/64", "fe80::1/64", "10.0.0.7/0"] {
            assert_eq!(cidr(good).unwrap().to_string(), good);
        }
    }

    #[test]
    fn the_host_gets_an_address_that_nobody_has_in_each_network() {
        let host = |ours: &[&str], gateways: &[&str], host: &[&str]| {
            network(ours, gateways, host).unwrap().host
        };
        assert_eq!(host(&["192.168.69.1/24"], &[], &[]), cidrs(&["192.168.69.2/24"]));
        let two = ["192.168.69.1/24", "192.168.69.2/24"];
        assert_eq!(host(&two, &[], &[]), cidrs(&["192.168.69.3/24"]));
        assert_eq!(host(&two, &["192.168.69.3"], &[]), cidrs(&["192.168.69.4/24"]));
        let both = ["192.168.69.1/24", "fd00::1/64"];
        assert_eq!(host(&both, &[], &[]), cidrs(&["192.168.69.2/24", "fd00::2/64"]));
        let given = host(&both, &[], &["fd00::99", "192.168.69.7/28"]);
        assert_eq!(given, cidrs(&["fd00::99/64", "192.168.69.7/28"]));
        let last = network(&["10.0.0.2/30", "10.0.0.1/30"], &[], &[]);
        assert_eq!(last, Err(AddressError::HostNowhere(cidr("10.0.0.2/30").unwrap())));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let ours = ["192.168.69.1/24", "fd00::1/64"];
        let error = |gateways: &[&str], host: &[&str]| {
            network(&ours, gateways, host).unwrap_err().to_string()
        };
        assert!(error(&["192.168.70.1"], &[]).contains("the network of no --addr"));
        assert!(error(&["192.168.69.1"], &[]).contains("server's own"));
        assert!(error(&["192.168.69.3", "192.168.69.4"], &[]).contains("one --gateway"));
        assert!(error(&[], &["192.168.69.1"]).contains("server's own"));
        assert!(error(&[], &["192.168.70.1"]).contains("the network of no --addr"));
        assert!(error(&[], &["192.168.70.1/24"]).contains("the network of no --addr"));
        let twice = network(&["192.168.69.1/24", "192.168.69.1/16"], &[], &[]);
        assert!(twice.unwrap_err().to_string().contains("twice"));
        let many = ["10.0.0.1/8"; ADDRESSES_MAX + 1];
        assert_eq!(network(&many, &[], &[]), Err(AddressError::TooMany(ADDRESSES_MAX)));
        // A router of IPv6 is known by its address on the link.
        let routers = network(&ours, &["192.168.69.3", "fe80::1"], &[]).unwrap().gateways;
        assert_eq!(routers, ips(&["192.168.69.3", "fe80::1"]));
        let v4 = network(&ours[..1], &["fe80::1"], &[]);
        assert!(v4.unwrap_err().to_string().contains("the network of no --addr"));
    }

    #[test]
    fn with_dhcp_the_host_needs_its_network_and_there_is_no_other_gateway() {
        let new = |gateways: &[&str], host: &str| {
            Network::new(&[], true, &ips(gateways), &[host.parse().unwrap()])
        };
        assert_eq!(new(&[], "10.0.0.1/8").unwrap().host, cidrs(&["10.0.0.1/8"]));
        assert!(new(&[], "10.0.0.1").unwrap_err().to_string().contains("/24"));
        assert!(new(&["10.0.0.9"], "10.0.0.1/8").unwrap_err().to_string().contains("DHCP"));
    }

    #[test]
    fn an_address_of_this_machine_is_found_out() {
        assert!(is_this_machines(Ipv4Addr::LOCALHOST.into()));
        // For documentation: no machine has it.
        assert!(!is_this_machines(Ipv4Addr::new(203, 0, 113, 5).into()));
        let network = |ours| Network { ours: vec![ours], ..Network::default() };
        let own = IpCidr::new(Ipv4Addr::LOCALHOST.into(), 8);
        assert_eq!(network(own).check_machine(), Err(AddressError::OfThisMachine(own)));
        assert_eq!(network(cidr("203.0.113.5/24").unwrap()).check_machine(), Ok(()));
    }
}
