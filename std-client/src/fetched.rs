//! One of the files to fetch: what is there of it, and where its bytes go.

use core::time::Duration;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use coracle::{Command, Crc32, Durability, Path as RemotePath, Receipt};

use crate::failure::Failure;
use crate::plan::{Fetch, Target};
use crate::remote::Remote;
use crate::staged::{Leftovers, Staged, crc_of};
use crate::told::{self, Direction, Finished, Start};

/// One of the files to fetch.
pub(crate) struct Item {
    pub(crate) remote: Remote,
    pub(crate) target: Target,
    /// The server gave the name.
    pub(crate) is_listed: bool,
    /// Go on from what is there.
    pub(crate) resume: bool,
    pub(crate) staged: Option<Staged>,
    /// Those of the file that is in the target's place.
    pub(crate) replaced: Option<Permissions>,
    /// The target as it is now: a beginning, perhaps, or the whole.
    present: Option<File>,
    /// Of what came and of what was there before it; not kept where the receipt is enough.
    crc: Crc32,
    /// What standard output has got so far, which cannot be read back.
    output_len: u64,
    /// From where the file is asked for, with the checksum of what is before; unknown yet.
    pub(crate) from: Option<(u64, u32)>,
    /// What the server said when it was busy.
    pub(crate) busy: Option<Failure>,
    pub(crate) modified: Option<u64>,
    pub(crate) is_through: bool,
    size: u64,
    /// When its bytes first came.
    began: Option<Instant>,
    /// Bytes that were told to have been moved.
    counted: u64,
    received: Option<Receipt>,
    durability: Option<Durability>,
}

impl Item {
    pub(crate) fn new(file: Fetch, resume: bool) -> Self {
        let Fetch { remote, target, is_listed, .. } = file;
        Self {
            remote,
            target,
            is_listed,
            resume,
            staged: None,
            replaced: None,
            present: None,
            crc: Crc32::new(),
            output_len: 0,
            from: None,
            busy: None,
            modified: None,
            is_through: false,
            size: 0,
            began: None,
            counted: 0,
            received: None,
            durability: None,
        }
    }

    /// Have everything ready to ask for it: what is there already, and its checksum.
    pub(crate) fn prepare(&mut self, leftovers: &Leftovers) -> Result<(), Failure> {
        let Target::File(target) = &self.target else {
            self.from = Some((self.output_len, self.crc.value()));
            return Ok(());
        };
        if self.from.is_some() {
            return Ok(());
        }
        if !self.resume {
            self.from = Some((0, 0));
            return Ok(());
        }
        let prepared = (|| {
            if self.staged.is_none() {
                self.staged = Staged::leftover(target, leftovers.of(target))?;
            }
            if let Some(staged) = &self.staged {
                let length = staged.len()?;
                return Ok((length, staged.crc(length)?));
            }
            let present = match File::open(target) {
                Ok(file) => self.present.insert(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, 0)),
                Err(error) => return Err(error),
            };
            let length = present.metadata()?.len();
            Ok((length, crc_of(present, length)?))
        })();
        let failed = |error: io::Error| Failure::local("read", target, &error);
        self.from = Some(prepared.map_err(failed)?);
        Ok(())
    }

    /// What is there is of no use: begin with nothing.
    pub(crate) fn restart(&mut self) {
        self.resume = false;
        self.from = Some((0, 0));
        self.present = None;
    }

    pub(crate) fn command(&self) -> Command<RemotePath<'_>> {
        let (offset, crc) = self.from.unwrap_or_default();
        let path = self.remote.path();
        Command::Download { path, offset, length: None, prefix: (offset > 0).then_some(crc) }
    }

    /// Its bytes will come now.
    pub(crate) fn begin(&mut self, size: u64, modified: Option<u64>) -> Result<(), Failure> {
        (self.size, self.modified) = (size, modified);
        let (offset, prefix) = self.from.unwrap_or_default();
        let Target::File(target) = &self.target else { return Ok(()) };
        self.crc = Crc32::resume(prefix);
        let staged = match (self.staged.take(), self.present.take()) {
            // The server has found that it is a beginning of the file.
            (Some(staged), _) => staged.cut(offset).map(|()| staged),
            // It is all that there is: nothing is moved, and nothing replaced.
            (None, Some(_)) if offset > 0 && offset == size => return Ok(()),
            (None, Some(file)) if offset > 0 => {
                Staged::copy_of(&file, offset, prefix, target, self.replaced.as_ref())
            }
            (None, _) => Staged::create(target, self.replaced.as_ref()),
        };
        self.staged = Some(staged.map_err(|error| Failure::local("write", target, &error))?);
        Ok(())
    }

    /// Bytes have come.
    pub(crate) fn write(
        &mut self,
        offset: u64,
        data: &[u8],
        output: &mut Option<File>,
    ) -> Result<(), Failure> {
        let written = match (&self.target, &self.staged) {
            (Target::File(_), Some(staged)) => staged.write(offset, data),
            (Target::File(_), None) => Err(io::ErrorKind::NotFound.into()),
            (Target::Output, _) => write_output(output, data),
        };
        written.map_err(|error| self.unwritten(&error))?;
        if self.needs_crc() {
            self.crc.update(data);
        }
        if matches!(self.target, Target::Output) {
            self.output_len += data.len() as u64;
        }
        self.counted += data.len() as u64;
        Ok(())
    }

    /// Every byte has come, and is right.
    pub(crate) const fn received(&mut self, receipt: Receipt) {
        self.received = Some(receipt);
        if self.staged.is_some() {
            // So it is before it becomes visible, or it fails.
            self.durability = Some(Durability::Flushed);
        }
    }

    pub(crate) fn unwritten(&self, error: &io::Error) -> Failure {
        match &self.target {
            Target::File(target) => Failure::local("write", target, error),
            Target::Output => Failure::output(error),
        }
    }

    /// As it is told of.
    pub(crate) fn file(&self) -> told::File<'_> {
        let local: Option<&Path> = match &self.target {
            Target::File(target) => Some(target),
            Target::Output => None,
        };
        told::File { direction: Direction::Download, name: self.remote.as_bytes(), local }
    }

    /// As it is told of when its bytes come.
    pub(crate) fn start(&mut self) -> Start<'_> {
        let (offset, _) = self.from.unwrap_or_default();
        let is_first = self.began.is_none();
        self.began.get_or_insert_with(Instant::now);
        let counted = core::mem::replace(&mut self.counted, offset);
        Start { file: self.file(), offset, size: Some(self.size), counted, is_first }
    }

    /// As it is told of when it is in its place.
    pub(crate) fn finished(&self) -> Finished<'_> {
        let kept = self.needs_crc().then(|| self.crc.value());
        let received = self.received.map_or(0, |receipt| receipt.crc);
        Finished {
            file: self.file(),
            size: self.size,
            crc: Some(kept.unwrap_or(received)),
            durability: self.durability,
            time: self.began.map_or(Duration::ZERO, |began| began.elapsed()),
        }
    }

    /// Whether the receipt is not of the whole file.
    fn needs_crc(&self) -> bool {
        let is_continued = self.from.is_some_and(|(offset, _)| offset > 0);
        is_continued || matches!(self.target, Target::Output)
    }
}

fn write_output(output: &mut Option<File>, data: &[u8]) -> io::Result<()> {
    let file = match output {
        Some(file) => file,
        None => output.insert(io::stdout().as_fd().try_clone_to_owned()?.into()),
    };
    file.write_all(data)
}
