//! What a server needs of its owner: memory and surroundings for each session.

use coracle::{Buffer, Error, Outcome, Refusal, poll};
use smoltcp::wire::IpEndpoint;

use crate::stream::Lost;

/// The owner of a server.
pub trait Owner {
    /// The chunk buffer of a session's machine.
    type Chunk: Buffer;
    /// The surroundings of a session: its medium and its log. What a host is still busy with is
    /// asked for again at each [`Server::poll`](crate::Server::poll); the owner polls when it is
    /// done.
    type Host: poll::Host;

    /// A chunk buffer.
    fn chunk(&mut self) -> Self::Chunk;

    /// A session begins.
    fn begin(&mut self, session: &Session) -> Self::Host;

    /// It is over. The connection may live on for some seconds, to close in order.
    fn end(&mut self, session: &Session, host: Self::Host, ended: Ended);

    /// Somebody was told that there is no slot.
    fn turned_away(&mut self, _peer: IpEndpoint, _refusal: Refusal) {}
}

/// How a session ended.
pub type Ended = Result<Outcome, Error<Lost>>;

/// One session, from the accept to the close of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Session {
    /// Counted from 1.
    pub number: u32,
    /// The other side.
    pub peer: IpEndpoint,
    /// Where it came in.
    pub port: Port,
}

/// A port of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Port {
    /// The control port, which is always open.
    Control,
    /// The transfer port.
    Transfer,
}
