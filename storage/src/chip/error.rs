//! Why something failed on a medium of a chip.

use core::fmt;

use coracle::{Code, Refusal};

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident $code:ident $message:literal;)*) => {
        /// Why something failed: a number, for it is passed through many calls; the sentence for
        /// the peer is made of it at the end. A whole word, for so a result with a number or a
        /// reference is returned in registers.
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum Error { $($(#[$doc])* $name,)* }

        impl Error {
            /// What the peer is told.
            pub const fn refusal(self) -> Refusal {
                match self { $(Self::$name => Refusal::new(Code::$code, $message),)* }
            }
        }
    };
}

errors! {
    /// There is no medium; the next call looks for one.
    Absent Io "the server has no medium, or it does not answer; put a card in and ask again";
    /// The medium was taken out since the handle was made.
    Exchanged Changed "the medium was taken out meanwhile; ask again";
    /// The medium is there and failed.
    Failed Io "the medium failed to read or write; try again, and copy what is on it if this stays";
    /// What is on the medium contradicts itself.
    Damaged Io "the file system on the medium is damaged; have a PC check it";
    /// The medium holds no file system that this volume reads.
    Unknown Io "the medium holds no file system that this server reads; format it";
    /// The medium has a file system of which this volume knows only the name.
    Exfat Io "the card is formatted as exFAT or NTFS, which this server does not read; format it as FAT32";
    /// The medium is mounted, but nothing can be written safely.
    NoJournal ReadOnly "the medium is served read-only: it has no room for the journal, or its format is too old";
    /// The medium cannot be written.
    ReadOnly ReadOnly "the medium is write-protected";
    /// Another session writes the file.
    Busy Busy "another session writes this file; try again later";
    /// The file is being read, and must stay as it is meanwhile.
    BeingRead Busy "another session reads this; try again later";
    /// The tables of open files are full.
    TooManyOpen Busy "too many files are open on this server; try again later";
    /// A folder cannot be renamed while files are open.
    FilesOpen Busy "folders cannot be renamed while files are open; try again later";
    /// What was read is being written again.
    GoesOn Changed "the upload goes on meanwhile; ask again";
    /// No such entry.
    NotFound NotFound "there is no such file or folder";
    /// No such partial.
    NoPartial NotFound "nothing is stored of an interrupted upload of this path";
    /// A file where a folder is needed, in the middle of a path.
    NotDirectory NotDirectory "a component of the path is not a folder";
    /// A file where a folder is needed, at the end of a path.
    IsFile NotDirectory "the path names a file";
    /// A folder where a file is needed.
    IsDirectory IsDirectory "the path names a folder; a file is needed";
    /// The name is taken.
    Exists Exists "there is something of that name already";
    /// The folder has entries.
    NotEmpty NotEmpty "the folder has entries; remove them first";
    /// The root cannot be changed.
    IsRoot Denied "the served folder itself cannot be changed";
    /// A folder cannot be moved into itself.
    IntoItself BadArgument "a folder cannot be moved into itself";
    /// The medium is full.
    NoSpace NoSpace "the medium is full";
    /// The folder has no room for another entry.
    FolderFull NoSpace "the folder has as many entries as its file system allows";
    /// The file system has no files of that size.
    TooLarge TooLarge "the file is larger than the file system can hold";
    /// The file system has no such names.
    BadName BadPath "the file system cannot hold this name";
    /// The name is one of the server's own.
    Reserved BadPath "names like this are the server's own";
}

impl From<Error> for Refusal {
    /// Never inlined: it is called at the end of every method.
    #[inline(never)]
    fn from(error: Error) -> Self {
        error.refusal()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.refusal().message)
    }
}

impl core::error::Error for Error {}
