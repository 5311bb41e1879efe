//! What the three drivers share: the report of what was moved.

use crate::error::Error;
use crate::machine::{Machine, Misuse};

/// What became of the bytes of one action.
pub(crate) enum Moved {
    Received(usize),
    /// Nothing is at hand.
    Nothing,
    Transmitted(usize),
    Flushed,
}

/// Tell the machine what was moved. If the link failed, the machine puts away what is open, and
/// the error is for the end of the session.
pub(crate) fn report<E>(
    server: &mut impl Machine,
    moved: Result<Moved, E>,
) -> Result<Option<Error<E>>, Misuse> {
    match moved {
        Ok(Moved::Received(count)) => server.received(count)?,
        Ok(Moved::Nothing) => server.quiet()?,
        Ok(Moved::Flushed) => server.flushed()?,
        Ok(Moved::Transmitted(0)) => {
            server.lost();
            return Ok(Some(Error::WriteZero));
        }
        Ok(Moved::Transmitted(count)) => server.transmitted(count)?,
        Err(error) => {
            server.lost();
            return Ok(Some(Error::Link(error)));
        }
    }
    Ok(None)
}
