//! What ends the sleep of the loop besides frames: work that other threads have done, and signals.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// Wakes the loop; clones wake the same.
#[derive(Clone, Debug)]
pub(super) struct Waker(Arc<OwnedFd>);

impl Waker {
    /// # Errors
    ///
    /// If the system gives no descriptor.
    pub(super) fn new() -> io::Result<Self> {
        let descriptor = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(descriptor)))
    }

    /// Have the loop look again, now or when it is about to sleep.
    pub(super) fn wake(&self) {
        // If it is full, it wakes already.
        let _wakes = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }

    fn clear(&self) {
        let _empty = rustix::io::read(&*self.0, &mut [0; 8]);
    }
}

/// SIGTERM and SIGINT of this process.
#[derive(Debug)]
pub(super) struct Signals {
    came: Arc<AtomicBool>,
    pipe: UnixStream,
}

impl Signals {
    /// From now on they end the process no more, but are told here.
    ///
    /// # Errors
    ///
    /// If the system refuses it.
    pub(super) fn await_all() -> io::Result<Self> {
        let came = Arc::<AtomicBool>::default();
        let (pipe, end) = UnixStream::pair()?;
        pipe.set_nonblocking(true)?;
        for signal in [SIGTERM, SIGINT] {
            // The flag first: who is woken by the pipe finds it set.
            flag::register(signal, Arc::clone(&came))?;
            pipe::register(signal, end.try_clone()?)?;
        }
        Ok(Self { came, pipe })
    }

    /// Whether one came since the last time.
    pub(super) fn came(&self) -> bool {
        self.came.swap(false, Ordering::AcqRel)
    }

    fn clear(&self) {
        let _empty = (&self.pipe).read(&mut [0; 64]);
    }
}

/// Sleep until a frame comes, or a thread wakes us, or a signal comes, or this time is over;
/// `None`: however long it takes.
///
/// # Errors
///
/// If the system cannot wait.
pub(super) fn sleep(
    frames: BorrowedFd<'_>,
    waker: &Waker,
    signals: &Signals,
    longest: Option<Timespec>,
) -> io::Result<()> {
    let mut descriptors = [
        PollFd::from_borrowed_fd(frames, PollFlags::IN),
        PollFd::from_borrowed_fd(waker.0.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(signals.pipe.as_fd(), PollFlags::IN),
    ];
    match poll(&mut descriptors, longest.as_ref()) {
        // A signal is told by the pipe at the next call.
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    if !descriptors[1].revents().is_empty() {
        waker.clear();
    }
    if !descriptors[2].revents().is_empty() {
        signals.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const NEVER: Option<Timespec> = None;
    const AT_ONCE: Option<Timespec> = Some(Timespec { tv_sec: 0, tv_nsec: 0 });

    #[test]
    fn the_loop_wakes_for_frames_threads_and_signals() {
        let (mut frames, mut sender) = UnixStream::pair().unwrap();
        let (waker, signals) = (Waker::new().unwrap(), Signals::await_all().unwrap());
        let sleep = |longest, frames: &UnixStream| {
            sleep(frames.as_fd(), &waker, &signals, longest).unwrap();
        };
        sleep(AT_ONCE, &frames);
        assert!(!signals.came());

        thread::scope(|scope| {
            scope.spawn(|| {
                waker.wake();
                waker.wake();
            });
            sleep(NEVER, &frames);
        });
        thread::scope(|scope| {
            scope.spawn(|| io::Write::write_all(&mut sender, b"x"));
            // The second wake-up of the thread before may come first.
            while frames.set_nonblocking(true).and_then(|()| frames.read(&mut [0; 1])).is_err() {
                sleep(NEVER, &frames);
            }
        });
        thread::scope(|scope| {
            scope.spawn(|| signal_hook::low_level::raise(SIGTERM).unwrap());
            while !signals.came() {
                sleep(NEVER, &frames);
            }
        });
        assert!(!signals.came(), "told once");
    }
}
