//! The progress lines on a terminal: one for the whole, one for the file that is moved.

use std::io::stderr;
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::termios::tcgetwinsize;

use crate::print::Shown;
use crate::progress::{Current, TELL_EVERY, Whole};

/// Draws in a second: more would only be overhead.
const DRAWS_PER_SECOND: u8 = 10;

/// What a line says on a terminal of at least so many columns, and what it says where it is not
/// known how much is to come. A line that does not fit is broken, and cannot be drawn over.
const LAYOUTS: [(u16, &str, &str); 4] = [
    (
        100,
        "{wide_msg} {bytes}/{total_bytes} [{bar:24}] {binary_bytes_per_sec} eta {eta}",
        "{wide_msg} {bytes} {binary_bytes_per_sec}",
    ),
    (
        70,
        "{wide_msg} {bytes}/{total_bytes} [{bar:10}] {binary_bytes_per_sec} eta {eta}",
        "{wide_msg} {bytes} {binary_bytes_per_sec}",
    ),
    (
        45,
        "{wide_msg} {bytes}/{total_bytes} {binary_bytes_per_sec}",
        "{wide_msg} {bytes} {binary_bytes_per_sec}",
    ),
    (0, "{wide_msg} {percent}%", "{wide_msg} {bytes}"),
];

/// The lines that are drawn.
#[derive(Debug)]
pub(crate) struct Bars {
    lines: MultiProgress,
    whole: Option<ProgressBar>,
    file: ProgressBar,
    is_new: bool,
    drawn: Option<Instant>,
}

impl Bars {
    /// A line for the whole only where there is more than one file.
    pub(crate) fn new(whole: &Whole) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
        let lines = MultiProgress::with_draw_target(target);
        let add = || lines.add(ProgressBar::no_length());
        let whole = (whole.files > 1).then(add);
        let file = add();
        Self { lines, whole, file, is_new: true, drawn: None }
    }

    /// Another file: its line begins anew when it is drawn next. Most files are through before.
    pub(crate) const fn begin(&mut self) {
        self.is_new = true;
    }

    /// Draw, unless that was done a moment ago.
    pub(crate) fn draw(&mut self, whole: &Whole, current: &Current) {
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < TELL_EVERY) {
            return;
        }
        self.drawn = Some(Instant::now());
        if core::mem::take(&mut self.is_new) {
            self.file.reset();
            self.file.set_position(current.done);
            self.file.reset_eta();
        }
        // Asked each time: the user may have made it larger or smaller.
        let columns = tcgetwinsize(stderr()).map_or(u16::MAX, |size| size.ws_col);
        if let Some(line) = &self.whole {
            line.set_message(format!("{}/{} files", whole.done(), whole.files));
            show(line, whole.bytes_done, whole.bytes, columns);
        }
        self.file.set_message(Shown(&current.name).to_string());
        show(&self.file, current.done, current.size, columns);
    }

    /// Print something while the lines are away.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.lines.suspend(print);
    }

    /// All is through, and told in words.
    pub(crate) fn clear(self) {
        self.file.finish_and_clear();
        if let Some(whole) = self.whole {
            whole.finish_and_clear();
        }
    }
}

fn show(line: &ProgressBar, done: u64, size: Option<u64>, columns: u16) {
    match size {
        Some(size) => line.set_length(size),
        None => line.unset_length(),
    }
    let fitting = LAYOUTS.iter().find(|(least, ..)| columns >= *least);
    let template = fitting.map(|&(_, sized, open)| if size.is_some() { sized } else { open });
    if let Some(Ok(style)) = template.map(ProgressStyle::with_template) {
        line.set_style(style);
    }
    line.set_position(done);
}
