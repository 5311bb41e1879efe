//! The man page of a program, from its options and its tour.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::tour::Chapter;

/// One page with all commands: what one looks for is found where one searches. `usage` is every
/// way to run the program, one a line.
///
/// # Errors
///
/// If it cannot be made.
pub fn page(command: Command, usage: String, tour: &[Chapter]) -> io::Result<String> {
    let title = command.get_name().to_uppercase();
    let mut built = command.clone();
    built.build();
    let command = command.override_usage(usage);
    let man = Man::new(command.clone()).title(title).manual("User Commands");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        page.extend_from_slice(b".SH COMMANDS\n");
    }
    for command in command.get_subcommands() {
        let usage = built.find_subcommand_mut(command.get_name()).map(self::usage);
        describe(command.clone(), &usage.unwrap_or_default(), &mut page)?;
    }
    for Chapter { title, text } in tour {
        let mut roff = Roff::new();
        roff.control("SH", [&*title.to_uppercase()]);
        verbatim(&mut roff, text.trim_start_matches('\n'));
        roff.to_writer(&mut page)?;
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// How a command that is [built](Command::build) is run, from its options.
pub fn usage(built: &mut Command) -> String {
    let usage = built.render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

/// A page as every formatter understands it, whatever encoding it expects, and every letter as
/// itself: some make typographic quotes and accents of those that stand in commands.
pub fn spelled(page: &str) -> String {
    page.chars().map(spell).collect()
}

fn spell(letter: char) -> String {
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
