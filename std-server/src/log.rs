//! Records to standard error, one line each. A thread of their own writes them, so that a log
//! that is read slowly, or not at all, holds up no session.

use std::io::{BufWriter, stderr};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};

use crate::cli::LogFormat;

/// Records that may wait to be written; more are left out, and counted.
const WAITING_MAX: usize = 4096;

/// Bytes of records gathered for one write while more of them wait.
const GATHERED: usize = 32 << 10;

/// Writes what waits when it goes.
pub(crate) struct Log {
    left_out: ErrorCounter,
    _writer: WorkerGuard,
}

pub(crate) fn start(format: LogFormat, quiet: bool) -> Log {
    let (records, writer) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_MAX)
        .thread_name("log")
        .finish(BufWriter::with_capacity(GATHERED, stderr()));
    let left_out = records.error_counter();
    let level = if quiet { LevelFilter::WARN } else { LevelFilter::INFO };
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false)
        .with_writer(records);
    // A second start, as in a test, keeps the first.
    let _first_wins = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Log { left_out, _writer: writer }
}

impl Drop for Log {
    fn drop(&mut self) {
        let records = self.left_out.dropped_lines();
        if records > 0 {
            tracing::warn!(records, "left out: the log was read too slowly");
        }
    }
}
