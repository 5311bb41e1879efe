//! Addresses of interfaces, over netlink: what `ip address add` does.
//!
//! The older calls that `tun-rs` makes know one address of IPv4 an interface, and cannot say that
//! an address of IPv6 is to be used at once; its own netlink part cannot either, and would bring
//! six crates more. This is one message.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netdevice::name_to_index;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};
use smoltcp::wire::{IpAddress, IpCidr};

const NEW_ADDRESS: u16 = 20;
/// A request, to be acknowledged; it makes something that must not be there yet.
const FLAGS: u16 = 0x1 | 0x4 | 0x200 | 0x400;
const ERROR: u16 = 2;
const HEADER_LEN: usize = 16;

/// No search for others with the same address: it would take a second or two, in which the
/// address cannot be used, and on this link there is nobody else.
const WITHOUT_DETECTION: u8 = 2;
const ATTRIBUTE_ADDRESS: u16 = 1;
const ATTRIBUTE_LOCAL: u16 = 2;
const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 10;

/// The way to the kernel's tables.
pub struct Tables(OwnedFd);

impl Tables {
    /// Open it.
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        Ok(Self(socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?))
    }

    /// The number of an interface; `None` if there is no such interface.
    pub fn index(&self, name: &str) -> io::Result<Option<u32>> {
        match name_to_index(&self.0, name) {
            Ok(index) => Ok(Some(index)),
            Err(Errno::NODEV) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Give an interface an address.
    pub fn add_address(&self, index: u32, address: IpCidr) -> io::Result<()> {
        let kernel = SocketAddrNetlink::new(0, 0);
        sendto(&self.0, &new_address(index, address), SendFlags::empty(), &kernel)?;
        let mut answer = [0; 1024];
        let (len, _) = recv(&self.0, &mut answer, RecvFlags::empty())?;
        outcome(&answer[..len])
    }
}

/// The message; its numbers are in the order of this machine.
fn new_address(index: u32, address: IpCidr) -> Vec<u8> {
    let (family, octets) = match address.address() {
        IpAddress::Ipv4(address) => (FAMILY_V4, address.octets().to_vec()),
        IpAddress::Ipv6(address) => (FAMILY_V6, address.octets().to_vec()),
    };
    let mut body = vec![family, address.prefix_len(), WITHOUT_DETECTION, 0];
    body.extend(index.to_ne_bytes());
    for attribute in [ATTRIBUTE_LOCAL, ATTRIBUTE_ADDRESS] {
        body.extend((4 + octets.len() as u16).to_ne_bytes());
        body.extend(attribute.to_ne_bytes());
        body.extend(&octets);
    }
    let mut message = ((HEADER_LEN + body.len()) as u32).to_ne_bytes().to_vec();
    message.extend(NEW_ADDRESS.to_ne_bytes());
    message.extend(FLAGS.to_ne_bytes());
    // Sequence number and sender, for those who ask several things at once.
    message.extend([0; 8]);
    message.extend(body);
    message
}

/// What the answer says: 0, or the number of an error with its sign turned.
fn outcome(answer: &[u8]) -> io::Result<()> {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    let code = answer.get(HEADER_LEN..HEADER_LEN + 4).and_then(|bytes| bytes.try_into().ok());
    match (kind, code.map(i32::from_ne_bytes)) {
        (Some(ERROR), Some(0)) => Ok(()),
        (Some(ERROR), Some(code)) => Err(io::Error::from_raw_os_error(code.saturating_neg())),
        _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_asked_for_as_ip_asks() {
        let message = new_address(7, "192.168.69.2/24".parse().unwrap());
        let mut expected = 40_u32.to_ne_bytes().to_vec();
        expected.extend(20_u16.to_ne_bytes());
        expected.extend(0x605_u16.to_ne_bytes());
        expected.extend([0; 8]);
        expected.extend([2, 24, 2, 0]);
        expected.extend(7_u32.to_ne_bytes());
        for kind in [2_u16, 1] {
            expected.extend(8_u16.to_ne_bytes());
            expected.extend(kind.to_ne_bytes());
            expected.extend([192, 168, 69, 2]);
        }
        assert_eq!(message, expected);
        assert_eq!(new_address(7, "fd00::2/64".parse().unwrap()).len(), 64);
    }

    #[test]
    fn the_answer_is_success_or_an_error_of_the_system() {
        let answer = |code: i32| {
            let mut answer = vec![0; HEADER_LEN];
            answer[4..6].copy_from_slice(&ERROR.to_ne_bytes());
            answer.extend(code.to_ne_bytes());
            answer
        };
        assert!(outcome(&answer(0)).is_ok());
        assert_eq!(outcome(&answer(-1)).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(outcome(&answer(-17)).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        for len in 0..HEADER_LEN + 4 {
            assert!(outcome(&answer(0)[..len]).is_err());
        }
    }

    #[test]
    fn interfaces_are_found_by_name() {
        let tables = Tables::open().unwrap();
        assert!(tables.index("lo").unwrap().is_some());
        assert_eq!(tables.index("no-such-link").unwrap(), None);
    }
}
