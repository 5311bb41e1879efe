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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use clap::Parser;

    use super::*;
    use crate::cli::Cli;
    use crate::failure::Failure;
    use crate::progress::Progress;
    use crate::told::{About, Direction, Event, File, Finished, Start};

    #[test]
    fn a_job_tells_how_far_it_is_and_hands_out_its_lines() {
        let options = Cli::try_parse_from(["coracle", "boat", "df"]).unwrap().options;
        let (state, lines) = (Arc::new(JobState::default()), Arc::new(Mutex::new(Vec::new())));
        let heard = Arc::clone(&lines);
        let print = Box::new(move |line| heard.lock().unwrap().push(line));
        let progress = Progress::background(&options, Arc::clone(&state), print);
        let direction = Direction::Download;
        let file = File { direction, name: b"a\x1bb", local: None };
        progress.tell(Event::Plan { direction, files: 2, bytes: Some(30) });
        progress.tell(Event::Start(Start {
            file,
            offset: 5,
            size: Some(20),
            counted: 0,
            is_first: true,
        }));
        progress.moved(10);
        let job = state.snapshot();
        assert_eq!((job.files_done, job.files, job.bytes_done, job.bytes), (0, 2, 15, Some(30)));
        assert_eq!(job.current, "a\\x1bb");
        let failure = Failure::Interrupted;
        progress.tell(Event::Failed { about: About::File(file), failure: &failure });
        let time = core::time::Duration::ZERO;
        progress.tell(Event::Done(Finished {
            file,
            size: 20,
            crc: Some(0),
            durability: None,
            time,
        }));
        assert_eq!(state.snapshot().files_done, 2);
        assert_eq!(*lines.lock().unwrap(), ["coracle: a\\x1bb: interrupted"]);
    }
}
