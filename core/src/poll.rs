//! The driver that never waits: for userspace TCP/IP stacks, super-loops and readiness loops.
//!
//! Nor need its [`Host`] wait: a step that is not done yet is asked for again at the next call
//! of [`serve`], and the peer is told meanwhile that we live. A [`crate::Host`] is a host here
//! too, one whose steps are done at once.

use crate::drive::{Moved, report};
use crate::error::Error;
use crate::limits::SIGN_INTERVAL_MILLIS;
use crate::machine::{Action, Machine, Misuse, Outcome};
use crate::step::{Answer, Event, Step};
use crate::timers::{Timeouts, Timers};

/// A byte stream that never waits.
pub trait Stream {
    /// Why the link failed.
    type Error: core::fmt::Debug;

    /// Read what is there: `None` if nothing is there yet, `Some(0)` at the end of the stream.
    ///
    /// # Errors
    ///
    /// If the link failed.
    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Self::Error>;

    /// Write what the link takes now: `None` if it takes nothing yet; never `Some(0)`.
    ///
    /// # Errors
    ///
    /// If the link failed.
    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Self::Error>;
}

/// The surroundings of a server's machine. A step may take its time: a medium that stalls stops
/// its own session only.
pub trait Host {
    /// Do the step and answer as [`Step`] says. `None`: it is not done yet; the next call of
    /// [`serve`] asks for the same step again, and until then the session asks for nothing else.
    ///
    /// What the step lends is lent for this call only. A step that was begun must run to its end
    /// even if nobody asks again because the session was dropped.
    fn answer(&mut self, step: Step<'_>) -> Option<Answer>;

    /// Take note.
    fn event(&mut self, _event: Event<'_>) {}
}

impl<H: crate::Host> Host for H {
    fn answer(&mut self, step: Step<'_>) -> Option<Answer> {
        Some(crate::Host::answer(self, step))
    }

    fn event(&mut self, event: Event<'_>) {
        crate::Host::event(self, event);
    }
}

/// What a session waits for after a call of [`serve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Progress {
    /// For the link, or for a step: call again when the link has moved, when the host has an
    /// answer, or at this time at the latest (in the milliseconds of `now`).
    Waiting {
        /// The latest time; `None`: any.
        until: Option<u64>,
    },
    /// For nothing: the budget of the call is used up.
    Again,
    /// The session is over: half-close, discard what still comes for at most 2 s, close.
    Done(Outcome),
}

/// Do everything a session can do now, but no more than `budget` actions, so that others have
/// their turn.
///
/// `now` is in milliseconds of the clock that `driver` began with. While the host has no answer,
/// the peer gets a sign of life after 5 s and every 5 s, where the machine has one; the time
/// that the step takes is not counted as the peer's.
///
/// # Errors
///
/// [`Error::Link`] if the link fails, [`Error::WriteZero`] if it breaks its contract: what is
/// open is put away first, however many calls that takes.
pub fn serve<M, L, H>(
    server: &mut M,
    driver: &mut Driver<L::Error>,
    link: &mut L,
    host: &mut H,
    now: u64,
    budget: usize,
) -> Result<Progress, Error<L::Error>>
where
    M: Machine,
    L: Stream,
    H: Host,
{
    for _ in 0..budget {
        // Nothing is moved before it is looked at: mostly there is nothing.
        match driver.turn(server, link, host, now) {
            Ok(None) => {}
            Ok(Some(progress)) => return Ok(progress),
            Err(error) => return Err(error),
        }
    }
    Ok(Progress::Again)
}

/// What the driver keeps of a session between two calls of [`serve`]. `E` is the link's error.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Driver<E> {
    timers: Timers,
    /// Since when the outstanding step pends.
    pending_since: Option<u64>,
    sign: Sign,
    /// For the end of the session.
    failed: Option<Error<E>>,
}

/// What became of the latest sign of life.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Sign {
    /// It went out then.
    Told(u64),
    /// The link has yet to take this part of it, by this time. Nothing else may come before.
    Begun { rest: &'static [u8], limit: u64 },
    /// The link did not take it: the machine hears that it is lost when the step is done.
    Unheard,
}

impl<E> Driver<E> {
    /// The driver of a session that begins at `now`.
    pub fn new(timeouts: Timeouts, now: u64) -> Self {
        let timers = Timers::new(timeouts, now);
        Self { timers, pending_since: None, sign: Sign::Told(now), failed: None }
    }

    /// A host that answers at once took this many milliseconds for it: the peer is not to blame.
    pub fn pause(&mut self, elapsed: u64) {
        self.timers.pause(elapsed);
    }

