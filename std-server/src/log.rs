//! Records to standard error, one line each.

use tracing::level_filters::LevelFilter;

use crate::cli::LogFormat;

pub(crate) fn start(format: LogFormat, quiet: bool) {
    let level = if quiet { LevelFilter::WARN } else { LevelFilter::INFO };
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false)
        // They would go to the same standard error, and end the session whose record they tell
        // of: a full disk or a pipe that nobody reads any more takes records, not service.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // A second start, as in a test, keeps the first.
    let _first_wins = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
