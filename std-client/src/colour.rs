//! Colours: where they may be, and the two that there are.

use core::fmt::{self, Display};
use std::env;
use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};

/// Whether a stream takes colours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colours(bool);

/// Text in a style, or plain.
struct Painted<T>(Option<Style>, T);

impl Colours {
    /// Colours on a terminal that can show them, unless the user wants none (`NO_COLOR`, not
    /// empty).
    pub(crate) fn of(stream: &impl IsTerminal) -> Self {
        let is_unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(stream.is_terminal() && !is_unwanted && !is_dumb())
    }

    /// None, for what is no terminal or somebody else's.
    pub(crate) const fn none() -> Self {
        Self(false)
    }

    /// What went wrong.
    pub(crate) fn bad(self, text: impl Display) -> impl Display {
        Painted(self.style(AnsiColor::Red), text)
    }

    /// What is done.
    pub(crate) fn good(self, text: impl Display) -> impl Display {
        Painted(self.style(AnsiColor::Green), text)
    }

    fn style(self, colour: AnsiColor) -> Option<Style> {
        self.0.then(|| colour.on_default())
    }
}

/// Whether the terminal can do nothing but print.
pub(crate) fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(style) => write!(f, "{style}{}{style:#}", self.1),
            None => self.1.fmt(f),
        }
    }
}
