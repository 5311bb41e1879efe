//! Threads for steps that may stall: as many as stall at one time, kept for the next ones.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::wake::Waker;

/// One thing to do.
type Work = Box<dyn FnOnce() + Send>;

/// The threads; clones share them.
#[derive(Clone)]
pub(super) struct Workers(Arc<Shared>);

struct Shared {
    desk: Mutex<Desk>,
    changed: Condvar,
    waker: Waker,
}

#[derive(Default)]
struct Desk {
    waiting: VecDeque<Work>,
    /// Threads that have nothing to do.
    idle: usize,
    /// What was begun or waits.
    open: usize,
}

/// One piece of work; it is over when this goes, also if that is by a panic.
struct Running<'a>(&'a Shared);

impl Workers {
    /// No threads yet. The loop is woken when one has done something.
    pub(super) fn new(waker: Waker) -> Self {
        Self(Arc::new(Shared { desk: Mutex::default(), changed: Condvar::new(), waker }))
    }

    /// Do this on a thread; here, if the system gives none.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) {
        let mut desk = self.0.desk();
        desk.open += 1;
        desk.waiting.push_back(Box::new(work));
        let enough = desk.waiting.len() <= desk.idle;
        drop(desk);
        if enough {
            self.0.changed.notify_all();
        } else if self.spawn().is_err() {
            tracing::warn!("no thread for a flush: all sessions wait for it");
            self.0.work_off();
        }
    }

    fn spawn(&self) -> io::Result<()> {
        let shared = Arc::clone(&self.0);
        thread::Builder::new().name("flush".into()).spawn(move || shared.serve()).map(drop)
    }

    /// Whether all is done.
    pub(super) fn is_idle(&self) -> bool {
        self.0.desk().open == 0
    }

    /// Wait until all is done, but no longer than this.
    pub(super) fn finish(&self, patience: Duration) {
        let desk = self.0.desk();
        let _in_time =
            self.0.changed.wait_timeout_while(desk, patience, |desk: &mut Desk| desk.open > 0);
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One thread, as long as the process lives.
    fn serve(&self) {
        loop {
            self.work_off();
            let mut desk = self.desk();
            desk.idle += 1;
            let nothing = |desk: &mut Desk| desk.waiting.is_empty();
            let woken = self.changed.wait_while(desk, nothing);
            woken.unwrap_or_else(PoisonError::into_inner).idle -= 1;
        }
    }

    /// Do what waits.
    fn work_off(&self) {
        loop {
            let Some(work) = self.desk().waiting.pop_front() else { return };
            let _over_at_the_end = Running(self);
            work();
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.desk().open -= 1;
        self.0.changed.notify_all();
        self.0.waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn what_stalls_holds_up_nothing_else() {
        let workers = Workers::new(Waker::new().unwrap());
        let (done, results) = mpsc::channel();
        let mut gates = Vec::new();
        for number in 0..5 {
            let (gate, opened) = mpsc::channel::<()>();
            gates.push(gate);
            let done = done.clone();
            workers.run(move || {
                opened.recv().unwrap_err();
                done.send(number).unwrap();
            });
        }
        assert!(!workers.is_idle());
        // The last that began can end first.
        for number in (0..5).rev() {
            drop(gates.pop());
            assert_eq!(results.recv_timeout(PATIENCE), Ok(number));
        }
        workers.finish(PATIENCE);
        assert!(workers.is_idle());
    }

    #[test]
    fn threads_are_used_again_and_a_panic_costs_only_its_own() {
        let workers = Workers::new(Waker::new().unwrap());
        let (done, results) = mpsc::channel();
        for _ in 0..100 {
            let done = done.clone();
            workers.run(move || done.send(thread::current().id()).unwrap());
            workers.finish(PATIENCE);
        }
        let threads: std::collections::HashSet<_> = results.try_iter().collect();
        assert!(threads.len() < 100, "{} threads", threads.len());
        workers.run(|| panic!("as if the medium did"));
        workers.finish(PATIENCE);
        assert!(workers.is_idle());
        workers.run(move || done.send(thread::current().id()).unwrap());
        results.recv_timeout(PATIENCE).unwrap();
    }
}
