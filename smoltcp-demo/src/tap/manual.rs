//! How `coracle-tap` explains itself.

use std::io;

use clap::CommandFactory;
use clap::builder::StyledStr;
use coracle_desktop::tour::{self, Chapter};
use coracle_desktop::{man, manual};

use super::cli::Options;

/// How to run the program to serve.
pub(super) const SERVING: &str =
    "coracle-tap [OPTIONS] <--addr ADDRESS/LENGTH | --dhcp> <ROOT | --ram SIZE>";

/// The other ways to run it.
const OTHERWISE: &str = "coracle-tap --completions SHELL\ncoracle-tap --man";

/// The options of this process, or nothing if it was asked for something else, which was printed.
///
/// # Errors
///
/// If that could not be printed. Wrong options end the process.
pub fn options() -> io::Result<Option<Options>> {
    manual::options(man_page)
}

fn man_page() -> io::Result<String> {
    man::page(Options::command(), format!("{SERVING}\n{OTHERWISE}"), TOUR)
        .map(|page| man::spelled(&page))
}

/// For `-h`.
pub(super) fn essentials() -> StyledStr {
    tour::essentials(ESSENTIALS)
}

/// For `--help`.
pub(super) fn tour() -> StyledStr {
    tour::told(TOUR)
}

const ESSENTIALS: &str = "
  sudo coracle-tap --setup --addr 192.168.69.1/24 --ram 16M     a RAM disk behind tap0
  coracle 192.168.69.1 ls                                       and list it from this machine

--help tells more, by example.";

/// For `--help` and the man page. A test reads each example of this program.
const TOUR: &[Chapter] = &[
    Chapter {
        title: "First steps",
        text: "
  sudo coracle-tap --setup --tap tap0 --addr 192.168.69.1/24 --ram 16M
  coracle 192.168.69.1 ls                       then, in another terminal
  ping 192.168.69.1                             the stack answers that too
  sudo coracle-tap --setup --addr 192.168.69.1/24 --addr fd00::1/64 ~/shared
  coracle fd00::1 ls                            a folder, and IPv6
The server is 192.168.69.1 here; the kernel's side of tap0 becomes 192.168.69.2 (--host-addr).
Ctrl-C ends it, and tap0 is gone.",
    },
    Chapter {
        title: "Without root",
        text: "
The device is made once, by root, for a user; the server then needs no rights:
  sudo ip tuntap add name tap0 mode tap user $USER
  sudo ip addr add 192.168.69.2/24 dev tap0
  sudo ip link set tap0 txqueuelen 8192 up
  coracle-tap --tap tap0 --addr 192.168.69.1/24 ~/shared
  sudo ip tuntap del name tap0 mode tap         when it is of no use any more
It stays when the server ends; its other side is then as a cable that is unplugged. Its queue is
made longer so that many sessions find room in it.",
    },
    Chapter {
        title: "On a network",
        text: "
In a bridge with a real interface the server is one more machine of that network:
  sudo ip tuntap add name tap0 mode tap user $USER
  sudo ip link set tap0 master br0 up
  coracle-tap --dhcp --insecure-anyone-can-read-and-write ~/shared
  coracle-tap --addr 10.0.0.9/8 --gateway 10.0.0.1 --insecure-anyone-can-read-and-write ~/shared
With --dhcp the server is ready once it has an address, which is logged; when the lease ends it
has none until there is another. Each server needs a hardware address of its own: it follows from
the machine and the name of the interface, or is given with --mac.",
    },
    Chapter {
        title: "Who can reach it",
        text: "
There are no keys: whoever reaches the server can read and, without --read-only, write. A TAP
interface is reached by every user of this machine, and by those for whom this machine passes on
what they send: its bridges, its routes. With --gateway or --dhcp, or in a bridge, the server
begins only with --insecure-anyone-can-read-and-write; what is bridged or routed later it cannot
know.",
    },
    Chapter {
        title: "A bad link, on purpose",
        text: "
  coracle-tap --addr 192.168.69.1/24 --drop-chance 5 --corrupt-chance 5 --ram 16M
  coracle-tap --addr 192.168.69.1/24 --tx-rate-limit 100 --shaping-interval 50 --ram 16M
  coracle-tap --addr 192.168.69.1/24 --pcap /tmp/frames.pcap --ram 16M
Transfers take longer, and each has the right checksum or fails and can be continued. What is
lost when received is not in the capture.",
    },
    Chapter {
        title: "Speed",
        text: "
  coracle-tap --setup --addr 192.168.69.1/24 --offload ~/shared
  coracle-tap --setup --addr 192.168.69.1/24 --mtu 9000 ~/shared
  coracle-tap --addr 192.168.69.1/24 --socket-buffer 2M --max-sessions 8 ~/shared
Each frame is a call into the kernel: with --offload or a large --mtu there are fewer. One thread
serves all sessions; only the flushes of a folder run beside it, so that a folder on a slow disk
or a network can hold up all of them for as long as a read or a write takes. Memory: for each
session twice the --socket-buffer, as far as it is used, and the buffers of files under way.",
    },
    Chapter {
        title: "Signals",
        text: "
SIGTERM and SIGINT end idle sessions at once and give running transfers the --grace; a second
signal ends at once. What was cut off can be continued by its client, unless it was on a RAM disk.",
    },
    Chapter {
        title: "Completions and man page",
        text: "
  coracle-tap --completions bash > ~/.local/share/bash-completion/completions/coracle-tap
  coracle-tap --completions zsh > ~/.zfunc/_coracle-tap
  coracle-tap --completions fish > ~/.config/fish/completions/coracle-tap.fish
  coracle-tap --man > ~/.local/share/man/man1/coracle-tap.1",
    },
    Chapter {
        title: "Exit status",
        text: "
0 ended by a signal as asked, 1 cannot serve, or the device is gone, 2 wrong usage.",
    },
];

