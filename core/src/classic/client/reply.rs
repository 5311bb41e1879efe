//! The reply to a classic command: nothing marks its end.

use super::listing::Listing;
use super::told::What;
use super::{Client, Kind, State};
use crate::buffer::Buffer;
use crate::classic::Way;
use crate::client::PeerError;
use crate::frame::DATA_START;
use crate::limits::LINE_MAX;
use crate::token::number;

const OK: &[u8] = b"ok";
const ERR: &[u8] = b"err";

/// The first line of a reply, as far as it has come.
struct First<'a> {
    line: &'a [u8],
    is_whole: bool,
    /// Something has come behind it.
    is_followed: bool,
}

impl<'a> First<'a> {
    fn of(bytes: &'a [u8], ended: bool) -> Self {
        let len = bytes.iter().position(|&byte| byte == b'\n');
        let line = len.and_then(|len| bytes.get(..len)).unwrap_or(bytes);
        Self {
            line: line.strip_suffix(b"\r").unwrap_or(line),
            is_whole: ended || len.is_some(),
            is_followed: len.is_some_and(|len| len + 1 < bytes.len()),
        }
    }

    /// Whether it is `err`, alone or with a message.
    fn is_error(&self) -> bool {
        self.line.strip_prefix(ERR).is_some_and(|rest| matches!(rest, [] | [b' ', ..]))
    }

    /// Whether a listing that begins so may still turn out to be an error: a file may have any
    /// name, but an error is one line.
    fn may_be_error(&self) -> bool {
        !self.is_followed && (self.is_error() || !self.is_whole && ERR.starts_with(self.line))
    }
}

impl<C: Buffer> Client<C> {
    /// The reply has come up to `end`; `ended`: nothing more will.
    pub(super) fn on_reply(
        &mut self,
        kind: Kind,
        end: usize,
        ended: bool,
    ) -> Result<(), PeerError> {
        let bytes = self.chunk.bytes().get(DATA_START..end).unwrap_or(b"");
        let is_full = bytes.len() >= LINE_MAX;
        let is_empty = bytes.is_empty();
        let first = First::of(bytes, ended);
        self.state = State::Reply { kind, end };
        match kind {
            Kind::List if first.may_be_error() && !ended => {
                if is_full {
                    Err(PeerError::LineTooLong)
                } else {
                    Ok(())
                }
            }
            Kind::List if !first.may_be_error() => {
                self.on_listing(Listing { start: DATA_START, end, entries: 0, ended })
            }
            _ if first.is_followed => Err(PeerError::Unasked),
            _ if first.is_whole && first.is_error() => {
                let text = DATA_START + first.line.len().min(ERR.len() + 1);
                self.told = Some(What::Refused(text, DATA_START + first.line.len()));
                self.state = State::Over;
                Ok(())
            }
            // Nothing may begin with it but itself: no need to wait for quiet.
            Kind::Upload { size } if first.line == OK => {
                self.state = State::Connecting { way: Way::Upload, size };
                Ok(())
            }
            _ if !first.is_whole && is_full => Err(PeerError::LineTooLong),
            _ if !first.is_whole => Ok(()),
            _ if is_empty => Err(PeerError::Closed),
            Kind::Download => {
                let size = size(first.line)?;
                self.told = Some(What::Begins { size });
                self.state = State::Connecting { way: Way::Download, size };
                Ok(())
            }
            Kind::List | Kind::Upload { .. } => Err(PeerError::NotAReply),
        }
    }
}

/// A size in bare digits.
fn size(line: &[u8]) -> Result<u64, PeerError> {
    let is_number = !line.is_empty() && line.iter().all(u8::is_ascii_digit);
    let wrong = if is_number { PeerError::Fields } else { PeerError::NotAReply };
    number(line).ok_or(wrong)
}