    /// One action, or what is waited for.
    // By itself, as is what a machine does with an answer: inlined into the caller's loop, the
    // compiler keeps its values on the stack, which takes more flash.
    #[inline(never)]
    fn turn<L: Stream<Error = E>>(
        &mut self,
        server: &mut impl Machine,
        link: &mut L,
        host: &mut impl Host,
        now: u64,
    ) -> Result<Option<Progress>, Error<E>> {
        if self.pending_since.is_none()
            && let Some(limit) = self.finish_sign(server, link, now)?
        {
            return Ok(Some(Progress::Waiting { until: Some(limit) }));
        }
        let until = self.timers.deadline(server, now);
        let sign = server.sign_of_life();
        let moved = match server.poll() {
            Action::Receive(_) if self.timers.is_flooded() => Ok(None),
            Action::Receive(buffer) => link.try_read(buffer).map(|read| read.map(Moved::Received)),
            Action::TryReceive(buffer) => {
                link.try_read(buffer).map(|read| Some(read.map_or(Moved::Nothing, Moved::Received)))
            }
            Action::Transmit(bytes) => {
                link.try_write(bytes).map(|written| written.map(Moved::Transmitted))
            }
            // What the link took is on its way.
            Action::Flush => Ok(Some(Moved::Flushed)),
            Action::Step(step) => {
                let Some(answer) = host.answer(step) else {
                    let until = self.pend(sign, link, now)?;
                    return Ok(Some(Progress::Waiting { until }));
                };
                if let Some(since) = self.pending_since.take() {
                    self.timers.pause(now.saturating_sub(since));
                }
                server.answered(answer)?;
                return Ok(None);
            }
            Action::Report(event) => {
                host.event(event);
                server.reported()?;
                return Ok(None);
            }
            Action::Done(outcome) => {
                return self.failed.take().map_or(Ok(Some(Progress::Done(outcome))), Err);
            }
        };
        match moved.transpose() {
            Some(moved) => self.failed = report(server, moved)?.or(self.failed.take()),
            None if until.is_some_and(|until| until <= now) => self.timers.ran_out(server)?,
            None => return Ok(Some(Progress::Waiting { until })),
        }
        Ok(None)
    }

    /// The host has no answer yet: tell the peer that we live, if it is time. Returns when the
    /// next sign is due, or when the peer has had time enough to take this one.
    fn pend<L: Stream<Error = E>>(
        &mut self,
        sign: &'static [u8],
        link: &mut L,
        now: u64,
    ) -> Result<Option<u64>, Misuse> {
        let since = *self.pending_since.get_or_insert(now);
        let due = |told: u64| since.max(told).saturating_add(SIGN_INTERVAL_MILLIS);
        if let Sign::Told(told) = self.sign
            && !sign.is_empty()
            && due(told) <= now
        {
            let limit = now.saturating_add(self.timers.patience());
            self.sign = Sign::Begun { rest: sign, limit };
        }
        self.tell(link, now)?;
        Ok(match self.sign {
            Sign::Told(_) if sign.is_empty() => None,
            Sign::Told(told) => Some(due(told)),
            Sign::Begun { limit, .. } => Some(limit),
            Sign::Unheard => None,
        })
    }

    /// The step is done: what is left of a sign goes before anything else. Returns until when
    /// the link has time to take it.
    fn finish_sign<L: Stream<Error = E>>(
        &mut self,
        server: &mut impl Machine,
        link: &mut L,
        now: u64,
    ) -> Result<Option<u64>, Misuse> {
        self.tell(link, now)?;
        match self.sign {
            Sign::Told(_) => Ok(None),
            Sign::Begun { limit, .. } => Ok(Some(limit)),
            Sign::Unheard => {
                self.sign = Sign::Told(now);
                server.lost();
                Ok(None)
            }
        }
    }

    /// Send what the link takes of a sign that was begun.
    fn tell<L: Stream<Error = E>>(&mut self, link: &mut L, now: u64) -> Result<(), Misuse> {
        while let Sign::Begun { rest, limit } = self.sign {
            self.sign = match link.try_write(rest) {
                Ok(Some(0)) => {
                    self.failed = Some(Error::WriteZero);
                    Sign::Unheard
                }
                Ok(Some(count)) => match rest.get(count..).ok_or(Misuse)? {
                    [] => Sign::Told(now),
                    rest => Sign::Begun { rest, limit },
                },
                Ok(None) if limit <= now => Sign::Unheard,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.failed = Some(Error::Link(error));
                    Sign::Unheard
                }
            };
        }
        Ok(())
    }
}
