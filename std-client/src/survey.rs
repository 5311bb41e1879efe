//! A survey of the server: what names, patterns and trees of the user stand for. Asked for over
//! the control session, as many questions at once as the server takes.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

use coracle::client::{Done, Event as Answer, Handler, NotNow};
use coracle::{Code, Command, Kind, Metadata, Path, Refusal, check_component};

use crate::ask::{Asks, Questions};
use crate::failure::{Failure, is_folder};
use crate::pattern::{Part, Pattern};
use crate::print::Shown;
use crate::progress::Progress;
use crate::remote::Remote;
use crate::told::{About, Event};

/// Entries that are listed at most, those included that match nothing. Folders that hold each
/// other through links are bounded by the length of a path alone, which is far away where they
/// branch: a plan without end must have an end here.
const LISTED_MAX: usize = 2_000_000;

/// What the user named.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) path: Remote,
    pub(crate) pattern: Option<Pattern>,
}

/// What it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Which argument it belongs to.
    pub(crate) argument: usize,
    pub(crate) path: Remote,
    /// Bytes of the path before the name of what was asked for, or of what matched.
    pub(crate) top: usize,
    /// It is what was asked for, or matches it, and is not only in it.
    pub(crate) is_top: bool,
    /// Its name, or that of a folder it is in, comes from the server.
    pub(crate) is_listed: bool,
    /// `None` where it was not asked what it is.
    pub(crate) metadata: Option<Metadata>,
}

impl Found {
    fn listed(argument: usize, path: Remote, top: usize, metadata: Metadata) -> Self {
        let metadata = Some(metadata);
        Self { argument, path, top, is_top: true, is_listed: true, metadata }
    }

    /// What was named, without being asked for.
    pub(crate) fn named(argument: usize, path: Remote) -> Self {
        let top = top_of(&path);
        Self { argument, path, top, is_top: true, is_listed: false, metadata: None }
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.metadata.is_some_and(|metadata| metadata.kind == Kind::Folder)
    }

    /// The path from the name on that was asked for; empty for the served folder.
    pub(crate) fn relative(&self) -> &[u8] {
        self.path.as_bytes().get(self.top..).unwrap_or(b"")
    }
}

/// Questions, and what came of them.
pub(crate) struct Survey<'a> {
    asks: Asks<Ask>,
    /// Entries of the listing that is being answered: they count once it is whole.
    listing: Vec<(Vec<u8>, Metadata)>,
    /// The first name in it that breaks the rules.
    bad_name: Option<String>,
    listed: usize,
    found: Vec<Found>,
    is_recursive: bool,
    /// The arguments that are taken as patterns, and those that failed.
    matching: Vec<(usize, Remote)>,
    failed: HashSet<usize>,
    progress: &'a Progress,
    first_failure: Option<Failure>,
    is_stopped: bool,
}

#[derive(Clone)]
struct Ask {
    argument: usize,
    path: Remote,
    what: What,
}

#[derive(Clone)]
enum What {
    /// What is it? If there is nothing of this name, it may be a pattern.
    Name(Option<Rc<Pattern>>),
    /// Which entries match this part of the pattern?
    Match(Rc<Pattern>, usize),
    /// Is this there, as the end of the pattern says?
    End,
    /// Is this there, and what? Nothing more is wanted.
    Look,
    /// What is in this folder? `top` as in [`Found`].
    Tree { top: usize },
}

impl<'a> Survey<'a> {
    pub(crate) fn new(wanted: Vec<Wanted>, is_recursive: bool, progress: &'a Progress) -> Self {
        let ask = |(argument, Wanted { path, pattern })| Ask {
            argument,
            path,
            what: What::Name(pattern.map(Rc::new)),
        };
        Self {
            asks: Asks::new(wanted.into_iter().enumerate().map(ask).collect()),
            listing: Vec::new(),
            bad_name: None,
            listed: 0,
            found: Vec::new(),
            is_recursive,
            matching: Vec::new(),
            failed: HashSet::new(),
            progress,
            first_failure: None,
            is_stopped: false,
        }
    }

    /// Look what is at these paths.
    pub(crate) fn of(paths: Vec<Remote>, progress: &'a Progress) -> Self {
        let ask = |(argument, path)| Ask { argument, path, what: What::Look };
        let asks = Asks::new(paths.into_iter().enumerate().map(ask).collect());
        Self { asks, ..Self::new(Vec::new(), false, progress) }
    }

