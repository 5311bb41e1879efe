//! The blocking drivers of both sides over real sockets: what a firmware author writes, with
//! `embedded-io-adapters` in the place of a network stack.

use std::cell::RefCell;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use coracle::client::{Done, Event, FixedClient, Handler, NotNow, Supplied};
use coracle::limits::CHUNK_BUFFER_LEN;
use coracle::{
    Command, Config, Durability, FixedServer, Medium, Outcome, Path, RamDisk, RamSession, Receipt,
    Refusal,
};
use embedded_io_adapters::std::FromStd;

/// Uploads a log, then reads it back.
struct Logger {
    log: Vec<u8>,
    asked: u64,
    receipt: Option<(Receipt, Durability)>,
    back: Vec<u8>,
}

impl Handler for Logger {
    fn next_request(&mut self) -> Option<Command<Path<'_>>> {
        let path = Path::new(b"boot.log").ok()?;
        let size = Some(self.log.len() as u64);
        match self.asked {
            0 => Some(Command::Upload { path, size, resume: None, modified: None }),
            1 => Some(Command::Download { path, offset: 0, length: None, prefix: None }),
            2 => Some(Command::Exit),
            _ => None,
        }
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        assert!(outcome.is_ok(), "{outcome:?}");
        self.asked += 1;
    }

    fn supply(&mut self, _request: u64, offset: u64, buffer: &mut [u8]) -> Supplied {
        let rest = &self.log[offset as usize..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Supplied::Bytes(count)
    }

    fn store(&mut self, _request: u64, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        assert_eq!(offset, self.back.len() as u64);
        self.back.extend_from_slice(data);
        Ok(())
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), Refusal> {
        match event {
            Event::Done { done: Done::Uploaded(receipt, durability), .. } => {
                self.receipt = Some((receipt, durability));
            }
            Event::Refused { .. } => panic!("{event:?}"),
            _ => {}
        }
        Ok(())
    }
}

#[test]
fn a_log_goes_up_and_comes_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        let disk = RefCell::new(RamDisk::<16, 512>::new());
        let mut medium = Medium::new(RamSession::new(&disk));
        let mut server = FixedServer::new(Config::new(), [0; CHUNK_BUFFER_LEN]);
        let mut link = FromStd::new(listener.accept().unwrap().0);
        let outcome = coracle::blocking::serve(&mut server, &mut link, &mut medium);
        link.into_inner().shutdown(Shutdown::Write).unwrap();
        outcome.map_err(|error| error.to_string())
    });

    let log: Vec<u8> = (0..500).flat_map(|n| format!("{n}: all is well\n").into_bytes()).collect();
    let mut logger = Logger { log: log.clone(), asked: 0, receipt: None, back: Vec::new() };
    let mut link = FromStd::new(TcpStream::connect(address).unwrap());
    let mut client = FixedClient::new([0; CHUNK_BUFFER_LEN], false);
    coracle::client::blocking::run(&mut client, &mut link, &mut logger).unwrap();
    drop(link);

    assert_eq!(serving.join().unwrap(), Ok(Outcome::Exit));
    let (receipt, durability) = logger.receipt.unwrap();
    assert_eq!((receipt.length, durability), (log.len() as u64, Durability::Cached));
    assert!(logger.back == log);
}
