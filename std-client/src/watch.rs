//! Patience: how long the server may be silent, and whether the user has had enough.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::failure::Failure;

/// Set by SIGINT and SIGTERM. The second signal ends the program at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listen to the signals from now on.
    pub(crate) fn on_signals() -> Self {
        let interrupt = Self::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let code = i32::from(crate::exit::Exit::Interrupted as u8);
            let flag = &interrupt.0;
            // Where a handler cannot be set the signal keeps its own effect, which is to end us.
            signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(flag))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(flag)))
                .ok();
        }
        interrupt
    }

    /// Whether a signal has come.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Wait, unless a signal comes.
    ///
    /// # Errors
    ///
    /// [`Failure::Interrupted`].
    pub(crate) fn sleep(&self, time: Duration) -> Result<(), Failure> {
        let until = Instant::now() + time;
        loop {
            if self.is_set() {
                return Err(Failure::Interrupted);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Watch::TICK));
        }
    }
}

/// The patience of one session.
#[derive(Debug)]
pub(crate) struct Watch {
    interrupt: Interrupt,
    timeout: Duration,
    /// For which signs of life alone count as progress, after the last real progress.
    busy: Cell<Duration>,
    progress: Cell<Instant>,
    alive: Cell<Instant>,
}

impl Watch {
    /// How often a wait looks whether it should end.
    pub(crate) const TICK: Duration = Duration::from_millis(200);

    /// Patience of so much time without progress, beginning now.
    pub(crate) fn new(interrupt: Interrupt, timeout: Duration) -> Self {
        let now = Instant::now();
        let busy = Cell::new(Duration::from_secs(60));
        Self { interrupt, timeout, busy, progress: Cell::new(now), alive: Cell::new(now) }
    }

    /// The server says for how long its signs of life mean something: at most an hour.
    pub(crate) fn set_busy(&self, seconds: u64) {
        self.busy.set(Duration::from_secs(seconds.min(3600)));
    }

    /// Something was done: a reply, file bytes either way.
    pub(crate) fn progress(&self) {
        self.progress.set(Instant::now());
    }

    /// This side has kept the server waiting for so long.
    pub(crate) fn forgive(&self, time: Duration) {
        self.progress.set(self.progress.get() + time);
    }

    /// The server is alive, nothing more.
    pub(crate) fn alive(&self) {
        self.alive.set(Instant::now());
    }

    /// Whether to go on.
    ///
    /// # Errors
    ///
    /// `Interrupted` after a signal, `TimedOut` without progress for too long.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.interrupt.is_set() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let progress = self.progress.get();
        let believed = self.alive.get().min(progress + self.busy.get()).max(progress);
        if believed.elapsed() >= self.timeout {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}
