//! `hello`: the limits are told before anything else.

use super::{Misuse, Next, Phase, Server};
use crate::buffer::Buffer;
use crate::command::{Command, Hello, VERSION};
use crate::greeting::Greeting;
use crate::reply::{Code, Refusal};
use crate::step::{Answer, Step};
use crate::storage::Facts;

/// What is still to be asked before the reply to `hello`.
#[derive(Clone, Copy)]
pub(super) enum Opening {
    Facts,
    Transfer(Facts),
}

impl Opening {
    pub(super) fn step(&self) -> Step<'static> {
        match self {
            Self::Facts => Step::Facts,
            Self::Transfer(_) => Step::Transfer,
        }
    }
}

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(super) fn open(&mut self, hello: Hello) {
        if hello.version != VERSION {
            let why = "this server speaks version 1: hello 1";
            return self.go_on(Next::Close(Refusal::new(Code::Unsupported, why)));
        }
        self.phase = Phase::Opening(Opening::Facts);
    }

    pub(super) fn on_opening_answer(&mut self, answer: Answer) -> Result<(), Misuse> {
        let Phase::Opening(opening) = self.phase else { return Err(Misuse) };
        let Command::Hello(hello) = self.command else { return Err(Misuse) };
        match (opening, answer) {
            (Opening::Facts, Answer::Refused(refusal)) => self.go_on(Next::Close(refusal)),
            (Opening::Facts, Answer::Facts(facts)) if hello.transfer => {
                self.phase = Phase::Opening(Opening::Transfer(facts));
            }
            (Opening::Facts, Answer::Facts(facts)) => self.greet(hello, facts, None),
            // The client goes on with the connection it has.
            (Opening::Transfer(facts), Answer::Refused(_)) => self.greet(hello, facts, None),
            (Opening::Transfer(facts), Answer::Transfer(port)) => self.greet(hello, facts, port),
            _ => return Err(Misuse),
        }
        Ok(())
    }

    fn greet(&mut self, hello: Hello, facts: Facts, transfer: Option<u16>) {
        self.line_limit = Some(hello.line);
        let greeting = Greeting {
            chunk: self.config.chunk.into(),
            line: LINE as u64,
            pipeline: self.config.pipeline.into(),
            busy: self.config.busy.into(),
            sessions: self.config.sessions.map(u64::from),
            case_sensitive: facts.case_sensitive,
            atomic: facts.atomic_replace,
            free: facts.free,
            largest: facts.largest,
            read_only: self.config.read_only,
            transfer,
        };
        self.reply(|line| greeting.emit(line));
    }
}
