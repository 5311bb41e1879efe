//! Records to standard error, one line each. A thread of their own writes them, so that a log
//! that is read slowly, or not at all, holds up no session.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;

use crate::cli::LogFormat;

/// Records that may wait to be written; more are left out, and counted.
const WAITING_MAX: usize = 4096;

/// Bytes of records gathered for one write.
const GATHERED: usize = 32 << 10;

/// How long the end of the server waits for the last records.
const LAST_RECORDS: Duration = Duration::from_secs(1);

/// Writes what waits when it goes.
pub(crate) struct Log(SyncSender<Item>);

enum Item {
    Record(Vec<u8>),
    /// Answered when all records before it are written.
    Written(SyncSender<()>),
}

/// Where one record is written to.
#[derive(Clone)]
struct Queue {
    items: SyncSender<Item>,
    left_out: Arc<AtomicU64>,
}

/// # Errors
///
/// If the system gives no thread.
pub(crate) fn start(format: LogFormat, quiet: bool) -> io::Result<Log> {
    let (items, waiting) = sync_channel(WAITING_MAX);
    let left_out = Arc::<AtomicU64>::default();
    let queue = Queue { items: items.clone(), left_out: Arc::clone(&left_out) };
    thread::Builder::new().name("log".into()).spawn(move || write_all(&waiting, &left_out))?;

    let level = if quiet { LevelFilter::WARN } else { LevelFilter::INFO };
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false)
        .with_writer(move || queue.clone());
    // A second start, as in a test, keeps the first.
    let _first_wins = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(Log(items))
}

/// Write records as they come, those that wait together. One that cannot be written is lost: a
/// full disk or a pipe that nobody reads any more takes records, not service.
fn write_all(waiting: &Receiver<Item>, left_out: &AtomicU64) {
    while let Some(first) = next_item(waiting, left_out) {
        let mut gathered = Vec::new();
        let mut next = Some(first);
        let mut written = None;
        while let Some(item) = next.take() {
            match item {
                Item::Record(record) => gathered.extend(record),
                Item::Written(answer) => written = Some(answer),
            }
            if gathered.len() < GATHERED && written.is_none() {
                next = waiting.try_recv().ok();
            }
        }
        let _lost = io::stderr().write_all(&gathered);
        if let Some(answer) = written {
            let _gave_up = answer.try_send(());
        }
    }
}

/// What waits, or comes. A gap is told when nothing waits: then there is room for its record.
fn next_item(waiting: &Receiver<Item>, left_out: &AtomicU64) -> Option<Item> {
    if let Ok(item) = waiting.try_recv() {
        return Some(item);
    }
    let records = left_out.swap(0, Ordering::Relaxed);
    if records > 0 {
        tracing::warn!(records, "left out: the log is read too slowly");
    }
    waiting.recv().ok()
}

impl Write for Queue {
    /// A record comes whole.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        if self.items.try_send(Item::Record(record.to_vec())).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let (answer, written) = sync_channel(1);
        let begun = Instant::now();
        while self.0.try_send(Item::Written(answer.clone())).is_err() {
            if begun.elapsed() >= LAST_RECORDS {
                return;
            }
            thread::sleep(LAST_RECORDS / 100);
        }
        let _in_time = written.recv_timeout(LAST_RECORDS);
    }
}
