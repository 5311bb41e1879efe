//! Where steps on the medium run: on the worker itself while enough workers are free, since
//! moving a task costs more than most steps; else beside the workers.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::block_in_place;

/// Counts the workers that are inside a step.
#[derive(Debug)]
pub(crate) struct Threads {
    inside: AtomicUsize,
    /// Workers that may be inside a step at once; the others keep sessions moving.
    most: usize,
}

impl Threads {
    /// Worker threads of the runtime. More than cores, because those that wait for a slow
    /// medium are not to be missed.
    pub(crate) const WORKERS: usize = 8;

    pub(crate) const fn new() -> Self {
        Self { inside: AtomicUsize::new(0), most: Self::WORKERS / 2 }
    }

    pub(crate) fn run<T>(&self, step: impl FnOnce() -> T) -> T {
        let inside = self.inside.fetch_add(1, Ordering::Relaxed);
        let result = if inside < self.most { step() } else { block_in_place(step) };
        self.inside.fetch_sub(1, Ordering::Relaxed);
        result
    }
}
