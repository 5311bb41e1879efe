//! The seam below the backend: every operation that changes a file, so that tests can fail,
//! shorten or cut off each of them. The defaults are the real file system.

use core::time::Duration;
use std::fs::{File, FileTimes};
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Instant, SystemTime};

use cap_std::fs::Dir;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

/// File operations on names of one component, relative to open folders.
pub trait Files: Send + Sync + 'static {
    /// Time for the ownership of uploads.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Time for the age of partials.
    fn today(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Make a staged file; it must not exist.
    fn create(&self, folder: &Dir, name: &[u8], mode: u32) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | CAREFUL;
        let mode = Mode::from_raw_mode(mode as _);
        Ok(retry_on_intr(|| rustix::fs::openat(folder, name, flags, mode))?.into())
    }

    /// Open a partial to go on writing.
    fn reopen(&self, folder: &Dir, name: &[u8]) -> io::Result<File> {
        match open(folder, name, OFlags::RDWR) {
            // A commit that came to nothing may have given it the permissions of the file that
            // it was to replace, which nobody may write.
            Err(Errno::ACCESS) => {
                let file = open(folder, name, OFlags::RDONLY)?;
                let mode = Mode::from_raw_mode(rustix::fs::fstat(&file)?.st_mode);
                rustix::fs::fchmod(&file, mode | Mode::RUSR | Mode::WUSR)?;
                Ok(open(folder, name, OFlags::RDWR)?.into())
            }
            result => Ok(result?.into()),
        }
    }

    /// Read; fewer bytes than asked for are right.
    fn read_at(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if end_of(offset, buffer.len()).is_none() {
            // No file reaches so far; the host would call the offset invalid.
            return Ok(0);
        }
        uninterrupted(|| file.read_at(buffer, offset))
    }

    /// Write; fewer bytes than given are right.
    fn write_at(&self, file: &File, data: &[u8], offset: u64) -> io::Result<usize> {
        end_of(offset, data.len()).ok_or(Errno::FBIG)?;
        uninterrupted(|| file.write_at(data, offset))
    }

    /// Cut to a length.
    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    /// Set the time of the last modification, in seconds since 1970.
    fn set_modified(&self, file: &File, seconds: u64) -> io::Result<()> {
        let time = SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds))
            .ok_or(io::ErrorKind::InvalidInput)?;
        file.set_times(FileTimes::new().set_modified(time))
    }

    /// Set the permissions.
    fn set_mode(&self, file: &File, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(mode as _))?)
    }

    /// Wait until bytes, size and times of a file have reached the medium.
    fn flush(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// The same for every file of the file system that holds this one.
    fn flush_medium(&self, file: &File) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return if syncs_at_once(file)? {
            Ok(rustix::fs::syncfs(file)?)
        } else {
            Err(io::ErrorKind::Unsupported.into())
        };
        #[cfg(not(target_os = "linux"))]
        return file.sync_all().and(Err(io::ErrorKind::Unsupported.into()));
    }

    /// Wait until the names in a folder have reached the medium.
    fn flush_folder(&self, folder: &Dir) -> io::Result<()> {
        match rustix::fs::fsync(readable(folder)?) {
            // Some file systems, mostly over networks, have no flush for folders: they record
            // names at once or not at our asking.
            Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            result => Ok(result?),
        }
    }

    /// Rename, replacing a file.
    fn rename(&self, from: &Dir, old: &[u8], to: &Dir, new: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::renameat(from, old, to, new)?)
    }

    /// Rename a folder; nothing of the new name may be there.
    fn rename_folder(&self, from: &Dir, old: &[u8], to: &Dir, new: &[u8]) -> io::Result<()> {
        match rename_to_nothing(from, old, to, new) {
            // The file system has no such rename, only one that replaces an empty folder.
            Err(Errno::INVAL | Errno::NOSYS) => {
                match rustix::fs::statat(to, new, AtFlags::SYMLINK_NOFOLLOW) {
                    Err(Errno::NOENT) => Ok(rustix::fs::renameat(from, old, to, new)?),
                    Err(errno) => Err(errno.into()),
                    Ok(_) => Err(Errno::EXIST.into()),
                }
            }
            result => Ok(result?),
        }
    }

    /// Remove a file or a link.
    fn unlink(&self, folder: &Dir, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?)
    }

    /// Remove an empty folder.
    fn remove_folder(&self, folder: &Dir, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?)
    }

    /// Make a folder.
    fn make_folder(&self, folder: &Dir, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(folder, name, Mode::from_raw_mode(0o777))?)
    }
}

/// The real file system.
#[derive(Clone, Copy, Debug)]
pub struct Host;

impl Files for Host {}

/// Never through a link, never waiting for the other end of a FIFO, never into a child process.
pub(super) const CAREFUL: OFlags =
    OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_to_nothing(from: &Dir, old: &[u8], to: &Dir, new: &[u8]) -> Result<(), Errno> {
    rustix::fs::renameat_with(from, old, to, new, rustix::fs::RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_to_nothing(_: &Dir, _: &[u8], _: &Dir, _: &[u8]) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

/// Whether a flush of the whole file system reaches the medium. These only hand their bytes to
/// another program or machine then, which is asked to flush them by a flush of each file alone.
#[cfg(target_os = "linux")]
fn syncs_at_once(file: &File) -> io::Result<bool> {
    const FUSE: u32 = 0x6573_5546;
    const CIFS: u32 = 0xff53_4d42;
    const SMB2: u32 = 0xfe53_4d42;
    const V9FS: u32 = 0x0102_1997;
    #[allow(clippy::cast_possible_truncation, reason = "the numbers have 32 bits")]
    let kind = rustix::fs::fstatfs(file)?.f_type as u32;
    Ok(!matches!(kind, FUSE | CIFS | SMB2 | V9FS))
}

fn open(folder: &Dir, name: &[u8], access: OFlags) -> Result<OwnedFd, Errno> {
    retry_on_intr(|| rustix::fs::openat(folder, name, access | CAREFUL, Mode::empty()))
}

/// A folder for reading: the descriptors of `cap-std` only name one.
pub(super) fn readable(folder: &Dir) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | CAREFUL;
    retry_on_intr(|| rustix::fs::openat(folder, ".", flags, Mode::empty()))
}

/// The end of a step, if a file can have it.
fn end_of(offset: u64, len: usize) -> Option<i64> {
    i64::try_from(offset).ok()?.checked_add(i64::try_from(len).ok()?)
}

fn uninterrupted(mut step: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match step() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
