//! The clock of all sessions, and the word that the server shuts down.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Far enough: `until` returns early then, which every caller expects of it.
const LONGEST_WAIT: u64 = 24 * 60 * 60 * 1000;

/// Milliseconds since the server began.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    start: Instant,
    closing: Arc<Closing>,
}

#[derive(Debug, Default)]
struct Closing {
    begun: AtomicBool,
    word: Notify,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), closing: Arc::default() }
    }

    /// Tell every session that the server shuts down.
    pub(crate) fn close(&self) {
        self.closing.begun.store(true, Ordering::Release);
        self.closing.word.notify_waiters();
    }
}

impl coracle::asynch::Clock for Clock {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn until(&self, time: u64) {
        let time = time.min(self.now() + LONGEST_WAIT);
        let alarm = sleep_until(self.start + Duration::from_millis(time));
        if self.closing() {
            // The word was heard already; what is waited for now is the time.
            return alarm.await;
        }
        let mut alarm = pin!(alarm);
        let mut word = pin!(self.closing.word.notified());
        if self.closing() {
            return;
        }
        // By hand, because each byte counts in a future that every idle session has.
        poll_fn(|context| {
            let alarm = alarm.as_mut().poll(context);
            if alarm.is_ready() { alarm } else { word.as_mut().poll(context) }
        })
        .await;
    }

    fn closing(&self) -> bool {
        self.closing.begun.load(Ordering::Acquire)
    }
}
