//! How `coracled` explains itself.

use std::io;

use clap::CommandFactory;
use coracle_desktop::tour::Chapter;
use coracle_desktop::{man, manual};

use crate::cli::Options;

/// Every way to run the program.
const USAGE: &str = "coracled [OPTIONS] ROOT\ncoracled --completions SHELL\ncoracled --man";

/// The options of this process, or nothing if it was asked for something else, which was printed.
///
/// # Errors
///
/// If that could not be printed. Wrong options end the process.
pub fn options() -> io::Result<Option<Options>> {
    manual::options(man_page)
}

fn man_page() -> io::Result<String> {
    let page = man::page(Options::command(), USAGE.to_owned(), TOUR)?;
    // Some formatters make an accent of it.
    Ok(page.replace('~', "\\(ti"))
}

/// For `-h`.
pub(crate) const ESSENTIALS: &str = "
  coracled ~/shared                          serve a folder to this machine
  coracle 127.0.0.1 ls                       and list it from there

--help tells more, by example.";

/// For `--help` and the man page. A test runs each example.
pub(crate) const TOUR: &[Chapter] = &[
    Chapter {
        title: "First steps",
        text: "
  coracled ~/shared                          serve a folder to this machine
  coracled --listen '[::1]:2222' ~/shared    the same over IPv6
  coracled --listen 127.0.0.1:0 ~/shared     on a free port, which is printed
  coracled --transfer-port none ~/shared     one port is enough
  coracle 127.0.0.1 ls                       then, in another terminal",
    },
    Chapter {
        title: "Serving others",
        text: "
  coracled --listen 0.0.0.0:2222 --insecure-anyone-can-read-and-write ~/shared
  coracled --read-only --log json ~/shared   hand out files, log for programs
  coracled --classic off ~/shared            no classic clients, native ones only
  coracled --max-sessions 64 --min-rate 1000 ~/shared
There are no keys: whoever reaches the port can read and, without --read-only, write.",
    },
    Chapter {
        title: "Signals",
        text: "
SIGTERM and SIGINT end idle sessions at once and give running transfers the --grace; a second
signal ends at once. What was cut off can be continued by its client.",
    },
    Chapter {
        title: "Completions and man page",
        text: "
  coracled --completions bash > ~/.local/share/bash-completion/completions/coracled
  coracled --completions zsh > ~/.zfunc/_coracled
  coracled --completions fish > ~/.config/fish/completions/coracled.fish
  coracled --man > ~/.local/share/man/man1/coracled.1",
    },
    Chapter {
        title: "Exit status",
        text: "
0 ended by a signal as asked, 1 cannot serve, 2 wrong usage.",
    },
];
