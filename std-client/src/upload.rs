//! Uploads: a queue of files that are sent, with receipts that prove they are stored.

use std::collections::VecDeque;

use coracle::client::{Done, Event as Answer, Handler, NotNow, Supplied};
use coracle::{Code, Command, Path as RemotePath, Receipt, Refusal, Resume};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::sending::Send;
use crate::sent::{Item, Step, Stored, unrepeatable};
use crate::source::Source;
use crate::told::{About, Event};
use crate::transfer::Queue;

/// The files to send, and what became of them.
pub(crate) struct Uploads<'a> {
    items: Vec<Item>,
    /// To be asked for, by index, in this order.
    ready: VecDeque<usize>,
    /// Asked for, in this order; the answers come in it too.
    asked: VecDeque<usize>,
    /// To be asked for with the next connection: the server was busy.
    later: Vec<usize>,
    moved: u64,
    progress: &'a Progress,
    first_failure: Option<Failure>,
}

impl<'a> Uploads<'a> {
    /// `compare`: what is there whole already is not sent again.
    pub(crate) fn new(
        files: Vec<Send>,
        resume: bool,
        compare: bool,
        progress: &'a Progress,
    ) -> Self {
        let step = match (compare, resume) {
            (true, _) => Step::Compare,
            (false, true) => Step::Partial,
            (false, false) => Step::Send(None),
        };
        let items: Vec<_> = files.into_iter().map(|file| Item::new(file, step)).collect();
        Self {
            ready: (0..items.len()).collect(),
            items,
            asked: VecDeque::new(),
            later: Vec::new(),
            moved: 0,
            progress,
            first_failure: None,
        }
    }

    /// The first failure, if there was one.
    pub(crate) fn outcome(self) -> Result<(), Failure> {
        self.first_failure.map_or(Ok(()), Err)
    }

    fn on_sum(&mut self, index: usize, stored: Receipt) {
        let item = &mut self.items[index];
        if item.step == Step::Compare {
            match item.is_stored(stored) {
                Ok(true) => {
                    self.progress.tell(Event::Start(item.start(stored.length)));
                    self.finish(index, Ok(Stored::of(stored, None)));
                }
                Ok(false) => self.again(index, Step::Partial),
                Err(failure) => self.finish(index, Err(failure)),
            }
            return;
        }
        if item.step == Step::Sum {
            match item.local_receipt() {
                Ok(local) if local == stored => {
                    let name = item.remote.shown();
                    let text = "the receipt was lost, but the file is stored";
                    self.progress.note(format_args!("{name}: {text}"));
                    self.finish(index, Ok(Stored::of(stored, None)));
                }
                Ok(_) => self.not_stored(index),
                Err(failure) => self.finish(index, Err(failure)),
            }
            return;
        }
        match item.prefix_crc(stored.length) {
            Ok(crc) if crc == Some(stored.crc) => {
                self.moved = self.moved.saturating_add(stored.length);
                let resume = Resume { offset: stored.length, crc: stored.crc };
                self.again(index, Step::Send(Some(resume)));
            }
            Ok(_) => self.restart(index),
            Err(failure) => self.finish(index, Err(failure)),
        }
    }

    /// The receipt was lost, and the file is not there either.
    fn not_stored(&mut self, index: usize) {
        match self.items[index].source {
            Source::File(_) => self.again(index, Step::Partial),
            Source::Input => self.finish(index, Err(unrepeatable())),
        }
    }

    /// What is stored there is not the beginning of the file here.
    fn restart(&mut self, index: usize) {
        let name = self.items[index].remote.shown();
        self.progress.note(format_args!(
            "{name}: what is there is not the beginning of the file here; starting from zero"
        ));
        self.again(index, Step::Send(None));
    }

    fn again(&mut self, index: usize, step: Step) {
        let item = &mut self.items[index];
        item.step = step;
        item.is_sent = false;
        item.open = None;
        self.ready.push_front(index);
    }

