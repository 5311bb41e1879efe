//! Why a TAP device cannot be had, and what to do.

use std::error::Error;
use std::fmt;
use std::io;

use rustix::io::Errno;
use smoltcp::wire::IpCidr;

use super::{MTU, MTU_V6, Setup, is_there, is_v6};

/// The longest name of an interface.
const NAME_MAX: usize = 15;

/// Why a TAP device cannot be had. The text says what to do, if need be on several lines.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// This user may not make one, or not set one up.
    Rights(Box<Setup>),
    /// There is one, which this user may not use.
    Foreign(Box<Setup>),
    /// This user may not open `/dev/net/tun`, which most systems allow everybody.
    Closed(Box<Setup>),
    /// The kernel has no TAP devices, or hides them.
    Driver(io::Error),
    /// Another program has the device.
    Busy(String),
    /// There is an interface with the name that is none, or one that several programs share.
    NotTap(String),
    /// Not a name for an interface.
    Name(String),
    /// There is such an interface, which was to be made.
    Exists(String),
    /// Not an MTU for a TAP device.
    Mtu(u16),
    /// Too small an MTU for addresses of IPv6.
    MtuOfIpv6(u16),
    /// The MTU of a device that is not made here.
    MtuOfOther(String, u16),
    /// IPv6 is off in this kernel.
    NoIpv6(IpCidr, io::Error),
    /// Something else: what was tried, with which interface, and what the kernel said.
    System(&'static str, String, io::Error),
}

impl OpenError {
    /// What it means that a device could not be opened.
    pub(crate) fn from_device(name: &str, error: io::Error) -> Self {
        let setup = || Box::new(Setup { name: name.into(), ..Setup::default() });
        match Errno::from_io_error(&error) {
            _ if !is_name(name) => Self::Name(name.into()),
            Some(Errno::PERM) if is_there(name) => Self::Foreign(setup()),
            Some(Errno::PERM) => Self::Rights(setup()),
            Some(Errno::BUSY) => Self::Busy(name.into()),
            Some(Errno::INVAL) => Self::NotTap(name.into()),
            Some(Errno::ACCESS) => Self::Closed(setup()),
            Some(Errno::NOENT | Errno::NODEV | Errno::NXIO) => Self::Driver(error),
            _ => Self::System("open", name.into(), error),
        }
    }

    /// What it means that an interface could not be set up.
    pub(crate) fn from_setup(what: &'static str, name: &str, error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(Errno::PERM) => Self::Rights(Box::default()),
            _ => Self::System(what, name.into(), error),
        }
    }

    /// What it means that the host could not be given an address.
    pub(crate) fn from_address(address: IpCidr, name: &str, error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(Errno::ACCESS | Errno::AFNOSUPPORT | Errno::OPNOTSUPP) if is_v6(&address) => {
                Self::NoIpv6(address, error)
            }
            _ => Self::from_setup("add the host's address to", name, error),
        }
    }
}

fn is_name(name: &str) -> bool {
    let odd = |letter: char| letter == '/' || letter == ':' || letter.is_whitespace();
    (1..=NAME_MAX).contains(&name.len()) && name != "." && name != ".." && !name.contains(odd)
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rights(setup) => {
                advise(f, setup, format_args!("may not make the TAP device {}", setup.name), "")
            }
            Self::Foreign(setup) => {
                let what = format_args!("may not use the TAP device {}", setup.name);
                advise(f, setup, what, &setup.removal())
            }
            Self::Closed(setup) => {
                let what = format_args!("may not open /dev/net/tun");
                advise(f, setup, what, "sudo chmod a+rw /dev/net/tun")
            }
            Self::Driver(error) => write!(
                f,
                "cannot open /dev/net/tun: {error} (TAP devices need the kernel's module: sudo \
                 modprobe tun; a container needs the device: --device /dev/net/tun)"
            ),
            Self::Busy(name) => {
                write!(f, "another program uses {name}: end it, or choose another name with --tap")
            }
            Self::NotTap(name) => write!(
                f,
                "{name} is there but is no TAP device for one program: choose another name with \
                 --tap"
            ),
            Self::Name(name) => write!(
                f,
                "{name:?} is no name of an interface: 1 to {NAME_MAX} letters without blanks, `/` \
                 and `:`, for instance tap0"
            ),
            Self::Exists(name) => write!(
                f,
                "there is an interface {name} already: without --setup it is used as it is; or \
                 choose another name with --tap"
            ),
            Self::Mtu(mtu) => {
                write!(f, "an MTU of {mtu} is none: {} to {}", MTU.start(), MTU.end())
            }
            Self::MtuOfIpv6(mtu) => {
                write!(f, "an MTU of {mtu} is too small for IPv6, which needs {MTU_V6}")
            }
            Self::MtuOfOther(name, mtu) => write!(
                f,
                "--mtu is for a device that --setup makes; for one that is there: sudo ip link \
                 set {name} mtu {mtu}"
            ),
            Self::NoIpv6(address, error) => write!(
                f,
                "cannot give the host the address {address}: {error} (IPv6 is off on this \
                 machine: leave its addresses away, or sudo sysctl \
                 net.ipv6.conf.all.disable_ipv6=0)"
            ),
            Self::System(what, name, error) => write!(f, "cannot {what} {name}: {error}"),
        }
    }
}

