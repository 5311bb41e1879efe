//! What there is of one name, and who is at it.

use coracle::Kind;

use super::error::Error;
use super::volume::{Entry, Leftover};

/// What a look at a name saw, as far as a session is concerned. Staged files of the session
/// itself are nobody's business.
pub(super) struct Sight<I> {
    /// The visible entry.
    pub(super) entry: Option<Entry<I>>,
    /// The order of the newest staged file.
    pub(super) newest: Option<u32>,
    /// The newest one that nobody writes and that has a byte.
    pub(super) partial: Option<Leftover<I>>,
    /// One that nobody writes and that is older, or empty.
    pub(super) useless: Option<I>,
    /// The ticket of another session that makes no progress.
    pub(super) stalled: Option<u32>,
    /// Whether another session makes progress.
    pub(super) is_owned: bool,
}

/// Who writes a staged file.
pub(super) enum Writer {
    Nobody,
    Itself,
    Alive,
    Stalled(u32),
}

impl<I: Copy> Sight<I> {
    pub(super) const NOTHING: Self = Self {
        entry: None,
        newest: None,
        partial: None,
        useless: None,
        stalled: None,
        is_owned: false,
    };

    /// One more staged file is seen.
    pub(super) fn see(&mut self, leftover: Leftover<I>, writer: &Writer) {
        if self.newest.is_none_or(|newest| is_newer(leftover.order, newest)) {
            self.newest = Some(leftover.order);
        }
        match writer {
            Writer::Itself => {}
            Writer::Alive => self.is_owned = true,
            Writer::Stalled(ticket) => self.stalled = Some(*ticket),
            Writer::Nobody if leftover.length == 0 => self.useless = Some(leftover.id),
            Writer::Nobody => match self.partial {
                Some(partial) if is_newer(partial.order, leftover.order) => {
                    self.useless = Some(leftover.id);
                }
                older => {
                    self.useless = older.map(|older| older.id).or(self.useless);
                    self.partial = Some(leftover);
                }
            },
        }
    }

    /// Refuse what another session is at (law 6).
    pub(super) fn check_owner(&self) -> Result<(), Error> {
        if self.is_owned { Err(Error::Busy) } else { Ok(()) }
    }

    /// Refuse a folder where a file is to be.
    pub(super) fn check_file(&self) -> Result<(), Error> {
        match self.entry {
            Some(entry) if entry.metadata.kind == Kind::Folder => Err(Error::IsDirectory),
            _ => Ok(()),
        }
    }
}

/// Serial number arithmetic, as in RFC 1982.
fn is_newer(a: u32, b: u32) -> bool {
    (1..1 << 31).contains(&a.wrapping_sub(b))
}
