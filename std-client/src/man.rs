//! The man page.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::Cli;
use crate::tour::{Chapter, TOUR};

/// How the program is run without a host.
const OTHER_USAGE: &str = "\ncoracle --list-hosts\ncoracle --completions <SHELL>\ncoracle --man";

/// One page with all commands: what one looks for is found where one searches.
pub(crate) fn page() -> io::Result<String> {
    let command = Cli::command();
    let mut whole = command.clone();
    whole.build();
    let command = command.override_usage(usage(&mut whole) + OTHER_USAGE);
    let man = Man::new(command.clone()).title("CORACLE").manual("User Commands");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend_from_slice(b".SH COMMANDS\n");
    for command in command.get_subcommands() {
        let usage = whole.find_subcommand_mut(command.get_name()).map(usage).unwrap_or_default();
        describe(command.clone(), &usage, &mut page)?;
    }
    for Chapter { title, text } in TOUR {
        let mut roff = Roff::new();
        roff.control("SH", [&*title.to_uppercase()]);
        verbatim(&mut roff, text.trim_start_matches('\n'));
        roff.to_writer(&mut page)?;
    }
    Ok(String::from_utf8_lossy(&page).chars().map(spelled).collect())
}

fn usage(command: &mut Command) -> String {
    let usage = command.render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

/// A letter as every formatter understands it, whatever encoding it expects, and as itself: some
/// make typographic quotes and accents of those that stand in commands.
fn spelled(letter: char) -> String {
    match letter {
        '`' => "\\(ga".to_owned(),
        '~' => "\\(ti".to_owned(),
        '^' => "\\(ha".to_owned(),
        letter if letter.is_ascii() => letter.to_string(),
        letter => format!("\\[u{:04X}]", u32::from(letter)),
    }
}

/// A section about one command.
fn describe(command: Command, usage: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SS", [&*command.get_name_and_visible_aliases().join(", ")]);
    roff.text([bold(usage)]);
    roff.control("PP", []);
    roff.to_writer(page)?;
    let after = command.get_after_help().map(ToString::to_string);
    let man = Man::new(command.disable_help_flag(true));
    page.extend(headless(|out| man.render_description_section(out))?);
    page.extend(headless(|out| man.render_options_section(out))?);
    if let Some(after) = after {
        let mut roff = Roff::new();
        roff.control("PP", []);
        verbatim(&mut roff, &after);
        roff.to_writer(page)?;
    }
    Ok(())
}

/// A section without its heading.
fn headless(render: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let mut section = Vec::new();
    render(&mut section)?;
    let lines = section.split_inclusive(|&byte| byte == b'\n');
    Ok(lines.filter(|line| !line.starts_with(b".SH")).flatten().copied().collect())
}

/// Text whose lines stay as they are.
fn verbatim(roff: &mut Roff, text: &str) {
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}
