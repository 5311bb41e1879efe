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
}

enum Source {
    File { offset: u64, length: Option<u64> },
    Partial,
}

enum Stage {
    Open,
    Read(Checksum),
    Close(Result<Checksum, Refusal>),
}

impl Sum {
    pub(super) const fn of_file(path: Span, offset: u64, length: Option<u64>) -> Self {
        Self { path, source: Source::File { offset, length }, stage: Stage::Open }
    }

    pub(super) const fn of_partial(path: Span) -> Self {
        Self { path, source: Source::Partial, stage: Stage::Open }
    }

    pub(super) fn step<'a>(&mut self, line: &'a [u8], chunk: &'a mut impl Buffer) -> Step<'a> {
        match (&self.stage, &self.source) {
            (Stage::Open, Source::File { .. }) => Step::Open(path_in(self.path, line)),
            (Stage::Open, Source::Partial) => Step::OpenPartial(path_in(self.path, line)),
            (Stage::Read(checksum), _) => {
                Step::Read { offset: checksum.at(), buffer: checksum.space(chunk.bytes_mut()) }
            }
            (Stage::Close(_), _) => Step::Close,
        }
    }

    /// The part of a file of `size` bytes that is asked for.
    fn range(&self, size: u64) -> Result<Checksum, Refusal> {
        let (offset, length) = match self.source {
            Source::File { offset, length } => (offset, length),
            Source::Partial => (0, None),
        };
        if offset > size {
            return Err(Refusal::new(Code::BadArgument, "the offset is past the end of the file"));
        }
        let end = length.map_or(size, |length| offset.saturating_add(length).min(size));
        Ok(Checksum::new(offset, end))
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(super) fn on_sum_answer(&mut self, answer: Answer) -> Result<(), Misuse> {
        let Phase::Sum(sum) = &mut self.phase else { return Err(Misuse) };
        match (&mut sum.stage, answer) {
            (Stage::Open, Answer::Refused(refusal)) => self.refuse(refusal),
            (Stage::Open, Answer::Found(metadata)) => {
                let range = sum.range(metadata.size);
                let slow = range.as_ref().is_ok_and(|checksum| checksum.is_long());
                sum.stage = match range {
                    Ok(checksum) if !checksum.is_complete() => Stage::Read(checksum),
                    done => Stage::Close(done),
                };
                self.chunk.reserve(Purpose::File);
                if slow {
                    self.queue_busy();
                }
            }
            (Stage::Read(_), Answer::Refused(refusal)) => sum.stage = Stage::Close(Err(refusal)),
            (Stage::Read(checksum), Answer::Filled(count)) => {
                match checksum.take(count, self.chunk.bytes())? {
                    // A file that became shorter is summed as far as it goes; the reply tells.
                    Progress::Over => sum.stage = Stage::Close(Ok(*checksum)),
                    Progress::Slow => self.queue_busy(),
                    Progress::More => {}
                }
            }
            (Stage::Close(Ok(checksum)), Answer::Done | Answer::Refused(_)) => {
                let (length, crc) = (checksum.length(), checksum.crc().value());
                self.reply(|line| {
                    line.number_field(length);
                    line.crc_field(crc);
                });
            }
            (Stage::Close(Err(refusal)), Answer::Done | Answer::Refused(_)) => {
                let refusal = *refusal;
                self.refuse(refusal);
            }
            _ => return Err(Misuse),
        }
        Ok(())
    }

    /// The client is gone: close what is open.
    pub(super) fn abandon_sum(&mut self) {
        if let Phase::Sum(Sum { stage: stage @ Stage::Read(_), .. }) = &mut self.phase {
            *stage = Stage::Close(Err(Refusal::new(Code::Aborted, "the client is gone")));
        }
    }
}
