//! The face of a server's machine: one question, and the reports that answer it. The native
//! dialect ([`Server`](crate::Server)) and the classic one
//! ([`classic::Server`](crate::classic::Server)) share it, and so the drivers.

use crate::classic::Way;
use crate::reply::Refusal;
use crate::step::{Answer, Event, Step};

/// A session's machine on the server's side: without I/O, heap or clock. The client's side has
/// its own, [`client::Machine`](crate::client::Machine).
///
/// The crate's documentation says how a driver uses it.
pub trait Machine {
    /// What to do next: the same answer until it was reported.
    fn poll(&mut self) -> Action<'_>;

    /// `count` bytes were received into the memory lent; 0: the peer closed its side.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if nothing was to be received, or not as much.
    fn received(&mut self, count: usize) -> Result<(), Misuse>;

    /// Nothing is at hand to be received now; or, while [`Waiting::Whole`], nothing came for
    /// so long that no more is to be expected.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if neither [`Action::TryReceive`] nor such a line is outstanding.
    fn quiet(&mut self) -> Result<(), Misuse>;

    /// The first `count` bytes to transmit are sent, or kept by the driver.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if there were fewer to transmit.
    fn transmitted(&mut self, count: usize) -> Result<(), Misuse>;

    /// All that was transmitted is on its way.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if [`Action::Flush`] is not outstanding.
    fn flushed(&mut self) -> Result<(), Misuse>;

    /// The event was logged, or not.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if [`Action::Report`] is not outstanding.
    fn reported(&mut self) -> Result<(), Misuse>;

    /// The step was done, or refused.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if no step is outstanding or the answer does not belong to it.
    fn answered(&mut self, answer: Answer) -> Result<(), Misuse>;

    /// What is waited for now, for the timers of a driver.
    fn waiting(&self) -> Waiting;

    /// What was moved so far.
    fn counters(&self) -> Counters;

    /// Bytes to send while the outstanding step stalls, so that the peer knows that we live:
    /// at least every 10 s. Empty where nothing may be said.
    fn sign_of_life(&self) -> &'static [u8];

    /// A timer of the driver ran out while something was to be received or sent: tell the peer
    /// where it still listens, put away what is open; go on polling until [`Action::Done`].
    fn timed_out(&mut self);

    /// The link failed while something was to be received or sent. What is open is put away
    /// properly: go on polling until [`Action::Done`].
    fn lost(&mut self);

    /// The server shuts down: ends a session that waits for a command.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if a command is being answered; let it finish.
    fn shut_down(&mut self) -> Result<(), Misuse>;
}

/// The one thing to do next.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Action<'a> {
    /// Receive into this memory, never empty, and wait for it; then [`Machine::received`].
    Receive(&'a mut [u8]),
    /// Receive what is at hand without waiting: then [`Machine::received`], or
    /// [`Machine::quiet`] if nothing is. A driver that cannot tell calls `quiet` at once.
    TryReceive(&'a mut [u8]),
    /// Send these bytes, or some, or keep them to send with later ones; then
    /// [`Machine::transmitted`]. What a driver keeps it sends before it waits in
    /// [`Receive`](Self::Receive), at [`Flush`](Self::Flush), and at [`Done`](Self::Done).
    Transmit(&'a [u8]),
    /// Send all that was transmitted: the next step may take long. Then [`Machine::flushed`].
    Flush,
    /// Do this step; then [`Machine::answered`].
    Step(Step<'a>),
    /// Write this to the log, or not; then [`Machine::reported`].
    Report(Event<'a>),
    /// It is over on this link: send what was kept, half-close, discard what still comes for at
    /// most 2 s, close; but [`Outcome::Classic`] and [`Outcome::Transfer`] say how to go on.
    Done(Outcome),
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Outcome {
    /// By `exit`.
    Exit,
    /// The client closed the stream between two commands.
    Ended,
    /// The client closed the stream within a line or a transfer, or the link failed.
    Lost,
    /// The server closed, for this reason.
    Refused(Refusal),
    /// The first byte belongs to something that may lie under a session and is not there.
    Reserved,
    /// This is no native session, and [`Config::classic`](crate::Config::classic) is set: make a
    /// [`classic::Server`](crate::classic::Server) of this machine, and drive it on this link.
    Classic,
    /// The reply to a classic command is sent; the file goes over a connection of its own, as
    /// [`classic::Server`](crate::classic::Server) says.
    Transfer(Way),
    /// The driver reported something that was not asked for, or lent too small a buffer.
    Misuse,
}

/// A report that does not fit the outstanding [`Action`]: a defect of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Misuse;

impl core::fmt::Display for Misuse {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a report that does not fit the outstanding action")
    }
}

impl core::error::Error for Misuse {}

/// What a session is waiting for, for those who measure time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Waiting {
    /// The first line.
    FirstLine,
    /// A command: nothing is under way.
    Idle,
    /// The rest of a started line, after so many commands.
    Line(u32),
    /// The rest of a classic line, so many bytes so far, which quiet ends as it is.
    Whole(u16),
    /// Frames of an upload, or the peer reading what is sent to it.
    Peer,
    /// A step.
    Step,
}

/// What was moved so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counters {
    /// Commands begun.
    pub commands: u32,
    /// File bytes received.
    pub received: u64,
    /// File bytes handed to the link.
    pub sent: u64,
    /// Signs of life without file bytes (BUSY frames).
    pub signs: u32,
    /// Bytes handed to the link, file bytes included.
    pub output: u64,
}

/// Add to a number of bytes or the like. By itself, for a chip adds 64 bits in many instructions.
#[inline(never)]
pub(crate) fn add_to(total: &mut u64, more: u64) {
    *total = total.saturating_add(more);
}

impl Counters {
    pub(crate) const NONE: Self = Self { commands: 0, received: 0, sent: 0, signs: 0, output: 0 };
}
