//! Tags: what each piece of a metadata log is.

/// Head of a piece of a metadata log: what it is, of which entry, and how long. The top bit is
/// clear in all that were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(pub(super) u32);

/// Kinds of pieces, as the specification numbers them (`SPEC.md` of littlefs, "Metadata types").
pub(super) mod kind {
    pub(crate) const FILE: u32 = 0x001;
    pub(crate) const FOLDER: u32 = 0x002;
    pub(crate) const SUPERBLOCK: u32 = 0x0ff;
    pub(crate) const FOLDER_STRUCT: u32 = 0x200;
    pub(crate) const INLINE_STRUCT: u32 = 0x201;
    pub(crate) const CHAIN_STRUCT: u32 = 0x202;
    pub(crate) const ATTRIBUTE: u32 = 0x300;
    pub(crate) const CREATE: u32 = 0x401;
    pub(crate) const DELETE: u32 = 0x4ff;
    pub(crate) const CRC: u32 = 0x500;
    pub(crate) const FORWARD_CRC: u32 = 0x5ff;
    pub(crate) const SOFT_TAIL: u32 = 0x600;
    pub(crate) const HARD_TAIL: u32 = 0x601;
    pub(crate) const MOVE_STATE: u32 = 0x7ff;
}

/// The classes that kinds fall into.
pub(super) mod class {
    pub(crate) const NAME: u32 = 0x000;
    pub(crate) const STRUCT: u32 = 0x200;
    pub(crate) const ATTRIBUTE: u32 = 0x300;
    pub(crate) const SPLICE: u32 = 0x400;
    pub(crate) const TAIL: u32 = 0x600;
}

/// The entry number of what belongs to no entry.
pub(super) const NO_ENTRY: u16 = 0x3ff;

/// The length that means: this was removed.
const REMOVED: u32 = 0x3ff;

impl Tag {
    /// What the first tag of a log is combined with.
    pub(super) const FIRST: Self = Self(u32::MAX);

    pub(super) const fn new(kind: u32, entry: u16, len: u32) -> Self {
        Self((kind << 20) | ((entry as u32 & 0x3ff) << 10) | (len & 0x3ff))
    }

    pub(super) const fn is_written(self) -> bool {
        self.0 >> 31 == 0
    }

    pub(super) const fn kind(self) -> u32 {
        (self.0 >> 20) & 0x7ff
    }

    pub(super) const fn class(self) -> u32 {
        self.kind() & 0x700
    }

    pub(super) const fn entry(self) -> u16 {
        ((self.0 >> 10) & 0x3ff) as u16
    }

    pub(super) const fn is_removal(self) -> bool {
        self.0 & 0x3ff == REMOVED
    }

    /// Bytes that follow the tag.
    pub(super) const fn len(self) -> u32 {
        if self.is_removal() { 0 } else { self.0 & 0x3ff }
    }

    /// Bytes with the tag itself.
    pub(super) const fn size(self) -> u32 {
        4 + self.len()
    }

    /// The end of a commit: the kinds 0x500 and 0x501.
    pub(super) const fn is_crc(self) -> bool {
        self.kind() & 0x780 == kind::CRC
    }

    pub(super) const fn with_entry(self, entry: u16) -> Self {
        Self::new(self.kind(), entry, self.0 & 0x3ff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_lie_where_the_specification_says() {
        let tag = Tag::new(kind::SUPERBLOCK, 0, 8);
        assert_eq!(tag.0, 0x0ff0_0008);
        assert_eq!((tag.kind(), tag.entry(), tag.len(), tag.size()), (0x0ff, 0, 8, 12));
        let tag = Tag::new(kind::DELETE, 5, 0);
        assert_eq!((tag.class(), tag.entry(), tag.size()), (class::SPLICE, 5, 4));
        assert!(Tag::new(kind::ATTRIBUTE | 0x74, 1, 0x3ff).is_removal());
        assert!(!Tag::FIRST.is_written() && Tag::FIRST.size() == 4);
        assert!(Tag::new(kind::CRC + 1, NO_ENTRY, 4).is_crc());
        assert!(!Tag::new(kind::FORWARD_CRC, NO_ENTRY, 8).is_crc());
    }
}
