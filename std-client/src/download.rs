//! Downloads: a queue of files that are fetched, staged, proven and made visible.

use std::collections::VecDeque;
use std::fs::{self, File, Metadata};
use std::io;
use std::time::Instant;

use coracle::client::{Done, Event as Answer, Handler, NotNow};
use coracle::{Code, Command, Path as RemotePath, Receipt, Refusal};

use crate::failure::Failure;
use crate::fetched::Item;
use crate::plan::{Fetch, Target};
use crate::print::Shown;
use crate::progress::Progress;
use crate::staged::{Leftovers, Staged, Whole, publish};
use crate::told::{About, Event};
use crate::transfer::Queue;
use crate::tree::is_link;

/// Files that are flushed and made visible together: at most so many, and none waits longer
/// than so many seconds for the next.
const GROUP_MAX: usize = 128;
const GROUP_SECONDS: u64 = 2;

/// Staged files that may be open because they are continued.
const OPEN_MAX: usize = 64;

/// The files to fetch, and what became of them.
pub(crate) struct Downloads<'a> {
    items: Vec<Item>,
    /// To be asked for, by index, in this order.
    ready: VecDeque<usize>,
    /// Asked for, in this order; the answers come in it too.
    asked: VecDeque<usize>,
    /// To be asked for with the next connection: the server was busy.
    later: Vec<usize>,
    /// Whole, not visible yet, and since when there is one.
    whole: Vec<(usize, Whole)>,
    whole_since: Instant,
    /// Standard output, unbuffered.
    output: Option<File>,
    leftovers: Leftovers,
    /// What came of a file stays, so that it can be continued.
    keeps: bool,
    no_clobber: bool,
    moved: u64,
    stopped: bool,
    progress: &'a Progress,
    first_failure: Option<Failure>,
}

impl<'a> Downloads<'a> {
    pub(crate) fn new(
        files: Vec<Fetch>,
        resume: bool,
        no_clobber: bool,
        progress: &'a Progress,
    ) -> Self {
        let items: Vec<_> = files.into_iter().map(|file| Item::new(file, resume)).collect();
        let mut downloads = Self {
            ready: (0..items.len()).collect(),
            items,
            asked: VecDeque::new(),
            later: Vec::new(),
            whole: Vec::new(),
            whole_since: Instant::now(),
            output: None,
            leftovers: Leftovers::default(),
            keeps: true,
            no_clobber,
            moved: 0,
            stopped: false,
            progress,
            first_failure: None,
        };
        for index in 0..downloads.items.len() {
            if let Err(failure) = downloads.check_target(index) {
                downloads.finish(index, Err(failure));
            }
        }
        downloads.ready.retain(|&index| !downloads.items[index].is_through);
        downloads
    }

    /// Keep nothing of a file that does not arrive whole: it can never be continued.
    pub(crate) fn without_leftovers(self) -> Self {
        Self { keeps: false, ..self }
    }

    /// The first failure, if there was one.
    pub(crate) fn outcome(self) -> Result<(), Failure> {
        self.first_failure.map_or(Ok(()), Err)
    }

