//! Time follows progress: when a session has waited too long. The drivers bring the clock.

use crate::limits::{BUSY_SECONDS, CLASSIC_LINE_QUIET_MILLIS};
use crate::machine::{Counters, Machine, Misuse, Waiting};

/// How long a session may wait for its peer, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timeouts {
    /// For the first line.
    pub first_line: u32,
    /// For the rest of a started line.
    pub line: u32,
    /// Within a transfer, without progress.
    pub transfer: u32,
    /// Between two commands.
    pub idle: u32,
    /// For which signs of life without file bytes count as progress.
    pub busy: u32,
    /// Bytes per second that a transfer must reach on average; 0: any rate will do.
    pub min_rate: u32,
}

/// How often bytes may be received behind a deadline before one of them is progress: after a
/// pause of the whole server, the header of a frame comes before its bytes.
const LATE_MAX: u8 = 16;

impl Timeouts {
    /// The defaults of the protocol: 10 s, 10 s, 60 s, 300 s, 60 s, any rate.
    pub const DEFAULT: Self = Self {
        first_line: 10_000,
        line: 10_000,
        transfer: 60_000,
        idle: 300_000,
        busy: BUSY_SECONDS as u32 * 1000,
        min_rate: 0,
    };
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The timers of one session. All times are milliseconds of one clock that never goes back.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timers {
    timeouts: Timeouts,
    waiting: Option<Waiting>,
    /// When this kind of waiting began.
    since: u64,
    /// When waiting for a command began: empty lines do not begin it anew.
    at_rest_since: u64,
    seen: Counters,
    /// When bytes were moved last, of a transfer or of a classic line.
    last_bytes: u64,
    last_sign: u64,
    /// When the running command began, and what had been moved then.
    began: u64,
    moved_before: u64,
    /// How often in a row the deadline was past.
    late: u8,
}

impl Timers {
    /// Timers that start at `now`.
    pub fn new(timeouts: Timeouts, now: u64) -> Self {
        Self {
            timeouts,
            waiting: None,
            since: now,
            at_rest_since: now,
            seen: Counters::default(),
            last_bytes: now,
            last_sign: now,
            began: now,
            moved_before: 0,
            late: 0,
        }
    }

    /// When the outstanding receive or transmit has waited too long. Ask again after each
    /// report, and call [`ran_out`](Self::ran_out) if that time is past.
    pub fn deadline(&mut self, server: &impl Machine, now: u64) -> Option<u64> {
        let deadline = self.observe(server.waiting(), server.counters(), now);
        if let Some(deadline) = deadline {
            self.late = if deadline <= now { self.late.saturating_add(1) } else { 0 };
        }
        deadline
    }

    /// The deadline asked for last is past: tell the machine what that means to it.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if the machine got reports since.
    pub fn ran_out(&self, server: &mut impl Machine) -> Result<(), Misuse> {
        match server.waiting() {
            Waiting::Whole(_) if self.quiet_deadline() < self.line_deadline() => server.quiet(),
            _ => {
                server.timed_out();
                Ok(())
            }
        }
    }

    /// Whether the deadline is past although there is always something to receive: a flood
    /// without progress.
    pub(crate) const fn is_flooded(&self) -> bool {
        self.late > LATE_MAX
    }

    /// Milliseconds that the peer has to take what is sent to it.
    pub(crate) const fn patience(&self) -> u64 {
        self.timeouts.transfer as u64
    }

    /// A step of ours took this long: the peer is not to blame.
    pub fn pause(&mut self, elapsed: u64) {
        let Self { since, at_rest_since, last_bytes, last_sign, began, .. } = self;
        for time in [since, at_rest_since, last_bytes, last_sign, began] {
            *time = time.saturating_add(elapsed);
        }
    }

    fn observe(&mut self, waiting: Waiting, counters: Counters, now: u64) -> Option<u64> {
        if self.waiting != Some(waiting) {
            if !self.waiting.is_some_and(is_at_rest) || counters.commands != self.seen.commands {
                self.at_rest_since = now;
            }
            if !self.waiting.is_some_and(|before| is_same_line(before, waiting)) {
                self.since = now;
            }
            if matches!(waiting, Waiting::Whole(_)) {
                self.last_bytes = now;
            }
            self.waiting = Some(waiting);
        }
        if moved(&counters) != moved(&self.seen) {
            self.last_bytes = now;
        }
        if counters.signs != self.seen.signs {
            self.last_sign = now;
        }
        if counters.commands != self.seen.commands {
            (self.began, self.last_bytes) = (now, now);
            self.moved_before = moved(&self.seen);
        }
        self.seen = counters;
        let after = |start: u64, timeout: u32| Some(start.saturating_add(timeout.into()));
        match waiting {
            Waiting::FirstLine => after(self.at_rest_since, self.timeouts.first_line),
            Waiting::Line(_) => Some(self.line_deadline()),
            Waiting::Whole(_) => Some(self.line_deadline().min(self.quiet_deadline())),
            Waiting::Idle => after(self.at_rest_since, self.timeouts.idle),
            Waiting::Peer => Some(self.transfer_deadline()),
            Waiting::Step => None,
        }
    }

    fn line_deadline(&self) -> u64 {
        self.since.saturating_add(self.timeouts.line.into())
    }

    fn quiet_deadline(&self) -> u64 {
        self.last_bytes.saturating_add(CLASSIC_LINE_QUIET_MILLIS)
    }

