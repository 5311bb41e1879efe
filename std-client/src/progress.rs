//! The voice of the program: what happens, told to a person, to the owner of a job, or to a
//! program.

use core::cell::{Cell, RefCell};
use core::convert::Infallible;
use core::fmt::{self, Display};
use core::time::Duration;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::Arc;
use std::time::Instant;

use coracle::limits::CHUNK_LEN;

use crate::bars::Bars;
use crate::cli::Options;
use crate::colour::{Colours, is_dumb};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::job::JobState;
use crate::json::Json;
use crate::print::Shown;
use crate::told::{
    About, DOWNLOAD_BEGINS, DOWNLOAD_DONE, Direction, Event, Far, Finished, Left, Start, Summary,
    UPLOAD_DONE,
};

/// How often the state of a file is told at most.
pub(crate) const TELL_EVERY: Duration = Duration::from_millis(100);

/// Files of at most so many bytes are counted up chunk by chunk for the curious.
const COUNTED_MAX: u64 = 16 * CHUNK_LEN as u64;

/// The voice of the program.
pub(crate) struct Progress {
    quiet: bool,
    verbose: bool,
    /// Lines that move are wanted, and can be drawn.
    draws: bool,
    ear: Ear,
    whole: RefCell<Whole>,
    current: RefCell<Option<Current>>,
    bars: RefCell<Option<Bars>>,
    /// What the user of a shell types to go on behind an interruption.
    again: Option<String>,
}

/// Who listens.
enum Ear {
    /// The user of one command: all is told on standard error, the output is for results.
    OneShot,
    /// The user of a shell, who reads both; `is_taken` while a file goes to standard output.
    Shell { is_taken: Cell<bool> },
    /// The owner of a job in the background.
    Job { state: Arc<JobState>, print: Box<dyn Fn(String) + Send + Sync> },
    /// A program.
    Program(Json),
}

/// Before remarks and errors, so that they can be told apart from results.
const PREFIX: &str = "coracle:";

/// Where a line belongs.
#[derive(Clone, Copy)]
enum Stream {
    /// The words for a transfer.
    Texts,
    /// Remarks and errors.
    Remarks,
}

/// All files of one command.
#[derive(Debug)]
pub(crate) struct Whole {
    direction: Direction,
    pub(crate) files: u64,
    good: u64,
    bad: u64,
    pub(crate) bytes_done: u64,
    /// Bytes of all files, if every size is known.
    pub(crate) bytes: Option<u64>,
    began: Instant,
}

/// The file that is moved.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) direction: Direction,
    pub(crate) name: Vec<u8>,
    pub(crate) done: u64,
    pub(crate) size: Option<u64>,
    /// When it was told last how far it is.
    told: Option<Instant>,
}

impl Whole {
    fn new(direction: Direction, files: u64, bytes: Option<u64>) -> Self {
        Self { direction, files, good: 0, bad: 0, bytes_done: 0, bytes, began: Instant::now() }
    }

    /// Files that are through.
    pub(crate) fn done(&self) -> u64 {
        self.good + self.bad
    }
}

impl Progress {
    /// For the user of one command.
    pub(crate) fn new(options: &Options) -> Self {
        Self::to(options, Ear::OneShot)
    }

    /// For the user of a shell, one of its commands.
    pub(crate) fn shell(options: &Options) -> Self {
        Self::to(options, Ear::Shell { is_taken: Cell::new(false) })
    }

    /// For the owner of a job: `state` can be read from another thread, whole lines without
    /// their end go to `print`. Nothing is drawn.
    pub(crate) fn background(
        options: &Options,
        state: Arc<JobState>,
        print: Box<dyn Fn(String) + Send + Sync>,
    ) -> Self {
        Self::to(options, Ear::Job { state, print })
    }

    fn to(options: &Options, ear: Ear) -> Self {
        let is_job = matches!(ear, Ear::Job { .. });
        let ear = if options.json && !is_job { Ear::Program(Json::default()) } else { ear };
        let is_person = matches!(ear, Ear::OneShot | Ear::Shell { .. });
        Self {
            quiet: options.quiet,
            verbose: options.verbose,
            draws: is_person && !options.quiet && stderr().is_terminal() && !is_dumb(),
            ear,
            whole: RefCell::new(Whole::new(Direction::Download, 0, None)),
            current: RefCell::new(None),
            bars: RefCell::new(None),
            again: None,
        }
    }

    /// Behind an interruption the user of a shell types `line` to go on.
    pub(crate) fn continued_by(self, line: String) -> Self {
        Self { again: Some(line), ..self }
    }

    /// The ear of a program: results are told there instead of printed.
    pub(crate) fn json(&self) -> Option<&Json> {
        match &self.ear {
            Ear::Program(json) => Some(json),
            _ => None,
        }
    }

