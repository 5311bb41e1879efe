//! Why a driver stopped, by culprit: the link, or the driver's own reports.

use core::fmt;

use crate::machine::Misuse;

/// The end of a session that is not an [`Outcome`](crate::Outcome). `E` is the link's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error<E> {
    /// The link failed. What was open is put away; the files are as after a lost peer.
    Link(E),
    /// The link took no byte, which no link may do that still works.
    WriteZero,
    /// Link or host broke their contract, for example with a count beyond the buffer.
    Misuse,
}

impl<E> From<Misuse> for Error<E> {
    fn from(_: Misuse) -> Self {
        Self::Misuse
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(error) => write!(f, "the link failed: {error}"),
            Self::WriteZero => f.write_str("the link takes no more bytes"),
            Self::Misuse => f.write_str("internal: link or host broke their contract"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Link(error) => Some(error),
            Self::WriteZero | Self::Misuse => None,
        }
    }
}
