//! A session of the core's own client over a socket, with a list of things to do.

use std::collections::VecDeque;

use coracle::client::{self, Done, Event, Handler, NotNow, Supplied, poll};
use coracle::poll::Stream;
use coracle::{Code, Command, Greeting, Path, Receipt, Refusal, Resume};
use smoltcp::iface::SocketHandle;

use super::host::{Host, Link, Lost};
use super::raw::crc;

type Machine = client::Client<[u8; 4 + 4096], 1024, 8>;

/// A thing to do.
#[derive(Clone, Debug)]
pub struct Task {
    pub command: Command<Path<'static>>,
    /// The file, if it is an upload.
    pub file: Vec<u8>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub task: Task,
    /// `None` until the server has answered.
    pub result: Option<Result<Done<'static>, Option<Code>>>,
    /// Entries, information, counters.
    pub lines: Vec<String>,
    /// The bytes of a download.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The result of a request that was done.
    pub fn done(&self) -> Done<'static> {
        match self.result {
            Some(Ok(done)) => done,
            other => panic!("{:?}: {other:?}", self.task.command),
        }
    }

    /// The code of a request that was refused.
    pub fn code(&self) -> Code {
        match self.result {
            Some(Err(Some(code))) => code,
            other => panic!("{:?}: {other:?}", self.task.command),
        }
    }
}

/// A client at work.
pub struct Session {
    pub host: usize,
    pub socket: SocketHandle,
    machine: Machine,
    pub script: Script,
    /// How it ended, once it has.
    pub end: Option<Result<(), client::Error<Lost>>>,
}

impl Session {
    pub fn new(host: usize, socket: SocketHandle, transfer: bool) -> Self {
        let machine = Machine::new([0; 4 + 4096], transfer);
        Self { host, socket, machine, script: Script::default(), end: None }
    }

    /// Whether everything asked is answered, or nothing will be any more.
    pub fn is_through(&self) -> bool {
        self.end.is_some() || self.script.is_through() && self.script.greeting.is_some()
    }

    /// Do what can be done now.
    pub fn advance(&mut self, host: &mut Host) {
        if self.end.is_some() {
            return;
        }
        let mut link = Link(host.socket(self.socket));
        match poll::advance(&mut self.machine, &mut link, &mut self.script) {
            Ok(poll::Waiting::Over) => {
                link.0.close();
                self.end = Some(Ok(()));
            }
            // Only here does it read on without a request: a server may say farewell.
            Ok(poll::Waiting::Request) => self.listen(host),
            Ok(_) => {}
            Err(error) => {
                // What has come of a file is worth keeping.
                let _ = poll::settle::<Lost>(&mut self.machine, &mut self.script);
                link.0.abort();
                self.end = Some(Err(error));
            }
        }
    }

    /// What a failed test wants to know.
    pub fn sight(&self, hosts: &[Host]) -> String {
        let Script { todo, answers, farewell, .. } = &self.script;
        let state = hosts[self.host].state(self.socket);
        let open = answers.iter().find(|answer| answer.result.is_none());
        format!(
            "session of host {}: {state}, end {:?}, farewell {farewell:?}, {} asked, {} to ask, \
             waits for {:?}",
            self.host,
            self.end,
            answers.len(),
            todo.len(),
            open.map(|answer| answer.task.command),
        )
    }

    /// With nothing to ask: hear whether the server ends the session.
    fn listen(&mut self, host: &mut Host) {
        let client::Action::Ready(buffer) = self.machine.poll() else { return };
        match Link(host.socket(self.socket)).try_read(buffer) {
            Ok(None) => {}
            Ok(Some(count)) => {
                if let Err(error) = self.machine.received(count) {
                    self.end = Some(Err(error.into()));
                } else {
                    self.advance(host);
                }
            }
            Err(lost) => self.end = Some(Err(client::Error::Link(lost))),
        }
    }
}

/// The things to do, in order, and what came of them.
#[derive(Default)]
pub struct Script {
    pub todo: VecDeque<Task>,
    pub answers: Vec<Answer>,
    pub greeting: Option<Greeting>,
    /// What the server said when it ended the session, or refused it.
    pub farewell: Option<(Option<Code>, String)>,
    /// Signs of life.
    pub busy: usize,
}

impl Script {
    fn is_through(&self) -> bool {
        self.todo.is_empty() && self.answers.iter().all(|answer| answer.result.is_some())
    }

    fn answer(&mut self, request: u64) -> &mut Answer {
        &mut self.answers[request as usize - 1]
    }
}

