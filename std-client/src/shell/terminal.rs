//! A person at a terminal: the prompt, the editor of its line, what was typed before.

use std::env;
use std::fs::DirBuilder;
use std::io::{self, Write, stdin, stdout};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::config::{BellStyle, Config};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Editor, ExternalPrinter};
use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::remote::Remote;
use crate::shell::END_PATIENCE;
use crate::shell::complete::Completer;
use crate::shell::input::Read;
use crate::shell::jobs::Board;
use crate::shell::words::shown;
use crate::watch::Interrupt;

/// As the ancestor's client had it.
const PROMPT: &str = "Enter your command: ";

/// Lines that are remembered, over all runs.
const HISTORY_MAX: usize = 1000;

/// The terminal.
pub(crate) struct Terminal {
    editor: Editor<Completer, FileHistory>,
    history: Option<PathBuf>,
    /// Why the history was not kept, until that is told.
    trouble: Option<String>,
    is_at_prompt: Arc<Mutex<bool>>,
}

impl Terminal {
    /// Take the terminal over.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`] if the editor cannot work on it.
    pub(crate) fn new(completer: Completer, board: Arc<Board>) -> Result<Self, Failure> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .bell_style(BellStyle::None)
            // Pasted lines are commands, one after the other, as in any terminal.
            .bracketed_paste(false)
            .history_ignore_space(true)
            .max_history_size(HISTORY_MAX)
            .map_err(unusable)?
            .build();
        let history = FileHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history).map_err(unusable)?;
        editor.set_helper(Some(completer));
        let mut terminal =
            Self { editor, history: None, trouble: None, is_at_prompt: Arc::default() };
        if let Err(error) = terminal.load() {
            terminal.trouble = Some(error.to_string());
        }
        if let Ok(printer) = terminal.editor.create_external_printer() {
            print_at_once(printer, Arc::clone(&terminal.is_at_prompt), Arc::clone(&board));
        }
        let saved = tcgetattr(stdin()).ok();
        watch_for_the_end(saved, Arc::clone(&terminal.is_at_prompt), board);
        Ok(terminal)
    }

    fn load(&mut self) -> rustyline::Result<()> {
        let Some(path) = history_path() else { return Ok(()) };
        if let Some(folder) = path.parent() {
            // What was typed is nobody else's business.
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let loaded = match self.editor.load_history(&path) {
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        };
        self.history = Some(path);
        loaded
    }

    /// What is completed follows the folder; what was looked up before may be out of date.
    pub(crate) fn begin(&mut self, folder: &Remote) {
        if let Some(completer) = self.editor.helper_mut() {
            completer.begin(folder);
        }
    }

    /// Ask for a line.
    ///
    /// # Errors
    ///
    /// As [`Input::read`](crate::shell::input::Input::read).
    pub(crate) fn read(&mut self, interrupt: &Interrupt) -> Result<Read, Failure> {
        {
            let mut is_at_prompt = lock(&self.is_at_prompt);
            if interrupt.is_end() {
                return Err(Failure::Interrupted);
            }
            *is_at_prompt = true;
        }
        let result = self.editor.readline(PROMPT);
        *lock(&self.is_at_prompt) = false;
        match result {
            Ok(line) => {
                self.remember(&line);
                Ok(Read::Line(line.into_bytes()))
            }
            Err(ReadlineError::Interrupted) => Ok(Read::Dropped),
            Err(ReadlineError::Eof) => Ok(Read::End),
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Err(Failure::Usage("the line is not UTF-8; a pipe takes any bytes".to_owned()))
            }
            Err(error) => Err(unusable(error)),
        }
    }

    fn remember(&mut self, line: &str) {
        let added = self.editor.add_history_entry(line);
        if !matches!(added, Ok(true)) {
            return;
        }
        if let Some(path) = self.history.clone()
            && let Err(error) = self.editor.append_history(&path)
        {
            // Once is enough.
            self.history = None;
            self.trouble = Some(format!("{}: {error}", path.display()));
        }
    }

    /// Why the history is not kept, once.
    pub(crate) fn take_trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }

    /// What was typed, the oldest first, safe to print.
    pub(crate) fn typed(&self) -> Vec<String> {
        let shown = |line: &String| shown(line.as_bytes());
        self.editor.history().iter().map(shown).collect()
    }
}

/// What jobs say while the user sits at the prompt is printed above it. All else waits for the
/// next prompt: the editor only takes lines while there is one.
fn print_at_once(
    mut printer: impl ExternalPrinter + Send + 'static,
    is_at_prompt: Arc<Mutex<bool>>,
    board: Arc<Board>,
) {
    let print = move || {
        let mut count = 0;
        loop {
            count = board.wait_for_more(count);
            if !*lock(&is_at_prompt) {
                continue;
            }
            let lines: String = board.take_told().into_iter().map(|line| line + "\n").collect();
            // They may have been told before the prompt meanwhile.
            if !lines.is_empty() {
                // What cannot be printed on this terminal cannot be told anywhere else.
                printer.print(lines).ok();
            }
        }
    };
    // Without the thread they wait for the next prompt.
    thread::Builder::new().name("news".to_owned()).spawn(print).ok();
}

/// A signal that ends the program may find it at the prompt, where nothing else looks for it.
fn watch_for_the_end(saved: Option<Termios>, is_at_prompt: Arc<Mutex<bool>>, board: Arc<Board>) {
    let Ok(mut signals) = Signals::new([SIGTERM, SIGHUP]) else { return };
    let watch = move || {
        for _ in signals.forever() {
            // The jobs have seen the signal as well; what has come is put away.
            board.wait(END_PATIENCE);
            let is_at_prompt = lock(&is_at_prompt);
            if *is_at_prompt {
                if let Some(saved) = &saved {
                    // Nothing can be done for a terminal that is gone.
                    tcsetattr(stdin(), OptionalActions::Now, saved).ok();
                }
                writeln!(stdout()).ok();
                process::exit(i32::from(Exit::Interrupted as u8));
            }
        }
    };
    // Without the thread a signal ends the shell behind the next line.
    thread::Builder::new().name("end".to_owned()).spawn(watch).ok();
}

/// `$XDG_STATE_HOME/coracle/history`.
fn history_path() -> Option<PathBuf> {
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(env::home_dir()?.join(".local/state")))?;
    Some(state.join("coracle/history"))
}

fn lock(mutex: &Mutex<bool>) -> std::sync::MutexGuard<'_, bool> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` gives")]
fn unusable(error: ReadlineError) -> Failure {
    Failure::Local(format!("cannot read from the terminal: {error}"))
}
