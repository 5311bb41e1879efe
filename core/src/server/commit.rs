//! Group commit: uploads that follow each other are made durable together, then receipted.

use super::{Misuse, Next, Phase, Server};
use crate::buffer::Buffer;
use crate::reply::{Receipt, Refusal};
use crate::step::{Answer, Note, Step};
use crate::storage::Durability;

/// A commit under way, and what comes after it.
pub(super) struct Commit {
    stage: Stage,
    then: Next,
}

enum Stage {
    Commit,
    Receipts,
}

impl Commit {
    pub(super) fn step(&self) -> Step<'static> {
        match self.stage {
            Stage::Commit => Step::Commit,
            Stage::Receipts => Step::Committed,
        }
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    /// Commit and answer every finished upload, then go on with `then`: its answer must not
    /// overtake theirs.
    // Not inlined in so many places: flash.
    #[inline(never)]
    pub(super) fn after_group(&mut self, then: Next) {
        if self.group == 0 {
            return self.phase = Phase::Next(then);
        }
        self.phase = Phase::Commit(Commit { stage: Stage::Commit, then });
        self.queue_busy();
    }

    pub(super) fn on_commit_answer(&mut self, answer: Answer) -> Result<(), Misuse> {
        let Phase::Commit(commit) = &mut self.phase else { return Err(Misuse) };
        match (&commit.stage, answer) {
            (Stage::Commit, Answer::Done) => commit.stage = Stage::Receipts,
            (Stage::Receipts, Answer::Committed(receipt, result)) => {
                self.group = self.group.saturating_sub(1);
                if self.group == 0 {
                    self.phase = Phase::Next(commit.then);
                }
                self.queue_receipt(receipt, result);
            }
            _ => return Err(Misuse),
        }
        Ok(())
    }

    fn queue_receipt(&mut self, receipt: Receipt, result: Result<Durability, Refusal>) {
        let event = match result {
            Ok(durability) => Note::Uploaded { receipt, durability },
            Err(refusal) => Note::Refused(refusal),
        };
        self.result_note = Some(event);
        self.queue_line(|line| match result {
            Ok(durability) => {
                line.bytes(b"ok");
                line.number_field(receipt.length);
                line.crc_field(receipt.crc);
                line.bytes(match durability {
                    Durability::Flushed => b" flushed",
                    Durability::Cached => b" cached",
                });
            }
            Err(refusal) => {
                line.bytes(b"err ");
                refusal.emit_text(line);
            }
        });
    }
}
