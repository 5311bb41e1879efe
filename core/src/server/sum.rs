//! `sum` and `partial`: the checksum of what is stored, read back from the medium.

use super::checksum::{Checksum, Progress};
use super::{Misuse, Phase, Server};
use crate::buffer::{Buffer, Purpose};
use crate::command::path_in;
use crate::reply::{Code, Refusal};
use crate::step::{Answer, Step};
use crate::token::Span;

/// A checksum on request.
pub(super) struct Sum {
    path: Span,
    source: Source,
    stage: Stage,
    /// Of nothing until the file is open.
    checksum: Checksum,
}

enum Source {
    File { offset: u64, length: Option<u64> },
    Partial,
}

enum Stage {
    Open,
    Read,
    /// Then the checksum is told, or why there is none.
    Close(Option<Refusal>),
}

impl Sum {
    pub(super) const fn of_file(path: Span, offset: u64, length: Option<u64>) -> Self {
        Self::new(path, Source::File { offset, length })
    }

    pub(super) const fn of_partial(path: Span) -> Self {
        Self::new(path, Source::Partial)
    }

    const fn new(path: Span, source: Source) -> Self {
        Self { path, source, stage: Stage::Open, checksum: Checksum::new(0, 0) }
    }

    pub(super) fn step<'a>(&mut self, line: &'a [u8], chunk: &'a mut impl Buffer) -> Step<'a> {
        match (&self.stage, &self.source) {
            (Stage::Open, Source::File { .. }) => Step::Open(path_in(self.path, line)),
            (Stage::Open, Source::Partial) => Step::OpenPartial(path_in(self.path, line)),
            (Stage::Read, _) => {
                let buffer = self.checksum.space(chunk.bytes_mut());
                Step::Read { offset: self.checksum.at(), buffer }
            }
            (Stage::Close(_), _) => Step::Close,
        }
    }

    /// The file is open and has `size` bytes: which of them are asked for?
    fn begin(&mut self, size: u64) {
        let (offset, length) = match self.source {
            Source::File { offset, length } => (offset, length),
            Source::Partial => (0, None),
        };
        if offset > size {
            let why = "the offset is past the end of the file";
            self.stage = Stage::Close(Some(Refusal::new(Code::BadArgument, why)));
            return;
        }
        let end = length.map_or(size, |length| offset.saturating_add(length).min(size));
        self.checksum = Checksum::new(offset, end);
        self.stage = if offset < end { Stage::Read } else { Stage::Close(None) };
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(super) fn on_sum_answer(&mut self, answer: Answer) -> Result<(), Misuse> {
        let Phase::Sum(sum) = &mut self.phase else { return Err(Misuse) };
        match (&sum.stage, answer) {
            (Stage::Open, Answer::Refused(refusal)) => self.refuse(refusal),
            (Stage::Open, Answer::Found(metadata)) => {
                sum.begin(metadata.size);
                self.chunk.reserve(Purpose::File);
                if sum.checksum.is_long() {
                    self.queue_busy();
                }
            }
            (Stage::Read, Answer::Refused(refusal)) => sum.stage = Stage::Close(Some(refusal)),
            (Stage::Read, Answer::Filled(count)) => {
                match sum.checksum.take(count, self.chunk.bytes())? {
                    // A file that became shorter is summed as far as it goes; the reply tells.
                    Progress::Over => sum.stage = Stage::Close(None),
                    Progress::Slow => self.queue_busy(),
                    Progress::More => {}
                }
            }
            (Stage::Close(None), Answer::Done | Answer::Refused(_)) => {
                let (length, crc) = (sum.checksum.length(), sum.checksum.crc().value());
                self.reply(|line| {
                    line.number_field(length);
                    line.crc_field(crc);
                });
            }
            (&Stage::Close(Some(refusal)), Answer::Done | Answer::Refused(_)) => {
                self.refuse(refusal);
            }
            _ => return Err(Misuse),
        }
        Ok(())
    }

    /// The client is gone: close what is open.
    pub(super) fn abandon_sum(&mut self) {
        if let Phase::Sum(Sum { stage: stage @ Stage::Read, .. }) = &mut self.phase {
            *stage = Stage::Close(Some(Refusal::new(Code::Aborted, "the client is gone")));
        }
    }
}
