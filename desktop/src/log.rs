//! Records to standard error, one line each. A thread of their own writes them, so that a log
//! that is read slowly, or not at all, holds up no session.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;

/// Bytes of records that may wait to be written; more are left out, and counted.
const WAITING_MAX: usize = 256 << 10;

/// Pause after a write, in which records gather: waking the thread for each costs the sessions
/// more than the record.
const GATHERING: Duration = Duration::from_millis(5);

/// How long the end of the program waits for the last records.
const LAST_RECORDS: Duration = Duration::from_secs(1);

/// What is logged, and how.
#[derive(Clone, Debug, Args)]
pub struct LogOptions {
    /// How records are written to standard error.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log: LogFormat,

    /// Only warnings and errors are logged.
    #[arg(long, short)]
    pub quiet: bool,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// The log while it is open: waits for the last records when it goes.
#[derive(Debug)]
pub struct Log(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    records: Vec<u8>,
    left_out: u64,
    writer: Writer,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    Writes,
    /// For records: it is to be woken for one.
    Waits,
}

/// Where one record is written to.
struct Entry(Arc<Queue>);

impl LogOptions {
    /// Open the log of this process; records are those of `tracing`.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub fn start(&self) -> io::Result<Log> {
        let queue = Arc::<Queue>::default();
        let (waiting, entries) = (Arc::clone(&queue), Arc::clone(&queue));
        thread::Builder::new().name("log".into()).spawn(move || write_all(&waiting))?;

        let level = if self.quiet { LevelFilter::WARN } else { LevelFilter::INFO };
        let builder = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_target(false)
            .with_ansi(false)
            .with_writer(move || Entry(Arc::clone(&entries)));
        // A second start, as in a test, keeps the first.
        let _first_wins = match self.log {
            LogFormat::Text => builder.try_init(),
            LogFormat::Json => builder.json().flatten_event(true).try_init(),
        };
        Ok(Log(queue))
    }
}

/// Write records as they come. One that cannot be written is lost: a full disk or a pipe that
/// nobody reads any more takes records, not service.
fn write_all(queue: &Queue) {
    let mut records = Vec::new();
    loop {
        queue.take(&mut records);
        let _lost = io::stderr().write_all(&records);
        records.clear();
        thread::sleep(GATHERING);
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wait for records and exchange them for the empty buffer.
    fn take(&self, empty: &mut Vec<u8>) {
        let mut state = self.state();
        while state.records.is_empty() {
            let records = std::mem::take(&mut state.left_out);
            if records > 0 {
                // There is room now for what is a record itself.
                drop(state);
                tracing::warn!(records, "left out: the log is read too slowly");
                state = self.state();
                continue;
            }
            state.writer = Writer::Waits;
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.writer = Writer::Writes;
        std::mem::swap(&mut state.records, empty);
    }
}

impl Write for Entry {
    /// A record comes whole.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let mut state = self.0.state();
        if state.records.len() + record.len() > WAITING_MAX {
            state.left_out += 1;
        } else {
            state.records.extend_from_slice(record);
            if state.writer == Writer::Waits {
                state.writer = Writer::Writes;
                self.0.changed.notify_all();
            }
        }
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let busy = |state: &mut State| state.writer != Writer::Waits;
        // In time or not: the program ends.
        let _in_time = self.0.changed.wait_timeout_while(self.0.state(), LAST_RECORDS, busy);
    }
}
