//! Patience: how long the server may be silent, and whether the user has had enough.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::Failure;

/// Whether the user has had enough: of one command, or of the whole program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    one: Arc<AtomicBool>,
    all: Arc<AtomicBool>,
}

impl Interrupt {
    /// Of a program that does one command: SIGINT and SIGTERM. The second signal ends the
    /// program at once.
    pub(crate) fn on_signals() -> Self {
        let interrupt = Self::default();
        for signal in [SIGINT, SIGTERM] {
            let code = i32::from(crate::exit::Exit::Interrupted as u8);
            let flag = &interrupt.one;
            // Where a handler cannot be set the signal keeps its own effect, which is to end us.
            signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(flag))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(flag)))
                .ok();
        }
        interrupt
    }

    /// Of a shell: SIGINT ends the command at hand, SIGTERM and SIGHUP end everything.
    pub(crate) fn of_shell() -> Self {
        let interrupt = Self::default();
        let (one, all) = (&interrupt.one, &interrupt.all);
        for (signal, flag) in [(SIGINT, one), (SIGTERM, all), (SIGHUP, all)] {
            // As above: without a handler the signal keeps its own effect.
            signal_hook::flag::register(signal, Arc::clone(flag)).ok();
        }
        interrupt
    }

    /// Of a job in the background: no signal ends it alone.
    pub(crate) fn of_job(&self) -> Self {
        Self { one: Arc::default(), all: Arc::clone(&self.all) }
    }

    /// Whether to stop.
    pub(crate) fn is_set(&self) -> bool {
        self.one.load(Ordering::Relaxed) || self.is_end()
    }

    /// Whether the program is to end.
    pub(crate) fn is_end(&self) -> bool {
        self.all.load(Ordering::Relaxed)
    }

    /// Stop the command or the job.
    pub(crate) fn set(&self) {
        self.one.store(true, Ordering::Relaxed);
    }

    /// The next command begins.
    pub(crate) fn clear(&self) {
        self.one.store(false, Ordering::Relaxed);
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
    timeout: Cell<Duration>,
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
        let timeout = Cell::new(timeout);
        Self { interrupt, timeout, busy, progress: Cell::new(now), alive: Cell::new(now) }
    }

    /// Patience of so much time from now on.
    pub(crate) fn begin(&self, timeout: Duration) {
        self.timeout.set(timeout);
        self.progress();
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
        if believed.elapsed() >= self.timeout.get() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}
