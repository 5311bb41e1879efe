//! Why the server cannot serve.

use std::fmt;
use std::io;
use std::path::PathBuf;

use smoltcp::wire::IpAddress;

use super::device::Trouble;
use super::network::AddressError;
use super::setup::OpenError;
use super::size::Size;
use super::wire::OffloadError;

/// Why the server cannot serve, or not go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The addresses do not fit each other.
    Addresses(AddressError),
    /// Both ports are the same.
    Ports(u16),
    /// Faults and offload do not go together.
    Offload(OffloadError),
    /// Others than this machine can reach it, which needs an explicit word.
    Exposed(Reach),
    /// The folder cannot be opened.
    Root(PathBuf, io::Error),
    /// The RAM disk is larger than the memory of this machine.
    Ram(Size, Size),
    /// The buffers of all connections could take more than the memory of this machine.
    Buffers(Size, Size),
    /// The file for frames cannot be made.
    Capture(PathBuf, io::Error),
    /// The TAP device cannot be had.
    Device(OpenError),
    /// The TAP device went while the server served.
    Gone(Trouble),
    /// The system refuses something that every server needs.
    System(&'static str, io::Error),
}

/// How others than this machine can reach the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Through a router.
    Gateway(IpAddress),
    /// On a network with a server of DHCP.
    Dhcp,
    /// On the network of this bridge.
    Bridge(String),
}

impl Failure {
    /// With what the process is to end: 2 for wrong usage, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Addresses(AddressError::OfThisMachine(_)) => 1,
            Self::Addresses(_) | Self::Ports(_) | Self::Offload(_) => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(router) => write!(f, "through the router {router}"),
            Self::Dhcp => f.write_str("on the network that --dhcp asks for an address"),
            Self::Bridge(bridge) => write!(f, "on the network of the bridge {bridge}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addresses(error) => error.fmt(f),
            Self::Ports(port) => write!(
                f,
                "port {port} cannot be both --control-port and --transfer-port: choose another \
                 one, or --transfer-port none"
            ),
            Self::Offload(error) => error.fmt(f),
            Self::Exposed(reach) => write!(
                f,
                "the server can be reached from other machines {reach}, and whoever reaches it \
                 could read and, without --read-only, write every file; if that is what you want, \
                 add --insecure-anyone-can-read-and-write"
            ),
            Self::Root(root, error) => write!(
                f,
                "cannot serve {}: {error} (a folder that this user may read is needed)",
                root.display()
            ),
            Self::Ram(asked, there) => {
                write!(f, "--ram {asked} is more than the memory of this machine, {there}")
            }
            Self::Buffers(most, there) => write!(
                f,
                "the buffers of all connections could take {most}, more than the memory of this \
                 machine, {there}: fewer --max-sessions or a smaller --socket-buffer are needed"
            ),
            Self::Capture(path, error) => write!(
                f,
                "cannot write frames to {}: {error} (--pcap FILE, where this user may write)",
                path.display()
            ),
            Self::Device(error) => error.fmt(f),
            Self::Gone(trouble) => write!(
                f,
                "{trouble} (somebody removed it; what was cut off can be continued once the \
                 server is started again)"
            ),
            Self::System(what, error) => write!(f, "cannot {what}: {error}"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Addresses(error) => Some(error),
            Self::Offload(error) => Some(error),
            Self::Device(error) => Some(error),
            Self::Gone(trouble) => Some(trouble),
            Self::Root(_, error) | Self::Capture(_, error) | Self::System(_, error) => Some(error),
            Self::Ports(_) | Self::Exposed(_) | Self::Ram(..) | Self::Buffers(..) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_usage_has_a_status_of_its_own() {
        assert_eq!(Failure::Ports(2222).exit_code(), 2);
        assert_eq!(Failure::Addresses(AddressError::TooMany(6)).exit_code(), 2);
        let own = "10.0.0.1/8".parse().unwrap();
        assert_eq!(Failure::Addresses(AddressError::OfThisMachine(own)).exit_code(), 1);
        assert_eq!(Failure::Exposed(Reach::Dhcp).exit_code(), 1);
    }

    #[test]
    fn a_failure_says_what_to_do() {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        for (failure, remedy) in [
            (Failure::Ports(2222), "--transfer-port none"),
            (Failure::Exposed(Reach::Dhcp), "add --insecure-anyone-can-read-and-write"),
            (Failure::Exposed(Reach::Bridge("br0".into())), "the bridge br0"),
            (Failure::Root("/none".into(), missing()), "a folder that this user may read"),
            (Failure::Ram(Size(2 << 30), Size(1 << 30)), "--ram 2G is more than"),
            (Failure::Buffers(Size(2 << 30), Size(1 << 30)), "fewer --max-sessions"),
            (Failure::Capture("/none".into(), missing()), "where this user may write"),
            (Failure::Gone(Trouble::Gone(missing())), "is started again"),
        ] {
            let told = failure.to_string();
            assert!(told.contains(remedy), "{told}");
        }
    }
}
