//! The client's machine against the server's, in memory: cut anywhere, lost anywhere.

use core::cell::RefCell;
use core::convert::Infallible;
use std::collections::VecDeque;

use coracle::client::{Done, Event, Handler, NotNow, Supplied, poll};
use coracle::poll::{Driver, Progress, Stream, serve};
use coracle::{
    Command, Config, FixedServer, Medium, Path, RamDisk, RamSession, Receipt, Refusal, Resume,
    Timeouts, limits,
};

use crate::support::{Client, crc, path, pattern};

type Disk = RamDisk<32, 512>;

/// Rounds after which a pair that has not finished will never finish.
const ROUNDS_MAX: usize = 200_000;

/// One direction of a link that holds little and moves little at a time.
struct Pipe {
    bytes: VecDeque<u8>,
    room: usize,
    cut: usize,
    /// Bytes that still get through before the link is lost.
    left: usize,
}

impl Pipe {
    fn new(cut: usize, room: usize, left: usize) -> Self {
        Self { bytes: VecDeque::new(), room, cut, left }
    }
}

/// One end of a link.
struct End<'a> {
    input: &'a RefCell<Pipe>,
    output: &'a RefCell<Pipe>,
}

impl Stream for End<'_> {
    type Error = Infallible;

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Infallible> {
        let mut pipe = self.input.borrow_mut();
        let count = pipe.bytes.len().min(buffer.len()).min(pipe.cut);
        for (to, from) in buffer.iter_mut().zip(pipe.bytes.drain(..count)) {
            *to = from;
        }
        let is_lost = pipe.left == 0 || self.output.borrow().left == 0;
        Ok((count > 0 || is_lost).then_some(count))
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Infallible> {
        let mut pipe = self.output.borrow_mut();
        let free = pipe.room - pipe.bytes.len();
        let count = bytes.len().min(free).min(pipe.cut);
        if count == 0 {
            return Ok(None);
        }
        // What the link loses it takes all the same.
        let through = count.min(pipe.left);
        pipe.bytes.extend(&bytes[..through]);
        pipe.left -= through;
        Ok(Some(count))
    }
}

/// A client that wants things done, with one file for all uploads.
#[derive(Default)]
struct Wishes {
    commands: VecDeque<Command<Path<'static>>>,
    file: Vec<u8>,
    stored: Vec<u8>,
    done: Vec<String>,
    partial: Option<Receipt>,
}

impl Handler for Wishes {
    fn next_request(&mut self) -> Option<Command<Path<'_>>> {
        self.commands.front().copied()
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        self.commands.pop_front();
        outcome.unwrap();
    }

    fn supply(&mut self, _request: u64, offset: u64, buffer: &mut [u8]) -> Supplied {
        let rest = &self.file[offset as usize..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Supplied::Bytes(count)
    }

    fn store(&mut self, _request: u64, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        if offset == 0 {
            self.stored.clear();
        }
        assert_eq!(offset, self.stored.len() as u64);
        self.stored.extend(data);
        Ok(())
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), Refusal> {
        match event {
            Event::Done { done, .. } => {
                if let Done::Sum(receipt) = done {
                    self.partial = Some(receipt);
                }
                self.done.push(format!("{done:?}"));
            }
            Event::Refused { code, .. } => self.done.push(format!("{code:?}")),
            _ => {}
        }
        Ok(())
    }
}

/// Run a session until the client is through or the link is lost; `lost` is after how many
/// bytes, to and from the server. Returns whether the client got all its answers.
fn pair(
    disk: &RefCell<Disk>,
    wishes: &mut Wishes,
    cut: usize,
    room: usize,
    lost: (usize, usize),
) -> bool {
    let up = RefCell::new(Pipe::new(cut, room, lost.0));
    let down = RefCell::new(Pipe::new(cut, room, lost.1));
    let mut client = Client::new([0; 1028], false);
    let mut server = FixedServer::new(Config::new(), [0; limits::CHUNK_BUFFER_LEN]);
    let mut driver = Driver::new(Timeouts::DEFAULT, 0);
    let mut medium = Medium::new(RamSession::new(disk));
    let mut is_through = None;
    for _ in 0..ROUNDS_MAX {
        let mut link = End { input: &down, output: &up };
        if is_through.is_none() {
            match poll::advance(&mut client, &mut link, wishes) {
                Ok(poll::Waiting::Request) => is_through = Some(true),
                Ok(poll::Waiting::Readable | poll::Waiting::Either) => {}
                Ok(_) | Err(_) => is_through = Some(false),
            }
            if is_through.is_some() {
                // Both directions end: the client is gone.
                up.borrow_mut().left = 0;
            }
        }
        let mut link = End { input: &up, output: &down };
        match serve(&mut server, &mut driver, &mut link, &mut medium, 0, 1000).unwrap() {
            Progress::Done(_) => {
                down.borrow_mut().left = 0;
                if let Some(is_through) = is_through {
                    return is_through;
                }
            }
            Progress::Again | Progress::Waiting { .. } => {}
        }
    }
    panic!("no end (cut {cut}, room {room}, lost {lost:?})");
}

