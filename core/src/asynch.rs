//! The driver over `embedded-io-async`: for Embassy, tokio and other executors.
//!
//! Dropping the future between two of its polls loses nothing but what the link itself loses
//! with a dropped read or write: the machine changes only when a move is reported to it.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embedded_io::ReadReady;
use embedded_io_async::{Read, Write};

use crate::buffer::Buffer;
use crate::error::Error;
use crate::server::{Action, Outcome, Server};
use crate::step::{Answer, Event, Step};
use crate::timers::{Timeouts, Timers};

/// Milliseconds of a step after which the peer is told that we live, and again and again.
const SIGN_INTERVAL: u64 = 5000;

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
pub async fn serve<L, H, T, C, const LINE: usize>(
    server: &mut Server<C, LINE>,
    link: &mut L,
    host: &mut H,
    clock: &T,
    timeouts: Timeouts,
) -> Result<Outcome, Error<L::Error>>
where
    L: Read + Write + ReadReady,
    H: Host,
    T: Clock,
    C: Buffer,
{
    let mut failed = None;
    let mut timers = Timers::new(timeouts, clock.now());
    loop {
        if clock.closing() {
            // Refused while a command is being answered: asked again after it.
            let _later = server.shut_down();
        }
        let now = clock.now();
        let deadline = timers.deadline(server, now).unwrap_or(u64::MAX);
        let sign = server.sign_of_life();
        let moved = match server.poll() {
            Action::Receive(buffer) => {
                within(clock, deadline, async {
                    link.flush().await?;
                    link.read(buffer).await.map(Moved::Received)
                })
                .await
            }
            Action::TryReceive(buffer) => match link.read_ready() {
                Ok(true) => Some(link.read(buffer).await.map(Moved::Received)),
                Ok(false) => Some(Ok(Moved::Nothing)),
                Err(error) => Some(Err(error)),
            },
            Action::Transmit(bytes) => {
                within(clock, deadline, async { link.write(bytes).await.map(Moved::Transmitted) })
                    .await
            }
            Action::Flush => {
                within(clock, deadline, async { link.flush().await.map(|()| Moved::Flushed) }).await
            }
            Action::Step(step) => {
                let answer = attend(host.answer(step), link, clock, sign).await;
                timers.pause(clock.now().saturating_sub(now));
                server.answered(answer)?;
                continue;
            }
            Action::Report(event) => {
                host.event(event);
                server.reported()?;
                continue;
            }
            Action::Done(outcome) if failed.is_none() => {
                let flushed = within(clock, now.saturating_add(timeouts.line.into()), link.flush());
                return match flushed.await {
                    Some(Err(error)) => Err(Error::Link(error)),
                    Some(Ok(())) | None => Ok(outcome),
                };
            }
            Action::Done(outcome) => return failed.map_or(Ok(outcome), Err),
        };
        match moved {
            Some(Ok(Moved::Received(count))) => server.received(count)?,
            Some(Ok(Moved::Nothing)) => server.quiet()?,
            Some(Ok(Moved::Flushed)) => server.flushed()?,
            Some(Ok(Moved::Transmitted(count))) if count > 0 => server.transmitted(count)?,
            Some(Ok(Moved::Transmitted(_))) => {
                failed = Some(Error::WriteZero);
                server.lost();
            }
            Some(Err(error)) => {
                failed = Some(Error::Link(error));
                server.lost();
            }
            None if clock.now() >= deadline => server.timed_out(),
            None => {}
        }
    }
}

enum Moved {
    Received(usize),
    Nothing,
    Transmitted(usize),
    Flushed,
}

/// The output of `future`, or `None` when the clock wakes us before it is ready.
async fn within<F: Future>(clock: &impl Clock, deadline: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut alarm = pin!(clock.until(deadline));
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        alarm.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// Wait for a step, with a sign of life for the peer as often as it needs one.
async fn attend<L: Write>(
    step: impl Future<Output = Answer>,
    link: &mut L,
    clock: &impl Clock,
    sign: &'static [u8],
) -> Answer {
    let mut step = pin!(step);
    loop {
        let due =
            if sign.is_empty() { u64::MAX } else { clock.now().saturating_add(SIGN_INTERVAL) };
        let answer = within(clock, due, poll_fn(|context| step.as_mut().poll(context))).await;
        if let Some(answer) = answer {
            return answer;
        }
        if clock.now() >= due {
            let told = async {
                let mut rest = sign;
                while !rest.is_empty() {
                    let count = link.write(rest).await.unwrap_or(0);
                    rest = rest.get(count..).filter(|_| count > 0).unwrap_or(&[]);
                }
                // A link that fails here fails again when the reply is sent.
                let _fails_again = link.flush().await;
            };
            told.await;
        }
    }
}