#[cfg(test)]
mod tests {
    use clap::{Command, Parser as _};
    use coracle_desktop::manual::Manual;

    use super::*;

    /// Each example of this program, without what explains it.
    fn examples() -> impl Iterator<Item = &'static str> {
        let texts = TOUR.iter().map(|chapter| chapter.text).chain([ESSENTIALS]);
        let lines = texts.flat_map(str::lines).filter_map(|line| line.strip_prefix("  "));
        let commands = lines.map(|line| line.split("  ").next().unwrap_or(line));
        commands
            .map(|command| command.trim_start_matches("sudo "))
            .filter(|command| command.starts_with("coracle-tap "))
    }

    #[test]
    fn every_example_is_understood() {
        let mut count = 0;
        for example in examples() {
            let words = shlex::split(example.split(" > ").next().unwrap()).expect(example);
            let matches = Options::command().try_get_matches_from(&words).expect(example);
            if Manual::asked(&matches).is_none() {
                let options = Options::try_parse_from(&words).expect(example);
                options.link.network().expect(example);
            }
            count += 1;
        }
        assert!(count > 12, "{count} examples");
    }

    #[test]
    fn the_manual_tells_every_option() {
        let page = man_page().unwrap();
        let command = Options::command();
        let options = command.get_arguments().filter_map(|option| option.get_long());
        for option in options {
            let spelled = option.replace('-', "\\-");
            assert!(page.contains(&format!("\\-\\-{spelled}")), "--{option}");
        }
        assert!(page.is_ascii() && page.contains(".SH \"WHO CAN REACH IT\""));
    }

    #[test]
    fn help_fits_a_terminal() {
        let command = |width| -> Command { Options::command().term_width(width) };
        for help in [command(100).render_long_help(), command(100).render_help()] {
            for line in help.to_string().lines() {
                assert!(line.chars().count() <= 100, "{line}");
            }
        }
    }
}
