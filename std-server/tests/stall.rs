//! A medium that stalls in some sessions stops no other.

mod support;

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use coracle_server::{Service, Settings, runtime};
use coracle_storage::folder::files::Files;
use coracle_storage::folder::{Folder, FolderOptions};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{Client, PATIENCE, data, end, upload};

/// Operations on files whose content says so wait until the gate opens.
#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: bool,
    waiting: usize,
    flushes: bool,
}

struct Stalling(Arc<Gate>);

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        self.changed.notify_all();
        while !state.open {
            state = self.changed.wait(state).unwrap();
        }
        state.waiting -= 1;
    }

    fn open(&self) {
        self.state.lock().unwrap().open = true;
        self.changed.notify_all();
    }

    fn await_waiting(&self, count: usize) {
        let state = self.state.lock().unwrap();
        let (_state, timeout) = self
            .changed
            .wait_timeout_while(state, PATIENCE, |state| state.waiting < count)
            .unwrap();
        assert!(!timeout.timed_out(), "not all reach the medium");
    }
}

impl Files for Stalling {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if bytes.starts_with(b"stall") {
            self.0.pass();
        }
        std::os::unix::fs::FileExt::write_at(file, bytes, offset)
    }

    fn flush(&self, file: &File) -> io::Result<()> {
        if self.0.state.lock().unwrap().flushes {
            self.0.pass();
        }
        file.sync_all()
    }
}

fn with_server(test: impl FnOnce(&Gate, SocketAddr)) {
    let root = tempfile::tempdir().unwrap();
    let gate = Arc::<Gate>::default();
    let files = Arc::new(Stalling(Arc::clone(&gate)));
    let folder = Folder::with_files(root.path(), FolderOptions::default(), files).unwrap();
    let runtime = runtime(Settings::default().max_sessions).unwrap();
    let address = runtime.block_on(async {
        let mut service = Service::new(Settings::default(), move || folder.session());
        service.listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
    });
    // A test that fails must not leave its sessions waiting for ever.
    let _open_at_last = Opener(&gate);
    test(&gate, address);
}

struct Opener<'a>(&'a Gate);

impl Drop for Opener<'_> {
    fn drop(&mut self) {
        self.0.open();
    }
}

fn session(address: SocketAddr) -> Client {
    let mut client = Client::to(address);
    assert!(client.ask("hello 1").starts_with("ok 1 "));
    client
}

#[test]
fn forty_stalled_sessions_stop_no_other() {
    stalled_sessions_stop_no_other(40);
}

/// More than the threads that the runtime has by default beside its workers.
#[test]
fn six_hundred_stalled_sessions_stop_no_other() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.maximum.is_some_and(|most| most < 4096) || setrlimit(Resource::Nofile, raised).is_err()
    {
        eprintln!("SKIPPED: 4096 open files are not allowed here (see ulimit -Hn)");
        return;
    }
    stalled_sessions_stop_no_other(600);
}

fn stalled_sessions_stop_no_other(count: usize) {
    with_server(|gate, address| {
        let stalled: Vec<_> = (0..count)
            .map(|n| {
                let mut client = session(address);
                client.send(&upload(&format!("slow{n}"), b"stalls"));
                client
            })
            .collect();
        gate.await_waiting(count);
        let begun = Instant::now();
        let mut client = session(address);
        for n in 0..100 {
            client.send(&upload(&format!("fast{n}"), b"quick"));
            assert!(client.reply().starts_with("ok 5 "));
            assert!(client.ask(&format!("sum fast{n}")).starts_with("ok 5 "));
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        gate.open();
        for mut client in stalled {
            assert!(client.reply().starts_with("ok 6 "));
        }
    });
}

/// As few as leave workers free: the one that waited for the network may be the one that stalls.
#[test]
fn few_stalled_sessions_stop_no_other() {
    with_server(|gate, address| {
        let mut others: Vec<_> = (0..4).map(|_| session(address)).collect();
        let mut stalled = Vec::new();
        for count in 1..=4 {
            let mut client = session(address);
            client.send(&upload(&format!("slow{count}"), b"stalls"));
            stalled.push(client);
            gate.await_waiting(count);
            for client in &mut others {
                assert_eq!(client.ask("noop"), "ok", "beside {count}");
            }
        }
    });
}

#[test]
fn a_long_commit_is_announced_again_and_again() {
    with_server(|gate, address| {
        gate.state.lock().unwrap().flushes = true;
        let mut client = session(address);
        client.send(b"upload a 3\n");
        client.send(&data(b"abc"));
        client.send(&end(b"abc"));
        let signs: Vec<_> = (0..3).map(|_| client.line()).collect();
        assert_eq!(signs, ["+ busy"; 3], "one before the commit, more while it lasts");
        gate.open();
        assert!(client.reply().starts_with("ok 3 "));
        assert_eq!(client.ask("noop"), "ok");
    });
}
