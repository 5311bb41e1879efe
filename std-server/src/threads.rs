//! Where steps on the medium run: on the worker itself while enough workers are free, since
//! moving a task costs more than most steps; else beside the workers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// How often the watch looks: so long may a step that stalls hold up the others.
const WATCH_INTERVAL: Duration = Duration::from_millis(10);

/// Looks without a step in sight after which the watch sleeps until the next step.
const WATCH_PATIENCE: usize = 50;

/// Counts the workers that are inside a step.
#[derive(Debug)]
pub(crate) struct Threads {
    steps: Arc<Steps>,
    /// Workers that may be inside a step at once; the others keep sessions moving.
    most: usize,
    watch: OnceLock<Option<Thread>>,
}

#[derive(Debug, Default)]
struct Steps {
    inside: AtomicUsize,
    watched: AtomicBool,
    over: AtomicBool,
}

/// A step that runs; it counts to its end, also if that is a panic.
struct Inside<'a>(&'a Steps);

impl Threads {
    /// Worker threads of the runtime. More than cores, because those that wait for a slow
    /// medium are not to be missed.
    pub(crate) const WORKERS: usize = 8;

    pub(crate) fn new() -> Self {
        Self { steps: Arc::default(), most: Self::WORKERS / 2, watch: OnceLock::new() }
    }

    pub(crate) fn run<T>(&self, step: impl FnOnce() -> T) -> T {
        let before = self.steps.inside.fetch_add(1, Ordering::SeqCst);
        let _inside = Inside(&self.steps);
        if !self.steps.watched.load(Ordering::SeqCst) {
            self.wake_watch();
        }
        if before < self.most { step() } else { block_in_place(step) }
    }

    fn wake_watch(&self) {
        self.steps.watched.store(true, Ordering::SeqCst);
        let start = || {
            let (steps, runtime) = (Arc::clone(&self.steps), Handle::current());
            let watch = move || watch(&steps, &runtime);
            // Without a thread for it, steps are only not watched.
            let thread = thread::Builder::new().name("watch".into()).spawn(watch).ok()?;
            Some(thread.thread().clone())
        };
        if let Some(thread) = self.watch.get_or_init(start) {
            thread.unpark();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.steps.over.store(true, Ordering::SeqCst);
        if let Some(Some(thread)) = self.watch.get() {
            thread.unpark();
        }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

/// While steps run, see to it that some worker awaits the network: the one that did may be
/// inside a step that stalls, and the runtime does not wake another for it by itself.
fn watch(steps: &Steps, runtime: &Handle) {
    let mut quiet = 0;
    while !steps.over.load(Ordering::SeqCst) {
        if steps.inside.load(Ordering::SeqCst) > 0 {
            quiet = 0;
            // A worker wakes for it, finds nothing else, and takes up waiting for the network.
            runtime.spawn(async {});
        } else {
            quiet += 1;
        }
        if quiet <= WATCH_PATIENCE {
            thread::sleep(WATCH_INTERVAL);
            continue;
        }
        steps.watched.store(false, Ordering::SeqCst);
        if steps.inside.load(Ordering::SeqCst) == 0 && !steps.over.load(Ordering::SeqCst) {
            thread::park();
        }
        steps.watched.store(true, Ordering::SeqCst);
        quiet = 0;
    }
}
