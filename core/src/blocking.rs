//! The driver over `embedded-io`: one session, which may block the thread that serves it.
//!
//! Time is the link's matter here: give it a read timeout, and its error ends the session.

use embedded_io::{Read, Write};

use crate::drive::{Moved, report};
use crate::error::Error;
use crate::machine::{Action, Machine, Outcome};
use crate::step::Host;

/// Serve one session until it is over.
///
/// The caller then half-closes the link, discards what still comes for at most 2 s, and closes.
///
/// # Errors
///
/// [`Error::Link`] and [`Error::WriteZero`] if the link fails: what is open is put away first.
pub fn serve<M, L, H>(
    server: &mut M,
    link: &mut L,
    host: &mut H,
) -> Result<Outcome, Error<L::Error>>
where
    M: Machine,
    L: Read + Write,
    H: Host,
{
    let mut failed = None;
    loop {
        let moved = match server.poll() {
            Action::Receive(buffer) => {
                link.flush().and_then(|()| link.read(buffer)).map(Moved::Received)
            }
            // `embedded_io::Read` cannot tell whether a read would wait.
            Action::TryReceive(_) => Ok(Moved::Nothing),
            Action::Transmit(bytes) => link.write(bytes).map(Moved::Transmitted),
            Action::Flush => link.flush().map(|()| Moved::Flushed),
            Action::Step(step) => {
                let answer = host.answer(step);
                server.answered(answer)?;
                continue;
            }
            Action::Report(event) => {
                host.event(event);
                server.reported()?;
                continue;
            }
            Action::Done(outcome) => {
                return match failed.or_else(|| link.flush().err().map(Error::Link)) {
                    Some(error) => Err(error),
                    None => Ok(outcome),
                };
            }
        };
        failed = report(server, moved)?.or(failed);
    }
}
