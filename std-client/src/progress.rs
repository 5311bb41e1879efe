//! What is told on standard error: the progress bar on a terminal, notes, errors.

use core::cell::RefCell;
use core::fmt::Display;
use std::io::{IsTerminal, stderr};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::Options;
use crate::job::JobState;

/// Draws in a second: more would only be overhead.
const DRAWS_PER_SECOND: u8 = 10;

/// The voice of the program.
pub(crate) struct Progress {
    job: Option<(Arc<JobState>, Box<dyn Fn(String) + Send + Sync>)>,
    quiet: bool,
    verbose: bool,
    is_terminal: bool,
    bar: RefCell<Option<ProgressBar>>,
}

impl Progress {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            job: None,
            quiet: options.quiet,
            verbose: options.verbose,
            is_terminal: stderr().is_terminal(),
            bar: RefCell::new(None),
        }
    }

    pub(crate) fn shell(options: &Options) -> Self {
        Self::new(options)
    }

    pub(crate) fn background(
        options: &Options,
        state: Arc<JobState>,
        print: Box<dyn Fn(String) + Send + Sync>,
    ) -> Self {
        Self { job: Some((state, print)), ..Self::new(options) }
    }

    /// A file begins, at `done` of its bytes.
    pub(crate) fn begin(&self, name: impl Display, done: u64, size: Option<u64>) {
        if let Some((state, _)) = &self.job {
            let mut job = state.lock();
            job.bytes_done = done;
            job.bytes = size;
        }
        if self.quiet || !self.is_terminal || self.job.is_some() {
            return;
        }
        let mut bar = self.bar.borrow_mut();
        let bar = bar.get_or_insert_with(new_bar);
        match size {
            Some(size) => bar.set_length(size),
            None => bar.unset_length(),
        }
        bar.set_position(done);
        bar.reset_eta();
        bar.set_message(name.to_string());
    }

    /// So many bytes were moved.
    pub(crate) fn moved(&self, bytes: usize) {
        if let Some((state, _)) = &self.job {
            state.lock().bytes_done += bytes as u64;
        }
        if let Some(bar) = &*self.bar.borrow() {
            bar.inc(bytes as u64);
        }
    }

    /// All files are through.
    pub(crate) fn end(&self) {
        let Some(bar) = self.bar.borrow_mut().take() else { return };
        // Of a transfer that stopped early the message tells; its bar would say nothing true.
        if bar.length().is_none_or(|length| bar.position() >= length) {
            bar.abandon();
        } else {
            bar.finish_and_clear();
        }
    }

    /// Something the user should know.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.quiet {
            self.print(text);
        }
    }

    /// Something for the curious.
    pub(crate) fn detail(&self, text: impl Display) {
        if self.verbose {
            self.print(text);
        }
    }

    /// Something was not done.
    pub(crate) fn error(&self, text: impl Display) {
        self.print(text);
    }

    fn print(&self, text: impl Display) {
        if let Some((_, print)) = &self.job {
            print(format!("coracle: {text}"));
            return;
        }
        let print = || eprintln!("coracle: {text}");
        match &*self.bar.borrow() {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

fn new_bar() -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
    let template = "{msg} {bytes}/{total_bytes} [{bar:24}] {binary_bytes_per_sec} eta {eta}";
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::with_draw_target(None, target);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
