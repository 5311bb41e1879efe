//! What a session leaves in the log and in the counters, in the same words whichever server it
//! is one of.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use coracle::{Code, Durability, Event, Outcome, Refusal};
use tracing::field::display;

use crate::counters::Counters;

/// As the ancestor's server says it.
const MISSING: &str = "File requested not found sending err msg...";

/// What becomes of one session.
#[derive(Debug)]
pub struct Journal {
    counters: Arc<Counters>,
    session: u64,
    /// When the running command began.
    command: Instant,
    /// Whether it is a download.
    downloads: bool,
}

/// Which port a session came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The control port.
    Control,
    /// The transfer port.
    Transfer,
}

impl Journal {
    /// A session begins, and gets the next number.
    pub fn begin(counters: &Arc<Counters>, peer: &io::Result<SocketAddr>, port: Port) -> Self {
        let session = counters.session();
        let port = match port {
            Port::Control => "control",
            Port::Transfer => "transfer",
        };
        match peer {
            Ok(peer) => {
                tracing::info!(session, %peer, port, "Established Connection with: {peer}");
            }
            Err(error) => tracing::info!(session, %error, port, "Established Connection"),
        }
        let counters = Arc::clone(counters);
        Self { counters, session, command: Instant::now(), downloads: false }
    }

    /// The number of the session, from 1.
    pub fn session(&self) -> u64 {
        self.session
    }

    /// What all sessions share.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Something happens in it.
    pub fn event(&mut self, event: Event<'_>) {
        let session = self.session;
        match event {
            Event::Command { verb, path, size } => {
                self.command = Instant::now();
                self.counters.command();
                self.downloads = verb == "download";
                let path = path.map(display);
                match size {
                    Some(size) => tracing::info!(
                        session,
                        verb,
                        path,
                        size,
                        "MSG: Received {verb} command, file size: {size}"
                    ),
                    None => tracing::info!(session, verb, path, "MSG: Received {verb} command"),
                }
            }
            Event::Downloaded { length } => {
                self.counters.downloaded(length);
                self.transferred("download done", length, None, None);
            }
            Event::Uploaded { receipt, durability } => {
                self.counters.uploaded(receipt.length);
                let flushed = durability == Durability::Flushed;
                self.transferred(
                    "Upload from client complete...",
                    receipt.length,
                    Some(receipt.crc),
                    Some(flushed),
                );
            }
            Event::Refused(refusal) => {
                self.counters.refused();
                let is_missing = self.downloads && refusal.code == Code::NotFound;
                let what = if is_missing { MISSING } else { "refused" };
                tracing::info!(session, code = %refusal.code, reason = refusal.message, "{what}");
            }
            Event::Abandoned { length } => tracing::info!(session, bytes = length, "abandoned"),
            _ => {}
        }
    }

    fn transferred(&self, what: &'static str, bytes: u64, crc: Option<u32>, flushed: Option<bool>) {
        let seconds = self.command.elapsed().as_secs_f64();
        let rate = (bytes as f64 / seconds.max(1e-6)) as u64;
        tracing::info!(
            session = self.session,
            bytes,
            crc = crc.map(|crc| display(format!("{crc:08x}"))),
            flushed,
            milliseconds = (seconds * 1000.0) as u64,
            bytes_per_second = rate,
            "{what}"
        );
    }

    /// It is over.
    pub fn end<E: Display>(&self, ended: &Result<Outcome, E>) {
        let session = self.session;
        match ended {
            Ok(Outcome::Exit | Outcome::Ended) => tracing::info!(session, "closed"),
            Ok(Outcome::Lost) => tracing::info!(session, "connection lost"),
            Ok(Outcome::Refused(refusal)) => {
                tracing::info!(session, code = %refusal.code, reason = refusal.message, "closed");
            }
            Ok(other) => tracing::info!(session, outcome = ?other, "closed"),
            Err(error) => tracing::info!(session, %error, "connection lost"),
        }
    }
}

