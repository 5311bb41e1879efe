//! What the drivers of a client share: the side that knows files and requests.

use core::fmt;

use super::{Action, ClientError, Event, Machine, NotNow};
use crate::command::Command;
use crate::path::Path;
use crate::reply::{Code, Refusal};

/// The owner of requests and files, for all three drivers.
pub trait Handler {
    /// The next request, if there is one; the same one again until
    /// [`requested`](Self::requested) says what came of it. Called whenever one can be taken.
    fn next_request(&mut self) -> Option<Command<Path<'_>>>;

    /// The request was taken and has this number, or can never be taken here;
    /// [`NotNow::Wait`] is not told, the request is simply asked for again.
    fn requested(&mut self, outcome: Result<u64, NotNow>);

    /// Read bytes of the file that is uploaded, from `offset` on, into `buffer`. For handlers
    /// that upload: others need none.
    fn supply(&mut self, request: u64, offset: u64, buffer: &mut [u8]) -> Supplied {
        let _never_asked = (request, offset, buffer);
        Supplied::Failed(NO_FILES)
    }

    /// Write all of `data` at `offset` of the file that is downloaded. For handlers that
    /// download: others need none.
    ///
    /// # Errors
    ///
    /// A reason, for which the driver ends the session with [`Error::Handler`]: a download
    /// cannot be ended otherwise.
    fn store(&mut self, request: u64, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        let _never_asked = (request, offset, data);
        Err(NO_FILES)
    }

    /// Take note.
    ///
    /// # Errors
    ///
    /// A reason to end the session: the driver returns [`Error::Handler`].
    fn event(&mut self, event: Event<'_>) -> Result<(), Refusal>;
}

/// A handler that moves no files has asked for one to be moved.
const NO_FILES: Refusal = Refusal::new(Code::Unsupported, "this handler moves no files");

/// What came of reading from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Supplied {
    /// So many bytes are in the buffer; 0 is the end of the file.
    Bytes(usize),
    /// Nothing yet: a sign of life is sent, then the bytes are asked for again. To be answered
    /// within 10 s, so that the server hears of us.
    Stalled,
    /// The file cannot be read on: the upload is withdrawn.
    Failed(Refusal),
}

/// Why a driver ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error<E> {
    /// The link failed.
    Link(E),
    /// The link took no byte of what was to be transmitted.
    WriteZero,
    /// The server broke the protocol, or a driver its contract.
    Client(ClientError),
    /// The handler wanted it.
    Handler(Refusal),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(error) => write!(f, "the connection failed: {error}"),
            Self::WriteZero => f.write_str("the connection takes no more bytes"),
            Self::Client(error) => error.fmt(f),
            Self::Handler(reason) => reason.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Error<E> {}

impl<E> From<ClientError> for Error<E> {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

/// Give the machine requests as long as it takes them. The drivers do so themselves; an owner
/// who must know beforehand what will be asked does it before there is a link.
pub fn ask(client: &mut impl Machine, handler: &mut impl Handler) {
    while client.takes_request() {
        let Some(command) = handler.next_request() else { return };
        match client.request(command) {
            Err(NotNow::Wait) => return,
            outcome => handler.requested(outcome),
        }
    }
}

/// Do the outstanding action if it moves no bytes over the link. Returns whether it was one.
pub(super) fn answer<E>(
    client: &mut impl Machine,
    handler: &mut impl Handler,
) -> Result<bool, Error<E>> {
    match client.poll() {
        Action::Event(event) => {
            handler.event(event).map_err(Error::Handler)?;
            client.seen()?;
        }
        Action::Store { request, offset, data } => {
            if let Err(reason) = handler.store(request, offset, data) {
                client.failed(reason)?;
                return Err(Error::Handler(reason));
            }
            client.stored()?;
        }
        Action::Supply { request, offset, buffer } => {
            match handler.supply(request, offset, buffer) {
                Supplied::Bytes(count) => client.supplied(count)?,
                Supplied::Stalled => client.stalled()?,
                Supplied::Failed(reason) => client.failed(reason)?,
            }
        }
        Action::Receive(_)
        | Action::Exchange { .. }
        | Action::Ready(_)
        | Action::Transfer(_)
        | Action::HalfClose
        | Action::Over => return Ok(false),
    }
    Ok(true)
}
