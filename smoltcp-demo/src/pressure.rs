//! Who has to go when newcomers come and no place is free.

/// Milliseconds after which a connection that is not whole is slow: the first repetition.
const SLOW: u64 = 1_000;

/// Whether what began then is slow.
pub(crate) const fn is_slow(since: u64, now: u64) -> bool {
    now >= since.saturating_add(SLOW)
}

/// Whether newcomers come that never complete their connection, as in a flood of them.
///
/// Those who have been half open for as long as a repetition takes may go for a newcomer at any
/// time. While there are such, so may younger ones, the oldest first: who means it is done
/// before it is the oldest. Otherwise many that come at once would put each other out.
#[derive(Clone, Copy)]
pub(crate) struct Pressure {
    until: u64,
}

impl Pressure {
    pub(crate) const NONE: Self = Self { until: 0 };
    pub(crate) const ALWAYS: Self = Self { until: u64::MAX };

    /// How long pressure is remembered, in milliseconds.
    const MEMORY: u64 = 10_000;

    pub(crate) fn begin(&mut self, now: u64) {
        self.until = now.saturating_add(Self::MEMORY);
    }

    /// Which of these, by their time and place, may go, and whether it is a slow one. The newest
    /// goes only if it is slow.
    pub(crate) fn choose(
        self,
        all: impl Iterator<Item = (u64, usize)> + Clone,
        now: u64,
    ) -> Option<(usize, bool)> {
        let (since, index) = all.clone().min()?;
        let slow = is_slow(since, now);
        let is_newest = all.count() == 1;
        (slow || now < self.until && !is_newest).then_some((index, slow))
    }
}
