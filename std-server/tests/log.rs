//! What a peer is told to look for in the log is there.

mod support;

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use coracle_server::{Service, Settings, runtime};
use coracle_storage::folder::files::Files;
use coracle_storage::folder::{Folder, FolderOptions};
use support::{Client, upload};

/// A medium that fails to write, as `E2BIG`, which no other record can name.
struct Failing;

impl Files for Failing {
    fn write_at(&self, _: &File, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::Error::from_raw_os_error(7))
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn why_the_medium_failed_is_in_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let builder = tracing_subscriber::fmt().with_ansi(false).with_target(false);
    builder.with_writer(move || writer.clone()).init();
    let root = tempfile::tempdir().unwrap();
    let files = Arc::new(Failing);
    let folder = Folder::with_files(root.path(), FolderOptions::default(), files).unwrap();
    let runtime = runtime(Settings::default().max_sessions).unwrap();
    let address = runtime.block_on(async {
        let mut service = Service::new(Settings::default(), move || folder.session());
        service.listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
    });
    let mut client = Client::to(address);
    assert!(client.ask("hello 1").starts_with("ok 1 "));
    client.send(&upload("a", b"abc"));
    assert!(client.reply().starts_with("err io "));
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let cause = io::Error::from_raw_os_error(7).to_string();
    let records: Vec<_> = log.lines().filter(|record| record.contains(&cause)).collect();
    assert_eq!(records.len(), 1, "{log}");
    assert!(records[0].contains("WARN the medium failed"), "{log}");
}
