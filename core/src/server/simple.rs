//! Commands of one step and one reply.

use super::{Misuse, Server};
use crate::buffer::{Buffer, Purpose};
use crate::command::{Command, path_in};
use crate::limits::LINE_MIN;
use crate::reply::emit_metadata;
use crate::step::{Answer, Step};
use crate::token::Span;

/// Bytes of counters that a host may add to its own in the reply to `stats`: with those of the
/// session they fit into the shortest line.
const STATS_MAX: usize = LINE_MIN / 2;

pub(super) fn step<'a>(
    command: Command<Span>,
    line: &'a [u8],
    chunk: &'a mut impl Buffer,
) -> Step<'a> {
    match command {
        Command::Stat { path } => Step::Stat(path_in(path, line)),
        Command::Forget { path } => Step::Forget(path_in(path, line)),
        Command::Remove { path } => Step::Remove(path_in(path, line)),
        Command::MakeFolder { path } => Step::MakeFolder(path_in(path, line)),
        Command::Rename { from, to } => {
            Step::Rename { from: path_in(from, line), to: path_in(to, line) }
        }
        Command::Stats => {
            chunk.reserve(Purpose::Lines);
            Step::Stats(chunk.bytes_mut().get_mut(..STATS_MAX).unwrap_or(&mut []))
        }
        _ => Step::Space,
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(super) fn on_simple_answer(&mut self, answer: Answer) -> Result<(), Misuse> {
        match (self.command, answer) {
            (_, Answer::Refused(refusal)) => self.refuse(refusal),
            (Command::Stat { .. }, Answer::Found(metadata)) => self.reply(|line| {
                line.bytes(b" ");
                emit_metadata(line, &metadata);
            }),
            (Command::Space, Answer::Space(space)) => self.reply(|line| {
                line.number_field(space.free);
                line.number_field(space.total);
            }),
            (Command::Stats, Answer::Filled(len)) if len <= STATS_MAX => self.reply_stats(len),
            (
                Command::Forget { .. }
                | Command::Remove { .. }
                | Command::MakeFolder { .. }
                | Command::Rename { .. },
                Answer::Done,
            ) => self.reply(|_| {}),
            _ => return Err(Misuse),
        }
        Ok(())
    }

    fn reply_stats(&mut self, len: usize) {
        let mut text = [0; STATS_MAX];
        let from = self.chunk.bytes().iter().take(len);
        for (to, from) in text.iter_mut().zip(from) {
            *to = *from;
        }
        let counters = self.counters;
        self.reply(|line| {
            line.option(b"commands", counters.commands.into());
            line.option(b"received", counters.received);
            line.option(b"sent", counters.sent);
            line.bytes(text.get(..len).unwrap_or(b""));
        });
    }
}