    /// What was found, by argument and sorted by path, and the first failure, which was told.
    ///
    /// # Errors
    ///
    /// The failure for which there is no use in going on; it was told.
    pub(crate) fn finish(mut self) -> Result<(Vec<Found>, Option<Failure>), Failure> {
        if self.is_stopped {
            let text = "the survey was stopped".to_owned();
            return Err(self.first_failure.unwrap_or(Failure::Hostile(text)));
        }
        self.found.sort_unstable_by(|a, b| {
            (a.argument, a.path.as_bytes()).cmp(&(b.argument, b.path.as_bytes()))
        });
        // Several ways through a pattern may lead to one entry.
        self.found.dedup_by(|a, b| a.argument == b.argument && a.path == b.path);
        self.tell_unmatched();
        Ok((self.found, self.first_failure))
    }

    fn tell_unmatched(&mut self) {
        for argument in core::mem::take(&mut self.matching) {
            let place = self.found.binary_search_by_key(&argument.0, |found| found.argument);
            if place.is_err() && !self.failed.contains(&argument.0) {
                let message = "nothing on the server matches this pattern".to_owned();
                self.fail(&argument.1, Failure::Refused { code: Some(Code::NotFound), message });
            }
        }
    }

    fn fail_of(&mut self, argument: usize, path: &Remote, failure: Failure) {
        self.failed.insert(argument);
        self.fail(path, failure);
    }

    fn fail(&mut self, path: &Remote, failure: Failure) {
        let about = About::Name(path.as_bytes());
        self.progress.tell(Event::Failed { about, failure: &failure });
        self.first_failure.get_or_insert(failure);
    }

    fn on_found(&mut self, ask: Ask, metadata: Metadata) {
        let Ask { argument, path, what } = ask;
        let is_listed = matches!(what, What::End);
        let (top, metadata) = (top_of(&path), Some(metadata));
        let found = Found { argument, path, top, is_top: true, is_listed, metadata };
        match what {
            What::Look => self.found.push(found),
            _ => self.take(found),
        }
    }

    /// An entry that is wanted.
    fn take(&mut self, found: Found) {
        if found.is_folder() {
            if !self.is_recursive {
                self.fail_of(found.argument, &found.path, is_folder());
                return;
            }
            let what = What::Tree { top: found.top };
            let Found { argument, ref path, .. } = found;
            self.asks.push(Ask { argument, path: path.clone(), what });
        }
        self.found.push(found);
    }

    /// A listing is whole.
    fn on_listed(&mut self, ask: Ask, skipped: u64) {
        let entries = core::mem::take(&mut self.listing);
        if let Some(name) = self.bad_name.take() {
            let text = format!("the server lists the name {name}, which cannot be one");
            self.fail_of(ask.argument, &ask.path, Failure::Hostile(text));
            return;
        }
        if skipped > 0 {
            let path = ask.path.shown();
            let text = "entries have names that cannot be sent";
            self.progress.note(format_args!("{path}: {skipped} {text}"));
        }
        for (name, metadata) in entries {
            match (&ask.what, ask.path.entry(OsStr::from_bytes(&name))) {
                (_, Err(failure)) => self.fail_of(ask.argument, &ask.path, too_long(&failure)),
                (&What::Tree { top }, Ok(path)) => {
                    let found = Found::listed(ask.argument, path, top, metadata);
                    self.take(Found { is_top: false, ..found });
                }
                (What::Match(pattern, part), Ok(path)) => {
                    self.on_match(ask.argument, path, pattern, part + 1, metadata);
                }
                (What::Name(_) | What::End | What::Look, Ok(_)) => {}
            }
        }
    }

    /// The path is that of a pattern up to part number `part`.
    fn on_match(
        &mut self,
        argument: usize,
        mut path: Remote,
        pattern: &Rc<Pattern>,
        mut part: usize,
        metadata: Metadata,
    ) {
        let begun = part;
        while let Some(Part::Name(name)) = pattern.part(part) {
            match path.entry(name) {
                Ok(entry) => path = entry,
                Err(failure) => return self.fail_of(argument, &path, too_long(&failure)),
            }
            part += 1;
        }
        match pattern.part(part) {
            Some(_) if part == begun && metadata.kind == Kind::File => {}
            Some(_) => {
                let what = What::Match(Rc::clone(pattern), part);
                self.asks.push(Ask { argument, path, what });
            }
            None if part == begun => {
                let top = top_of(&path);
                self.take(Found::listed(argument, path, top, metadata));
            }
            None if metadata.kind == Kind::Folder => {
                self.asks.push(Ask { argument, path, what: What::End });
            }
            None => {}
        }
    }