/// A newcomer gets no session.
pub fn turned_away(counters: &Counters, peer: SocketAddr, refusal: &Refusal) {
    tracing::info!(%peer, code = %refusal.code, reason = refusal.message, "refused");
    counters.refused();
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Mutex, PoisonError};

    use coracle::{Path, Receipt};

    use super::*;

    #[derive(Clone, Default)]
    struct Text(Arc<Mutex<Vec<u8>>>);

    impl Write for Text {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The records of what is done, without times, and the counters behind it.
    fn records(done: impl FnOnce(&Arc<Counters>)) -> (Vec<String>, String) {
        let (text, counters) = (Text::default(), Arc::default());
        let writer = text.clone();
        let log = tracing_subscriber::fmt().without_time().with_ansi(false).with_target(false);
        let log = log.with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(log, || done(&counters));
        let records = String::from_utf8(text.0.lock().unwrap().clone()).unwrap();
        let mut stats = [0; 200];
        let len = counters.write(&mut stats);
        let stats = String::from_utf8(stats[..len].to_vec()).unwrap();
        (records.lines().map(|line| line.trim().to_owned()).collect(), stats)
    }

    const PEER: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

    fn command(verb: &'static str, path: &'static [u8], size: Option<u64>) -> Event<'static> {
        Event::Command { verb, path: Some(Path::new(path).unwrap()), size }
    }

    #[test]
    fn a_session_is_told_from_its_beginning_to_its_end() {
        let (records, stats) = records(|counters| {
            let mut journal = Journal::begin(counters, &Ok(PEER), Port::Control);
            journal.event(command("upload", b"a", Some(3)));
            let receipt = Receipt { length: 3, crc: 0x1f };
            journal.event(Event::Uploaded { receipt, durability: Durability::Flushed });
            journal.event(command("download", b"a", None));
            journal.event(Event::Downloaded { length: 3 });
            journal.event(Event::Abandoned { length: 2 });
            journal.end::<io::Error>(&Ok(Outcome::Exit));
        });
        let expected = [
            "INFO Established Connection with: 127.0.0.1:9 session=1 peer=127.0.0.1:9 port=\"control\"",
            "INFO MSG: Received upload command, file size: 3 session=1 verb=\"upload\" path=/a size=3",
            "INFO Upload from client complete... session=1 bytes=3 crc=0000001f flushed=true ",
            "INFO MSG: Received download command session=1 verb=\"download\" path=/a",
            "INFO download done session=1 bytes=3 milliseconds=",
            "INFO abandoned session=1 bytes=2",
            "INFO closed session=1",
        ];
        assert_eq!(records.len(), expected.len(), "{records:#?}");
        for (record, expected) in records.iter().zip(expected) {
            assert!(record.starts_with(expected), "{record}\n{expected}");
        }
        let all =
            " sessions=1 all_commands=2 refusals=0 downloads=1 downloaded=3 uploads=1 uploaded=3";
        assert_eq!(stats, all);
    }

    #[test]
    fn only_a_download_misses_a_file_in_the_words_of_the_ancestor() {
        let missing = Refusal::new(Code::NotFound, "no");
        let (records, stats) = records(|counters| {
            let mut journal = Journal::begin(counters, &Ok(PEER), Port::Transfer);
            for (verb, refusal) in [
                ("download", missing),
                ("stat", missing),
                ("download", Refusal::new(Code::Denied, "no")),
            ] {
                journal.event(command(verb, b"a", None));
                journal.event(Event::Refused(refusal));
            }
        });
        let refused: Vec<_> = records[1..].iter().skip(1).step_by(2).collect();
        assert_eq!(
            refused,
            [
                "INFO File requested not found sending err msg... session=1 code=not-found reason=\"no\"",
                "INFO refused session=1 code=not-found reason=\"no\"",
                "INFO refused session=1 code=denied reason=\"no\"",
            ]
        );
        assert!(records[0].ends_with("port=\"transfer\""));
        assert!(stats.contains(" refusals=3 "), "{stats}");
    }

    #[test]
    fn every_end_is_told() {
        let limit = Refusal::new(Code::Limit, "full");
        let (records, stats) = records(|counters| {
            let peer = Err(io::ErrorKind::NotConnected.into());
            let journal = Journal::begin(counters, &peer, Port::Control);
            journal.end::<io::Error>(&Ok(Outcome::Lost));
            journal.end::<io::Error>(&Ok(Outcome::Refused(limit)));
            journal.end::<io::Error>(&Ok(Outcome::Reserved));
            journal.end(&Err("gone"));
            turned_away(counters, PEER, &limit);
        });
        assert!(records[0].starts_with("INFO Established Connection session=1 error="));
        assert_eq!(
            records[1..],
            [
                "INFO connection lost session=1",
                "INFO closed session=1 code=limit reason=\"full\"",
                "INFO closed session=1 outcome=Reserved",
                "INFO connection lost session=1 error=gone",
                "INFO refused peer=127.0.0.1:9 code=limit reason=\"full\"",
            ]
        );
        assert!(stats.contains(" refusals=1 "), "{stats}");
    }
}
