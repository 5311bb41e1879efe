//! The options of `coracle-tap`; their help is the manual.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum, ValueHint};
use coracle_desktop::log::LogOptions;
use coracle_desktop::manual::Manual;
use coracle_desktop::options::{Durability, TimeoutOptions, TransferChoice, at_least_one};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use super::fault::Faults;
use super::manual;
use super::network::{AddressError, HostAddress, Network, cidr, ip};
use super::ram::RAM_MIN;
use super::setup::Setup;
use super::size::Size;

/// The smallest and the largest buffer of a socket: a line must fit, and a window can tell no
/// more.
const BUFFERS: (Size, Size) = (Size(2 << 10), Size(1 << 30));

/// Serve files to coracle clients on a TCP/IP stack of its own, behind a TAP interface of Linux.
///
/// The kernel passes Ethernet frames, smoltcp does the rest: the server has addresses of its own,
/// as if it were another machine on the link. It serves a folder, with the promises of coracled,
/// or a RAM disk.
#[derive(Clone, Debug, Parser)]
#[command(name = "coracle-tap", version, max_term_width = 100, arg_required_else_help = true,
          override_usage = manual::SERVING,
          after_help = manual::essentials(), after_long_help = manual::tour())]
pub struct Options {
    /// The folder to serve; nothing outside it can be reached.
    #[arg(value_hint = ValueHint::DirPath, required_unless_present = "ram")]
    pub root: Option<PathBuf>,

    /// Serve a RAM disk of this size instead of a folder: empty at first, gone at the end, for at
    /// most a file or folder each 4 KiB, and 16384 of them.
    #[arg(long, value_name = "SIZE", value_parser = ram, conflicts_with = "root")]
    pub ram: Option<Size>,

    /// The interface, and who is where on its link.
    #[command(flatten)]
    pub link: LinkOptions,

    /// How it is served.
    #[command(flatten)]
    pub service: ServiceOptions,

    /// When patience ends.
    #[command(flatten, next_help_heading = "Patience")]
    pub timeouts: TimeoutOptions,

    /// What makes the link worse, and who watches.
    #[command(flatten)]
    pub trial: TrialOptions,

    /// What is logged, and how.
    #[command(flatten, next_help_heading = "Log")]
    pub log: LogOptions,

    /// What can be asked for instead.
    #[command(flatten, next_help_heading = "Instead of serving")]
    pub manual: Manual,
}

/// The interface, and who is where on its link.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Link")]
pub struct LinkOptions {
    /// The TAP interface. Without --setup it must be there and be this user's, or this program
    /// must have the right to make it.
    #[arg(long, value_name = "NAME", default_value = "tap0")]
    pub tap: String,

    /// Make the interface, give the host's side an address in each network of --addr, set it up,
    /// and remove it at the end. It takes root, or the capability net_admin; without it the
    /// commands are printed that root may type instead.
    #[arg(long)]
    pub setup: bool,

    /// An address of the server, with its network. May be given several times.
    #[arg(long, value_name = "ADDRESS/LENGTH", value_parser = cidr,
        required_unless_present = "dhcp")]
    pub addr: Vec<IpCidr>,

    /// Get an address of IPv4 from DHCP, and give it up when its lease ends.
    #[arg(long)]
    pub dhcp: bool,

    /// The router to other networks. May be given once for IPv4, once for IPv6.
    #[arg(long, value_name = "ADDRESS", value_parser = ip)]
    pub gateway: Vec<IpAddress>,

    /// An address of the host's side [default: the one after the server's in each network].
    #[arg(long, value_name = "ADDRESS[/LENGTH]", requires = "setup")]
    pub host_addr: Vec<HostAddress>,

    /// The longest packet on the link, in bytes.
    #[arg(long, value_name = "BYTES", requires = "setup")]
    pub mtu: Option<u16>,

    /// Leave the checksums of TCP and the cutting into segments to the kernel: faster, most of
    /// all with a small MTU.
    #[arg(long)]
    pub offload: bool,

    /// The hardware address of the server [default: always the same for this interface of this
    /// machine].
    #[arg(long, value_name = "ADDRESS", value_parser = hardware)]
    pub mac: Option<EthernetAddress>,

    /// Serve although other machines can reach it (--gateway, --dhcp, or the interface is in a
    /// bridge) and there are no keys.
    #[arg(long)]
    pub insecure_anyone_can_read_and_write: bool,
}

