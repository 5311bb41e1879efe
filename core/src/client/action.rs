//! What a client's machine asks of its driver, and what it tells.

use crate::classic::Way;
use crate::greeting::Greeting;
use crate::reply::{Code, Entry, Receipt};
use crate::storage::{Durability, Metadata, Space};

/// One thing to do; do it, report it, poll again.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
// A tag of its own, for the reason told at `Command`.
#[repr(u32)]
pub enum Action<'a> {
    /// Make everything transmitted so far leave (flush), wait for bytes from the server, put
    /// them into this slice → [`received`](super::Client::received). Never empty.
    Receive(&'a mut [u8]),
    /// Whichever makes progress, one of the two: transmit from one slice →
    /// [`transmitted`](super::Client::transmitted), or put bytes that came into the other →
    /// [`received`](super::Client::received). A driver that cannot tell transmits. Neither slice
    /// is empty.
    Exchange {
        /// Bytes for the server.
        transmit: &'a [u8],
        /// Room for bytes from the server.
        receive: &'a mut [u8],
    },
    /// Read the next bytes of the file that is uploaded →
    /// [`supplied`](super::Client::supplied), [`stalled`](super::Client::stalled) or
    /// [`failed`](super::Client::failed).
    Supply {
        /// The number of the upload.
        request: u64,
        /// First byte, in the file.
        offset: u64,
        /// Where the bytes go; never empty.
        buffer: &'a mut [u8],
    },
    /// Write bytes of the file that is downloaded → [`stored`](super::Client::stored) or
    /// [`failed`](super::Client::failed). They are not proven yet: only
    /// [`Done::Downloaded`] says that the file is whole and right.
    Store {
        /// The number of the download.
        request: u64,
        /// First byte, in the file.
        offset: u64,
        /// The bytes; never empty.
        data: &'a [u8],
    },
    /// Take note → [`seen`](super::Client::seen).
    Event(Event<'a>),
    /// Every request is answered: give another, or end the session. A driver that waits for its
    /// user may receive into this slice meanwhile: a server says so when it ends the session.
    Ready(&'a mut [u8]),
    /// The file bytes of the classic dialect go over a connection of their own: get it and
    /// report [`connected`](crate::classic::Client::connected); what is asked from then on is
    /// meant for it. Nothing more is asked of the link so far, which may be closed.
    Transfer(Way),
    /// Everything is transmitted: close the sending direction of the link, if possible so that
    /// its end leaves together with the last bytes →
    /// [`half_closed`](crate::classic::Client::half_closed).
    HalfClose,
    /// The session is over, by an error, by [`failed`](super::Client::failed) or because the
    /// server closed it: close the link.
    Over,
}

/// Something the server told. `request` is the number that
/// [`request`](super::Client::request) returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
// A tag of its own, for the reason told at `Command`.
#[repr(u32)]
pub enum Event<'a> {
    /// The session is open; these are the limits of the server.
    Greeting(Greeting),
    /// An entry of a listing. Its name may hold anything. Nothing bounds how many come.
    Entry {
        /// The number of the `ls`.
        request: u64,
        /// The entry.
        entry: Entry<'a>,
    },
    /// A name of a listing in the classic dialect, which says nothing else of an entry. It may
    /// hold anything. Nothing bounds how many come.
    Name {
        /// The number of the `ls`.
        request: u64,
        /// The name.
        name: &'a [u8],
    },
    /// A line for a person. Nothing bounds how many come: a driver bounds them by time or count.
    Info {
        /// The number of the request that is being worked on.
        request: u64,
        /// The text as it came: show it escaped.
        text: &'a [u8],
    },
    /// The server is alive, its medium stalls.
    Busy {
        /// The number of the request that is being worked on.
        request: u64,
    },
    /// The bytes of a download follow.
    Begins {
        /// The number of the download.
        request: u64,
        /// Bytes that follow.
        length: u64,
        /// Size of the whole file in bytes.
        size: u64,
        /// Time of last modification in seconds since 1970, if known.
        modified: Option<u64>,
    },
    /// A request was done.
    Done {
        /// Its number.
        request: u64,
        /// What came of it.
        done: Done<'a>,
    },
    /// A request was not done; number 0 is the `hello`, after which the server closes.
    Refused {
        /// Its number.
        request: u64,
        /// The code, `None` if it is none of this version.
        code: Option<Code>,
        /// The message as it came: show it escaped.
        message: &'a [u8],
    },
    /// The server ends a session in which it owes no reply.
    Farewell {
        /// The code, `None` if it is none of this version.
        code: Option<Code>,
        /// The message as it came: show it escaped.
        message: &'a [u8],
    },
}

/// What came of a request, by its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Done<'a> {
    /// `rm`, `mkdir`, `mv`, `forget`, `noop`, `help`, `exit`.
    Plain,
    /// `ls`: the listing is complete.
    Listed {
        /// Entries told.
        entries: u64,
        /// Entries the server left out.
        skipped: u64,
    },
    /// `stat`.
    Found(Metadata),
    /// `sum` and `partial`: length and checksum as read back by the server.
    Sum(Receipt),
    /// `download`: length and checksum of the bytes stored, which are those the server sent; in
    /// the classic dialect those that came, for it has no checksums.
    Downloaded(Receipt),
    /// `upload`: the receipt, which agrees with what was sent.
    Uploaded(Receipt, Durability),
    /// `upload` in the classic dialect: every byte was sent and the server closed in order. There
    /// is no receipt: nothing proves what was stored.
    Sent {
        /// Bytes.
        length: u64,
    },
    /// `df`.
    Space(Space),
    /// `stats`: the fields as they came: show them escaped.
    Stats(&'a [u8]),
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NotNow {
    /// Too much is unanswered or on its way: go on polling, ask again.
    Wait,
    /// The line is longer than the server takes: what it names cannot be named there.
    TooLong,
    /// The machine says `hello` itself.
    Hello,
    /// The session is over, or `exit` was sent; in the classic dialect a command was given.
    Over,
    /// The classic dialect has no such command, or not with these arguments.
    Dialect,
    /// The classic dialect takes no such name.
    Name,
}

impl core::fmt::Display for NotNow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Wait => "too many requests are unanswered; go on once one is",
            Self::TooLong => "the server does not take lines as long as this path needs",
            Self::Hello => "hello is said by the machine itself",
            Self::Over => "the session is over",
            Self::Dialect => {
                "the classic dialect can only list, download whole files, and upload files whose \
                 size is known"
            }
            Self::Name => {
                "the classic dialect takes only names of ASCII letters, digits, `_` and `.`, \
                 without folders"
            }
        })
    }
}

impl core::error::Error for NotNow {}
