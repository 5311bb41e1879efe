//! Transfers in the background: threads with connections of their own.

use core::fmt;
use core::time::Duration;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::failure::Failure;
use crate::job::JobState;
use crate::json::{self, Found};
use crate::print::Size;
use crate::progress::Progress;
use crate::shell::output::{answer, written};
use crate::watch::Interrupt;

/// Jobs that run at the same time: each has a thread and two connections.
const RUNNING_MAX: usize = 16;

/// Lines of jobs that wait to be printed; more are counted only.
const TOLD_MAX: usize = 1000;

/// How often a wait looks whether the user has had enough of it.
const TICK: Duration = Duration::from_millis(100);

type Outcome = Result<(), Failure>;

/// All jobs that run or whose end was not reported yet.
#[derive(Default)]
pub(crate) struct Jobs {
    /// Only failures are told.
    is_quiet: bool,
    jobs: Vec<Job>,
    last: u32,
    board: Arc<Board>,
}

/// One job.
struct Job {
    number: u32,
    line: String,
    interrupt: Interrupt,
    state: Arc<JobState>,
    result: Receiver<Outcome>,
    outcome: Option<Outcome>,
}

/// What the threads of all jobs share with others.
#[derive(Default)]
pub(crate) struct Board {
    running: Mutex<usize>,
    ended: Condvar,
    told: Mutex<Told>,
    said: Condvar,
}

#[derive(Default)]
struct Told {
    lines: Vec<String>,
    dropped: usize,
    /// How many lines there were in all.
    count: u64,
}

/// What a job is given.
pub(crate) struct Task {
    pub(crate) interrupt: Interrupt,
    pub(crate) state: Arc<JobState>,
    /// Takes the lines that are for the user.
    pub(crate) print: Box<dyn Fn(String) + Send + Sync>,
}

impl Jobs {
    /// None yet.
    pub(crate) fn new(is_quiet: bool) -> Self {
        Self { is_quiet, ..Self::default() }
    }

    pub(crate) fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Run `work` in the background; its lines wait for [`take_told`](Self::take_told), or go
    /// to standard error at once if `is_direct`. Returns the number of the job.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`] if there are too many, or no thread is to be had.
    pub(crate) fn start(
        &mut self,
        line: String,
        interrupt: Interrupt,
        is_direct: bool,
        work: impl FnOnce(Task) -> Outcome + Send + 'static,
    ) -> Result<u32, Failure> {
        if self.running().count() >= RUNNING_MAX {
            let text = format!("{RUNNING_MAX} jobs are running; wait for one, or stop one");
            return Err(Failure::Local(text));
        }
        // Numbers begin anew when the list is empty, as in other shells.
        let number = if self.jobs.is_empty() { 1 } else { self.last + 1 };
        let state = Arc::new(JobState::default());
        let print = self.printer(number, is_direct);
        let task = Task { interrupt: interrupt.clone(), state: Arc::clone(&state), print };
        let (sender, result) = sync_channel(1);
        let guard = Running::new(self.board());
        let body = move || {
            let outcome = work(task);
            // Whoever wants to know has the other end.
            sender.send(outcome).ok();
            drop(guard);
        };
        let spawned = thread::Builder::new().name(format!("job {number}")).spawn(body);
        spawned.map_err(|error: io::Error| Failure::Local(format!("no thread: {error}")))?;
        self.last = number;
        self.jobs.push(Job { number, line, interrupt, state, result, outcome: None });
        Ok(number)
    }

    fn printer(&self, number: u32, is_direct: bool) -> Box<dyn Fn(String) + Send + Sync> {
        let board = self.board();
        Box::new(move |text| {
            if is_direct {
                eprintln!("[{number}] {text}");
            } else {
                board.tell(format!("[{number}] {text}"));
            }
        })
    }

    fn running(&mut self) -> impl Iterator<Item = &Job> {
        self.jobs.iter_mut().for_each(Job::look);
        self.jobs.iter().filter(|job| job.outcome.is_none())
    }

    pub(crate) fn running_count(&mut self) -> usize {
        self.running().count()
    }

    /// What the jobs have said since, and which have ended: each is told once.
    pub(crate) fn take_told(&mut self) -> Vec<String> {
        self.jobs.iter_mut().for_each(Job::look);
        let mut lines = self.board.take_told();
        let is_told = |job: &&Job| !self.is_quiet || !matches!(job.outcome, Some(Ok(())));
        lines.extend(self.jobs.iter().filter(is_told).filter_map(Job::ending));
        self.jobs.retain(|job| job.outcome.is_none());
        lines
    }

    /// List them, one line a job.
    ///
    /// # Errors
    ///
    /// As [`written`].
    pub(crate) fn list(&mut self, progress: &Progress) -> Result<(), Failure> {
        self.jobs.iter_mut().for_each(Job::look);
        if let Some(json) = progress.json() {
            let mut jobs = self.jobs.iter();
            written(jobs.try_for_each(|job| json.job(job.event())))?;
        }
        let table: String = self.jobs.iter().map(|job| format!("{job}\n")).collect();
        answer(progress, "jobs", Found::Plain {}, &table)
    }