/// How files are served.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Service")]
pub struct ServiceOptions {
    /// The port that clients come to.
    #[arg(long, value_name = "PORT", default_value_t = 2222, value_parser = port())]
    pub control_port: u16,

    /// Port for transfers beside the control port, open only while a client asks for it; `none`
    /// does without.
    #[arg(long, value_name = "PORT|none", default_value = "3333", value_parser = transfer_port)]
    pub transfer_port: TransferChoice,

    /// Whether the classic dialect may be spoken, which knows no checksums: the one of the
    /// programs of the protocol's ancestor, which find the transfer port only as 3333.
    #[arg(long, value_enum, default_value_t = Switch::Off)]
    pub classic: Switch,

    /// Refuse every command that writes.
    #[arg(long, conflicts_with = "ram")]
    pub read_only: bool,

    /// What `ok` to an upload means: `full`: flushed to the disk; `rename`: complete, but a
    /// power cut may undo it (the receipt says `cached`).
    #[arg(long, value_enum, default_value_t = Durability::Full, conflicts_with = "ram")]
    pub durability: Durability,

    /// Connections that may be open at once; a client with much to move opens two. One more is
    /// told that there are too many.
    #[arg(long, value_name = "COUNT", default_value_t = 32, value_parser = sessions)]
    pub max_sessions: usize,

    /// Memory of a connection for what was received and not read, and again for what was not
    /// acknowledged. Only what is used of it is taken.
    #[arg(long, value_name = "SIZE", default_value_t = Size(512 << 10), value_parser = buffer)]
    pub socket_buffer: Size,

    /// Seconds that running transfers get to finish after the first SIGTERM or SIGINT; a second
    /// signal ends at once.
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(0..=4_000_000))]
    pub grace: u64,
}

/// What makes the link worse, and who watches.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Trial")]
pub struct TrialOptions {
    /// Write every frame to this file, for tcpdump and Wireshark.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub pcap: Option<PathBuf>,

    /// Of a hundred frames each way, how many are lost.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = percent(),
        conflicts_with = "offload")]
    pub drop_chance: u8,

    /// Of a hundred frames each way, how many have one bit wrong.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = percent(),
        conflicts_with = "offload")]
    pub corrupt_chance: u8,

    /// The longest frame that is not lost; 0: any.
    #[arg(long, value_name = "BYTES", default_value_t = 0, conflicts_with = "offload")]
    pub size_limit: usize,

    /// Frames that are sent in an interval, the others being lost; 0: all.
    #[arg(long, value_name = "COUNT", default_value_t = 0, conflicts_with = "offload")]
    pub tx_rate_limit: u64,

    /// Frames that are received in an interval, the others being lost; 0: all.
    #[arg(long, value_name = "COUNT", default_value_t = 0, conflicts_with = "offload")]
    pub rx_rate_limit: u64,

    /// That interval.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 100,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub shaping_interval: u64,

    /// With the same number, the same frames are lost and damaged [default: another one each
    /// time, which is logged].
    #[arg(long, value_name = "NUMBER")]
    pub fault_seed: Option<u32>,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

impl LinkOptions {
    /// The addresses of both sides.
    pub(super) fn network(&self) -> Result<Network, AddressError> {
        Network::new(&self.addr, self.dhcp, &self.gateway, &self.host_addr)
    }

    /// What the device is to be.
    pub(super) fn device(&self, network: &Network) -> Setup {
        let host = network.host.clone();
        Setup { name: self.tap.clone(), offload: self.offload, host, mtu: self.mtu }
    }
}

impl TrialOptions {
    /// The faults, with a seed for those that have none.
    pub(super) fn faults(&self, seed: u32) -> Faults {
        Faults {
            drop_chance: self.drop_chance,
            corrupt_chance: self.corrupt_chance,
            size_limit: self.size_limit,
            tx_rate: self.tx_rate_limit,
            rx_rate: self.rx_rate_limit,
            interval: Duration::from_millis(self.shaping_interval),
            seed: self.fault_seed.unwrap_or(seed),
        }
    }
}

fn port() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..)
}

fn percent() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(0..=100)
}

fn transfer_port(text: &str) -> Result<TransferChoice, String> {
    match text.parse() {
        Ok(TransferChoice::Port(1..) | TransferChoice::None) => text.parse(),
        _ => Err("a port from 1 to 65535 or the word none is needed".into()),
    }
}

fn ram(text: &str) -> Result<Size, String> {
    match text.parse()? {
        size if size < RAM_MIN => Err(format!("at least {RAM_MIN} are needed")),
        size => Ok(size),
    }
}