fn upload(size: usize, resume: Option<Resume>) -> Command<Path<'static>> {
    Command::Upload { path: path("f"), size: Some(size as u64), resume, modified: Some(7) }
}

fn download() -> Command<Path<'static>> {
    Command::Download { path: path("f"), offset: 0, length: None, prefix: None }
}

const NO_LOSS: (usize, usize) = (usize::MAX, usize::MAX);

#[test]
fn files_go_there_and_back_however_the_link_cuts() {
    for (at, len) in [0, 1, 1023, 1024, 1025, 5000].into_iter().enumerate() {
        let file = pattern(len);
        for cut in [1, 2, 3, 7, 100, 1023, 1024, 1028, 4096] {
            let disk = RefCell::new(Disk::new());
            let mut wishes = Wishes {
                commands: [
                    Command::MakeFolder { path: path("d") },
                    upload(len, None),
                    upload(len, None),
                    download(),
                    download(),
                    Command::Stat { path: path("f") },
                    Command::List { path: path("/") },
                    Command::Remove { path: path("none") },
                    Command::Exit,
                ]
                .into(),
                file: file.clone(),
                ..Wishes::default()
            };
            // A pipe of one byte is the narrowest link there is.
            let room = [1, 16, 5000][(at + cut) % 3];
            assert!(pair(&disk, &mut wishes, cut, room, NO_LOSS));
            assert!(wishes.stored == file);
            let words: Vec<_> =
                wishes.done.iter().map(|done| done.split([' ', '(']).next().unwrap()).collect();
            let expected = "Plain Uploaded Uploaded Downloaded Downloaded Found Listed Some Plain";
            assert_eq!(words.join(" "), expected, "{:?}", wishes.done);
        }
    }
}

#[test]
fn a_link_lost_at_any_byte_leaves_the_old_file_or_the_new_one() {
    let (old, new) = (pattern(700), pattern(2100).split_off(50));
    let send = |file: &[u8]| Wishes {
        commands: [upload(file.len(), None)].into(),
        file: file.to_vec(),
        ..Wishes::default()
    };
    for lost in 0..new.len() + 120 {
        let disk = RefCell::new(Disk::new());
        assert!(pair(&disk, &mut send(&old), 4096, 4096, NO_LOSS));
        let is_through = pair(&disk, &mut send(&new), 512, 512, (lost, usize::MAX));
        let mut fetch = Wishes {
            commands: [Command::Partial { path: path("f") }, download()].into(),
            ..Wishes::default()
        };
        assert!(pair(&disk, &mut fetch, 4096, 4096, NO_LOSS));
        assert!(fetch.stored == old || fetch.stored == new, "lost after {lost}");
        assert!(!is_through || fetch.stored == new, "a receipt is a promise ({lost})");
        let Some(partial) = fetch.partial else { continue };
        // What is stored is a beginning of the new file; from there it goes on.
        let offset = partial.length as usize;
        assert_eq!(crc(&new[..offset]), partial.crc, "lost after {lost}");
        let resume = Resume { offset: partial.length, crc: partial.crc };
        let mut wishes = Wishes {
            commands: [upload(new.len(), Some(resume)), download()].into(),
            file: new.clone(),
            ..Wishes::default()
        };
        assert!(pair(&disk, &mut wishes, 4096, 4096, NO_LOSS));
        assert!(wishes.stored == new, "{:?}", wishes.done);
    }
}

#[test]
fn a_download_lost_at_any_byte_goes_on_where_it_stopped() {
    let file = pattern(2100);
    let disk = RefCell::new(Disk::new());
    let mut wishes = Wishes {
        commands: [upload(file.len(), None)].into(),
        file: file.clone(),
        ..Wishes::default()
    };
    assert!(pair(&disk, &mut wishes, 4096, 4096, NO_LOSS));
    for lost in (0..2600).step_by(3) {
        let mut wishes = Wishes { commands: [download()].into(), ..Wishes::default() };
        let is_through = pair(&disk, &mut wishes, 300, 300, (usize::MAX, lost));
        let have = wishes.stored.len();
        assert!(file.starts_with(&wishes.stored));
        assert!(!is_through || have == file.len());
        let (offset, prefix) = (have as u64, (have > 0).then_some(crc(&wishes.stored)));
        let rest = Command::Download { path: path("f"), offset, length: None, prefix };
        wishes.commands = [rest].into();
        assert!(pair(&disk, &mut wishes, 4096, 4096, NO_LOSS));
        assert!(wishes.stored == file, "lost after {lost}");
    }
}
