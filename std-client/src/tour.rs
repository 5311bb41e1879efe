//! The manual by example: chapters of `coracle --help` and of the man page.
//!
//! A line that begins with two spaces is an example, up to the next two spaces: a test runs each.

use coracle_desktop::tour::Chapter;

/// For `-h`.
pub(crate) const ESSENTIALS: &str = "
  coracle boat ls                            list the served folder
  coracle boat upload log.txt                send log.txt
  coracle boat download log.txt              fetch it
  coracle boat -c upload disk.img            continue what was interrupted
  coracle boat                               a shell: asks for commands

--help tells more, by example; `coracle boat COMMAND --help` tells about one command.";

/// For `--help` and the man page.
pub(crate) const TOUR: &[Chapter] = &[
    Chapter {
        title: "First steps",
        text: "
  coracle boat ls                            list the served folder
  coracle boat upload log.txt                send log.txt
  coracle boat upload log.txt logs/today     send it under another name
  coracle boat download logs/today           fetch it as ./today
  coracle boat download logs/today old.txt   fetch it as ./old.txt
  coracle boat sum log.txt                   its CRC-32 and length, as the server reads it back
  coracle ::1 df                             free space, over IPv6; with a port: '[::1]:2222'
boat is the name or address of your server, or one of your configuration file.",
    },
    Chapter {
        title: "Several files",
        text: "
  coracle boat mkdir inbox                   a folder for them
  coracle boat upload a b c inbox/           into a folder of the server
  coracle boat --folder inbox ls             names are relative to inbox
  coracle boat --folder inbox download a b c -o backup
  coracle boat rm inbox/a inbox/b            remove them
  coracle boat mv log.txt log.old            rename; an existing file is replaced
With several names, those behind a failure are still tried.",
    },
    Chapter {
        title: "Folders and patterns",
        text: "
  coracle boat upload '*.png' pictures/      what matches here
  coracle boat download 'pictures/*.png'     what matches there: in quotes, or the shell looks here
  coracle boat upload -r photos              a folder with all that is in it
  coracle boat download -r photos album      as ./album, or into it if it is there
  coracle boat -c -r download photos         only what is missing or has changed
`*`, `?` and `[a-z]` stay within one name, and leave out names that begin with a dot. Links are
left out and told; a tree is never written through links.",
    },
    Chapter {
        title: "A shell",
        text: "
  coracle boat                               asks for commands; `help` lists them
  coracle boat < commands.txt                commands from a file, up to the first failure
  coracle boat --keep-going < commands.txt   all of them; the first failure decides
In the shell a Tab completes commands and names on either side, Ctrl-C stops a transfer and not the
shell, `download disk.img &` runs beside it. Words are quoted as in other shells.",
    },
    Chapter {
        title: "Pipes",
        text: "
  tar c src | coracle boat upload - src.tar    from standard input
  coracle boat download src.tar -o - | tar t  to standard output
What goes to standard output is proven only when the exit status is 0: use `set -o pipefail`.",
    },
    Chapter {
        title: "Programs",
        text: "
  coracle --json boat ls                     one JSON object a line, on standard output
  coracle --json boat upload log.txt         start, progress, done or refused, at last end
  coracle -q boat upload log.txt             nothing but errors: the exit status says the rest
Every object has an `event`; the last is `end`, with the exit status. docs/json.md has them all.",
    },
    Chapter {
        title: "Interrupted transfers",
        text: "
  coracle boat -c upload disk.img            continue an upload
  coracle boat -c download disk.img          continue a download
  coracle boat --retries 20 upload disk.img  be patient with a bad link
A lost connection is tried again by itself, and goes on where it was. What Ctrl-C stopped goes on
with -c, after the part that is there was proven to be the beginning of the same file.",
    },
    Chapter {
        title: "Classic servers",
        text: "
  coracle --classic old ls                   a server that speaks the classic dialect
  coracle --classic old upload log.txt       of whole files, without proof of what arrives
  coracle --classic old download log.txt     file bytes come to port 3333 of this side
`classic = true` in the configuration file says it once for all.",
    },
    Chapter {
        title: "Configuration file",
        text: "
  coracle --list-hosts                       the names it gives, and their addresses
$XDG_CONFIG_HOME/coracle/config.toml (usually ~/.config/coracle/config.toml), or the file that
--config or the variable CORACLE_CONFIG names:

    [defaults]                               for all hosts
    timeout = 30

    [hosts.boat]
    address = \"10.0.0.7:2222\"
    folder = \"logs\"

Keys: address, folder, timeout, connect-timeout, retries, one-connection, classic,
classic-port, local-port, as the options of these names. The command line beats the host, the host
beats the defaults.",
    },
    Chapter {
        title: "Completions and man page",
        text: "
  coracle --completions bash > ~/.local/share/bash-completion/completions/coracle
  coracle --completions zsh > ~/.zfunc/_coracle
  coracle --completions fish > ~/.config/fish/completions/coracle.fish
  coracle --man > ~/.local/share/man/man1/coracle.1
For zsh, ~/.zshrc says `fpath=(~/.zfunc $fpath)` before `compinit`.",
    },
    Chapter {
        title: "Exit status",
        text: "
0 done, 1 refused by the server, 2 wrong usage or configuration, 3 connection or protocol,
4 bytes damaged or changed, 5 local file, 130 interrupted. With several names, the first failure
decides.",
    },
    Chapter {
        title: "Environment",
        text: "
CORACLE_CONFIG names the configuration file; --config beats it. NO_COLOR, if it is not empty,
keeps all without colours; so does anything but a terminal.",
    },
];
