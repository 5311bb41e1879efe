//! How far a job in the background is: written by its thread, read by any other.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How far a job in the background is.
#[derive(Debug, Default)]
pub(crate) struct JobState(Mutex<Job>);

/// How far a job was when it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Job {
    /// Files that are through, also those that failed.
    pub(crate) files_done: u64,
    pub(crate) files: u64,
    /// Bytes that are here or there, what was continued included.
    pub(crate) bytes_done: u64,
    /// Bytes of all files, once every size is known.
    pub(crate) bytes: Option<u64>,
    /// The file that is moved, as it may be printed; empty before the first.
    pub(crate) current: String,
}

impl JobState {
    /// How far it is now.
    pub(crate) fn snapshot(&self) -> Job {
        self.lock().clone()
    }

    /// Change it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Job> {
        // Numbers are right whoever panicked beside them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