    /// Whether it is of use to know the sizes of all files before they are moved.
    pub(crate) fn wants_sizes(&self) -> bool {
        matches!(self.ear, Ear::Job { .. }) || self.draws
    }

    /// A file goes to standard output: nothing else may.
    pub(crate) fn take_output(&self) {
        if let Ear::Shell { is_taken } = &self.ear {
            is_taken.set(true);
        }
    }

    /// Tell something.
    pub(crate) fn tell(&self, event: Event<'_>) {
        match event {
            Event::Plan { direction, files, bytes } => {
                *self.whole.borrow_mut() = Whole::new(direction, files, bytes);
            }
            Event::Start(start) => self.start(&start),
            Event::Done(_) => {
                self.whole.borrow_mut().good += 1;
            }
            Event::Failed { about: About::File(_), .. } => {
                self.whole.borrow_mut().bad += 1;
            }
            Event::Left(files) => self.whole.borrow_mut().bad += files,
            _ => {}
        }
        if let Ear::Job { state, .. } = &self.ear {
            self.update(state);
        }
        match &self.ear {
            Ear::Program(json) => json.tell(event),
            _ => self.say(event),
        }
    }

    /// So many bytes of the current file were moved.
    pub(crate) fn moved(&self, bytes: usize) {
        let mut current = self.current.borrow_mut();
        let Some(current) = &mut *current else { return };
        let before = current.done;
        current.done += bytes as u64;
        self.whole.borrow_mut().bytes_done += bytes as u64;
        if let Ear::Job { state, .. } = &self.ear {
            let mut job = state.lock();
            job.bytes_done += bytes as u64;
        }
        self.tell_far(current, before);
        if let Some(bars) = &mut *self.bars.borrow_mut() {
            bars.draw(&self.whole.borrow(), current);
        }
    }

