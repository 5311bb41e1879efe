//! The hardware address of the server: its own, and the same each time, so that neighbours that
//! still know it and servers of DHCP find the same server again.

use std::fs;

use coracle::Crc32;
use smoltcp::wire::EthernetAddress;

/// Locally administered, for one station; the rest tells whose it is.
const PREFIX: [u8; 2] = [0x02, 0xC0];

/// Where a machine's identity stands.
const MACHINE: &str = "/etc/machine-id";

/// The hardware address behind the interface `name` of this machine.
pub fn hardware_address(name: &str) -> EthernetAddress {
    let machine = fs::read_to_string(MACHINE).ok().filter(|id| !id.trim().is_empty());
    let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    of(machine.unwrap_or_else(host).trim(), name)
}

fn of(machine: &str, name: &str) -> EthernetAddress {
    let mut crc = Crc32::new();
    for part in [machine, "/", name] {
        crc.update(part.as_bytes());
    }
    let [a, b, c, d] = crc.value().to_be_bytes();
    EthernetAddress([PREFIX[0], PREFIX[1], a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_interface_of_each_machine_has_its_own_and_keeps_it() {
        let ours = of("machine", "tap0");
        assert_eq!(ours, of("machine", "tap0"));
        assert!(ours.is_unicast() && ours.is_local());
        assert_ne!(ours, of("machine", "tap1"));
        assert_ne!(ours, of("other machine", "tap0"));
        assert_eq!(hardware_address("tap0"), hardware_address("tap0"));
    }
}
