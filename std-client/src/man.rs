//! The man page.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::Cli;
use crate::tour::{Chapter, TOUR};

/// One page with all commands: what one looks for is found where one searches.
pub(crate) fn page() -> io::Result<String> {
    let mut command = Cli::command();
    command = command.override_usage(
        "coracle [OPTIONS] HOST[:PORT] COMMAND [ARGUMENTS]\n\
         coracle --list-hosts\ncoracle --completions SHELL\ncoracle --man",
    );
    let man = Man::new(command.clone()).title("CORACLE").manual("User Commands");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend_from_slice(b".SH COMMANDS\n");
    let mut whole = Cli::command();
    whole.build();
    for command in command.get_subcommands() {
        let usage = whole.find_subcommand_mut(command.get_name()).map(Command::render_usage);
        describe(command.clone(), &usage.unwrap_or_default().to_string(), &mut page)?;
    }
    for Chapter { title, text } in TOUR {
        let mut roff = Roff::new();
        roff.control("SH", [&*title.to_uppercase()]);
        verbatim(&mut roff, text.trim_start_matches('\n'));
        page.extend_from_slice(roff.to_roff().as_bytes());
    }
    Ok(String::from_utf8_lossy(&page).chars().map(spelled).collect())
}

/// A letter as every formatter understands it, whatever encoding it expects.
fn spelled(letter: char) -> String {
    match letter.is_ascii() {
        true => letter.to_string(),
        false => format!("\\[u{:04X}]", u32::from(letter)),
    }
}

/// A section about one command.
fn describe(command: Command, usage: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SS", [&*command.get_name_and_visible_aliases().join(", ")]);
    roff.text([bold(usage.trim_start_matches("Usage: "))]);
    roff.control("PP", []);
    page.extend_from_slice(roff.to_roff().as_bytes());
    let after = command.get_after_help().map(ToString::to_string);
    let man = Man::new(command.disable_help_flag(true));
    page.extend(headless(|out| man.render_description_section(out))?);
    page.extend(headless(|out| man.render_options_section(out))?);
    if let Some(after) = after {
        let mut roff = Roff::new();
        roff.control("PP", []);
        verbatim(&mut roff, &after);
        page.extend_from_slice(roff.to_roff().as_bytes());
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