    /// The command has ended, so: the last word.
    ///
    /// # Errors
    ///
    /// The failure of the command; or else that what was told could not be written.
    pub(crate) fn end<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        if let Some(bars) = self.bars.borrow_mut().take() {
            bars.clear();
        }
        let whole = self.whole.borrow();
        let &Whole { direction, files, good, bytes_done: bytes, began, .. } = &*whole;
        let summary = Summary { direction, files, good, bytes, time: began.elapsed() };
        if let Ear::Program(json) = &self.ear {
            let exit = result.as_ref().map_or_else(Failure::exit, |_| Exit::Done);
            json.end(exit, &summary, whole.bad);
            if let Some(failure) = json.take_unwritten() {
                eprintln!("coracle: {failure}");
                return result.and(Err(failure));
            }
        } else if files > 1 {
            self.text(summary);
        }
        result
    }

    /// The command has ended before it began: why, and the last word.
    pub(crate) fn failed(&self, failure: Failure) -> Failure {
        self.error(&failure);
        let Err(failure) = self.end::<Infallible>(Err(failure));
        failure
    }

    /// Something the user should know.
    pub(crate) fn note(&self, text: impl Display) {
        self.tell(Event::Note(&text));
    }

    /// What was cut off can be continued.
    pub(crate) fn note_how_to_go_on(&self) {
        match &self.again {
            Some(line) => self.note(format_args!("`{line}` goes on from here")),
            None => self.note("the same command with --continue goes on from here"),
        }
    }

    /// Something for the curious.
    pub(crate) fn detail(&self, text: impl Display) {
        if self.verbose {
            self.tell(Event::Detail(&text));
        }
    }

    /// Something was not done that has no file.
    pub(crate) fn error(&self, failure: &Failure) {
        self.tell(Event::Failed { about: About::All, failure });
    }

    fn start(&self, start: &Start<'_>) {
        let mut current = self.current.borrow_mut();
        let current = current.get_or_insert_with(|| Current {
            direction: start.file.direction,
            name: Vec::new(),
            done: 0,
            size: None,
            told: None,
        });
        current.name.clear();
        current.name.extend(start.file.name);
        current.done = start.offset;
        current.size = start.size;
        current.told = None;
        let mut whole = self.whole.borrow_mut();
        if whole.files == 1 {
            whole.bytes = start.size;
        }
        // What was counted of it is counted anew: it may go on from another place.
        whole.bytes_done = (whole.bytes_done + start.offset).saturating_sub(start.counted);
        if self.draws {
            let mut bars = self.bars.borrow_mut();
            let bars = bars.get_or_insert_with(|| Bars::new(&whole));
            bars.begin();
            bars.draw(&whole, current);
        }
    }

    fn update(&self, state: &JobState) {
        let (whole, current) = (self.whole.borrow(), self.current.borrow());
        let mut job = state.lock();
        (job.files_done, job.files) = (whole.done(), whole.files);
        (job.bytes_done, job.bytes) = (whole.bytes_done, whole.bytes);
        if let Some(current) = &*current {
            job.current = Shown(&current.name).to_string();
        }
    }

    /// How far the current file is, to whoever wants to know that often.
    fn tell_far(&self, current: &mut Current, before: u64) {
        let now = Instant::now();
        let is_due = current.told.is_none_or(|told| now - told >= TELL_EVERY);
        match &self.ear {
            Ear::Program(json) => {
                // The first is not due before a moment has passed: small files need none.
                if is_due && current.told.replace(now).is_some() {
                    json.progress(current);
                }
            }
            _ if !self.verbose || self.whole.borrow().files != 1 => {}
            _ if current.size.is_some_and(|size| size <= COUNTED_MAX) => {
                current.steps(before).for_each(|far| self.text(far));
            }
            _ => {
                if is_due || current.size == Some(current.done) {
                    current.told = Some(now);
                    self.text(current.far());
                }
            }
        }
    }

    /// Tell it in words.
    fn say(&self, event: Event<'_>) {
        match event {
            Event::Plan { .. } => {}
            Event::Start(start) => self.say_start(&start),
            Event::Done(finished) => self.say_done(&finished),
            Event::Failed { about, failure } => match about.name() {
                Some(name) => self.bad(format_args!("{}: {failure}", Shown(name))),
                None => self.bad(failure),
            },
            Event::Left(files) => self.bad(Left(files)),
            Event::Retry { wait, failure } => {
                let wait_ms = wait.as_millis();
                self.remark(format_args!("{failure}; trying again in {wait_ms} ms"));
            }
            Event::Note(text) => self.remark(text),
            Event::Detail(text) if self.verbose => self.remark(text),
            Event::Detail(_) => {}
        }
    }

    fn say_start(&self, start: &Start<'_>) {
        let is_one = self.whole.borrow().files == 1;
        let is_download = start.file.direction == Direction::Download;
        if is_one && is_download && start.is_first && !self.is_job() {
            self.text(DOWNLOAD_BEGINS);
            if let Some(size) = start.size {
                self.text(format_args!("file size: {size}"));
            }
        }
        if start.offset > 0 {
            let (name, offset) = (Shown(start.file.name), start.offset);
            self.detail(format_args!("{name}: continued at {offset} bytes"));
        }
    }

    fn say_done(&self, finished: &Finished<'_>) {
        self.detail(finished);
        if self.whole.borrow().files != 1 {
            return;
        }
        match finished.file.direction {
            Direction::Download => self.good(DOWNLOAD_DONE),
            Direction::Upload => {
                if !self.verbose && !self.is_job() {
                    let size = finished.size;
                    let direction = Direction::Upload;
                    self.text(Far { direction, done: size, size: Some(size) });
                }
                self.good(UPLOAD_DONE);
            }
        }
    }

    const fn is_job(&self) -> bool {
        matches!(self.ear, Ear::Job { .. })
    }

    /// What users of the ancestor recognise.
    fn text(&self, text: impl Display) {
        if !self.quiet {
            self.print(Stream::Texts, |_| text.to_string());
        }
    }

    fn good(&self, text: impl Display) {
        if !self.quiet {
            self.print(Stream::Texts, |colours| colours.good(text).to_string());
        }
    }

    fn remark(&self, text: impl Display) {
        if !self.quiet {
            self.print(Stream::Remarks, |_| format!("{PREFIX} {text}"));
        }
    }

    fn bad(&self, text: impl Display) {
        self.print(Stream::Remarks, |colours| format!("{} {text}", colours.bad(PREFIX)));
    }

    fn print(&self, stream: Stream, line: impl FnOnce(Colours) -> String) {
        let print = || match (&self.ear, stream) {
            (Ear::Job { print, .. }, _) => print(line(Colours::none())),
            (Ear::Shell { is_taken }, Stream::Texts) if !is_taken.get() => {
                let line = line(Colours::of(&stdout()));
                // Where nobody listens any more there is nobody to be told so.
                writeln!(stdout(), "{line}").ok();
            }
            _ => {
                let line = line(Colours::of(&stderr()));
                writeln!(stderr(), "{line}").ok();
            }
        };
        match &*self.bars.borrow() {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }
}

impl Current {
    fn far(&self) -> Far {
        Far { direction: self.direction, done: self.done, size: self.size }
    }

    /// How far it was at the end of each chunk of the protocol behind `before`, and at its end.
    fn steps(&self, before: u64) -> impl Iterator<Item = Far> {
        let chunk = CHUNK_LEN as u64;
        let whole = (before / chunk + 1..=self.done / chunk).map(move |count| count * chunk);
        let rest =
            Some(self.done).filter(|&done| self.size == Some(done) && !done.is_multiple_of(chunk));
        whole.chain(rest).map(|done| Far { done, ..self.far() })
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("whole", &self.whole).finish_non_exhaustive()
    }
}
