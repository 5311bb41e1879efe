//! The TAP device and the host's side of it: made for the time of the program, or found.

mod error;
mod netlink;

use std::fmt::Write as _;
use std::io;
use std::ops::RangeInclusive;

use smoltcp::wire::{IpAddress, IpCidr};

pub use self::error::OpenError;
use self::netlink::Tables;
use super::device::Tap;

/// The MTUs that the kernel allows a TAP device.
const MTU: RangeInclusive<u16> = 68..=65_521;

/// The smallest MTU with which the kernel does IPv6.
const MTU_V6: u16 = 1280;

/// Frames that may wait for this program. The default, 1000, is less than 16 connections with
/// windows of 512 KiB send at once at an MTU of 1500, and the kernel drops what is beyond.
const QUEUE: u32 = 8192;

/// What the device and the host's side of it are to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// The name of the interface; `%d` in it is a number that the kernel chooses.
    pub name: String,
    /// Whether the kernel and this program leave TCP checksums and the cutting into segments to
    /// each other.
    pub offload: bool,
    /// The addresses of the host.
    pub host: Vec<IpCidr>,
    /// The longest packet of IP; `None`: what the interface has.
    pub mtu: Option<u16>,
}

impl Setup {
    /// Make the device, give the host its addresses, and set the interface up; all of it is gone
    /// when the device is dropped. The host can reach it at once.
    ///
    /// # Errors
    ///
    /// If there is such an interface, or this program may not make one, or the kernel refuses
    /// something; the error says what to do.
    pub fn create(&self) -> Result<Tap, OpenError> {
        self.check()?;
        let tables = Tables::open().map_err(|error| self.system("open netlink for", error))?;
        let there = tables.index(&self.name).map_err(|error| self.system("look up", error))?;
        if there.is_some() {
            return Err(OpenError::Exists(self.name.clone()));
        }
        let mut tap = Tap::open(&self.name, self.offload).map_err(|error| self.advise(error))?;
        self.set_up(&mut tap)
            .map_err(|error| self.advise(OpenError::from_setup("set up", &self.name, error)))?;
        let name = tap.name().to_owned();
        let index = tables.index(&name).map_err(|error| self.system("look up", error))?;
        for address in &self.host {
            tables
                .add_address(index.unwrap_or_default(), *address)
                .map_err(|error| self.advise(OpenError::from_address(*address, &name, error)))?;
        }
        Ok(tap)
    }

    /// Use a device that is there, as it is, or make one without addresses, where this program
    /// may.
    ///
    /// # Errors
    ///
    /// If the device cannot be had; the error says what to do.
    pub fn attach(&self) -> Result<Tap, OpenError> {
        match self.mtu {
            Some(mtu) => Err(OpenError::MtuOfOther(self.name.clone(), mtu)),
            None => Tap::open(&self.name, self.offload).map_err(|error| self.advise(error)),
        }
    }

    /// What to type for a device that this user may use, one command a line.
    pub fn commands(&self) -> String {
        let name = &self.name.replace("%d", "0");
        // By number: who types it is another one, perhaps in a shell of root's.
        let user = rustix::process::getuid().as_raw();
        let mut lines = format!("sudo ip tuntap add name {name} mode tap user {user}\n");
        if let Some(mtu) = self.mtu {
            let _ = writeln!(lines, "sudo ip link set {name} mtu {mtu}");
        }
        for address in &self.host {
            // See `netlink`: the address is to be used at once.
            let at_once = if is_v6(address) { " nodad" } else { "" };
            let _ = writeln!(lines, "sudo ip addr add {address} dev {name}{at_once}");
        }
        let _ = writeln!(lines, "sudo ip link set {name} txqueuelen {QUEUE} up");
        lines
    }

    /// What to type to remove it.
    pub fn removal(&self) -> String {
        format!("sudo ip tuntap del name {} mode tap", self.name.replace("%d", "0"))
    }

    fn check(&self) -> Result<(), OpenError> {
        match self.mtu {
            Some(mtu) if !MTU.contains(&mtu) => Err(OpenError::Mtu(mtu)),
            Some(mtu) if mtu < MTU_V6 && self.host.iter().any(is_v6) => {
                Err(OpenError::MtuOfIpv6(mtu))
            }
            _ => Ok(()),
        }
    }

    fn set_up(&self, tap: &mut Tap) -> io::Result<()> {
        let device = tap.device();
        if let Some(mtu) = self.mtu {
            device.set_mtu(mtu)?;
        }
        device.set_tx_queue_len(QUEUE)?;
        device.enabled(true)?;
        tap.ask()
    }

    /// The error with the commands that help, if rights are what is missing.
    fn advise(&self, error: OpenError) -> OpenError {
        match error {
            OpenError::Rights(_) => OpenError::Rights(Box::new(self.clone())),
            OpenError::Foreign(_) => OpenError::Foreign(Box::new(self.clone())),
            OpenError::Closed(_) => OpenError::Closed(Box::new(self.clone())),
            error => error,
        }
    }

    fn system(&self, what: &'static str, error: io::Error) -> OpenError {
        OpenError::System(what, self.name.clone(), error)
    }
}

/// Whether there is an interface with the name; not known: no.
fn is_there(name: &str) -> bool {
    Tables::open().and_then(|tables| tables.index(name)).is_ok_and(|index| index.is_some())
}

fn is_v6(address: &IpCidr) -> bool {
    matches!(address.address(), IpAddress::Ipv6(_))
}

/// The address for the host where the other one is `ours`: the next of the network, or the one
/// before. `None` in a network of one.
pub fn beside(ours: IpCidr) -> Option<IpCidr> {
    let found = match ours.address() {
        IpAddress::Ipv4(address) => {
            let bits = u32::from(address);
            let ends = if ours.prefix_len() < 31 { u32::MAX >> ours.prefix_len() } else { 0 };
            [bits.checked_add(1), bits.checked_sub(1)]
                .into_iter()
                .flatten()
                // The first and the last of a network are its name and its broadcast.
                .filter(|bits| ends == 0 || (bits & ends != 0 && bits & ends != ends))
                .map(|bits| IpAddress::Ipv4(bits.into()))
                .find(|address| ours.contains_addr(address))
        }
        IpAddress::Ipv6(address) => {
            let bits = u128::from(address);
            [bits.checked_add(1), bits.checked_sub(1)]
                .into_iter()
                .flatten()
                .map(|bits| IpAddress::Ipv6(bits.into()))
                .find(|address| ours.contains_addr(address))
        }
    };
    found.map(|address| IpCidr::new(address, ours.prefix_len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> IpCidr {
        text.parse().unwrap()
    }

    #[test]
    fn the_host_gets_the_next_address_of_the_network_or_the_one_before() {
        for (ours, host) in [
            ("192.168.69.1/24", Some("192.168.69.2/24")),
            ("192.168.69.254/24", Some("192.168.69.253/24")),
            ("10.0.0.0/31", Some("10.0.0.1/31")),
            ("10.0.0.1/31", Some("10.0.0.0/31")),
            ("10.0.0.2/30", Some("10.0.0.1/30")),
            ("255.255.255.254/8", Some("255.255.255.253/8")),
            ("10.0.0.1/32", None),
            ("fd00::1/64", Some("fd00::2/64")),
            ("fd00::ffff:ffff:ffff:ffff/64", Some("fd00::ffff:ffff:ffff:fffe/64")),
            ("fd00::1/128", None),
        ] {
            assert_eq!(beside(cidr(ours)), host.map(cidr), "{ours}");
        }
    }
}