fn buffer(text: &str) -> Result<Size, String> {
    match text.parse()? {
        size if size < BUFFERS.0 || size > BUFFERS.1 => {
            Err(format!("{} to {} can be used", BUFFERS.0, BUFFERS.1))
        }
        size => Ok(size),
    }
}

fn sessions(text: &str) -> Result<usize, String> {
    match at_least_one(text)? {
        count if count > 4096 => Err("at most 4096 can be served".into()),
        count => Ok(count),
    }
}

fn hardware(text: &str) -> Result<EthernetAddress, String> {
    let address: EthernetAddress =
        text.parse().map_err(|()| "six pairs of digits are needed, as 02:00:00:00:00:01")?;
    if address.is_unicast() && address != EthernetAddress([0; 6]) {
        return Ok(address);
    }
    Err(format!("{text} is not the address of a single station: the first pair must be even"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn options(line: &str) -> Result<Options, clap::Error> {
        Options::try_parse_from(line.split(' '))
    }

    fn why(line: &str) -> String {
        options(&format!("coracle-tap --addr 192.168.69.1/24 {line}")).unwrap_err().to_string()
    }

    #[test]
    fn the_options_are_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn little_need_be_said() {
        let options = options("coracle-tap --addr 192.168.69.1/24 --ram 16M").unwrap();
        assert_eq!((&*options.link.tap, options.link.setup), ("tap0", false));
        assert_eq!((options.root, options.ram), (None, Some(Size(16 << 20))));
        assert_eq!(options.service.control_port, 2222);
        assert_eq!(options.service.transfer_port.port(), Some(3333));
        assert_eq!(options.service.classic, Switch::Off);
        assert_eq!(options.service.socket_buffer, Size(512 << 10));
        assert!(!options.trial.faults(7).any());
        let device = options.link.device(&options.link.network().unwrap());
        assert_eq!(device.host, ["192.168.69.2/24".parse().unwrap()]);
    }

    #[test]
    fn one_medium_and_an_address_are_needed() {
        for line in ["", " /tmp --ram 1M", " --addr 10.0.0.1/8", " --ram 1M", " /tmp"] {
            options(&format!("coracle-tap{line}")).expect_err(line);
        }
        for line in ["--dhcp /tmp", "--dhcp --addr 10.0.0.1/8 --addr fd00::1/64 --ram 1M"] {
            options(&format!("coracle-tap {line}")).expect(line);
        }
    }

    #[test]
    fn what_is_no_value_is_told_what_is_one() {
        for (line, told) in [
            ("--ram 63K", "at least 64K"),
            ("--ram lots", "as in 16M"),
            ("--ram 1M --socket-buffer 1K", "2K to 1G"),
            ("--ram 1M --max-sessions 0", "at least 1"),
            ("--ram 1M --max-sessions 5000", "at most 4096"),
            ("--ram 1M --control-port 0", "0 is not in 1..=65535"),
            ("--ram 1M --transfer-port 0", "from 1 to 65535 or the word none"),
            ("--ram 1M --drop-chance 101", "101 is not in 0..=100"),
            ("--ram 1M --mac 02:00", "six pairs"),
            ("--ram 1M --mac 01:00:00:00:00:00", "the first pair must be even"),
            ("--ram 1M --mac 00:00:00:00:00:00", "not the address of a single station"),
            ("--ram 1M --gateway tap0", "is no address"),
        ] {
            assert!(why(line).contains(told), "{line}: {}", why(line));
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for line in [
            "--ram 1M --read-only",
            "--ram 1M --durability rename",
            "--ram 1M --host-addr 192.168.69.3",
            "--ram 1M --mtu 9000",
            "--ram 1M --offload --corrupt-chance 1",
            "--ram 1M --offload --size-limit 1000",
        ] {
            assert!(!why(line).is_empty());
        }
    }

    #[test]
    fn faults_have_a_seed_that_can_be_chosen() {
        let line = "coracle-tap --addr 192.168.69.1/24 --drop-chance 5 --shaping-interval 50 /tmp";
        let faults = options(line).unwrap().trial.faults(7);
        assert!(faults.any());
        assert_eq!((faults.seed, faults.interval), (7, Duration::from_millis(50)));
        let chosen = options(&format!("{line} --fault-seed 9")).unwrap().trial.faults(7);
        assert_eq!(chosen.seed, 9);
    }
}
