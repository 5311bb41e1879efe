//! Trees on this side: folders that are sent are walked, folders that are fetched are made.

use std::fs::{self, FileType};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::failure::Failure;
use crate::print::Shown;
use crate::progress::Progress;

/// What is in a folder, and in those below it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Folders and files, parents first; paths relative to the folder.
    pub(crate) entries: Vec<Entry>,
    /// The first failure, which was told.
    pub(crate) first_failure: Option<Failure>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    /// Bytes of a file, `None` for a folder.
    pub(crate) size: Option<u64>,
}

impl Tree {
    /// Walk a folder. Links are not followed, and special files not read: both are left out and
    /// told, so that a tree is what lies in it and has an end.
    pub(crate) fn walk(top: &Path, progress: &Progress) -> Self {
        let mut tree = Self::default();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let path = top.join(&folder);
            let listed = fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
            let listed = listed.and_then(|mut listed| {
                listed.sort_unstable_by_key(fs::DirEntry::file_name);
                listed.into_iter().map(|entry| Ok((entry.file_type()?, entry))).collect()
            });
            let listed: Vec<_> = match listed {
                Ok(listed) => listed,
                Err(error) => {
                    tree.fail(Failure::local("look through", &path, &error), progress);
                    continue;
                }
            };
            for (kind, entry) in listed {
                let relative = folder.join(entry.file_name());
                if kind.is_dir() {
                    folders.push(relative.clone());
                    tree.entries.push(Entry { path: relative, size: None });
                } else if kind.is_file() {
                    match entry.metadata() {
                        Ok(found) => {
                            let size = Some(found.len());
                            tree.entries.push(Entry { path: relative, size });
                        }
                        Err(error) => {
                            let failure = Failure::local("read", &entry.path(), &error);
                            tree.fail(failure, progress);
                        }
                    }
                } else {
                    let path = entry.path();
                    let (shown, what) = (Shown(path.as_os_str().as_bytes()), what(kind));
                    progress.note(format_args!("{shown}: skipped, it is {what}"));
                }
            }
        }
        tree.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        tree
    }

    fn fail(&mut self, failure: Failure, progress: &Progress) {
        progress.error(&failure);
        self.first_failure.get_or_insert(failure);
    }
}

fn what(kind: FileType) -> &'static str {
    if kind.is_symlink() { "a link" } else { "neither file nor folder" }
}

/// Make the folder `relative` below `base`, whose parents below `base` were made before.
///
/// A link at its place is refused, wherever it leads: names from a server must not lead out of
/// the folder the user named. What is looked at is each part below `base`, when it is made;
/// somebody who changes the tree at the same time on this machine is not kept out.
///
/// # Errors
///
/// [`Failure::Local`] if there is something else, or the system refuses.
pub(crate) fn make_folder(base: &Path, relative: &Path) -> Result<(), Failure> {
    let path = below(base, relative);
    match fs::create_dir(&path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            check_folder(&path, relative.as_os_str().is_empty())
        }
        Err(error) => Err(Failure::local("make the folder", &path, &error)),
    }
}

fn check_folder(path: &Path, is_base: bool) -> Result<(), Failure> {
    // The folder the user named may be a link of his.
    let found = if is_base { fs::metadata(path) } else { fs::symlink_metadata(path) };
    match found {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(found) if found.is_symlink() => Err(is_link(path)),
        Ok(_) => {
            let shown = Shown(path.as_os_str().as_bytes());
            Err(Failure::Local(format!("{shown} is there and is no folder")))
        }
        Err(error) => Err(Failure::local("make the folder", path, &error)),
    }
}

/// What stands in the way of a tree.
pub(crate) fn is_link(path: &Path) -> Failure {
    let shown = Shown(path.as_os_str().as_bytes());
    Failure::Local(format!("{shown} is a link; a tree is not written through links"))
}

/// The path `relative` below `base`; `base` itself if it is empty.
pub(crate) fn below(base: &Path, relative: &Path) -> PathBuf {
    if relative.as_os_str().is_empty() { base.to_owned() } else { base.join(relative) }
}

/// Whether a relative path has nothing but names: no root, no `.` and no `..`.
pub(crate) fn is_inside(relative: &Path) -> bool {
    relative.components().all(|part| matches!(part, Component::Normal(_)))
}
