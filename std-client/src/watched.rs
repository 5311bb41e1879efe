//! A handler whose doings are watched: what it is given to do tells how long to be patient.

use std::time::Instant;

use coracle::client::{Event, Handler, NotNow, Supplied};
use coracle::{Command, Path, Refusal};

use crate::watch::Watch;

/// A handler behind a watch. `hear` has each event first, and may replace it or end the session.
pub(crate) struct Watched<'a, H, F> {
    inner: &'a mut H,
    watch: &'a Watch,
    hear: F,
}

impl<'a, H, F> Watched<'a, H, F>
where
    F: for<'e> FnMut(Event<'e>) -> Result<Event<'e>, Refusal>,
{
    pub(crate) const fn new(inner: &'a mut H, watch: &'a Watch, hear: F) -> Self {
        Self { inner, watch, hear }
    }
}

impl<H, F> Handler for Watched<'_, H, F>
where
    H: Handler,
    F: for<'e> FnMut(Event<'e>) -> Result<Event<'e>, Refusal>,
{
    fn next_request(&mut self) -> Option<Command<Path<'_>>> {
        let begun = Instant::now();
        let request = self.inner.next_request();
        // Preparing one may have taken its time; that is not the fault of the server.
        self.watch.forgive(begun.elapsed());
        request
    }

    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        self.inner.requested(outcome);
    }

    fn supply(&mut self, request: u64, offset: u64, buffer: &mut [u8]) -> Supplied {
        let supplied = self.inner.supply(request, offset, buffer);
        self.watch.progress();
        supplied
    }

    fn store(&mut self, request: u64, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        let stored = self.inner.store(request, offset, data);
        self.watch.progress();
        stored
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), Refusal> {
        let event = (self.hear)(event)?;
        let result = self.inner.event(event);
        match event {
            Event::Busy { .. } | Event::Info { .. } => self.watch.alive(),
            _ => self.watch.progress(),
        }
        result
    }
}
