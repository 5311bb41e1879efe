//! Listing a folder, one entry at a time.

use std::sync::Arc;

use coracle::{Metadata, Path};
use rustix::fs::{AtFlags, Dir as Entries, Stat};
use rustix::io::Errno;

use super::Shared;
use super::error::{FolderError, NAME_BUFFER, REMOVED, SPECIAL};
use super::files::readable;
use super::lookup::{check_names, host, is_hidden, is_link, metadata};

/// A folder that is being listed.
pub struct FolderListing {
    shared: Arc<Shared>,
    dir: cap_std::fs::Dir,
    path: Box<[u8]>,
    entries: Entries,
}

impl FolderListing {
    pub(super) fn open(shared: &Arc<Shared>, path: Path<'_>) -> Result<Self, FolderError> {
        check_names(path)?;
        let dir = match shared.root.dir.open_dir(host(path)) {
            Ok(dir) => dir,
            // A special file is denied to every command alike.
            Err(_) if shared.follow(path).is_ok_and(|found| metadata(&found).is_none()) => {
                return Err(SPECIAL.into());
            }
            Err(error) => return Err(error.into()),
        };
        // The served folder is held open: removed, it would look empty.
        if rustix::fs::fstat(&dir)?.st_nlink == 0 {
            return Err(REMOVED.into());
        }
        let entries = Entries::new(readable(&dir)?)?;
        Ok(Self { shared: Arc::clone(shared), dir, path: path.as_bytes().into(), entries })
    }

    pub(super) fn next(
        &mut self,
        buffer: &mut [u8],
    ) -> Result<Option<(Metadata, usize)>, FolderError> {
        while let Some(entry) = self.entries.read() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") || is_hidden(name) {
                continue;
            }
            let Some(metadata) = self.metadata(name)? else { continue };
            buffer.get_mut(..name.len()).ok_or(NAME_BUFFER)?.copy_from_slice(name);
            return Ok(Some((metadata, name.len())));
        }
        Ok(None)
    }

    /// `None` for what is not shown: gone meanwhile, special, or a link that leads outside.
    fn metadata(&self, name: &[u8]) -> Result<Option<Metadata>, FolderError> {
        match rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if is_link(&stat) => Ok(self.followed(name).as_ref().and_then(metadata)),
            Ok(stat) => Ok(metadata(&stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn followed(&self, name: &[u8]) -> Option<Stat> {
        let path = [&*self.path, name].join(&b'/');
        self.shared.follow(Path::new(&path).ok()?).ok()
    }
}
