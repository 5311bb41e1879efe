//! The driver that never waits: for userspace TCP/IP stacks, super-loops and readiness loops.

use crate::drive::{Moved, attend, report};
use crate::error::Error;
use crate::machine::{Action, Machine, Outcome};
use crate::step::Host;
use crate::timers::Timers;

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

/// What a session waits for after a call of [`serve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Progress {
    /// For the link: call again when it has moved, or at this time at the latest (in the
    /// milliseconds of `now`).
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
/// `now` is in milliseconds of the clock that `timers` began with. If a step took long, take it
/// off the peer's time afterwards with [`Timers::pause`].
///
/// # Errors
///
/// [`Error::Link`] if the link fails, [`Error::WriteZero`] if it breaks its contract: what is
/// open is put away first, however long that takes.
pub fn serve<M, L, H>(
    server: &mut M,
    timers: &mut Timers,
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
    let mut failed = None;
    let mut budget = budget;
    loop {
        if budget == 0 && failed.is_none() {
            return Ok(Progress::Again);
        }
        budget = budget.saturating_sub(1);
        let until = timers.deadline(server, now);
        if attend(server, host)? {
            continue;
        }
        let moved = match server.poll() {
            Action::Receive(_) if timers.is_flooded() => Ok(None),
            Action::Receive(buffer) => link.try_read(buffer).map(|read| read.map(Moved::Received)),
            Action::TryReceive(buffer) => {
                link.try_read(buffer).map(|read| Some(read.map_or(Moved::Nothing, Moved::Received)))
            }
            Action::Transmit(bytes) => {
                link.try_write(bytes).map(|written| written.map(Moved::Transmitted))
            }
            // What the link took is on its way.
            Action::Flush => Ok(Some(Moved::Flushed)),
            Action::Done(outcome) => return failed.map_or(Ok(Progress::Done(outcome)), Err),
            Action::Step(_) | Action::Report(_) => continue,
        };
        match moved.transpose() {
            Some(moved) => failed = report(server, moved)?.or(failed),
            None if until.is_some_and(|until| until <= now) => timers.ran_out(server)?,
            None => return Ok(Progress::Waiting { until }),
        }
    }
}
