//! Steps: what a server's machine asks of its surroundings besides moving bytes, and the
//! answers. All three drivers share [`Medium`], which answers them from a [`Storage`].

use crate::classic::Way;
use crate::path::Path;
use crate::reply::{Code, Receipt, Refusal};
use crate::storage::{Durability, Facts, Metadata, Space, Storage};

/// One thing to do; then [`Machine::answered`](crate::Machine::answered) with the [`Answer`]
/// named at each step, or [`Answer::Refused`]; but [`Alive`](Self::Alive),
/// [`Finish`](Self::Finish), [`Commit`](Self::Commit) and [`Committed`](Self::Committed) are
/// never refused.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Step<'a> {
    /// [`Storage::facts`] → [`Answer::Facts`].
    Facts,
    /// A client asks for the transfer port to be open → [`Answer::Transfer`]. Refused is as good
    /// as no port.
    Transfer,
    /// A classic command needs a connection of its own for a file that goes this way. Wait for
    /// the turn of this transfer, and see that the connection can be made, before the medium is
    /// asked for the file and the peer is answered → [`Answer::Done`]. What is prepared is kept
    /// until the transfer, or the connection without one, is over.
    Prepare(Way),
    /// Counters of the host as ` name=value` text → [`Answer::Filled`]; 0 if there are none.
    Stats(&'a mut [u8]),
    /// [`Storage::space`] → [`Answer::Space`].
    Space,
    /// [`Storage::stat`] → [`Answer::Found`].
    Stat(Path<'a>),
    /// [`Storage::open`] → [`Answer::Found`].
    Open(Path<'a>),
    /// [`Storage::open_partial`] → [`Answer::Found`].
    OpenPartial(Path<'a>),
    /// [`Storage::read_at`] of the open file → [`Answer::Filled`].
    Read {
        /// First byte.
        offset: u64,
        /// Where the bytes go; never empty.
        buffer: &'a mut [u8],
    },
    /// [`Storage::metadata`] of the open file → [`Answer::Found`].
    Recheck,
    /// [`Storage::close`] → [`Answer::Done`].
    Close,
    /// [`Storage::open_folder`] → [`Answer::Done`].
    OpenFolder(Path<'a>),
    /// [`Storage::next_entry`] → [`Answer::Entry`] or [`Answer::Done`] at the end.
    NextEntry(&'a mut [u8]),
    /// [`Storage::close_folder`] → [`Answer::Done`].
    CloseFolder,
    /// [`Storage::stage`] → [`Answer::Done`].
    Stage {
        /// The file.
        path: Path<'a>,
        /// Bytes announced.
        size: Option<u64>,
    },
    /// [`Storage::resume`] → [`Answer::Stored`].
    Resume {
        /// The file.
        path: Path<'a>,
        /// Bytes announced.
        size: Option<u64>,
    },
    /// [`Storage::read_staged`] → [`Answer::Filled`].
    ReadStaged {
        /// First byte.
        offset: u64,
        /// Where the bytes go; never empty.
        buffer: &'a mut [u8],
    },
    /// [`Storage::truncate`] → [`Answer::Done`].
    Truncate(u64),
    /// [`Storage::write_at`] → [`Answer::Wrote`].
    Write {
        /// First byte.
        offset: u64,
        /// The bytes; never empty.
        data: &'a [u8],
    },
    /// [`Storage::alive`] → [`Answer::Done`].
    Alive,
    /// [`Storage::finish`] → [`Answer::Finished`].
    Finish {
        /// Length and CRC of the file.
        receipt: Receipt,
        /// Time to record, in seconds since 1970.
        modified: Option<u64>,
    },
    /// [`Storage::keep`] → [`Answer::Done`].
    Keep,
    /// [`Storage::discard`] → [`Answer::Done`].
    Discard,
    /// [`Storage::commit`] → [`Answer::Done`].
    Commit,
    /// [`Storage::committed`] → [`Answer::Committed`], or [`Answer::Done`] when all are told.
    Committed,
    /// [`Storage::forget`] → [`Answer::Done`].
    Forget(Path<'a>),
    /// [`Storage::remove`] → [`Answer::Done`].
    Remove(Path<'a>),
    /// [`Storage::make_folder`] → [`Answer::Done`].
    MakeFolder(Path<'a>),
    /// [`Storage::rename`] → [`Answer::Done`].
    Rename {
        /// The old path.
        from: Path<'a>,
        /// The new path.
        to: Path<'a>,
    },
}

/// What came of a [`Step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
// A tag of its own, for the reason told at `Command`.
#[repr(u32)]
pub enum Answer {
    /// Done; nothing more to say.
    Done,
    /// Not done.
    Refused(Refusal),
    /// What the medium is like.
    Facts(Facts),
    /// The transfer port that is open now, if any.
    Transfer(Option<u16>),
    /// Free and total bytes.
    Space(Space),
    /// An entry, or the file that is open now.
    Found(Metadata),
    /// So many bytes are in the buffer; 0 is the end.
    Filled(usize),
    /// The next entry; so many bytes of its name are in the buffer.
    Entry(Metadata, usize),
    /// So many bytes are stored of the partial.
    Stored(u64),
    /// So many bytes were written; never 0.
    Wrote(usize),
    /// The file joined the group, which has room for more or not.
    Finished {
        /// Whether one more file may join.
        room: bool,
    },
    /// The result of one upload.
    Committed(Receipt, Result<Durability, Refusal>),
}

/// Something worth a line in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event<'a> {
    /// A command begins.
    Command {
        /// The verb.
        verb: &'static str,
        /// Its (first) path.
        path: Option<Path<'a>>,
        /// Bytes announced of an upload.
        size: Option<u64>,
    },
    /// A download was sent whole.
    Downloaded {
        /// File bytes sent.
        length: u64,
    },
    /// An upload was committed.
    Uploaded {
        /// What the client was told.
        receipt: Receipt,
        /// What the receipt promises.
        durability: Durability,
    },
    /// Something was not done.
    Refused(Refusal),
    /// The peer gave up a transfer, or vanished within one.
    Abandoned {
        /// File bytes that had been moved.
        length: u64,
    },
}

/// An event without a name in it, as a machine keeps it until it is reported: smaller.
#[derive(Clone, Copy)]
pub(crate) enum Note {
    Downloaded { length: u64 },
    Uploaded { receipt: Receipt, durability: Durability },
    Refused(Refusal),
    Abandoned { length: u64 },
}

impl From<Note> for Event<'_> {
    fn from(note: Note) -> Self {
        match note {
            Note::Downloaded { length } => Self::Downloaded { length },
            Note::Uploaded { receipt, durability } => Self::Uploaded { receipt, durability },
            Note::Refused(refusal) => Self::Refused(refusal),
            Note::Abandoned { length } => Self::Abandoned { length },
        }
    }
}

/// The surroundings of a server's machine whose steps are done at once: for the blocking driver,
/// and for the poll driver where nothing stalls ([`poll::Host`](crate::poll::Host) otherwise).
pub trait Host {
    /// Do the step and answer as [`Step`] says.
    fn answer(&mut self, step: Step<'_>) -> Answer;

    /// Take note.
    fn event(&mut self, _event: Event<'_>) {}
}

/// A [`Storage`] with the files one session has open: answers every step of the medium.
pub struct Medium<S: Storage> {
    storage: S,
    open: Open<S>,
}

enum Open<S: Storage> {
    Nothing,
    File(S::File),
    Folder(S::Folder),
    Staged(S::Staged),
}

impl<S: Storage> Medium<S> {
    /// A medium with nothing open.
    pub const fn new(storage: S) -> Self {
        Self { storage, open: Open::Nothing }
    }

    /// The storage inside.
    pub const fn storage(&self) -> &S {
        &self.storage
    }

    /// What is open, for logs.
    pub(crate) const fn open_kind(&self) -> &'static str {
        match self.open {
            Open::Nothing => "nothing",
            Open::File(_) => "a file",
            Open::Folder(_) => "a folder",
            Open::Staged(_) => "a staged file",
        }
    }

    // Not inlined into every driver.
    #[inline(never)]
    fn try_answer(&mut self, step: Step<'_>) -> Result<Answer, S::Error> {
        match step {
            Step::Facts => return self.storage.facts().map(Answer::Facts),
            Step::Transfer => return Ok(Answer::Transfer(None)),
            Step::Prepare(_) => return Ok(Answer::Refused(NO_TRANSFER)),
            Step::Stats(_) => return Ok(Answer::Filled(0)),
            Step::Space => return self.storage.space().map(Answer::Space),
            Step::Stat(path) => return self.storage.stat(path).map(Answer::Found),
            Step::Forget(path) => self.storage.forget(path)?,
            Step::Remove(path) => self.storage.remove(path)?,
            Step::MakeFolder(path) => self.storage.make_folder(path)?,
            Step::Rename { from, to } => self.storage.rename(from, to)?,
            Step::Commit => self.storage.commit(),
            Step::Committed => {
                if let Some((receipt, result)) = self.storage.committed() {
                    return Ok(Answer::Committed(receipt, result.map_err(Into::into)));
                }
            }
            Step::Open(_)
            | Step::OpenPartial(_)
            | Step::OpenFolder(_)
            | Step::Stage { .. }
            | Step::Resume { .. } => return self.open(step),
            open => return self.use_open(open),
        }
        Ok(Answer::Done)
    }

    fn open(&mut self, step: Step<'_>) -> Result<Answer, S::Error> {
        let (open, answer) = match step {
            Step::Open(path) => {
                let (file, metadata) = self.storage.open(path)?;
                (Open::File(file), Answer::Found(metadata))
            }
            Step::OpenPartial(path) => {
                let (file, metadata) = self.storage.open_partial(path)?;
                (Open::File(file), Answer::Found(metadata))
            }
            Step::OpenFolder(path) => (Open::Folder(self.storage.open_folder(path)?), Answer::Done),
            Step::Stage { path, size } => {
                (Open::Staged(self.storage.stage(path, size)?), Answer::Done)
            }
            Step::Resume { path, size } => {
                let (staged, stored) = self.storage.resume(path, size)?;
                (Open::Staged(staged), Answer::Stored(stored))
            }
            _ => return Ok(OUT_OF_TURN),
        };
        self.open = open;
        Ok(answer)
    }

    fn use_open(&mut self, step: Step<'_>) -> Result<Answer, S::Error> {
        let storage = &mut self.storage;
        match (step, &mut self.open) {
            (Step::Read { offset, buffer }, Open::File(file)) => {
                storage.read_at(file, offset, buffer).map(Answer::Filled)
            }
            (Step::Recheck, Open::File(file)) => storage.metadata(file).map(Answer::Found),
            (Step::NextEntry(name), Open::Folder(folder)) => storage
                .next_entry(folder, name)
                .map(|next| next.map_or(Answer::Done, |(found, len)| Answer::Entry(found, len))),
            (Step::ReadStaged { offset, buffer }, Open::Staged(staged)) => {
                storage.read_staged(staged, offset, buffer).map(Answer::Filled)
            }
            (Step::Truncate(length), Open::Staged(staged)) => {
                storage.truncate(staged, length).map(|()| Answer::Done)
            }
            (Step::Write { offset, data }, Open::Staged(staged)) => {
                storage.write_at(staged, offset, data).map(Answer::Wrote)
            }
            (Step::Alive, Open::Staged(staged)) => {
                storage.alive(staged);
                Ok(Answer::Done)
            }
            (step, _) => Ok(self.put_away(step)),
        }
    }

    fn put_away(&mut self, step: Step<'_>) -> Answer {
        match (step, core::mem::replace(&mut self.open, Open::Nothing)) {
            (Step::Close, Open::File(file)) => self.storage.close(file),
            (Step::CloseFolder, Open::Folder(folder)) => self.storage.close_folder(folder),
            (Step::Keep, Open::Staged(staged)) => self.storage.keep(staged),
            (Step::Discard, Open::Staged(staged)) => self.storage.discard(staged),
            (Step::Finish { receipt, modified }, Open::Staged(staged)) => {
                let room = self.storage.finish(staged, receipt, modified);
                return Answer::Finished { room };
            }
            _ => return OUT_OF_TURN,
        }
        Answer::Done
    }
}

impl<S: Storage> Drop for Medium<S> {
    /// Put away what is open: the session ended between two steps. What was staged becomes a
    /// partial; finished files are committed, their receipts lost.
    fn drop(&mut self) {
        match core::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => {}
            Open::File(file) => self.storage.close(file),
            Open::Folder(folder) => self.storage.close_folder(folder),
            Open::Staged(staged) => self.storage.keep(staged),
        }
        self.storage.commit();
        while self.storage.committed().is_some() {}
    }
}

impl<S: Storage> Host for Medium<S> {
    fn answer(&mut self, step: Step<'_>) -> Answer {
        self.try_answer(step).unwrap_or_else(|error| Answer::Refused(error.into()))
    }
}

/// A step on something that is not open: a defect of the driver, told instead of a panic.
const OUT_OF_TURN: Answer = Answer::Refused(Refusal::new(Code::Io, "internal: a step out of turn"));

const NO_TRANSFER: Refusal =
    Refusal::new(Code::Unsupported, "this server makes no connections for classic transfers");
