//! Uploads: a queue of files that are sent, with receipts that prove they are stored.

use std::collections::VecDeque;
use std::os::unix::fs::FileExt;

use coracle::client::{Done, Event, Handler, NotNow, Supplied};
use coracle::{Code, Command, Durability, Path as RemotePath, Receipt, Refusal, Resume};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::Remote;
use crate::source::{Input, Open, Source};
use crate::staged::crc_of;
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

struct Item {
    source: Source,
    remote: Remote,
    step: Step,
    open: Option<Open>,
    /// Every byte was given to the machine.
    is_sent: bool,
    /// Why it was withdrawn while it was sent.
    withdrawn: Option<Failure>,
    /// What the server said when it was busy.
    busy: Option<Failure>,
    input: Input,
}

/// What is to be asked next for a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Was it stored, though the receipt was lost?
    Sum,
    /// What is there of it?
    Partial,
    Send(Option<Resume>),
}

impl<'a> Uploads<'a> {
    pub(crate) fn new(files: Vec<(Source, Remote)>, resume: bool, progress: &'a Progress) -> Self {
        let step = if resume { Step::Partial } else { Step::Send(None) };
        let items: Vec<_> =
            files.into_iter().map(|(source, remote)| Item::new(source, remote, step)).collect();
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
        if item.step == Step::Sum {
            match item.local_receipt() {
                Ok(local) if local == stored => {
                    let name = item.remote.shown();
                    let text = "the receipt was lost, but the file is stored";
                    self.progress.note(format_args!("{name}: {text}"));
                    self.finish(index, Ok(()));
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
            (Some(Code::NotFound), Step::Partial) => self.again(index, Step::Send(None)),
            (Some(Code::NotFound | Code::Changed | Code::BadArgument), Step::Send(Some(_))) => {
                self.restart(index);
            }
            (Some(Code::Busy), step) if item.can_repeat() => {
                item.step = if step == Step::Send(None) { step } else { Step::Partial };
                item.is_sent = false;
                item.open = None;
                item.busy = Some(Failure::refused(code, message));
                self.later.push(index);
            }
            _ => self.finish(index, Err(Failure::refused(code, message))),
        }
    }

    fn finish(&mut self, index: usize, result: Result<(), Failure>) {
        self.moved += 1;
        let item = &mut self.items[index];
        item.open = None;
        if let Err(failure) = result {
            self.progress.error(format_args!("{}: {failure}", item.remote.shown()));
            self.first_failure.get_or_insert(failure);
        }
    }
}

impl Item {
    fn new(source: Source, remote: Remote, step: Step) -> Self {
        let step = if matches!(source, Source::Input) { Step::Send(None) } else { step };
        Self {
            source,
            remote,
            step,
            open: None,
            is_sent: false,
            withdrawn: None,
            busy: None,
            input: Input::default(),
        }
    }

    /// Whether the bytes can be had once more.
    fn can_repeat(&self) -> bool {
        matches!(self.source, Source::File(_)) || self.input.is_untouched()
    }

    fn open(&mut self) -> Result<(), Failure> {
        let Source::File(path) = &self.source else { return Ok(()) };
        if self.open.is_none() {
            let open = Open::new(path);
            self.open = Some(open.map_err(|error| Failure::local("read", path, &error))?);
        }
        Ok(())
    }

    fn prefix_crc(&mut self, length: u64) -> Result<Option<u32>, Failure> {
        self.open()?;
        match (&self.source, &self.open) {
            (Source::File(path), Some(open)) if length <= open.size => {
                let crc = crc_of(&open.file, length);
                crc.map(Some).map_err(|error| Failure::local("read", path, &error))
            }
            _ => Ok(None),
        }
    }

    fn local_receipt(&mut self) -> Result<Receipt, Failure> {
        if matches!(self.source, Source::Input) {
            return Ok(self.input.receipt());
        }
        self.open()?;
        let length = self.open.as_ref().map_or(0, |open| open.size);
        Ok(Receipt { length, crc: self.prefix_crc(length)?.unwrap_or(0) })
    }

    fn command(&self) -> Command<RemotePath<'_>> {
        let path = self.remote.path();
        match self.step {
            Step::Sum => Command::Sum { path, offset: 0, length: None },
            Step::Partial => Command::Partial { path },
            Step::Send(resume) => {
                let size = self.open.as_ref().map(|open| open.size);
                let modified = self.open.as_ref().and_then(Open::modified_seconds);
                Command::Upload { path, size, resume, modified }
            }
        }
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<Option<usize>, Failure> {
        let (Source::File(path), Some(open)) = (&self.source, &self.open) else {
            let count = self.input.read(buffer)?;
            self.is_sent = count == Some(0);
            return Ok(count);
        };
        let count = open.file.read_at(buffer, offset);
        let count = count.map_err(|error| Failure::local("read", path, &error))?;
        self.is_sent = offset + count as u64 >= open.size;
        // Only what stayed itself from the first byte to the last is worth a receipt.
        if count == 0 || self.is_sent && !open.is_unchanged() {
            let text = format!("{} changed while it was sent", path.display());
            return Err(Failure::Local(text));
        }
        if self.is_sent {
            self.open = None;
        }
        Ok(Some(count))
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
            let name = item.remote.shown();
            self.progress.begin(name, offset, size);
            if offset > 0 {
                self.progress.detail(format_args!("{name}: continued at {offset} bytes"));
            }
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

    fn store(&mut self, _request: u64, _offset: u64, _data: &[u8]) -> Result<(), Refusal> {
        Ok(())
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), Refusal> {
        match event {
            Event::Done { done, .. } => {
                let Some(index) = self.asked.pop_front() else { return Ok(()) };
                match done {
                    Done::Uploaded(receipt, durability) => {
                        let word = match durability {
                            Durability::Flushed => "flushed",
                            Durability::Cached => "cached: a power cut there may undo it",
                        };
                        let Receipt { length, crc } = receipt;
                        let name = self.items[index].remote.shown();
                        let progress = self.progress;
                        progress.detail(format_args!("{name}: {length} {crc:08x} {word}"));
                        self.finish(index, Ok(()));
                    }
                    Done::Sum(stored) => self.on_sum(index, stored),
                    Done::Sent { length } => {
                        let name = self.items[index].remote.shown();
                        self.progress.detail(format_args!("{name}: {length} sent, no receipt"));
                        self.finish(index, Ok(()));
                    }
                    _ => {}
                }
            }
            Event::Refused { code, message, .. } => {
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
            self.progress.error(format_args!("{more} more files were not transferred"));
        }
    }
}

fn unrepeatable() -> Failure {
    let text = "the connection was lost, and standard input cannot be read again";
    Failure::Connection(text.to_owned())
}