    /// The numbers of all jobs, or the one that is asked for.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if there is no such job.
    pub(crate) fn named(&self, number: Option<u32>) -> Result<Vec<u32>, Failure> {
        match number {
            None => Ok(self.jobs.iter().map(|job| job.number).collect()),
            Some(number) if self.jobs.iter().any(|job| job.number == number) => Ok(vec![number]),
            Some(number) => Err(Failure::Usage(format!("there is no job {number}"))),
        }
    }

    /// Ask these to stop.
    pub(crate) fn interrupt(&self, numbers: &[u32]) {
        let named = self.jobs.iter().filter(|job| numbers.contains(&job.number));
        named.for_each(|job| job.interrupt.set());
    }

    /// Wait until these have ended; what they say meanwhile is given to `tell`. Returns the
    /// first failure of a job.
    ///
    /// # Errors
    ///
    /// [`Failure::Interrupted`] if the user does not want to wait any more: the jobs go on.
    pub(crate) fn wait(
        &mut self,
        numbers: &[u32],
        interrupt: &Interrupt,
        mut tell: impl FnMut(String),
    ) -> Result<Option<Failure>, Failure> {
        let mut first = None;
        for &number in numbers {
            while let Some(job) = self.jobs.iter_mut().find(|job| job.number == number) {
                if let Some(outcome) = &job.outcome {
                    first = first.or_else(|| outcome.clone().err());
                    break;
                }
                job.wait(TICK);
                self.board.take_told().into_iter().for_each(&mut tell);
                if interrupt.is_set() {
                    return Err(Failure::Interrupted);
                }
            }
        }
        self.take_told().into_iter().for_each(tell);
        Ok(first)
    }
}

impl Job {
    fn look(&mut self) {
        self.wait(Duration::ZERO);
    }

    fn wait(&mut self, patience: Duration) {
        if self.outcome.is_some() {
            return;
        }
        self.outcome = match self.result.recv_timeout(patience) {
            Ok(outcome) => Some(outcome),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                Some(Err(Failure::Local("the job broke off".to_owned())))
            }
        };
    }

    fn word(&self) -> &'static str {
        match &self.outcome {
            None => "running",
            Some(Ok(())) => "done",
            Some(Err(Failure::Interrupted)) => "stopped",
            Some(Err(_)) => "failed",
        }
    }

    /// As it is told to a program.
    fn event(&self) -> json::Job<'_> {
        let far = self.state.snapshot();
        let (state, line) = (self.word(), &*self.line);
        json::Job { job: self.number, state, line, done: far.bytes_done, size: far.bytes }
    }

    fn ending(&self) -> Option<String> {
        self.outcome.as_ref()?;
        Some(format!("[{}] {}: {}", self.number, self.word(), self.line))
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, line, .. } = self;
        write!(f, "[{number}] {:8} {line}", self.word())?;
        let far = self.state.snapshot();
        match far.bytes {
            Some(bytes) => write!(f, "  {} / {}", Size(far.bytes_done), Size(bytes)),
            None if far.bytes_done > 0 => write!(f, "  {}", Size(far.bytes_done)),
            None => Ok(()),
        }
    }
}

impl Board {
    /// Wait until no job runs any more, at most so long.
    pub(crate) fn wait(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut running = lock(&self.running);
        while *running > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.ended.wait_timeout(running, left);
            running = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Wait until there were more than `count` lines in all; returns how many there were then.
    pub(crate) fn wait_for_more(&self, count: u64) -> u64 {
        let told = lock(&self.told);
        let waited = self.said.wait_while(told, |told| told.count <= count);
        waited.unwrap_or_else(PoisonError::into_inner).count
    }

    fn tell(&self, line: String) {
        let mut told = lock(&self.told);
        told.count += 1;
        self.said.notify_all();
        if told.lines.len() < TOLD_MAX {
            told.lines.push(line);
        } else {
            told.dropped += 1;
        }
    }

    /// The lines that nobody has taken yet.
    pub(crate) fn take_told(&self) -> Vec<String> {
        let mut told = lock(&self.told);
        let mut lines = core::mem::take(&mut told.lines);
        let dropped = core::mem::take(&mut told.dropped);
        if dropped > 0 {
            lines.push(format!("{dropped} more lines of jobs were left out"));
        }
        lines
    }
}

/// Counts a job as running, also while it panics.
struct Running(Arc<Board>);

impl Running {
    fn new(board: Arc<Board>) -> Self {
        *lock(&board.running) += 1;
        Self(board)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *lock(&self.0.running) -= 1;
        self.0.ended.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counts and lines are right whoever panicked beside them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
