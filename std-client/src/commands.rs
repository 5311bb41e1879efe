//! The commands that move no file bytes: asked in one go, answered on standard output.

use core::fmt::Display;
use std::collections::VecDeque;
use std::io::{self, BufWriter, Stdout, Write};

use coracle::client::{Done, Event as Answer, Handler, NotNow};
use coracle::{Code, Command as Line, Metadata, Path, Refusal, Space};

use crate::ask::Asks;
use crate::cli::Command;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::json::{Counters, Crc, Facts, Found};
use crate::print::{Row, Shown, Size};
use crate::progress::Progress;
use crate::remote::Remote;
use crate::told::{About, Event};

/// Entries of a listing that are printed. A folder of ten million files is a mistake or an
/// attack; a listing without end must have an end here.
const ENTRIES_MAX: u64 = 10_000_000;

/// Entries that are held back to be sorted: a larger folder comes in pieces of so many.
const SORTED_MAX: usize = 100_000;

/// Commands, and what came of them.
pub(crate) struct Commands<'a> {
    asks: Asks<Request>,
    entries: u64,
    /// Entries of the running listing that are not printed yet.
    rows: Vec<(Vec<u8>, Option<Metadata>)>,
    out: BufWriter<Stdout>,
    progress: &'a Progress,
    first_failure: Option<Failure>,
    end: Option<End>,
}

/// Why no more is wanted of the server.
enum End {
    /// Nobody reads our output any more: no failure.
    Unread,
    Failed(Failure),
}

enum Request {
    List(Remote),
    Stat(Remote),
    Sum(Remote, u64, Option<u64>),
    Space,
    Stats,
    Remove(Remote),
    Rename(Remote, Remote),
    MakeFolder(Remote),
    Partial(Remote),
    Forget(Remote),
}

impl<'a> Commands<'a> {
    /// The requests of a command; `None` for a transfer.
    pub(crate) fn of(
        command: &Command,
        folder: &Folder,
        progress: &'a Progress,
    ) -> Option<Result<Self, Failure>> {
        let queue = requests(command, folder)?;
        Some(queue.map(|queue| Self {
            asks: Asks::new(queue),
            entries: 0,
            rows: Vec::new(),
            out: BufWriter::new(io::stdout()),
            progress,
            first_failure: None,
            end: None,
        }))
    }

    /// What came of it all, given how the session ended.
    pub(crate) fn finish(mut self, session: Result<(), Failure>) -> Result<(), Failure> {
        // What came of a listing that broke off is shown; why it did is told below.
        self.print_rows().ok();
        if let Err(error) = self.out.flush() {
            let end = Failure::unwritten(&error).map_or(End::Unread, End::Failed);
            self.end.get_or_insert(end);
        }
        let is_done = self.asks.is_done();
        let ended = match (self.end.take(), session) {
            (Some(End::Failed(failure)), _) => Some(failure),
            (None, Err(failure)) if !is_done => Some(failure),
            _ => None,
        };
        if let Some(failure) = ended {
            self.progress.error(&failure);
            self.doubt(&failure);
            self.first_failure.get_or_insert(failure);
        }
        self.first_failure.map_or(Ok(()), Err)
    }

    /// Ask again what a lost connection has left unanswered. Returns whether it may be: only what
    /// changes nothing, and has printed nothing yet.
    pub(crate) fn again(&mut self) -> bool {
        let is_harmless = self.entries == 0 && self.asks.asked().all(Request::only_reads);
        if self.asks.current().is_none() || self.end.is_some() || !is_harmless {
            return false;
        }
        self.asks.again();
        true
    }

    /// What was asked and never answered may have been done.
    fn doubt(&self, failure: &Failure) {
        if matches!(failure, Failure::Refused { .. }) {
            return;
        }
        for request in self.asks.asked().filter(|request| !request.only_reads()) {
            let name = request.name().map_or(Shown(b"/"), Remote::shown);
            let text = format!("{name}: it is not known whether this was done");
            self.progress.error(&Failure::Connection(text));
        }
    }

