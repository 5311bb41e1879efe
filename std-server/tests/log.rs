//! What a peer is told to look for in the log is there.

mod support;

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

use coracle_server::{Service, Settings, runtime};
use coracle_storage::folder::files::Files;
use coracle_storage::folder::{Folder, FolderOptions};
use support::classic::free_port;
use support::{Client, Daemon, upload};

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

/// What a user of the ancestor looks for stands in one record each, beside its fields.
#[test]
fn records_have_the_texts_of_the_ancestor() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_coracled"));
    command.args(["--listen", "127.0.0.1:0", "--transfer-port", &free_port().to_string()]);
    command.stderr(log.reopen().unwrap());
    let mut daemon = Daemon::spawn_logging(command, tempfile::tempdir().unwrap());
    let mut native = daemon.session();
    let peer = native.stream.get_ref().local_addr().unwrap();
    native.send(&upload("a", b"abc"));
    assert!(native.reply().starts_with("ok 3 "));
    assert!(native.ask("download none").starts_with("err not-found "));
    assert!(native.ask("stat none").starts_with("err not-found "));
    assert!(native.ask("ls").starts_with("- "));
    let mut classic = daemon.connect();
    classic.send(b"ls\n");
    assert_eq!(classic.rest(), b"a\n");
    let mut classic = daemon.connect();
    classic.send(b"download none\n");
    assert!(classic.line().starts_with("err not-found "));
    drop((native, classic));
    daemon.signal("TERM");
    assert!(daemon.child.wait().unwrap().success());
    let log = std::fs::read_to_string(log.path()).unwrap();
    let count = |text: &str| log.lines().filter(|record| record.contains(text)).count();
    assert_eq!(count(&format!("Established Connection with: {peer} ")), 1, "{log}");
    assert_eq!(count("MSG: Received upload command, file size: 3 "), 1, "{log}");
    assert_eq!(count("Upload from client complete... "), 1, "{log}");
    assert_eq!(count("MSG: Received ls command "), 2, "{log}");
    assert_eq!(count("MSG: Received download command "), 2, "{log}");
    assert_eq!(count("File requested not found sending err msg... "), 2, "{log}");
    assert_eq!(count("MSG: Received stat command "), 1, "{log}");
    assert_eq!(count(" refused "), 1, "{log}");
}
