//! The surroundings of one session: its medium, and its lines in the log.

use coracle::{Answer, Event, Host, Medium, Step, Storage};

use crate::board::Clock;
use crate::log;

/// Milliseconds of a step from which on it is a stall, worth a line in the log. An SD card may
/// take 250 ms for a block that it writes (Physical Layer Specification, 4.6.2.2).
const STALL: u64 = 250;

/// The medium of a session, whose steps and events are logged.
pub struct Logged<S: Storage> {
    medium: Medium<S>,
    session: u32,
    clock: Clock,
}

impl<S: Storage> Logged<S> {
    pub(crate) const fn new(storage: S, session: u32, clock: Clock) -> Self {
        Self { medium: Medium::new(storage), session, clock }
    }
}

impl<S: Storage> Host for Logged<S> {
    fn answer(&mut self, step: Step<'_>) -> Answer {
        let name = log::name(&step);
        let begun = (self.clock)();
        let answer = self.medium.answer(step);
        let took = (self.clock)().saturating_sub(begun);
        if took >= STALL {
            log::stalled(self.session, name, took);
        }
        answer
    }

    fn event(&mut self, event: Event<'_>) {
        log::event(self.session, event);
    }
}