    fn print(&mut self, line: impl Display) -> Result<(), Refusal> {
        let result = writeln!(self.out, "{line}");
        self.written(result)
    }

    fn written(&mut self, result: io::Result<()>) -> Result<(), Refusal> {
        result.map_err(|error| {
            let failure = Failure::unwritten(&error);
            self.stop(failure.map_or(End::Unread, End::Failed))
        })
    }

    fn stop(&mut self, end: End) -> Refusal {
        self.end = Some(end);
        Refusal::new(Code::Aborted, "the client has seen enough")
    }

    fn fail(&mut self, request: &Request, failure: Failure) {
        let about = request.name().map_or(About::All, |name| About::Name(name.as_bytes()));
        self.progress.tell(Event::Failed { about, failure: &failure });
        self.first_failure.get_or_insert(failure);
    }

    fn on_done(&mut self, request: &Request, done: Done<'_>) -> Result<(), Refusal> {
        if let Some(json) = self.progress.json() {
            let name = request.name().map(Remote::as_bytes);
            let result = json.result(request.word(), name, request.found(done));
            return self.written(result);
        }
        self.print_rows()?;
        let name = request.name().map_or(&b""[..], Remote::as_bytes);
        match done {
            Done::Listed { skipped: 0, .. } | Done::Plain => Ok(()),
            Done::Listed { skipped, .. } => {
                let progress = self.progress;
                progress.note(format_args!("{skipped} entries have names that cannot be sent"));
                Ok(())
            }
            Done::Found(metadata) => self.print(Row { metadata, name }),
            Done::Sum(sum) => {
                self.print(format_args!("{:08x} {} {}", sum.crc, sum.length, Shown(name)))
            }
            Done::Space(Space { free, total }) => self.print(format_args!(
                "{} free of {} ({free} of {total} bytes)",
                Size(free),
                Size(total)
            )),
            Done::Stats(fields) => fields
                .split(|&byte| byte == b' ')
                .filter(|field| !field.is_empty())
                .try_for_each(|field| self.print(Shown(field))),
            _ => Ok(()),
        }
    }

    fn on_entry(&mut self, name: &[u8], metadata: Option<Metadata>) -> Result<(), Refusal> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            let text = format!("the server lists more than {ENTRIES_MAX} entries");
            return Err(self.stop(End::Failed(Failure::Hostile(text))));
        }
        if let Some(json) = self.progress.json() {
            return self.written(json.entry(name, metadata));
        }
        if self.rows.len() == SORTED_MAX {
            self.print_rows()?;
        }
        self.rows.push((name.to_vec(), metadata));
        Ok(())
    }

    /// Print the entries that are held back, by name.
    fn print_rows(&mut self) -> Result<(), Refusal> {
        let mut rows = core::mem::take(&mut self.rows);
        rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        rows.iter().try_for_each(|(name, metadata)| match *metadata {
            Some(metadata) => self.print(Row { metadata, name }),
            None => self.print(Shown(name)),
        })
    }
}

impl Handler for Commands<'_> {
    fn next_request(&mut self) -> Option<Line<Path<'_>>> {
        self.asks.next().map(Request::line)
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        if let Some((request, failure)) = self.asks.requested(outcome) {
            self.fail(&request, failure);
        }
    }

    fn event(&mut self, event: Answer<'_>) -> Result<(), Refusal> {
        match event {
            Answer::Entry { entry, .. } => self.on_entry(entry.name, Some(entry.metadata)),
            Answer::Name { name, .. } => self.on_entry(name, None),
            Answer::Info { text, .. } => {
                self.progress.detail(Shown(text));
                Ok(())
            }
            Answer::Done { done, .. } => match self.asks.answer() {
                Some(request) => self.on_done(&request, done),
                None => Ok(()),
            },
            Answer::Refused { code, message, .. } => {
                let printed = self.print_rows();
                if let Some(request) = self.asks.answer() {
                    self.fail(&request, Failure::refused(code, message));
                }
                printed
            }
            _ => Ok(()),
        }
    }
}