    fn on_refused(&mut self, index: usize, code: Option<Code>, message: &[u8]) {
        let item = &mut self.items[index];
        if let Some(failure) = item.withdrawn.take() {
            self.finish(index, Err(failure));
            return;
        }
        match (code, item.step) {
            (Some(Code::NotFound), Step::Sum) => self.not_stored(index),
            (Some(Code::NotFound), Step::Compare) => self.again(index, Step::Partial),
            (Some(Code::NotFound), Step::Partial) => self.again(index, Step::Send(None)),
            (Some(Code::NotFound | Code::Changed | Code::BadArgument), Step::Send(Some(_))) => {
                self.restart(index);
            }
            (Some(Code::Busy), step) if item.can_repeat() => {
                item.step = match step {
                    // What was in the way may be there whole by then.
                    _ if item.compare => Step::Compare,
                    Step::Send(None) => step,
                    _ => Step::Partial,
                };
                item.is_sent = false;
                item.open = None;
                item.busy = Some(Failure::refused(code, message));
                self.later.push(index);
            }
            _ => self.finish(index, Err(Failure::refused(code, message))),
        }
    }

    fn finish(&mut self, index: usize, result: Result<Stored, Failure>) {
        self.moved += 1;
        let item = &mut self.items[index];
        item.open = None;
        match result {
            Ok(stored) => self.progress.tell(Event::Done(item.finished(stored))),
            Err(failure) => {
                let about = About::File(item.file());
                self.progress.tell(Event::Failed { about, failure: &failure });
                self.first_failure.get_or_insert(failure);
            }
        }
    }
}

impl Handler for Uploads<'_> {
    fn next_request(&mut self) -> Option<Command<RemotePath<'_>>> {
        loop {
            let &index = self.ready.front()?;
            let Err(failure) = self.items[index].open() else { break };
            self.ready.pop_front();
            self.finish(index, Err(failure));
        }
        self.ready.front().map(|&index| self.items[index].command())
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        let Some(index) = self.ready.pop_front() else { return };
        if let Err(why) = outcome {
            self.finish(index, Err(Failure::not_taken(why)));
            return;
        }
        self.asked.push_back(index);
        let item = &mut self.items[index];
        if let Step::Send(resume) = item.step {
            let size = item.open.as_ref().map(|open| open.size);
            let offset = resume.map_or(0, |resume| resume.offset);
            self.progress.tell(Event::Start(item.start(offset)));
            // Nothing will be asked for: such a file is sent with its line.
            item.is_sent = size == Some(offset);
        }
    }

    fn supply(&mut self, _request: u64, offset: u64, buffer: &mut [u8]) -> Supplied {
        let Some(&index) = self.asked.back() else { return Supplied::Bytes(0) };
        let item = &mut self.items[index];
        match item.read(offset, buffer) {
            Ok(Some(count)) => {
                self.progress.moved(count);
                Supplied::Bytes(count)
            }
            Ok(None) => Supplied::Stalled,
            Err(failure) => {
                item.withdrawn = Some(failure);
                Supplied::Failed(Refusal::new(Code::Aborted, "the client cannot read the file"))
            }
        }
    }

    fn event(&mut self, event: Answer<'_>) -> Result<(), Refusal> {
        match event {
            Answer::Done { done, .. } => {
                let Some(index) = self.asked.pop_front() else { return Ok(()) };
                match done {
                    Done::Uploaded(receipt, durability) => {
                        self.finish(index, Ok(Stored::of(receipt, Some(durability))));
                    }
                    Done::Sum(stored) => self.on_sum(index, stored),
                    Done::Sent { length } => {
                        self.finish(index, Ok(Stored { length, crc: None, durability: None }));
                    }
                    _ => {}
                }
            }
            Answer::Refused { code, message, .. } => {
                if let Some(index) = self.asked.pop_front() {
                    self.on_refused(index, code, message);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Queue for Uploads<'_> {
    fn is_done(&self) -> bool {
        self.ready.is_empty() && self.asked.is_empty() && self.later.is_empty()
    }

    fn moved(&self) -> u64 {
        self.moved
    }

    fn take_stop(&mut self) -> bool {
        false
    }

    fn disconnected(&mut self) {
        for index in core::mem::take(&mut self.asked).into_iter().rev() {
            let item = &mut self.items[index];
            let step = match item.step {
                Step::Send(_) if item.is_sent => Step::Sum,
                Step::Send(_) if item.can_repeat() => Step::Partial,
                Step::Send(_) => {
                    self.finish(index, Err(unrepeatable()));
                    continue;
                }
                step => step,
            };
            match item.withdrawn.take() {
                Some(failure) => self.finish(index, Err(failure)),
                None => self.again(index, step),
            }
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
        if let Some(&index) = ready.front() {
            let busy = self.items[index].busy.take();
            self.finish(index, Err(busy.unwrap_or_else(|| failure.clone())));
        }
        if more > 0 {
            self.progress.tell(Event::Left(more as u64));
        }
    }
}