    fn transfer_deadline(&self) -> u64 {
        let Timeouts { transfer, busy, min_rate, .. } = self.timeouts;
        let latest_sign = self.last_bytes.saturating_add(busy.into());
        let alive = self.last_bytes.max(self.last_sign.min(latest_sign));
        let deadline = alive.saturating_add(transfer.into());
        if min_rate == 0 {
            return deadline;
        }
        // The average may be low at first: it is looked at after one timeout.
        let bytes = moved(&self.seen).saturating_sub(self.moved_before);
        let allowed = millis_for(bytes, min_rate).max(transfer.into());
        deadline.min(self.began.saturating_add(allowed))
    }
}

/// Milliseconds in which so many bytes are moved at a rate per second, to within a thousandth at up
/// to 4 MB/s. The upper 22 bits are divided: a chip has no instruction that divides 64 bits, and
/// the compiler's routine for it takes 1 KiB of flash.
fn millis_for(bytes: u64, rate: u32) -> u64 {
    let shift = (u64::BITS - bytes.leading_zeros()).saturating_sub(22);
    let thousands = (bytes >> shift) as u32 * 1000;
    u64::from(thousands.checked_div(rate).unwrap_or(0)) << shift
}

/// Whether no command is under way, though one may have begun to come.
const fn is_at_rest(waiting: Waiting) -> bool {
    use Waiting::{FirstLine, Idle, Line, Whole};
    matches!(waiting, FirstLine | Idle | Line(_) | Whole(_))
}

/// Whether a line was, and is still, waited for. Only a first line may be whole as it is.
const fn is_same_line(before: Waiting, now: Waiting) -> bool {
    matches!(
        (before, now),
        (Waiting::Line(0) | Waiting::Whole(_), Waiting::Line(0) | Waiting::Whole(_))
    )
}

const fn moved(counters: &Counters) -> u64 {
    counters.received.saturating_add(counters.output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timers(min_rate: u32) -> Timers {
        Timers::new(Timeouts { min_rate, ..Timeouts::DEFAULT }, 1000)
    }

    #[test]
    fn each_kind_of_waiting_has_its_own_time() {
        let mut timers = timers(0);
        let none = Counters::default();
        assert_eq!(timers.observe(Waiting::FirstLine, none, 1000), Some(11_000));
        assert_eq!(timers.observe(Waiting::FirstLine, none, 5000), Some(11_000));
        assert_eq!(timers.observe(Waiting::Line(0), none, 6000), Some(16_000));
        assert_eq!(timers.observe(Waiting::Line(1), none, 7000), Some(17_000));
        assert_eq!(timers.observe(Waiting::Step, none, 7500), None);
        assert_eq!(timers.observe(Waiting::Idle, none, 8000), Some(308_000));
        assert_eq!(timers.observe(Waiting::Line(1), none, 9000), Some(19_000));
        assert_eq!(timers.observe(Waiting::Idle, none, 10_000), Some(308_000));
    }

    /// Quiet ends a classic line that is whole, but a trickle ends by the time for a line.
    #[test]
    fn quiet_comes_before_the_end_of_the_line_or_not_at_all() {
        let mut timers = timers(0);
        let none = Counters::default();
        assert_eq!(timers.observe(Waiting::Line(0), none, 1000), Some(11_000));
        assert_eq!(timers.observe(Waiting::Whole(2), none, 2000), Some(2250));
        assert_eq!(timers.observe(Waiting::Whole(2), none, 2200), Some(2250));
        assert_eq!(timers.observe(Waiting::Whole(3), none, 2200), Some(2450));
        assert_eq!(timers.observe(Waiting::Line(0), none, 2300), Some(11_000));
        assert_eq!(timers.observe(Waiting::Whole(5), none, 10_900), Some(11_000));
        assert!(timers.quiet_deadline() > timers.line_deadline());
    }

    #[test]
    fn signs_of_life_count_for_a_while_only() {
        let mut timers = timers(0);
        let mut counters = Counters { commands: 1, received: 5, ..Counters::default() };
        assert_eq!(timers.observe(Waiting::Peer, counters, 10_000), Some(70_000));
        counters.signs = 1;
        assert_eq!(timers.observe(Waiting::Peer, counters, 20_000), Some(80_000));
        counters.signs = 2;
        assert_eq!(timers.observe(Waiting::Peer, counters, 100_000), Some(130_000));
        counters.received = 6;
        assert_eq!(timers.observe(Waiting::Peer, counters, 110_000), Some(170_000));
        timers.pause(30_000);
        assert_eq!(timers.observe(Waiting::Peer, counters, 140_000), Some(200_000));
    }

    #[test]
    fn times_at_a_rate_are_nearly_exact() {
        let sizes = (0..50).map(|bit| 1u64 << bit);
        for bytes in sizes.flat_map(|size| [size - 1, size, size + size / 3]) {
            for rate in [1, 100, 9600, 1 << 20, 4_000_000] {
                let (exact, nearly) = (bytes * 1000 / u64::from(rate), millis_for(bytes, rate));
                assert!(nearly <= exact && exact - nearly <= exact / 1000, "{bytes} at {rate}");
            }
        }
        assert_eq!(millis_for(u64::MAX, 0), 0);
    }

    #[test]
    fn a_trickle_ends_when_its_average_is_too_low() {
        let mut timers = timers(100);
        let mut counters = Counters { commands: 1, ..Counters::default() };
        assert_eq!(timers.observe(Waiting::Peer, counters, 1000), Some(61_000));
        counters.received = 10_000;
        assert_eq!(timers.observe(Waiting::Peer, counters, 60_000), Some(101_000));
    }
}