fn requests(command: &Command, folder: &Folder) -> Option<Result<VecDeque<Request>, Failure>> {
    let one = |path: &std::ffi::OsString, request: fn(Remote) -> Request| {
        folder.name(path).map(|path| VecDeque::from([request(path)]))
    };
    let each = |paths: &[std::ffi::OsString], request: fn(Remote) -> Request| {
        paths.iter().map(|path| folder.name(path).map(request)).collect()
    };
    Some(match command {
        Command::Ls { path: Some(path) } => one(path, Request::List),
        Command::Ls { path: None } => Ok(VecDeque::from([Request::List(folder.path())])),
        Command::Stat { path } => one(path, Request::Stat),
        Command::Sum { path, offset, length } => folder
            .name(path)
            .map(|path| VecDeque::from([Request::Sum(path, offset.unwrap_or(0), *length)])),
        Command::Df => Ok(VecDeque::from([Request::Space])),
        Command::Stats => Ok(VecDeque::from([Request::Stats])),
        Command::Rm { paths } => each(paths, Request::Remove),
        Command::Mv { from, to } => folder
            .name(from)
            .and_then(|from| folder.name(to).map(|to| VecDeque::from([Request::Rename(from, to)]))),
        Command::Mkdir { paths } => each(paths, Request::MakeFolder),
        Command::Partial { path } => one(path, Request::Partial),
        Command::Forget { paths } => each(paths, Request::Forget),
        Command::Download { .. } | Command::Upload { .. } => return None,
    })
}

impl Request {
    fn line(&self) -> Line<Path<'_>> {
        match self {
            Self::List(path) => Line::List { path: path.path() },
            Self::Stat(path) => Line::Stat { path: path.path() },
            &Self::Sum(ref path, offset, length) => Line::Sum { path: path.path(), offset, length },
            Self::Space => Line::Space,
            Self::Stats => Line::Stats,
            Self::Remove(path) => Line::Remove { path: path.path() },
            Self::Rename(from, to) => Line::Rename { from: from.path(), to: to.path() },
            Self::MakeFolder(path) => Line::MakeFolder { path: path.path() },
            Self::Partial(path) => Line::Partial { path: path.path() },
            Self::Forget(path) => Line::Forget { path: path.path() },
        }
    }

    const fn only_reads(&self) -> bool {
        match self {
            Self::List(_)
            | Self::Stat(_)
            | Self::Sum(..)
            | Self::Space
            | Self::Stats
            | Self::Partial(_) => true,
            Self::Remove(_) | Self::Rename(..) | Self::MakeFolder(_) | Self::Forget(_) => false,
        }
    }

    /// The command.
    const fn word(&self) -> &'static str {
        match self {
            Self::List(_) => "ls",
            Self::Stat(_) => "stat",
            Self::Sum(..) => "sum",
            Self::Space => "df",
            Self::Stats => "stats",
            Self::Remove(_) => "rm",
            Self::Rename(..) => "mv",
            Self::MakeFolder(_) => "mkdir",
            Self::Partial(_) => "partial",
            Self::Forget(_) => "forget",
        }
    }

    /// What the answer says, for programs.
    fn found<'a>(&self, done: Done<'a>) -> Found<'a> {
        match (done, self) {
            (Done::Listed { entries, skipped }, _) => Found::Listed { entries, skipped },
            (Done::Found(metadata), _) => Found::Metadata(Facts::of(metadata)),
            (Done::Sum(sum), _) => Found::Sum { length: sum.length, crc32: Crc(sum.crc) },
            (Done::Space(Space { free, total }), _) => Found::Space { free, total },
            (Done::Stats(fields), _) => Found::Stats { counters: Counters(fields) },
            (_, Self::Rename(_, to)) => Found::Renamed { to: to.shown().to_string() },
            _ => Found::Plain {},
        }
    }

    fn name(&self) -> Option<&Remote> {
        match self {
            Self::Space | Self::Stats => None,
            Self::List(path)
            | Self::Stat(path)
            | Self::Sum(path, ..)
            | Self::Remove(path)
            | Self::Rename(path, _)
            | Self::MakeFolder(path)
            | Self::Partial(path)
            | Self::Forget(path) => Some(path),
        }
    }
}
