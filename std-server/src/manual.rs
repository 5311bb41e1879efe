//! Completions for shells and the man page: what is asked for instead of serving.

use std::io::{self, Write};

use clap::builder::{StyledStr, Styles};
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::cli::Options;

/// What can be asked for instead of serving.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Instead of serving")]
pub struct Manual {
    /// Print the script that teaches a shell to complete words.
    #[arg(long, value_name = "SHELL", exclusive = true,
          value_parser = ["bash", "zsh", "fish"])]
    completions: Option<String>,

    /// Print the man page.
    #[arg(long, exclusive = true)]
    man: bool,
}

/// The options of this process, or nothing if it was asked for something else, which was printed.
///
/// # Errors
///
/// If that could not be printed. Wrong options end the process.
pub fn options() -> io::Result<Option<Options>> {
    let matches = Options::command().get_matches();
    if let Some(answer) = answer(&matches) {
        return print(&answer?).map(|()| None);
    }
    let options = Options::from_arg_matches(&matches);
    Ok(Some(options.unwrap_or_else(|error| error.format(&mut Options::command()).exit())))
}

fn answer(matches: &ArgMatches) -> Option<io::Result<Vec<u8>>> {
    let shell = matches.get_one::<String>("completions");
    if let Some(shell) = shell.and_then(|shell| shell.parse::<Shell>().ok()) {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Options::command(), "coracled", &mut script);
        return Some(Ok(script));
    }
    matches.get_flag("man").then(man_page)
}

fn print(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        // Whoever reads has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn man_page() -> io::Result<Vec<u8>> {
    let command = Options::command()
        .override_usage("coracled [OPTIONS] ROOT\ncoracled --completions SHELL\ncoracled --man");
    let man = Man::new(command).title("CORACLED").manual("User Commands");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    for (title, text) in TOUR {
        let mut roff = Roff::new();
        roff.control("SH", [&*title.to_uppercase()]);
        roff.control("nf", []);
        for line in text.trim_start_matches('\n').lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
        roff.to_writer(&mut page)?;
    }
    // Some formatters make an accent of it.
    Ok(String::from_utf8_lossy(&page).replace('~', "\\(ti").into_bytes())
}

/// For `-h`.
const ESSENTIALS: &str = "
  coracled ~/shared                          serve a folder to this machine
  coracle 127.0.0.1 ls                       and list it from there

--help tells more, by example.";

/// For `--help` and the man page: titles, and texts that begin with the end of the title's line and
/// whose lines that begin with two spaces are
/// examples up to the next two spaces. A test runs each.
const TOUR: &[(&str, &str)] = &[
    (
        "First steps",
        "
  coracled ~/shared                          serve a folder to this machine
  coracled --listen '[::1]:2222' ~/shared    the same over IPv6
  coracled --listen 127.0.0.1:0 ~/shared     on a free port, which is printed
  coracled --transfer-port none ~/shared     one port is enough
  coracle 127.0.0.1 ls                       then, in another terminal",
    ),
    (
        "Serving others",
        "
  coracled --listen 0.0.0.0:2222 --insecure-anyone-can-read-and-write ~/shared
  coracled --read-only --log json ~/shared   hand out files, log for programs
  coracled --classic off ~/shared            no classic clients, native ones only
  coracled --max-sessions 64 --min-rate 1000 ~/shared
There are no keys: whoever reaches the port can read and, without --read-only, write.",
    ),
    (
        "Signals",
        "
SIGTERM and SIGINT end idle sessions at once and give running transfers the --grace; a second
signal ends at once. What was cut off can be continued by its client.",
    ),
    (
        "Completions and man page",
        "
  coracled --completions bash > ~/.local/share/bash-completion/completions/coracled
  coracled --completions zsh > ~/.zfunc/_coracled
  coracled --completions fish > ~/.config/fish/completions/coracled.fish
  coracled --man > ~/.local/share/man/man1/coracled.1",
    ),
    (
        "Exit status",
        "
0 ended by a signal as asked, 1 cannot serve, 2 wrong usage.",
    ),
];

/// The essentials, with a heading like those of the options.
pub(crate) fn essentials() -> StyledStr {
    headed("Examples", ESSENTIALS).into()
}

/// The tour, with such headings.
pub(crate) fn tour() -> StyledStr {
    let chapters = TOUR.iter().map(|(title, text)| headed(title, text));
    chapters.collect::<Vec<_>>().join("\n\n").into()
}

fn headed(title: &str, text: &str) -> String {
    let styles = Styles::styled();
    let heading = styles.get_header();
    format!("{heading}{title}:{heading:#}{text}")
}
