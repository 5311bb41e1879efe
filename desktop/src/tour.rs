//! A manual by example: chapters of `--help` and of the man page.

use clap::builder::{StyledStr, Styles};

/// What belongs together.
#[derive(Clone, Copy, Debug)]
pub struct Chapter {
    /// Its heading.
    pub title: &'static str,
    /// Begins with the end of the title's line. A line that begins with two spaces is an example,
    /// up to the next two spaces.
    pub text: &'static str,
}

/// A few examples for `-h`, with a heading like those of the options.
pub fn essentials(text: &str) -> StyledStr {
    headed("Examples", text).into()
}

/// The tour for `--help`, with such headings.
pub fn told(tour: &[Chapter]) -> StyledStr {
    let chapters = tour.iter().map(|chapter| headed(chapter.title, chapter.text));
    chapters.collect::<Vec<_>>().join("\n\n").into()
}

fn headed(title: &str, text: &str) -> String {
    let styles = Styles::styled();
    let heading = styles.get_header();
    format!("{heading}{title}:{heading:#}{text}")
}
