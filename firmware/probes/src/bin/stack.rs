//! The most stack that the server's side takes, under the poll driver on a Cortex-M3 in QEMU, while
//! it answers every command, right and wrong; and the bytes of a session.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::iter::once;

use coracle::classic;
use coracle::limits::{CHUNK_BUFFER_LEN, CHUNK_LEN, LINE_MIN};
use coracle::poll::{self, Progress};
use coracle::{
    Answer, Command, Config, Crc32, FixedServer, Host, Machine, Medium, Outcome, Path, Resume,
    Step, Timeouts,
};
use coracle_probes::memory::{Flat, Link, chunks, end_of, frames_of};
use coracle_probes::stack;
use cortex_m_semihosting::hprintln;

coracle_probes::qemu_image!(main);

/// KiB of the file in the medium, and of each upload.
const KIB: usize = 4;

/// Every command without file bytes to the server, right and wrong.
const COMMANDS: &[u8] = b"hello 1 line=640 transfer=yes\nls\nls a%20b\nstat a\nsum a\nsum a 7 99\n\
    partial a\nforget a\nmkdir a/b\nmv a b\nmv a a/b\nrm a\nrm /\ndf\nstats\nnoop\nhelp\nhello 1\n\
    stat ../a\nstat %zz\nnonsense\ndownload a\ndownload a 5 100\ndownload a 99999\n\
    download a 5 100 crc=00000000\n";

const UPLOAD: &[u8] = b"upload a 4096 mtime=7\n";

fn main() {
    hprintln!("session server {}", coracle::SESSION_RAM);
    hprintln!("session server-classic {}", coracle::SESSION_RAM.max(classic::SESSION_RAM));
    hprintln!("session client {}", coracle::client::CLIENT_RAM);
    hprintln!("session driver {}", size_of::<poll::Driver<Infallible>>());
    let native = native();
    hprintln!("stack server {}", native);
    let classic = [&b"ls"[..], b"ls nowhere\n", b"download a", b"upload a 4096", b"nonsense\n"];
    let most = classic.map(of_classic).into_iter().max();
    hprintln!("stack server-classic {}", native.max(most.unwrap_or(0)));
}

/// Stack of a session with every command, three of which bring files.
fn native() -> usize {
    let (mut line, end, corrupt) = ([0; LINE_MIN], end_of(KIB), end_of(1));
    let resume = resume(&mut line);
    let script = once(COMMANDS)
        .chain(once(UPLOAD).chain(frames_of(KIB)).chain(once(&end[..])))
        .chain(once(UPLOAD).chain(frames_of(KIB)).chain(once(&corrupt[..])))
        .chain(once(resume).chain(frames_of(KIB)).chain(once(&end[..])))
        .chain(once(&b"exit\n"[..]));
    let mut server = FixedServer::new(Config::new(), [0; CHUNK_BUFFER_LEN]);
    let (stack, outcome) = of_session(&mut server, &mut Ports::new(), script);
    assert_eq!(outcome, Some(Outcome::Exit));
    stack
}

/// The line of an upload that goes on behind the first KiB of what is stored.
fn resume(line: &mut [u8; LINE_MIN]) -> &[u8] {
    let mut crc = Crc32::new();
    chunks(1).for_each(|chunk| crc.update(chunk));
    let resume = Some(Resume { offset: CHUNK_LEN as u64, crc: crc.value() });
    let path = Path::new(b"a").expect("a path");
    let command = Command::Upload { path, size: None, resume, modified: None };
    let len = command.emit(line).expect("a short line");
    &line[..len]
}

/// Stack of a connection of the classic dialect with this command, and with its transfer.
fn of_classic(command: &[u8]) -> usize {
    let config = Config { classic: true, ..Config::new() };
    let mut native = FixedServer::new(config, [0; CHUNK_BUFFER_LEN]);
    let mut host = Ports::new();
    let (first, outcome) = of_session(&mut native, &mut host, once(command));
    assert_eq!(outcome, Some(Outcome::Classic));
    let mut server = classic::FixedServer::from(native);
    let (second, outcome) = of_session(&mut server, &mut host, once(&b""[..]));
    let most = first.max(second);
    let Some(Outcome::Transfer(_)) = outcome else { return most };
    server.connected().expect("it is due");
    let (third, outcome) = of_session(&mut server, &mut host, chunks(KIB));
    assert_eq!(outcome, Some(Outcome::Ended));
    most.max(third)
}

/// Stack of a session of this machine with this script, and how it ended.
fn of_session<'a>(
    server: &mut impl Machine,
    host: &mut impl Host,
    script: impl Iterator<Item = &'a [u8]>,
) -> (usize, Option<Outcome>) {
    let mut driver = poll::Driver::new(Timeouts::DEFAULT, 0);
    let mut link = Link::new(script);
    let mut ended = Ok(Progress::Again);
    let stack = stack::of(|| {
        ended = poll::serve(server, &mut driver, &mut link, host, 0, usize::MAX);
    });
    match ended {
        Ok(Progress::Done(outcome)) => (stack, Some(outcome)),
        _ => (stack, None),
    }
}

/// A medium, and the ports that transfers need.
struct Ports(Medium<Flat>);

impl Ports {
    fn new() -> Self {
        Self(Medium::new(Flat::new((KIB * CHUNK_LEN) as u64)))
    }
}

impl Host for Ports {
    fn answer(&mut self, step: Step<'_>) -> Answer {
        match step {
            Step::Transfer => Answer::Transfer(Some(3333)),
            Step::Prepare(_) => Answer::Done,
            step => self.0.answer(step),
        }
    }
}
