//! Names of staged files: hidden entries of the same folder.
//!
//! A staged file is called by the beginning of its target's name, a mark and a ticket. Thus it
//! lies near its target in the order of the folder, mostly in the same log, so that publishing it
//! is one commit. The whole name of the target, which may be too long for that, is an attribute.

use crate::chip::Error;

/// What stands between the beginning of the target's name and the ticket.
const MARK: &[u8; 9] = b"#coracle-";

/// Digits of a ticket.
const TICKET_LEN: usize = 8;

/// Longest name of an entry in bytes.
pub(super) const NAME_LEN: usize = 255;

/// The ticket in the name of a staged file.
pub(super) fn ticket_of(name: &[u8]) -> Option<u32> {
    let (before, digits) = name.split_last_chunk::<TICKET_LEN>()?;
    if !before.ends_with(MARK) {
        return None;
    }
    digits.iter().try_fold(0, |ticket, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(ticket << 4 | u32::from(value))
    })
}

/// Refuse a name of a client that could be one of ours.
pub(super) fn check(name: &[u8]) -> Result<(), Error> {
    if ticket_of(name).is_some() { Err(Error::Reserved) } else { Ok(()) }
}

/// A name in memory.
pub(super) struct Name {
    bytes: [u8; NAME_LEN],
    len: usize,
}

impl Name {
    /// The name of a staged file.
    pub(super) fn staged(target: &[u8], ticket: u32, name_max: u32) -> Self {
        let mut name = Self::beginning(target, name_max);
        for place in (0..TICKET_LEN as u32).rev() {
            let digit = (ticket >> (4 * place) & 0xf) as u8;
            name.push(&[if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }]);
        }
        name
    }

    /// What the names of all staged files of a target begin with.
    pub(super) fn beginning(target: &[u8], name_max: u32) -> Self {
        let mut name = Self { bytes: [0; NAME_LEN], len: 0 };
        let room = (name_max as usize).saturating_sub(MARK.len() + TICKET_LEN);
        name.push(target.get(..room).unwrap_or(target));
        name.push(MARK);
        name
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
            self.len += 1;
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_come_back_from_names() {
        for target in [&b"a"[..], &[b'x'; 255], b"#coracle-00000000"] {
            for ticket in [0, 1, 0x89ab_cdef, u32::MAX] {
                let name = Name::staged(target, ticket, 255);
                assert!(name.as_bytes().len() <= 255);
                assert!(name.as_bytes().starts_with(Name::beginning(target, 255).as_bytes()));
                assert_eq!(ticket_of(name.as_bytes()), Some(ticket));
            }
        }
        assert_eq!(Name::staged(b"a", 0xa1, 255).as_bytes(), b"a#coracle-000000a1");
        for name in [&b"a#coracle-0000000"[..], b"a#coracle-0000000G", b"#coracle-", b"", b"a"] {
            assert_eq!(check(name), Ok(()));
        }
        assert_eq!(check(b"#coracle-0000000f"), Err(Error::Reserved));
    }
}