    /// Refuse before anything is transferred what could not be put in its place afterwards.
    fn check_target(&mut self, index: usize) -> Result<(), Failure> {
        let Item { target, is_listed, replaced, .. } = &mut self.items[index];
        let Target::File(target) = target else { return Ok(()) };
        let found =
            if *is_listed { fs::symlink_metadata(&*target) } else { fs::metadata(&*target) };
        *replaced = found.as_ref().ok().map(Metadata::permissions);
        match found {
            Ok(metadata) if metadata.is_symlink() => return Err(is_link(target)),
            Ok(_) if self.no_clobber => {
                return Err(Failure::Local(format!("{} exists", Shown::path(target))));
            }
            Ok(metadata) if !metadata.is_file() => {
                let text = "is no file; `-o -` writes to standard output";
                return Err(Failure::Local(format!("{} {text}", Shown::path(target))));
            }
            Ok(_) if *is_listed => {}
            // Behind a link lies the file that is replaced; the link stays.
            Ok(_) => match fs::canonicalize(&*target) {
                Ok(file) => *target = file,
                Err(error) => return Err(Failure::local("find", target, &error)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::local("write", target, &error)),
        }
        let looked = self.leftovers.look_for(target);
        looked.map_err(|error| Failure::local("write", target, &error))
    }

    fn begin(&mut self, size: u64, modified: Option<u64>) -> Result<(), Refusal> {
        let Some(&index) = self.asked.front() else { return Ok(()) };
        let item = &mut self.items[index];
        let begun = item.begin(size, modified);
        self.progress.tell(Event::Start(item.start()));
        begun.map_err(|failure| self.stop(index, failure))
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        let Some(&index) = self.asked.front() else { return Ok(()) };
        let written = self.items[index].write(offset, data, &mut self.output);
        written.map_err(|failure| self.stop(index, failure))?;
        self.moved += data.len() as u64;
        self.progress.moved(data.len());
        Ok(())
    }

    fn on_done(&mut self, receipt: Receipt) {
        let Some(index) = self.asked.pop_front() else { return };
        let item = &mut self.items[index];
        item.received(receipt);
        match (&item.target, item.staged.take()) {
            (Target::File(_), Some(staged)) => {
                let (modified, no_clobber) = (item.modified, self.no_clobber);
                self.whole.push((index, Whole { staged, modified, no_clobber }));
            }
            _ => self.finish(index, Ok(())),
        }
        if self.whole.len() == 1 {
            self.whole_since = Instant::now();
        }
        let is_due = self.whole.len() >= GROUP_MAX
            || self.whole_since.elapsed().as_secs() >= GROUP_SECONDS
            || self.ready.is_empty() && self.asked.is_empty();
        if is_due {
            self.publish();
        }
    }

    /// Make visible what is whole.
    fn publish(&mut self) {
        let (indices, files): (Vec<_>, Vec<_>) = self.whole.drain(..).unzip();
        for (index, result) in indices.into_iter().zip(publish(&files, &self.leftovers)) {
            let result = result.map_err(|error| self.items[index].unwritten(&error));
            self.finish(index, result);
        }
    }

    fn on_refused(&mut self, code: Option<Code>, message: &[u8]) {
        let Some(index) = self.asked.pop_front() else { return };
        let item = &mut self.items[index];
        let is_continued = item.from.is_some_and(|(offset, _)| offset > 0);
        match code {
            Some(Code::Busy) => {
                item.busy = Some(Failure::refused(code, message));
                self.later.push(index);
            }
            Some(Code::Changed | Code::BadArgument) if is_continued => self.restart(index),
            _ => self.finish(index, Err(Failure::refused(code, message).of_download())),
        }
    }

    /// What is there is not the beginning of the file on the server.
    fn restart(&mut self, index: usize) {
        let item = &mut self.items[index];
        if matches!(item.target, Target::Output) {
            let text = "the file changed on the server while it was written to standard output";
            self.finish(index, Err(Failure::Integrity(text.to_owned())));
            return;
        }
        let cleared = item.staged.as_ref().map_or(Ok(()), Staged::clear);
        if let (Err(error), Some(staged)) = (cleared, &item.staged) {
            let failure = Failure::local("write", staged.path(), &error);
            self.finish(index, Err(failure));
            return;
        }
        let name = item.remote.shown();
        self.progress.note(format_args!(
            "{name}: what is here is not the beginning of the file there; starting from zero"
        ));
        item.restart();
        self.ready.push_front(index);
    }

    /// End the session over a local failure: there is no other way to end a download.
    fn stop(&mut self, index: usize, failure: Failure) -> Refusal {
        self.asked.retain(|&asked| asked != index);
        self.finish(index, Err(failure));
        self.stopped = true;
        Refusal::new(Code::Io, "a local file cannot be written")
    }

    fn put_away(&mut self, index: usize) {
        let item = &mut self.items[index];
        item.is_through = true;
        if let (Some(staged), Target::File(target)) = (item.staged.take(), &item.target) {
            match self.keeps {
                true => staged.keep(self.leftovers.of(target)),
                false => staged.discard(),
            }
        }
    }

    fn finish(&mut self, index: usize, result: Result<(), Failure>) {
        self.put_away(index);
        self.moved += 1;
        let item = &self.items[index];
        match result {
            Ok(()) => self.progress.tell(Event::Done(item.finished())),
            Err(failure) => {
                let about = About::File(item.file());
                self.progress.tell(Event::Failed { about, failure: &failure });
                self.first_failure.get_or_insert(failure);
            }
        }
    }
}

impl Handler for Downloads<'_> {
    fn next_request(&mut self) -> Option<Command<RemotePath<'_>>> {
        loop {
            let &index = self.ready.front()?;
            if self.items[index].resume && self.asked.len() >= OPEN_MAX {
                return None;
            }
            let prepared = self.items[index].prepare(&self.leftovers);
            let Err(failure) = prepared else { break };
            self.ready.pop_front();
            self.finish(index, Err(failure));
        }
        self.ready.front().map(|&index| self.items[index].command())
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        let Some(index) = self.ready.pop_front() else { return };
        match outcome {
            Ok(_) => self.asked.push_back(index),
            Err(why) => self.finish(index, Err(Failure::not_taken(why))),
        }
    }

    fn store(&mut self, _request: u64, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        self.write(offset, data)
    }

    fn event(&mut self, event: Answer<'_>) -> Result<(), Refusal> {
        match event {
            Answer::Begins { size, modified, .. } => return self.begin(size, modified),
            Answer::Done { done: Done::Downloaded(receipt), .. } => self.on_done(receipt),
            Answer::Refused { code, message, .. } => self.on_refused(code, message),
            _ => {}
        }
        Ok(())
    }
}

impl Queue for Downloads<'_> {
    fn is_done(&self) -> bool {
        let waiting = self.ready.len() + self.asked.len() + self.later.len();
        waiting == 0 && self.whole.is_empty()
    }

    fn moved(&self) -> u64 {
        self.moved
    }

    fn take_stop(&mut self) -> bool {
        core::mem::take(&mut self.stopped)
    }

    fn disconnected(&mut self) {
        self.publish();
        for index in self.asked.drain(..).rev() {
            let item = &mut self.items[index];
            item.resume |= item.staged.is_some();
            item.from = None;
            self.ready.push_front(index);
        }
        self.ready.extend(self.later.drain(..));
    }

    fn blame(&mut self, failure: Failure) {
        if let Some(index) = self.ready.pop_front() {
            self.finish(index, Err(failure));
        }
    }

    fn give_up(&mut self, failure: &Failure) {
        let ready = core::mem::take(&mut self.ready);
        let more = ready.len().saturating_sub(1);
        for (at, index) in ready.into_iter().enumerate() {
            if at == 0 {
                let busy = self.items[index].busy.take();
                self.finish(index, Err(busy.unwrap_or_else(|| failure.clone())));
            } else {
                self.put_away(index);
            }
        }
        if more > 0 {
            self.progress.tell(Event::Left(more as u64));
        }
    }
}
