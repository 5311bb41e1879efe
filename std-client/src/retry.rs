//! Trying again: how often, and how long to wait before.

use core::time::Duration;

/// Waits that double, so that a server in trouble is not hurried.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    retries: u32,
    left: u32,
    next: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(8);

    pub(crate) const fn new(retries: u32) -> Self {
        Self { retries, left: retries, next: Self::FIRST }
    }

    /// File bytes have been moved since: begin anew.
    pub(crate) const fn reset(&mut self) {
        *self = Self::new(self.retries);
    }

    /// How long to wait before the next try, if there is one.
    pub(crate) fn wait(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let wait = self.next;
        self.next = (wait * 2).min(Self::LONGEST);
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit() {
        let mut backoff = Backoff::new(8);
        let waits: Vec<_> = core::iter::from_fn(|| backoff.wait()).map(|w| w.as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
        backoff.reset();
        assert_eq!(backoff.wait(), Some(Backoff::FIRST));
        assert_eq!(Backoff::new(0).wait(), None);
    }
}
