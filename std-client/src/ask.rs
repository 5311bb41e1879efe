//! Questions that must be answered before files are moved, over the control session: asked again
//! when the connection is lost under them.

use coracle::client::Handler;

use crate::cli::Options;
use crate::failure::Failure;
use crate::retry::Backoff;
use crate::site::Site;
use crate::told::Event;

/// Questions whose answers change nothing, or nothing when they are asked twice.
pub(crate) trait Questions: Handler {
    /// Whether every one is answered, or no more shall be.
    fn is_done(&self) -> bool;

    /// Something that grows with every answer.
    fn answered(&self) -> u64;

    /// The session is gone: what was asked is asked again.
    fn disconnected(&mut self);
}

impl Site<'_> {
    /// Have all of them answered.
    ///
    /// # Errors
    ///
    /// Why that is not possible; it has been told.
    pub(crate) fn ask_all(
        &mut self,
        questions: &mut impl Questions,
        options: &Options,
    ) -> Result<(), Failure> {
        let mut backoff = Backoff::new(options.retries);
        loop {
            let before = questions.answered();
            let result = self.ask(questions, options);
            if questions.is_done() {
                return Ok(());
            }
            questions.disconnected();
            if questions.answered() > before {
                backoff.reset();
            }
            let Err(failure) = result else { continue };
            // Where nobody ever answered, nobody has gone away.
            let wait = if failure.is_passing() && questions.answered() > 0 {
                backoff.wait()
            } else {
                None
            };
            let Some(wait) = wait else {
                self.progress.error(&failure);
                return Err(failure);
            };
            self.progress.tell(Event::Retry { wait, failure: &failure });
            self.interrupt.sleep(wait).inspect_err(|failure| self.progress.error(failure))?;
        }
    }
}
