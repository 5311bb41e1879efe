//! Where the bytes of an upload come from.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use coracle::{Crc32, Receipt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use crate::failure::Failure;

/// How long standard input may keep us before the server is given a sign of life, in seconds.
const STALL_SECONDS: i64 = 5;

/// Where the bytes come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    File(PathBuf),
    Input,
}

/// A local file as it was when it was opened.
pub(crate) struct Open {
    pub(crate) file: File,
    pub(crate) size: u64,
    modified: Option<SystemTime>,
}

impl Open {
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        // A pipe that nobody writes to would keep us waiting before it can be told as such.
        let no_wait = OFlags::NONBLOCK.bits().cast_signed();
        let file = File::options().read(true).custom_flags(no_wait).open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::other("it is a folder; -r transfers folders"));
        }
        if !metadata.is_file() {
            return Err(io::Error::other("not a file; `-` sends standard input"));
        }
        let modified = metadata.modified().ok();
        Ok(Self { file, size: metadata.len(), modified })
    }

    pub(crate) fn modified_seconds(&self) -> Option<u64> {
        Some(self.modified?.duration_since(UNIX_EPOCH).ok()?.as_secs())
    }

    pub(crate) fn is_unchanged(&self) -> bool {
        let same = |now: Metadata| now.len() == self.size && now.modified().ok() == self.modified;
        self.file.metadata().is_ok_and(same)
    }
}

/// Standard input, with the checksum of what it gave: it cannot be read again.
#[derive(Debug, Default)]
pub(crate) struct Input {
    crc: Crc32,
    len: u64,
}

impl Input {
    /// Read what there is; `None` if there was nothing for [`STALL_SECONDS`].
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Failure> {
        let mut input = io::stdin();
        let mut polled = [PollFd::new(&input, PollFlags::IN)];
        let patience = Timespec { tv_sec: STALL_SECONDS, tv_nsec: 0 };
        // A signal ends the wait as well: the link then looks whether to go on.
        if !matches!(poll(&mut polled, Some(&patience)), Ok(1)) {
            return Ok(None);
        }
        let failed =
            |error: io::Error| Failure::Local(format!("cannot read standard input: {error}"));
        let count = input.read(buffer).map_err(failed)?;
        self.crc.update(&buffer[..count]);
        self.len += count as u64;
        Ok(Some(count))
    }

    pub(crate) const fn is_untouched(&self) -> bool {
        self.len == 0
    }

    pub(crate) const fn receipt(&self) -> Receipt {
        Receipt { length: self.len, crc: self.crc.value() }
    }
}
