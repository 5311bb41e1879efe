//! One of the files to send: its bytes, and what is to be asked next for it.

use core::time::Duration;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use coracle::{Command, Durability, Path as RemotePath, Receipt, Resume};

use crate::failure::Failure;
use crate::print::Shown;
use crate::remote::Remote;
use crate::sending::Send;
use crate::source::{Input, Open, Source};
use crate::staged::crc_of;
use crate::told::{self, Direction, Finished, Start};

/// One of the files to send.
pub(crate) struct Item {
    pub(crate) source: Source,
    pub(crate) remote: Remote,
    pub(crate) step: Step,
    /// What is there whole is not sent again.
    pub(crate) compare: bool,
    pub(crate) open: Option<Open>,
    /// Every byte was given to the machine.
    pub(crate) is_sent: bool,
    /// Why it was withdrawn while it was sent.
    pub(crate) withdrawn: Option<Failure>,
    /// What the server said when it was busy.
    pub(crate) busy: Option<Failure>,
    input: Input,
    /// When it was first sent.
    began: Option<Instant>,
    /// Bytes that were told to have been moved.
    counted: u64,
}

/// What is to be asked next for a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Is it there whole already?
    Compare,
    /// Was it stored, though the receipt was lost?
    Sum,
    /// What is there of it?
    Partial,
    Send(Option<Resume>),
}

/// What the server has said of a file that is there now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub(crate) length: u64,
    /// The classic dialect tells none.
    pub(crate) crc: Option<u32>,
    /// `None` where it was not stored now, or nothing is known.
    pub(crate) durability: Option<Durability>,
}

impl Stored {
    pub(crate) const fn of(receipt: Receipt, durability: Option<Durability>) -> Self {
        Self { length: receipt.length, crc: Some(receipt.crc), durability }
    }
}

impl Item {
    pub(crate) fn new(file: Send, step: Step) -> Self {
        let Send { source, remote, .. } = file;
        let step = if matches!(source, Source::Input) { Step::Send(None) } else { step };
        Self {
            source,
            remote,
            step,
            compare: step == Step::Compare,
            open: None,
            is_sent: false,
            withdrawn: None,
            busy: None,
            input: Input::default(),
            began: None,
            counted: 0,
        }
    }

    /// As it is told of.
    pub(crate) fn file(&self) -> told::File<'_> {
        let local = match &self.source {
            Source::File(path) => Some(path.as_path()),
            Source::Input => None,
        };
        told::File { direction: Direction::Upload, name: self.remote.as_bytes(), local }
    }

    /// It is sent from `offset` on.
    pub(crate) fn start(&mut self, offset: u64) -> Start<'_> {
        let is_first = self.began.is_none();
        self.began.get_or_insert_with(Instant::now);
        let counted = core::mem::replace(&mut self.counted, offset);
        let size = self.open.as_ref().map(|open| open.size);
        Start { file: self.file(), offset, size, counted, is_first }
    }

    /// It is stored.
    pub(crate) fn finished(&self, stored: Stored) -> Finished<'_> {
        Finished {
            file: self.file(),
            size: stored.length,
            crc: stored.crc,
            durability: stored.durability,
            time: self.began.map_or(Duration::ZERO, |began| began.elapsed()),
        }
    }

    /// Whether the bytes can be had once more.
    pub(crate) fn can_repeat(&self) -> bool {
        matches!(self.source, Source::File(_)) || self.input.is_untouched()
    }

    pub(crate) fn open(&mut self) -> Result<(), Failure> {
        let Source::File(path) = &self.source else { return Ok(()) };
        if self.open.is_none() {
            let open = Open::new(path);
            self.open = Some(open.map_err(|error| Failure::local("read", path, &error))?);
        }
        Ok(())
    }

    pub(crate) fn prefix_crc(&mut self, length: u64) -> Result<Option<u32>, Failure> {
        self.open()?;
        match (&self.source, &self.open) {
            (Source::File(path), Some(open)) if length <= open.size => {
                let crc = crc_of(&open.file, length);
                crc.map(Some).map_err(|error| Failure::local("read", path, &error))
            }
            _ => Ok(None),
        }
    }

    /// Whether this is what is stored. A file of another length need not be read.
    pub(crate) fn is_stored(&mut self, stored: Receipt) -> Result<bool, Failure> {
        self.open()?;
        let length = self.open.as_ref().map(|open| open.size);
        Ok(length == Some(stored.length) && self.local_receipt()? == stored)
    }

    pub(crate) fn local_receipt(&mut self) -> Result<Receipt, Failure> {
        if matches!(self.source, Source::Input) {
            return Ok(self.input.receipt());
        }
        self.open()?;
        let length = self.open.as_ref().map_or(0, |open| open.size);
        Ok(Receipt { length, crc: self.prefix_crc(length)?.unwrap_or(0) })
    }

    pub(crate) fn command(&self) -> Command<RemotePath<'_>> {
        let path = self.remote.path();
        match self.step {
            Step::Compare | Step::Sum => Command::Sum { path, offset: 0, length: None },
            Step::Partial => Command::Partial { path },
            Step::Send(resume) => {
                let size = self.open.as_ref().map(|open| open.size);
                let modified = self.open.as_ref().and_then(Open::modified_seconds);
                Command::Upload { path, size, resume, modified }
            }
        }
    }

    pub(crate) fn read(
        &mut self,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<Option<usize>, Failure> {
        let (Source::File(path), Some(open)) = (&self.source, &self.open) else {
            let count = self.input.read(buffer)?;
            self.is_sent = count == Some(0);
            self.counted += count.unwrap_or(0) as u64;
            return Ok(count);
        };
        let count = open.file.read_at(buffer, offset);
        let count = count.map_err(|error| Failure::local("read", path, &error))?;
        self.is_sent = offset + count as u64 >= open.size;
        // Only what stayed itself from the first byte to the last is worth a receipt.
        if count == 0 || self.is_sent && !open.is_unchanged() {
            let text = format!("{} changed while it was sent", Shown::path(path));
            return Err(Failure::Local(text));
        }
        if self.is_sent {
            self.open = None;
        }
        self.counted += count as u64;
        Ok(Some(count))
    }
}

pub(crate) fn unrepeatable() -> Failure {
    let text = "the connection was lost, and standard input cannot be read again";
    Failure::Connection(text.to_owned())
}