impl Handler for Script {
    fn next_request(&mut self) -> Option<Command<Path<'_>>> {
        self.todo.front().map(|task| task.command)
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        let task = self.todo.pop_front().unwrap();
        let number = outcome.unwrap_or_else(|error| panic!("{:?}: {error}", task.command));
        assert_eq!(number, self.answers.len() as u64 + 1);
        self.answers.push(Answer { task, result: None, lines: Vec::new(), bytes: Vec::new() });
    }

    fn supply(&mut self, request: u64, offset: u64, buffer: &mut [u8]) -> Supplied {
        let rest = &self.answer(request).task.file[offset as usize..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Supplied::Bytes(count)
    }

    fn store(&mut self, request: u64, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        let answer = self.answer(request);
        let Command::Download { offset: first, .. } = answer.task.command else {
            panic!("bytes for {:?}", answer.task.command)
        };
        assert_eq!(offset, first + answer.bytes.len() as u64);
        answer.bytes.extend_from_slice(data);
        Ok(())
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), Refusal> {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        match event {
            Event::Greeting(greeting) => self.greeting = Some(greeting),
            Event::Entry { request, entry } => {
                let line = format!("{:?} {}", entry.metadata.kind, text(entry.name));
                self.answer(request).lines.push(line);
            }
            Event::Info { request, text: line } => self.answer(request).lines.push(text(line)),
            Event::Busy { .. } => self.busy += 1,
            Event::Done { request, done } => {
                let answer = self.answer(request);
                answer.result = Some(Ok(match done {
                    Done::Stats(fields) => {
                        answer.lines.push(text(fields));
                        Done::Stats(b"")
                    }
                    Done::Plain => Done::Plain,
                    Done::Listed { entries, skipped } => Done::Listed { entries, skipped },
                    Done::Found(metadata) => Done::Found(metadata),
                    Done::Sum(receipt) => Done::Sum(receipt),
                    Done::Downloaded(receipt) => Done::Downloaded(receipt),
                    Done::Uploaded(receipt, durability) => Done::Uploaded(receipt, durability),
                    Done::Sent { length } => Done::Sent { length },
                    Done::Space(space) => Done::Space(space),
                    other => panic!("{other:?}"),
                }));
            }
            Event::Refused { request: 0, code, message } | Event::Farewell { code, message } => {
                self.farewell = Some((code, text(message)));
            }
            Event::Refused { request, code, .. } => self.answer(request).result = Some(Err(code)),
            _ => {}
        }
        Ok(())
    }
}

fn path(text: &str) -> Path<'static> {
    Path::new(text.to_owned().leak().as_bytes()).unwrap()
}

impl From<Command<Path<'static>>> for Task {
    fn from(command: Command<Path<'static>>) -> Self {
        Self { command, file: Vec::new() }
    }
}

pub fn list(folder: &str) -> Task {
    Command::List { path: path(folder) }.into()
}

pub fn stat(name: &str) -> Task {
    Command::Stat { path: path(name) }.into()
}

pub fn sum(name: &str) -> Task {
    Command::Sum { path: path(name), offset: 0, length: None }.into()
}

pub fn download(name: &str) -> Task {
    Command::Download { path: path(name), offset: 0, length: None, prefix: None }.into()
}

/// The rest of a download of which there are these bytes already.
pub fn download_rest(name: &str, have: &[u8]) -> Task {
    let (offset, prefix) = (have.len() as u64, Some(crc(have)));
    Command::Download { path: path(name), offset, length: None, prefix }.into()
}

pub fn upload(name: &str, file: &[u8]) -> Task {
    let size = Some(file.len() as u64);
    let command = Command::Upload { path: path(name), size, resume: None, modified: None };
    Task { command, file: file.to_vec() }
}

/// The rest of an upload, from so many stored bytes on.
pub fn upload_rest(name: &str, file: &[u8], stored: u64) -> Task {
    let resume = Some(Resume { offset: stored, crc: crc(&file[..stored as usize]) });
    let size = Some(file.len() as u64);
    let command = Command::Upload { path: path(name), size, resume, modified: None };
    Task { command, file: file.to_vec() }
}

pub fn partial(name: &str) -> Task {
    Command::Partial { path: path(name) }.into()
}

pub fn forget(name: &str) -> Task {
    Command::Forget { path: path(name) }.into()
}

pub fn remove(name: &str) -> Task {
    Command::Remove { path: path(name) }.into()
}

pub fn make_folder(name: &str) -> Task {
    Command::MakeFolder { path: path(name) }.into()
}

pub fn rename(from: &str, to: &str) -> Task {
    Command::Rename { from: path(from), to: path(to) }.into()
}

/// What a receipt of these bytes says.
pub fn receipt(bytes: &[u8]) -> Receipt {
    Receipt { length: bytes.len() as u64, crc: crc(bytes) }
}
