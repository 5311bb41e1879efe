//! The driver over `embedded-io-async`: for Embassy, tokio and other executors.
//!
//! Dropping the future between two of its polls loses nothing but what the link itself loses
//! with a dropped read or write: the machine changes only when a move is reported to it.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use embedded_io::{ErrorType, ReadReady};
use embedded_io_async::{Read, Write};

use crate::drive::{Moved, report};
use crate::error::Error;
use crate::limits::SIGN_INTERVAL_MILLIS;
use crate::machine::{Action, Machine, Outcome, Waiting};
use crate::step::{Answer, Event, Step};
use crate::timers::{Timeouts, Timers};

/// Milliseconds that a peer has to take the last line of a session.
const LAST_FLUSH: u64 = 10_000;

/// The surroundings of a server's machine. A step may be awaited: a medium that stalls stops
/// its own session only.
pub trait Host {
    /// Do the step and answer as [`Step`] says. The step must run to its end even if the future
    /// is dropped meanwhile, or not have begun.
    fn answer(&mut self, step: Step<'_>) -> impl Future<Output = Answer>;

    /// Take note.
    fn event(&mut self, _event: Event<'_>) {}
}

/// A clock that can be waited for.
pub trait Clock {
    /// Milliseconds since any start; never goes back.
    fn now(&self) -> u64;

    /// Completes at `time`, or earlier if [`closing`](Self::closing) became true.
    fn until(&self, time: u64) -> impl Future<Output = ()>;

    /// Whether the server shuts down: sessions end when their command is answered.
    fn closing(&self) -> bool {
        false
    }
}

/// A [`Host`](crate::Host) whose steps never stall, on the executor's own thread.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Inline<H>(pub H);

impl<H: crate::Host> Host for Inline<H> {
    async fn answer(&mut self, step: Step<'_>) -> Answer {
        self.0.answer(step)
    }

    fn event(&mut self, event: Event<'_>) {
        self.0.event(event);
    }
}

/// Serve one session until it is over.
///
/// The caller then half-closes the link, discards what still comes for at most 2 s, and closes.
///
/// # Errors
///
/// [`Error::Link`] and [`Error::WriteZero`] if the link fails: what is open is put away first.
pub async fn serve<M, L, H, T>(
    server: &mut M,
    link: &mut L,
    host: &mut H,
    clock: &T,
    timeouts: Timeouts,
) -> Result<Outcome, Error<L::Error>>
where
    M: Machine,
    L: Read + Write + ReadReady,
    H: Host,
    T: Clock,
{
    let mut timers = Timers::new(timeouts, clock.now());
    let mut driver = Driver { server, link, host, clock, timers: &mut timers, failed: None };
    loop {
        if let Some(outcome) = driver.turn().await? {
            return Ok(outcome);
        }
    }
}

/// Serve one session until it is over, or until it is idle: all is answered and sent, and
/// nothing of a next command is here yet.
///
/// An idle session then needs no future of this driver. Call again when the link has bytes, or
/// when [`Timers::deadline`] is past, after [`Timers::ran_out`], or after
/// [`Machine::shut_down`].
///
/// # Errors
///
/// As [`serve`].
pub async fn serve_until_idle<M, L, H, T>(
    server: &mut M,
    link: &mut L,
    host: &mut H,
    clock: &T,
    timers: &mut Timers,
) -> Result<Option<Outcome>, Error<L::Error>>
where
    M: Machine,
    L: Read + Write + ReadReady,
    H: Host,
    T: Clock,
{
    let mut driver = Driver { server, link, host, clock, timers, failed: None };
    loop {
        let idle = matches!(driver.server.waiting(), Waiting::Idle | Waiting::FirstLine);
        if idle
            && !clock.closing()
            && !driver.link.read_ready().map_err(Error::Link)?
            && driver.flush().await?
        {
            return Ok(None);
        }
        if let Some(outcome) = driver.turn().await? {
            return Ok(Some(outcome));
        }
    }
}

/// What the driver works with.
struct Driver<'a, M, L: ErrorType, H, T> {
    server: &'a mut M,
    link: &'a mut L,
    host: &'a mut H,
    clock: &'a T,
    timers: &'a mut Timers,
    failed: Option<Error<L::Error>>,
}

impl<M, L, H, T> Driver<'_, M, L, H, T>
where
    M: Machine,
    L: Read + Write + ReadReady,
    H: Host,
    T: Clock,
{
    /// Send what the link keeps. `false`: something is to be done first, be it to end a session
    /// whose peer does not take it.
    async fn flush(&mut self) -> Result<bool, Error<L::Error>> {
        let deadline = self.clock.now().saturating_add(self.timers.patience());
        match within(self.clock, deadline, pin!(self.link.flush())).await {
            Some(flushed) => flushed.map(|()| true).map_err(Error::Link),
            None => {
                if self.clock.now() >= deadline {
                    self.server.timed_out();
                }
                Ok(false)
            }
        }
    }

    /// One action.
    async fn turn(&mut self) -> Result<Option<Outcome>, Error<L::Error>> {
        let Self { server, link, host, clock, timers, failed } = self;
        if clock.closing() {
            // Refused while a command is being answered: asked again after it.
            let _later = server.shut_down();
        }
        let now = clock.now();
        let deadline = timers.deadline(*server, now).unwrap_or(u64::MAX);
        let sign = server.sign_of_life();
        let moved = match server.poll() {
            Action::Receive(_) if timers.is_flooded() => None,
            Action::Receive(buffer) => {
                let received = pin!(async {
                    link.flush().await?;
                    link.read(buffer).await.map(Moved::Received)
                });
                within(*clock, deadline, received).await
            }
            Action::TryReceive(buffer) => match link.read_ready() {
                Ok(true) => Some(link.read(buffer).await.map(Moved::Received)),
                Ok(false) => Some(Ok(Moved::Nothing)),
                Err(error) => Some(Err(error)),
            },
            Action::Transmit(bytes) => within(*clock, deadline, pin!(link.write(bytes)))
                .await
                .map(|written| written.map(Moved::Transmitted)),
            Action::Flush => within(*clock, deadline, pin!(link.flush()))
                .await
                .map(|flushed| flushed.map(|()| Moved::Flushed)),
            Action::Step(step) => {
                let patience = timers.patience();
                let (answer, heard) =
                    attend(pin!(host.answer(step)), *link, *clock, sign, patience).await;
                timers.pause(clock.now().saturating_sub(now));
                server.answered(answer)?;
                if !heard {
                    server.lost();
                }
                return Ok(None);
            }
            Action::Report(event) => {
                host.event(event);
                server.reported()?;
                return Ok(None);
            }
            Action::Done(outcome) => {
                return match failed.take() {
                    Some(error) => Err(error),
                    None => self.finish(outcome).await,
                };
            }
        };
        match moved {
            Some(moved) => *failed = report(*server, moved)?.or(failed.take()),
            None if clock.now() >= deadline => timers.ran_out(*server)?,
            None => {}
        }
        Ok(None)
    }

    /// The session is over: let its last line out.
    async fn finish(&mut self, outcome: Outcome) -> Result<Option<Outcome>, Error<L::Error>> {
        let last = self.clock.now().saturating_add(LAST_FLUSH);
        match within(self.clock, last, pin!(self.link.flush())).await {
            Some(Err(error)) => Err(Error::Link(error)),
            // The word that the server shuts down is no reason to cut the line.
            None if self.clock.now() < last => Ok(None),
            Some(Ok(())) | None => Ok(Some(outcome)),
        }
    }
}

/// The output of `future`, or `None` when the clock wakes us before it is ready.
async fn within<F: Future>(
    clock: &impl Clock,
    deadline: u64,
    mut future: Pin<&mut F>,
) -> Option<F::Output> {
    let mut alarm = pin!(clock.until(deadline));
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        alarm.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// Wait for a step, with a sign of life for the peer as often as it needs one. A peer that does
/// not take it with some patience may have half of it and can be told nothing more: `false`.
async fn attend<L: Write>(
    mut step: Pin<&mut impl Future<Output = Answer>>,
    link: &mut L,
    clock: &impl Clock,
    sign: &'static [u8],
    patience: u64,
) -> (Answer, bool) {
    loop {
        let due = if sign.is_empty() {
            u64::MAX
        } else {
            clock.now().saturating_add(SIGN_INTERVAL_MILLIS)
        };
        if let Some(answer) = within(clock, due, step.as_mut()).await {
            return (answer, true);
        }
        if clock.now() < due {
            continue;
        }
        let limit = clock.now().saturating_add(patience);
        let mut told = pin!(tell(link, sign));
        while within(clock, limit, told.as_mut()).await.is_none() {
            if clock.now() >= limit {
                return (step.await, false);
            }
        }
    }
}

/// A link that fails here fails again when the reply is sent.
async fn tell<L: Write>(link: &mut L, mut sign: &'static [u8]) {
    while !sign.is_empty() {
        let count = link.write(sign).await.unwrap_or(0);
        sign = sign.get(count..).filter(|_| count > 0).unwrap_or(&[]);
    }
    let _fails_again = link.flush().await;
}
