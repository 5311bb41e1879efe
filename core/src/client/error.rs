//! What ends a client's session, by culprit.

use core::fmt;

/// What ends a session of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ClientError {
    /// The server broke the protocol or its word, or vanished.
    Peer(PeerError),
    /// The driver reported something that was not asked for. The machine has not changed.
    Misuse,
}

/// How a server broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PeerError {
    /// It closed the stream while it owed a reply.
    Closed,
    /// A line longer than the `line=` it was told.
    LineTooLong,
    /// A line that is neither an entry, information nor a reply.
    NotAReply,
    /// A reply, an entry or information where nothing was asked.
    Unasked,
    /// An entry line in the answer to something else than `ls`.
    StrayEntry,
    /// The fields of its `ok` do not fit the command, or contradict it.
    Fields,
    /// It answered `hello` with another version of the protocol.
    Version,
    /// A frame where a line was due, a line where a frame was due, or a frame that breaks the
    /// rules of its kind.
    Frame,
    /// `ok` to an upload that was not sent to its end.
    TooEarly,
    /// More entries, or fewer, than its `ok` says.
    Count,
    /// More file bytes, or fewer, than it announced.
    Length,
    /// File bytes whose checksum is not the one it sent with them.
    Checksum,
    /// The receipt of an upload disagrees with what was sent.
    Receipt,
}

impl PeerError {
    /// Whether file bytes were, or may have been, damaged: the transfer cannot be trusted.
    pub const fn is_integrity(self) -> bool {
        matches!(self, Self::Length | Self::Checksum | Self::Receipt)
    }

    /// The sentence for a person.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Closed => "the server closed the connection before it answered",
            Self::LineTooLong => "the server sent an over-long line",
            Self::NotAReply => "the server sent a line that is no reply; is it a coracle server?",
            Self::Unasked => "the server answered something that was not asked",
            Self::StrayEntry => "the server listed entries that were not asked for",
            Self::Fields => "the reply of the server does not fit the command",
            Self::Version => "the server speaks another version of the protocol",
            Self::Frame => "the server sent bytes that are no valid frame here",
            Self::TooEarly => "the server acknowledged a file that was not sent to its end",
            Self::Count => "the listing is incomplete",
            Self::Length => "the server sent more or fewer bytes than it announced",
            Self::Checksum => "the bytes received do not match their checksum",
            Self::Receipt => "the server stored something else than was sent",
        }
    }
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for PeerError {}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(error) => error.fmt(f),
            Self::Misuse => f.write_str("internal: the driver reported what was not asked for"),
        }
    }
}

impl core::error::Error for ClientError {}

impl From<PeerError> for ClientError {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}
