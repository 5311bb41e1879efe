//! The client's driver that never waits, over [`Stream`].

use super::handler::{answer, ask};
use super::{Action, Error, Handler, Machine};
use crate::classic::Way;
use crate::poll::Stream;

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Waiting {
    /// Bytes from the server.
    Readable,
    /// Bytes from the server, or room for bytes to it: whichever comes first.
    Either,
    /// A request: every one is answered. [`Stream::try_write`] has taken all there was.
    Request,
    /// The connection for the file bytes: [`Action::Transfer`].
    Transfer(Way),
    /// The end of the sending direction: [`Action::HalfClose`]. [`Stream::try_write`] has taken
    /// all there was.
    HalfClose,
    /// Nothing: the session is over.
    Over,
}

/// Do everything that is possible now.
///
/// # Errors
///
/// [`Error`] by its cause; the session is over then, close the link.
pub fn advance<L: Stream>(
    client: &mut impl Machine,
    link: &mut L,
    handler: &mut impl Handler,
) -> Result<Waiting, Error<L::Error>> {
    loop {
        ask(client, handler);
        if answer(client, handler)? {
            continue;
        }
        match client.poll() {
            Action::Exchange { transmit, receive } => {
                match link.try_write(transmit).map_err(Error::Link)? {
                    Some(0) => return Err(Error::WriteZero),
                    Some(count) => client.transmitted(count)?,
                    None => match link.try_read(receive).map_err(Error::Link)? {
                        Some(count) => client.received(count)?,
                        None => return Ok(Waiting::Either),
                    },
                }
            }
            Action::Receive(buffer) => match link.try_read(buffer).map_err(Error::Link)? {
                Some(count) => client.received(count)?,
                None => return Ok(Waiting::Readable),
            },
            Action::Ready(_) => return Ok(Waiting::Request),
            Action::Transfer(way) => return Ok(Waiting::Transfer(way)),
            Action::HalfClose => return Ok(Waiting::HalfClose),
            _ => return Ok(Waiting::Over),
        }
    }
}

/// Have the handler store what was gathered of a download, whatever becomes of the link: before
/// a long wait, and after an error of the link, so that nothing that came is lost.
///
/// # Errors
///
/// [`Error::Handler`] if it cannot be stored, [`Error::Client`] if what had come behind it breaks
/// the protocol.
pub fn settle<E>(client: &mut impl Machine, handler: &mut impl Handler) -> Result<(), Error<E>> {
    client.settle();
    if matches!(client.poll(), Action::Store { .. }) {
        answer(client, handler)?;
    }
    Ok(())
}
