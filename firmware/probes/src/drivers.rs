//! The same parts under the other two drivers.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use coracle::asynch::{self, Clock, Inline};
use coracle::client;
use coracle::{Machine, Medium, Outcome, Path, Timeouts, Timers, blocking};

use crate::opaque::{self, Caller, Link, any};

/// One session of this machine under the blocking driver.
pub fn serve_blocking(machine: &mut impl Machine) -> Option<Outcome> {
    let mut medium = Medium::new(opaque::Medium);
    any(blocking::serve(machine, &mut Link, &mut medium)).ok()
}

/// One session of this machine under the driver of executors, in parts and whole.
pub fn serve_async(machine: &mut impl Machine) -> Option<Outcome> {
    let mut host = Inline(Medium::new(opaque::Medium));
    let timeouts = any(Timeouts::DEFAULT);
    let mut timers = Timers::new(timeouts, any(0));
    while let Ok(None) =
        any(run(asynch::serve_until_idle(machine, &mut Link, &mut host, &Watch, &mut timers)))
    {
        any(timers.deadline(machine, any(0)));
        any(timers.ran_out(machine)).ok();
        any(machine.shut_down()).ok();
    }
    any(run(asynch::serve(machine, &mut Link, &mut host, &Watch, timeouts))).ok()
}

/// One session of this client under the blocking driver.
pub fn ask_blocking(client: &mut impl client::Machine) {
    let Ok(path) = Path::new(any(b"a")) else { return };
    any(client::blocking::run(client, &mut Link, &mut Caller(path))).ok();
}

/// One session of this client under the driver of executors.
pub fn ask_async(client: &mut impl client::Machine) {
    let Ok(path) = Path::new(any(b"a")) else { return };
    any(run(client::asynch::run(client, &mut Link, &mut Caller(path)))).ok();
}

/// The least executor: it asks again at once.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// A clock that may show anything.
struct Watch;

impl Clock for Watch {
    fn now(&self) -> u64 {
        any(0)
    }

    async fn until(&self, time: u64) {
        any(time);
        core::future::poll_fn(|_| any(Poll::Ready(()))).await;
    }

    fn closing(&self) -> bool {
        any(true)
    }
}
