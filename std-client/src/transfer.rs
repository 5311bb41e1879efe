//! Transfers: connections for a queue of files, again and again until all are through.

use core::time::Duration;

use coracle::Greeting;
use coracle::client::Handler;

use crate::connection::Dialer;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::retry::Backoff;
use crate::session::Session;
use crate::told::Event;
use crate::watch::Interrupt;

/// Files to be moved.
pub(crate) trait Queue: Handler {
    /// Whether every file is through, one way or the other.
    fn is_done(&self) -> bool;

    /// Something that grows whenever the server or the disk has more of a file than before.
    fn moved(&self) -> u64;

    /// Whether the handler itself ended the last session, for a reason it has dealt with.
    fn take_stop(&mut self) -> bool;

    /// The session is gone: what was asked is asked again, with resume.
    fn disconnected(&mut self);

    /// The file at whose answer the session broke is at fault.
    fn blame(&mut self, failure: Failure);

    /// Nothing more will be tried.
    fn give_up(&mut self, failure: &Failure);
}

/// Who has answered so far.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Nobody,
    /// Something listens at the port.
    Listener,
    /// It has greeted as a server does.
    Server,
}

/// How transfers are made.
pub(crate) struct Transfer<'a> {
    pub(crate) dialer: Dialer,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) progress: &'a Progress,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) one_connection: bool,
}

impl Transfer<'_> {
    /// Move all files of the queue, or give up.
    pub(crate) fn run(&self, queue: &mut impl Queue) {
        let mut backoff = Backoff::new(self.retries);
        let mut reached = Reached::Nobody;
        while !queue.is_done() {
            let before = queue.moved();
            let result = self.attempt(queue, &mut reached);
            let stopped = queue.take_stop();
            queue.disconnected();
            if queue.moved() > before {
                backoff.reset();
            }
            if queue.is_done() || stopped {
                continue;
            }
            let failure = match result {
                // Every answer is there, but some said `busy`.
                Ok(()) => Failure::Connection("the server is busy with these files".to_owned()),
                Err(failure) => failure,
            };
            if let Err(failure) = self.go_on(queue, failure, &mut backoff, reached) {
                queue.give_up(&failure);
                let is_cut = matches!(
                    failure,
                    Failure::Interrupted | Failure::Connection(_) | Failure::Silent(_)
                );
                if is_cut && reached == Reached::Server {
                    self.progress.note_how_to_go_on();
                }
            }
        }
    }

    /// Decide what a failed session means. An error ends it all.
    fn go_on(
        &self,
        queue: &mut impl Queue,
        failure: Failure,
        backoff: &mut Backoff,
        reached: Reached,
    ) -> Result<(), Failure> {
        match failure {
            Failure::Protocol(_) | Failure::Integrity(_) if reached == Reached::Server => {
                queue.blame(failure);
                Ok(())
            }
            // Whoever is silent from the beginning would keep us waiting every time.
            Failure::Silent(_) if reached < Reached::Server => Err(failure),
            // Where nobody ever listened, nobody has gone away.
            failure if failure.is_passing() && reached > Reached::Nobody => match backoff.wait() {
                Some(wait) => {
                    self.progress.tell(Event::Retry { wait, failure: &failure });
                    self.interrupt.sleep(wait)
                }
                None => Err(failure),
            },
            failure => Err(failure),
        }
    }

    fn attempt(&self, queue: &mut impl Queue, reached: &mut Reached) -> Result<(), Failure> {
        let stream = self.dialer.control()?;
        *reached = (*reached).max(Reached::Listener);
        let peer = stream.peer_addr();
        let mut control = Session::new(stream, !self.one_connection, self.interrupt, self.timeout);
        let Greeting { transfer, .. } = control.greet()?;
        *reached = Reached::Server;
        let port = transfer.filter(|_| !self.one_connection);
        let transfer = port.zip(peer.ok()).and_then(|(port, peer)| {
            // Whatever address the server may have in mind: it is the one we talk to.
            self.dialer
                .transfer(peer, port)
                .inspect_err(|error| {
                    let progress = self.progress;
                    progress.detail(format_args!("no transfer port {port} ({error}): using one"));
                })
                .ok()
        });
        let Some(stream) = transfer else {
            control.run(queue)?;
            control.close();
            return Ok(());
        };
        let mut session = Session::new(stream, false, self.interrupt, self.timeout);
        session.run(queue)?;
        session.close();
        Ok(())
    }
}
