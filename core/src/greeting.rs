//! The reply to `hello`: the limits of a server, told before anything else.

use crate::command::Verb;
use crate::emit::Emit;
use crate::limits::{
    BUSY_SECONDS, CHUNK_LEN, COMPONENT_MAX, LINE_MIN, NUMBER_MAX, PATH_MAX, PIPELINE_DEFAULT,
};
use crate::token::{self, Tokens};

/// What a server tells of itself and its limits in the reply to `hello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Greeting {
    /// Bytes in a DATA frame of this server.
    pub chunk: u64,
    /// Longest line the server takes, in bytes with LF.
    pub line: u64,
    /// Bytes of command lines that may be unanswered.
    pub pipeline: u64,
    /// Seconds for which signs of life count as progress.
    pub busy: u64,
    /// Whether names differ that differ in case only.
    pub case_sensitive: bool,
    /// Whether a file is replaced in one step, power cuts included.
    pub atomic: bool,
    /// Free bytes, if known.
    pub free: Option<u64>,
    /// Largest file in bytes, if there is a limit below [`NUMBER_MAX`].
    pub largest: Option<u64>,
    /// Sessions that may be open at once, if limited.
    pub sessions: Option<u64>,
    /// Whether every command that writes is refused.
    pub read_only: bool,
    /// The open transfer port, if asked for.
    pub transfer: Option<u16>,
}

impl Default for Greeting {
    /// What holds where `hello` does not say otherwise.
    fn default() -> Self {
        Self {
            chunk: CHUNK_LEN as u64,
            line: LINE_MIN as u64,
            pipeline: PIPELINE_DEFAULT as u64,
            busy: BUSY_SECONDS.into(),
            case_sensitive: true,
            atomic: true,
            free: None,
            largest: None,
            sessions: None,
            read_only: false,
            transfer: None,
        }
    }
}

impl Greeting {
    /// Write the fields behind `ok`.
    pub(crate) fn emit(&self, line: &mut Emit<'_>) {
        line.bytes(b" 1");
        line.option(b"chunk", self.chunk);
        line.option(b"line", self.line);
        line.option(b"name", COMPONENT_MAX as u64);
        line.option(b"path", PATH_MAX as u64);
        line.option(b"pipeline", self.pipeline);
        line.option(b"busy", self.busy);
        line.bytes(if self.case_sensitive { b" case=sensitive" } else { b" case=insensitive" });
        line.bytes(if self.atomic { b" atomic=yes" } else { b" atomic=no" });
        if let Some(free) = self.free {
            line.option(b"free", free);
        }
        if let Some(largest) = self.largest {
            line.option(b"largest", largest);
        }
        if let Some(sessions) = self.sessions {
            line.option(b"sessions", sessions);
        }
        line.bytes(if self.read_only { b" readonly=yes" } else { b" readonly=no" });
        for (at, verb) in Verb::ALL.iter().enumerate() {
            line.bytes(if at == 0 { b" verbs=" } else { b"," });
            line.bytes(verb.word().as_bytes());
        }
        if let Some(port) = self.transfer {
            line.option(b"transfer", port.into());
        }
    }

    /// Read the fields behind `ok 1`. Unknown ones are ignored, bad values keep the default.
    pub fn parse(fields: &[u8]) -> Self {
        let mut greeting = Self::default();
        for field in Tokens::new(fields) {
            let Some((name, value)) = token::option(field) else { continue };
            let number = token::number(value);
            match name {
                b"chunk" => greeting.chunk = number.unwrap_or(greeting.chunk),
                b"line" => greeting.line = number.unwrap_or(greeting.line),
                b"pipeline" => greeting.pipeline = number.unwrap_or(greeting.pipeline),
                b"busy" => greeting.busy = number.unwrap_or(greeting.busy),
                b"case" => greeting.case_sensitive = value != b"insensitive",
                b"atomic" => greeting.atomic = value == b"yes",
                b"free" => greeting.free = number,
                b"largest" => greeting.largest = number.filter(|&size| size < NUMBER_MAX),
                b"sessions" => greeting.sessions = number,
                b"readonly" => greeting.read_only = value == b"yes",
                b"transfer" => greeting.transfer = number.and_then(|port| port.try_into().ok()),
                _ => {}
            }
        }
        greeting
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Reply;

    #[test]
    fn greetings_round_trip() {
        let greeting = Greeting {
            chunk: 262_144,
            free: Some(5),
            sessions: Some(7),
            read_only: true,
            transfer: Some(3333),
            case_sensitive: false,
            atomic: false,
            ..Greeting::default()
        };
        let mut buffer = [0; 640];
        let mut line = Emit::new(&mut buffer);
        line.bytes(b"ok");
        greeting.emit(&mut line);
        let len = line.finish().unwrap();
        let Some(Reply::Ok(fields)) = Reply::parse(&mut buffer[..len - 1]) else { panic!() };
        assert_eq!(Greeting::parse(fields), greeting);
    }
}