/// What is not allowed, the commands that help, and how to go on.
fn advise(
    f: &mut fmt::Formatter<'_>,
    setup: &Setup,
    what: fmt::Arguments<'_>,
    first: &str,
) -> fmt::Result {
    write!(f, "this user {what}. That is helped by typing\n\n")?;
    let commands = setup.commands();
    for line in Some(first).filter(|line| !line.is_empty()).into_iter().chain(commands.lines()) {
        writeln!(f, "  {line}")?;
    }
    let removal = setup.removal();
    write!(f, "\nand by starting this again without --setup. It is undone with\n\n  {removal}")
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Driver(error) | Self::NoIpv6(_, error) | Self::System(_, _, error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> Setup {
        let host = ["192.168.69.2/24", "fd00::2/64"].map(|text| text.parse().unwrap()).to_vec();
        Setup { name: "tap0".into(), offload: true, host, mtu: Some(9000) }
    }

    #[test]
    fn without_rights_the_commands_are_told() {
        let text = OpenError::Rights(Box::new(setup())).to_string();
        let user = rustix::process::getuid().as_raw();
        let expected = format!(
            "this user may not make the TAP device tap0. That is helped by typing\n\n  \
                        sudo ip tuntap add name tap0 mode tap user {user}\n  \
                        sudo ip link set tap0 mtu 9000\n  \
                        sudo ip addr add 192.168.69.2/24 dev tap0\n  \
                        sudo ip addr add fd00::2/64 dev tap0 nodad\n  \
                        sudo ip link set tap0 txqueuelen 8192 up\n\n\
                        and by starting this again without --setup. It is undone with\n\n  \
                        sudo ip tuntap del name tap0 mode tap"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn the_device_of_another_user_is_removed_first() {
        let text = OpenError::Foreign(Box::new(setup())).to_string();
        let commands: Vec<_> = text.lines().filter(|line| line.starts_with("  sudo")).collect();
        assert_eq!(commands[0], "  sudo ip tuntap del name tap0 mode tap");
        assert!(commands[1].starts_with("  sudo ip tuntap add name tap0 mode tap user "));
    }

    #[test]
    fn what_the_kernel_says_is_told_as_what_it_means() {
        let error = |name: &str, errno: Errno| OpenError::from_device(name, errno.into());
        for (name, errno, text) in [
            ("tap0", Errno::BUSY, "another program uses tap0"),
            // Loopback is there, and is none.
            ("lo", Errno::INVAL, "lo is there but is no TAP device"),
            ("lo", Errno::PERM, "may not use the TAP device lo"),
            ("no-such-tap", Errno::PERM, "may not make the TAP device no-such-tap"),
            ("tap0", Errno::NOENT, "cannot open /dev/net/tun"),
            (
                "tap0",
                Errno::ACCESS,
                "  sudo chmod a+rw /dev/net/tun\n  sudo ip tuntap add name tap0",
            ),
            ("tap0", Errno::MFILE, "cannot open tap0: Too many open files"),
            ("a-name-too-long0", Errno::INVAL, "\"a-name-too-long0\" is no name of an interface"),
            ("a/b", Errno::INVAL, "\"a/b\" is no name"),
            ("", Errno::INVAL, "\"\" is no name"),
        ] {
            let told = error(name, errno).to_string();
            assert!(told.contains(text), "{name}, {errno}: {told}");
        }
        let v6 = "fd00::2/64".parse().unwrap();
        let told = OpenError::from_address(v6, "tap0", Errno::ACCESS.into()).to_string();
        assert!(told.contains("IPv6 is off"), "{told}");
    }
}