    fn on_refused(&mut self, ask: Ask, code: Option<Code>, message: &[u8]) {
        self.listing.clear();
        self.bad_name = None;
        match (ask.what, code) {
            (What::Name(Some(pattern)), Some(Code::NotFound | Code::NotDirectory)) => {
                self.matching.push((ask.argument, ask.path));
                let root = Metadata { kind: Kind::Folder, size: 0, modified: None, stamp: 0 };
                self.on_match(ask.argument, Remote::root(), &pattern, 0, root);
            }
            // What matched a part of a pattern need not hold the rest.
            (
                What::Match(..) | What::End | What::Look,
                Some(Code::NotFound | Code::NotDirectory),
            ) => {}
            (_, code) => {
                let failure = Failure::refused(code, message).of_download();
                self.fail_of(ask.argument, &ask.path, failure);
            }
        }
    }

    fn on_entry(&mut self, name: &[u8], metadata: Metadata) -> Result<(), Refusal> {
        self.listed += 1;
        if self.listed > LISTED_MAX {
            let text = format!("more than {LISTED_MAX} entries: fetch its folders one by one");
            let path = self.asks.current().map_or_else(Remote::root, |ask| ask.path.clone());
            self.fail(&path, Failure::Hostile(text));
            self.is_stopped = true;
            return Err(Refusal::new(Code::Aborted, "the client has seen enough"));
        }
        if check_component(name).is_err() {
            self.bad_name.get_or_insert_with(|| Shown(name).to_string());
        }
        let is_wanted = match self.asks.current().map(|ask| &ask.what) {
            Some(What::Match(pattern, part)) => {
                pattern.part(*part).is_some_and(|part| part.matches(name))
            }
            _ => true,
        };
        if is_wanted && self.bad_name.is_none() {
            self.listing.push((name.to_vec(), metadata));
        }
        Ok(())
    }
}

/// Bytes of a path before its last part.
fn top_of(path: &Remote) -> usize {
    let name = path.path().name().map_or(0, <[u8]>::len);
    path.as_bytes().len() - name
}

/// Each part of the path is right: they are too many. So ends, at the latest, what folders that
/// hold each other through links would make of a tree.
fn too_long(failure: &Failure) -> Failure {
    let message = format!("what is in it cannot be named: {failure}");
    Failure::Refused { code: Some(Code::BadPath), message }
}

impl Handler for Survey<'_> {
    fn next_request(&mut self) -> Option<Command<Path<'_>>> {
        let ask = self.asks.next()?;
        let path = ask.path.path();
        Some(match ask.what {
            What::Name(_) | What::End | What::Look => Command::Stat { path },
            What::Match(..) | What::Tree { .. } => Command::List { path },
        })
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        if let Some((ask, failure)) = self.asks.requested(outcome) {
            self.fail(&ask.path, failure);
        }
    }

    fn event(&mut self, event: Answer<'_>) -> Result<(), Refusal> {
        match event {
            Answer::Entry { entry, .. } => return self.on_entry(entry.name, entry.metadata),
            Answer::Done { done, .. } => {
                let Some(ask) = self.asks.answer() else { return Ok(()) };
                match done {
                    Done::Found(metadata) => self.on_found(ask, metadata),
                    Done::Listed { skipped, .. } => self.on_listed(ask, skipped),
                    _ => {}
                }
            }
            Answer::Refused { code, message, .. } => {
                if let Some(ask) = self.asks.answer() {
                    self.on_refused(ask, code, message);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Questions for Survey<'_> {
    fn is_done(&self) -> bool {
        self.is_stopped || self.asks.is_done()
    }

    fn answered(&self) -> u64 {
        self.asks.answered()
    }

    fn disconnected(&mut self) {
        self.listing.clear();
        self.bad_name = None;
        self.asks.again();
    }
}
